"""The clients of language models (src/model) against a scripted server that speaks both wire formats
and fails in every way: what they send, what they make of answers, and where the key goes."""
import json
import os
import socket
import subprocess
import threading
import time

import pytest

from programs import CALL_SECONDS, call as run_program, clean_env, program
from scripted_model import ScriptedModel, call, cut, hang, raw, say, status

KEY = "sk-test-0123456789abcdefSECRET"
WIRES = ["openai", "anthropic"]
QUESTION = [{"role": "system", "text": "You answer."}, {"role": "user", "text": "Why?"}]
TOOLS = [{"name": "get_run", "description": "Looks a run up.",
          "parameters": {"type": "object", "properties": {"id": {"type": "integer"}}}},
         {"name": "list", "description": "Lists.", "parameters": {"type": "object"}}]


@pytest.fixture(params=WIRES)
def wire(request):
    return request.param


def order_of(wire, base_url, messages=None, tools=None, **more):
    top = {k: more.pop(k) for k in ("deadline_ms", "cancel", "threads") if k in more}
    options = {"kind": wire, "base_url": base_url, "model": "some-model", "key": KEY, **more}
    return {"options": options, "messages": QUESTION if messages is None else messages,
            **({"tools": tools} if tools is not None else {}), **top}


def outcomes(order, env=None):
    """What model_chat prints; the key is never in it, nor in anything else that it says."""
    env = clean_env(**(env or {}))
    done = run_program([program("tests/tools/model_chat")], stdin=json.dumps(order).encode() + b"\n",
                       env=env)
    assert done.returncode == 0, done
    for stream in (done.stdout, done.stderr):
        assert KEY.encode() not in stream
    return [json.loads(line) for line in done.stdout.splitlines()]  # bytes: at line feeds alone


def ask(wire, model, *args, env=None, **more):
    base_url = model if isinstance(model, str) else model.base_url(wire)
    return outcomes(order_of(wire, base_url, *args, **more), env)[0]


def answer(wire, step, tools=None, **more):
    """The reply to one question, which must be one."""
    with ScriptedModel([step]) as model:
        outcome = ask(wire, model, None, tools, **more)
        assert not model.faults, model.faults
    assert "reply" in outcome, outcome
    assert "".join(outcome["told"]) == outcome["reply"]["text"]
    return outcome["reply"]


def failure(wire, steps, type, *words, **more):
    """The error of one question, and how often it was asked."""
    steps = steps if isinstance(steps, list) else [steps]
    with ScriptedModel(steps) as model:
        outcome = ask(wire, model, **more)
        asked = len(model.requests)
        assert not model.faults, model.faults
    assert "error" in outcome, outcome
    assert outcome["error"]["type"] == type, outcome
    for word in words:
        assert word in outcome["error"]["message"], outcome
    return outcome["error"], asked


# ---- what is sent ----

def test_the_key_and_the_headers(wire):
    with ScriptedModel([say("Hello.")]) as model:
        assert ask(wire, model)["reply"]["text"] == "Hello."
        headers = model.requests[0].headers
    if wire == "openai":
        assert headers["Authorization"] == f"Bearer {KEY}" and "x-api-key" not in headers
    else:
        assert headers["x-api-key"] == KEY and "Authorization" not in headers
        assert headers["anthropic-version"] == "2026-10-21"
    assert headers["Content-Type"] == "application/json"
    assert "Expect" not in headers
    assert headers["User-Agent"].startswith("askcsv/")
    assert KEY not in model.requests[0].data.decode()


def test_without_a_key(wire):
    with ScriptedModel([say("Hello."), status(401, "who are you?")]) as model:
        assert "reply" in ask(wire, model, key=None)
        assert "none is set" in ask(wire, model, key="")["error"]["message"]
        for request in model.requests:
            assert not {"authorization", "x-api-key"} & {k.lower() for k in request.headers}


CONVERSATION = [
    {"role": "system", "text": "One."}, {"role": "system", "text": "Two."},
    {"role": "user", "text": "Look up 7 and 8."},
    {"role": "assistant", "text": "I look.", "tool_calls": [
        {"id": "a", "name": "get_run", "arguments": {"id": 7}},
        {"id": "b", "name": "get_run", "arguments": {"id": 8}}]},
    {"role": "tool", "text": "seven", "tool_call_id": "a"},
    {"role": "tool", "text": "", "tool_call_id": "b"},
    {"role": "assistant", "tool_calls": [
        {"id": "c", "name": "list", "arguments": "{no JSON", "malformed": True}]},
    {"role": "tool", "text": "arguments are not JSON", "tool_call_id": "c"},
    {"role": "user", "text": "Well? \U0001F600"}]


def test_a_conversation_with_tools(wire):
    with ScriptedModel([say("Fine.")]) as model:
        assert "reply" in ask(wire, model, CONVERSATION, TOOLS, tokens_max=77)
        assert not model.faults, model.faults
        body = model.requests[0].body
    assert body["model"] == "some-model"
    assert body["max_tokens"] == 77
    assert body["stream"] is True
    assert body.get("stream_options") == ({"include_usage": True} if wire == "openai" else None)
    if wire == "openai":
        assert [m["role"] for m in body["messages"]] == [m["role"] for m in CONVERSATION]
        assert body["tools"][0]["function"]["parameters"] == TOOLS[0]["parameters"]
        calls = body["messages"][3]["tool_calls"]
        assert json.loads(calls[1]["function"]["arguments"]) == {"id": 8}
        malformed = json.loads(body["messages"][6]["tool_calls"][0]["function"]["arguments"])
        assert body["messages"][4] == {"role": "tool", "tool_call_id": "a", "content": "seven"}
        assert body["messages"][8]["content"] == "Well? \U0001F600"
    else:
        assert body["system"] == "One.\n\nTwo."
        assert [m["role"] for m in body["messages"]] == ["user", "assistant"] * 2 + ["user"]
        assert body["tools"][0]["input_schema"] == TOOLS[0]["parameters"]
        assert [b["type"] for b in body["messages"][1]["content"]] == ["text", "tool_use", "tool_use"]
        assert [b["type"] for b in body["messages"][4]["content"]] == ["tool_result", "text"]
        malformed = body["messages"][3]["content"][0]["input"]
    assert malformed == {"malformed_arguments": "{no JSON"}


def test_no_tools_and_no_limit(wire):
    with ScriptedModel([say("Fine.")]) as model:
        ask(wire, model, None, [])
        body = model.requests[0].body
    assert "tools" not in body
    assert body.get("max_tokens") == (8192 if wire == "anthropic" else None)


@pytest.mark.parametrize("messages", [
    [], [{"role": "robot", "text": "x"}], [{"role": "user"}], [{"role": "user", "text": 1}], ["x"],
    [{"role": "tool", "text": "x"}], [{"role": "user", "text": "x", "tool_calls": []}],
    [{"role": "assistant", "tool_calls": [{"id": "a", "name": "b"}]}],
    [{"role": "assistant", "tool_calls": {}}], {}])
def test_what_is_no_conversation_is_not_sent(wire, messages):
    with ScriptedModel([]) as model:
        assert ask(wire, model, messages)["error"]["type"] == "INVALID_REQUEST"
        assert not model.requests


def test_a_base_url_with_a_slash_or_version():
    for wire, end in [("openai", "/v1/"), ("openai", "/v1"), ("anthropic", "/"), ("anthropic", "/v1"),
                      ("anthropic", "/v1/")]:
        with ScriptedModel([say("Fine.")]) as model:
            assert "reply" in ask(wire, model.url + end), (wire, end)


# ---- answers ----

TEXT = "Grüße an alle: \U0001F600 日本語\nund \"mehr\"\t" * 5


@pytest.mark.parametrize("shape", [
    {}, {"chunk": 1}, {"chunk": 2}, {"chunk": 3}, {"chunk": 7}, {"chunk": 1021}, {"crlf": True, "chunk": 1},
    {"crlf": True}, {"comments": True, "chunk": 5}, {"escaped": True}, {"pieces": 1}, {"pieces": 10000},
    {"content_type": "text/event-stream"}, {"content_type": "TEXT/Event-Stream;x=y"},
    {"content_type": "text/plain"}, {"content_type": None}, {"streamed": False},
    {"streamed": False, "chunk": 1}, {"streamed": False, "content_type": "text/html"},
], ids=str)
def test_text_and_tools(wire, shape):
    step = call("get_run", {"id": 7, "why": "ü\"\n"}, TEXT, **shape)
    step["tool_calls"].append(("list", {}))
    step["tool_calls"].append(("list", ""))
    if shape.get("streamed") is False:
        step["tool_calls"].pop()
    reply = answer(wire, step, TOOLS)
    assert reply["text"] == TEXT
    assert reply["tool_calls"][0] == {"id": "id_0_get_run", "name": "get_run",
                                      "arguments": {"id": 7, "why": "ü\"\n"}}
    assert [c["arguments"] for c in reply["tool_calls"][1:]] == [{}] * (len(step["tool_calls"]) - 1)
    assert (reply["tokens_in"], reply["tokens_out"], reply["stop"]) == (11, 7, "tools")


def test_pieces_are_told_as_they_come(wire):
    with ScriptedModel([say("abcdefgh", pieces=2)]) as model:
        assert ask(wire, model)["told"] == ["ab", "cd", "ef", "gh"]


def test_no_text(wire):
    assert answer(wire, call("list", {}), TOOLS)["text"] == ""


def test_no_tokens(wire):
    reply = answer(wire, say("Hello.", tokens=None))
    assert (reply["tokens_in"], reply["tokens_out"]) == (-1, -1)


@pytest.mark.parametrize("given, stop", [
    ("stop", "end"), ("length", "length"), ("content_filter", "refused"), ("strange", "other"),
    ("tool_calls", "other")])
def test_why_it_stopped_openai(given, stop):
    assert answer("openai", say("Hello.", stop=given))["stop"] == stop
    assert answer("openai", say("Hello.", stop=given, streamed=False))["stop"] == stop


@pytest.mark.parametrize("given, stop", [
    ("end_turn", "end"), ("stop_sequence", "end"), ("max_tokens", "length"), ("refusal", "refused"),
    ("model_context_window_exceeded", "length"), ("pause_turn", "other"), ("tool_use", "other")])
def test_why_it_stopped_anthropic(given, stop):
    assert answer("anthropic", say("Hello.", stop=given))["stop"] == stop
    assert answer("anthropic", say("Hello.", stop=given, streamed=False))["stop"] == stop


def test_stop_with_tools_is_tools():
    assert answer("openai", call("list", {}, stop="stop"), TOOLS)["stop"] == "tools"


@pytest.mark.parametrize("shape", [{"ids": False}, {"indexes": False}, {"whole_arguments": True},
                                   {"ids": False, "indexes": False}, {"streamed": False, "ids": False},
                                   {"ids": False, "whole_arguments": True}], ids=str)
def test_calls_as_other_servers_send_them(shape):
    step = {"text": "", "tool_calls": [("get_run", {"id": 1}), ("get_run", {"id": 2}), ("list", {})],
            **shape}
    calls = answer("openai", step, TOOLS)["tool_calls"]
    assert [(c["name"], c["arguments"]) for c in calls] == [
        ("get_run", {"id": 1}), ("get_run", {"id": 2}), ("list", {})]
    assert len({c["id"] for c in calls}) == 3 and all(c["id"] for c in calls)


def events(*bodies, done=True):
    return raw(b"".join(b"data: %s\n\n" % json.dumps(b).encode() for b in bodies) +
               (b"data: [DONE]\n\n" if done else b""))


def delta(finish=None, **members):
    return {"choices": [{"index": 0, "delta": members, "finish_reason": finish}]}


@pytest.mark.parametrize("ids", [True, False])
def test_all_calls_numbered_nought(ids):
    def one(n):
        given = {"id": f"x{n}"} if ids else {}
        return delta(tool_calls=[{"index": 0, **given, "function":
                                  {"name": "get_run", "arguments": json.dumps({"id": n})}}])
    calls = answer("openai", events(one(1), one(2), delta("tool_calls")))["tool_calls"]
    assert [c["arguments"] for c in calls] == [{"id": 1}, {"id": 2}]


def test_odd_but_readable_openai():
    assert answer("openai", events(delta(content="a"), done=True))["stop"] == "other"
    assert answer("openai", events(delta("stop", content="a"), done=False))["stop"] == "end"
    reply = answer("openai", events(delta(tool_calls=[{"function": {"name": "list", "arguments":
                                                                    {"a": 1}}}]), delta("stop")))
    assert reply["tool_calls"][0]["arguments"] == {"a": 1}
    reply = answer("openai", events(delta(refusal="I will not."), delta("stop")))
    assert (reply["text"], reply["stop"]) == ("I will not.", "refused")
    parts = [{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": "b"}]
    assert answer("openai", events(delta("stop", content=parts)))["text"] == "ab"
    assert answer("openai", events({"choices": []}, {"error": None, **delta("stop", content="a")},
                                   {"x": 1}))["text"] == "a"


def test_made_up_ids_are_new_ones():
    messages = [{"role": "user", "text": "x"},
                {"role": "assistant", "tool_calls": [{"id": "call_0", "name": "list", "arguments": {}}]},
                {"role": "tool", "text": "y", "tool_call_id": "call_0"}]
    with ScriptedModel([call("list", {}, ids=False)]) as model:
        reply = ask("openai", model, messages, TOOLS)["reply"]
    assert reply["tool_calls"][0]["id"] == "call_1"


@pytest.mark.parametrize("arguments", ['{"id": 7', "[1]", '"text"', "null", "no", '{"a":1,"a":2}',
                                       "{" * 100 + "}" * 100, '{"id": NaN}', "{}{}"])
def test_malformed_arguments(wire, arguments):
    reply = answer(wire, call("get_run", arguments), TOOLS)
    assert reply["tool_calls"] == [{"id": "id_0_get_run", "name": "get_run", "arguments": arguments,
                                    "malformed": True}]


def test_the_stream_ends_by_its_word_and_not_by_the_connection(wire):
    with ScriptedModel([say("Hello.", open=True)]) as model:
        outcome = ask(wire, model)
    assert outcome["reply"]["text"] == "Hello." and outcome["took_ms"] < 3000


@pytest.mark.parametrize("first, last, total", [
    ({"input_tokens": 1, "cache_read_input_tokens": 5}, {"input_tokens": 1}, 6),
    ({"input_tokens": 1, "cache_read_input_tokens": 5}, {"cache_read_input_tokens": None}, 6),
    ({"input_tokens": 0}, {"input_tokens": 7, "cache_creation_input_tokens": 2}, 9),
    ({"input_tokens": 7}, {"input_tokens": 0, "cache_read_input_tokens": 7}, 7), ({}, {}, -1)])
def test_tokens_are_totals_that_replace_each_other(first, last, total):
    reply = answer("anthropic", events(
        {"type": "message_start", "message": {"usage": first}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "A"}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": last},
        {"type": "message_stop"}, done=False))
    assert reply["tokens_in"] == total


def test_events_and_blocks_that_are_not_known():
    def event(type, **more):
        return b"event: %s\ndata: %s\n\n" % (type.encode(), json.dumps({"type": type, **more}).encode())
    body = (event("message_start", message={"usage": {"input_tokens": 1, "cache_read_input_tokens": 5,
                                                      "cache_creation_input_tokens": 10}}) +
            event("content_block_start", index=0, content_block={"type": "thinking", "thinking": ""}) +
            event("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": "hm"}) +
            event("content_block_delta", index=0, delta={"type": "signature_delta", "signature": "x"}) +
            event("something_new", x=1) + event("ping") +
            event("content_block_start", index=1, content_block={"type": "text", "text": "A"}) +
            event("content_block_delta", index=1, delta={"type": "text_delta", "text": "b"}) +
            event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 9}) +
            event("message_stop"))
    reply = answer("anthropic", raw(body))
    assert (reply["text"], reply["tokens_in"], reply["tokens_out"]) == ("Ab", 16, 9)


THOUGHTS = [{"type": "thinking", "thinking": "Hm, ü", "signature": "c2ln"},
            {"type": "redacted_thinking", "data": "cmVk"}, {"type": "text", "text": "I look."},
            {"type": "thinking", "thinking": "", "signature": "eHg="},
            {"type": "tool_use", "id": "a", "name": "get_run", "input": {"id": 7}}]


def streamed_blocks(blocks):
    bodies = []
    for i, block in enumerate(blocks):
        empty = {k: {} if k == "input" else "" if k in ("text", "thinking", "signature") else v
                 for k, v in block.items()}
        bodies.append({"type": "content_block_start", "index": i, "content_block": empty})
        pieces = [("thinking_delta", "thinking"), ("text_delta", "text")]
        for type, key in pieces:
            bodies += [{"type": "content_block_delta", "index": i, "delta": {"type": type, key: c}}
                       for c in block.get(key, "")]
        if "signature" in block:  # whole; of two the last one counts
            bodies += [{"type": "content_block_delta", "index": i, "delta":
                        {"type": "signature_delta", "signature": s}} for s in ("b2xk", block["signature"])]
        if "input" in block:
            bodies.append({"type": "content_block_delta", "index": i, "delta":
                           {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}})
        bodies.append({"type": "content_block_stop", "index": i})
    return events(*bodies, {"type": "message_delta", "delta": {"stop_reason": "tool_use"}},
                  {"type": "message_stop"}, done=False)


@pytest.mark.parametrize("streamed", [True, False])
def test_thoughts_go_back_as_they_came(streamed):
    step = streamed_blocks(THOUGHTS) if streamed else raw(json.dumps(
        {"type": "message", "content": THOUGHTS, "stop_reason": "tool_use"}).encode(),
        "application/json")
    reply = answer("anthropic", step, TOOLS)
    assert reply["text"] == "I look." and "Hm" not in json.dumps(reply["tool_calls"])
    message = {"role": "assistant", "text": reply["text"], "tool_calls": reply["tool_calls"],
               "provider": reply["provider"]}
    rest = [{"role": "user", "text": "x"}, message, {"role": "tool", "text": "y", "tool_call_id": "a"}]
    for wire in WIRES:
        with ScriptedModel([say("Fine.")]) as model:
            assert "reply" in ask(wire, model, rest, TOOLS)
            assert not model.faults, model.faults
            body = model.requests[0].body
        if wire == "anthropic":
            assert body["messages"][1]["content"] == THOUGHTS
        else:
            assert "Hm" not in json.dumps(body)
    # What does not fit the calls is left out.
    rest[1]["provider"] = reply["provider"] + [{"type": "tool_use", "id": "other"}]
    with ScriptedModel([say("Fine.")]) as model:
        ask("anthropic", model, rest, TOOLS)
        assert [b["type"] for b in model.requests[0].body["messages"][1]["content"]] == ["text", "tool_use"]


def test_nothing_is_kept_without_thoughts(wire):
    assert "provider" not in answer(wire, call("list", {}, "Text."), TOOLS)


# ---- refusals ----

@pytest.mark.parametrize("code, words", [
    (400, ["{}_model"]), (401, ["{}_key"]), (403, ["{}_key"]), (404, ["{}_model", "{}_base_url"]),
    (407, ["proxy"]), (413, []), (422, []), (402, []), (418, [])])
def test_refused(wire, code, words):
    error, asked = failure(wire, status(code, f"so says the provider of {KEY} and ü"), "MODEL_REFUSED",
                           f"status {code}", "so says the provider of *** and ü",
                           *(word.format(wire) for word in words), retries_max=3)
    assert asked == 1
    assert len(error["message"]) < 1400


@pytest.mark.parametrize("body, content_type, word", [
    ({"error": "as a text"}, "application/json", "as a text"),
    ({"message": "at the top"}, "application/json", "at the top"),
    ({"detail": "of FastAPI"}, "application/json", "of FastAPI"),
    ([{"error": {"message": "in an array"}}], "application/json", "in an array"),
    (b"plain words", "text/plain", "plain words"),
    (b"", "text/plain", "404"), (b"\xff\xfe", "text/plain", "??"),
    (b"a\x00b", "text/plain", "a"), (b"{", "application/json", "404"),
    ({"error": {"message": "line\nfeed\u2028\x1b[31m"}}, "application/json", "line feed  [31m"),
    ({"error": {"message": 5}}, "application/json", "404"), ({"error": None}, "application/json", "404"),
])
def test_messages_of_providers(wire, body, content_type, word):
    error, _ = failure(wire, status(404, body=body, content_type=content_type), "MODEL_REFUSED", word)
    assert not any(ord(c) < 32 for c in error["message"])


def test_a_page_is_not_repeated(wire):
    error, _ = failure(wire, status(403, body=b"<html>no</html>", content_type="text/html"),
                       "MODEL_REFUSED")
    assert "html" not in error["message"]


def test_a_long_message_is_cut_and_the_key_goes_first(wire):
    for before in (380, 390, 395, 399):
        error, _ = failure(wire, status(400, "x" * before + KEY + "y" * 100000), "MODEL_REFUSED")
        assert len(error["message"]) < 1400
        assert "sk-test" not in error["message"] and KEY[-8:] not in error["message"]


def test_a_key_that_is_everywhere(wire):
    with ScriptedModel([status(401, KEY * 500, type=KEY)]) as model:
        assert ask(wire, model)["error"]["type"] == "MODEL_REFUSED"


def test_an_empty_quota_is_not_tried_again():
    error, asked = failure("openai", status(429, "pay", type="insufficient_quota"), "MODEL_REFUSED",
                           "quota", "pay", retries_max=3)
    assert asked == 1


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(wire, code):
    with ScriptedModel([say("stolen")]) as other:
        failure(wire, status(code, location=other.base_url(wire) + "/chat/completions"),
                "MODEL_REFUSED", f"{wire}_base_url", f"status {code}")
        assert not other.requests


# ---- retries ----

@pytest.mark.parametrize("code", [429, 500, 502, 503, 504, 529])
def test_tried_again(wire, code):
    with ScriptedModel([status(code, retry_after="0"), say("Hello.")]) as model:
        assert ask(wire, model, retries_max=1)["reply"]["text"] == "Hello."
        assert model.requests[0].data == model.requests[1].data


def test_retries_come_to_an_end(wire):
    steps = [status(503, "busy", retry_after="0")] * 3
    error, asked = failure(wire, steps, "MODEL_UNAVAILABLE", "status 503", "busy", retries_max=2)
    assert asked == 3


def test_other_failures_of_the_server_are_not_tried_again(wire):
    assert failure(wire, status(501), "MODEL_UNAVAILABLE", "501", retries_max=3)[1] == 1


def test_retry_after_seconds_and_date(wire):
    for form in ("%s", "%a, %d %b %Y %H:%M:%S GMT"):
        later = time.strftime(form, time.gmtime(time.time() + 3)) if form != "%s" else "1"
        with ScriptedModel([status(429, retry_after=later), say("Hello.")]) as model:
            outcome = ask(wire, model, retries_max=1)
        assert "reply" in outcome and 950 <= outcome["took_ms"] < 6000, outcome


@pytest.mark.parametrize("value", ["3600", "99999999999999999999999", "Fri, 31 Dec 2100 23:59:59 GMT"])
def test_retry_after_that_is_too_long(wire, value):
    error, asked = failure(wire, status(429, retry_after=value), "MODEL_UNAVAILABLE", retries_max=3)
    assert asked == 1 and 3000000 < error["retry_after_ms"] <= 86400000


def test_retry_after_beyond_the_deadline(wire):
    error, asked = failure(wire, status(429, retry_after="20"), "MODEL_UNAVAILABLE", retries_max=3,
                           deadline_ms=3000)
    assert (asked, error["retry_after_ms"]) == (1, 20000)


@pytest.mark.parametrize("value", ["", "-1", "soon", "1.5", "\xa0"])
def test_retry_after_that_is_none(wire, value):
    with ScriptedModel([status(429, retry_after=value), say("Hello.")]) as model:
        assert "reply" in ask(wire, model, retries_max=1)


def test_a_connection_that_breaks_is_tried_again(wire):
    with ScriptedModel([cut(0), say("Hello.")]) as model:
        assert ask(wire, model, retries_max=1)["reply"]["text"] == "Hello."
    failure(wire, cut(0), "MODEL_UNAVAILABLE", "not reached")


def stream_error(wire, type, text=""):
    if wire == "openai":
        bodies = [delta(content=text)] if text else []
        return events(*bodies, {"error": {"message": f"no {KEY}", "type": type}}, done=False)
    bodies = [{"type": "content_block_delta", "index": 0,
               "delta": {"type": "text_delta", "text": text}}] if text else []
    return events(*bodies, {"type": "error", "error": {"type": type, "message": f"no {KEY}"}}, done=False)


@pytest.mark.parametrize("type", ["overloaded_error", "rate_limit_error", "api_error", "server_error"])
def test_an_error_in_the_stream(wire, type):
    with ScriptedModel([stream_error(wire, type), say("Hello.")]) as model:
        assert ask(wire, model, retries_max=1)["reply"]["text"] == "Hello."
    assert failure(wire, stream_error(wire, type, "Half"), "MODEL_UNAVAILABLE", type, "no ***",
                   retries_max=3)[1] == 1  # text was told


def test_an_error_in_the_stream_that_stays(wire):
    for type in ("invalid_request_error", "authentication_error", "not_found_error"):
        assert failure(wire, stream_error(wire, type), "MODEL_REFUSED", type, retries_max=3)[1] == 1
    failure(wire, stream_error(wire, "what_is_this"), "MODEL_UNAVAILABLE", "no ***")
    whole = {"type": "error", "error": {"type": "authentication_error", "message": "no"}}
    failure(wire, raw(json.dumps(whole).encode(), "application/json"), "MODEL_REFUSED", f"{wire}_key")


def test_status_in_the_stream_openai():
    failure("openai", events({"error": {"message": "no", "code": 400}}), "MODEL_REFUSED")
    failure("openai", events({"error": {"message": "no", "code": 503}}), "MODEL_UNAVAILABLE")
    failure("openai", events({"error": "as a text"}), "MODEL_UNAVAILABLE", "as a text")


# ---- what is no answer ----

@pytest.mark.parametrize("at", [0.1, 0.5, 0.9])
def test_a_truncated_stream(wire, at):
    error, asked = failure(wire, cut(at, text="many words " * 20), "MODEL_ANSWER", "cut off",
                           retries_max=3)
    assert asked == 1


def test_a_stream_that_ends_too_early(wire):
    failure(wire, say("Half of an", done=False), "MODEL_ANSWER", "cut off")
    failure(wire, raw(b""), "MODEL_ANSWER", "cut off")
    failure(wire, raw(b"data: [DONE]\n\n"), "MODEL_ANSWER", "cut off")
    failure(wire, cut(0.5, streamed=False), "MODEL_ANSWER", "cut off")


@pytest.mark.parametrize("body", [b"data: {\n\n", b"data: nonsense\n\n", b'data: {"a":"\xff"}\n\n',
                                  b'data: {"a":"\\ud800"}\n\n', b'data: {"a":"\\u0000"}\n\n',
                                  b"data: " + b"[" * 5000 + b"]" * 5000 + b"\n\n", b"data: \0\n\n"])
def test_garbage_in_the_stream(wire, body):
    failure(wire, raw(body), "MODEL_ANSWER")


@pytest.mark.parametrize("body", [b"", b"{", b'{"a":"\xff"}', b"[]", b"7", b"null", b"{}",
                                  b'{"choices":[],"content":7}', b'{"choices":{}}'])
def test_garbage_in_one_piece(wire, body):
    failure(wire, raw(body, "application/json"), "MODEL_ANSWER")


@pytest.mark.parametrize("body, content_type", [(b"<html>Welcome</html>", "text/html"),
                                                (b"hello", "text/plain"), (b"\x89PNG", None)])
def test_what_is_no_server_of_models(wire, body, content_type):
    failure(wire, raw(body, content_type), "MODEL_ANSWER", f"{wire}_base_url", "no model's server")


def test_calls_without_a_name(wire):
    failure(wire, call("", {}), "MODEL_ANSWER", "names no tool")


def test_pieces_of_a_call_that_did_not_begin():
    failure("anthropic", events({"type": "content_block_delta", "index": 3, "delta":
                                 {"type": "input_json_delta", "partial_json": "{"}}), "MODEL_ANSWER")


def test_bounds(wire):
    big = 1 << 20
    assert len(answer(wire, say("x" * big, pieces=1 << 16))["text"]) == big
    failure(wire, say("x" * (big + 1), pieces=1 << 16), "MODEL_ANSWER", "too long", "1048576")
    failure(wire, say("x" * (big + 1), streamed=False), "MODEL_ANSWER", "too long", "1048576")
    most = json.dumps({"a": "x" * (256 * 1024 - 9)})
    assert len(most) == 256 * 1024
    assert answer(wire, call("list", most, pieces=9999))["tool_calls"][0]["arguments"]
    failure(wire, call("list", most + " ", pieces=9999), "MODEL_ANSWER", "too long", "262144")
    many = {"text": "", "tool_calls": [("list", {})] * 16}
    assert len(answer(wire, many)["tool_calls"]) == 16
    failure(wire, {"text": "", "tool_calls": [("list", {})] * 17}, "MODEL_ANSWER", "16 tool calls")
    failure(wire, call("n" * 257, {}), "MODEL_ANSWER", "256")
    failure(wire, raw(b"data: " + b"x" * (4 << 20) + b"\n\n"), "MODEL_ANSWER", "4194304")
    failure(wire, raw(b" " * (4 << 20) + b"{}", "application/json"), "MODEL_ANSWER", "4194304")
    failure(wire, raw((b": " + b"x" * 1000 + b"\n") * (70 << 10)), "MODEL_ANSWER", "67108864")
    assert failure(wire, status(400, body=b"x" * (1 << 20)), "MODEL_REFUSED")


# ---- times and ends ----

@pytest.mark.parametrize("where", ["start", "middle"])
def test_silence(wire, where):
    error, asked = failure(wire, hang(where), "MODEL_UNAVAILABLE", "sent nothing for 300 ms",
                           idle_timeout_ms=300, retries_max=3)
    assert asked == 1


@pytest.mark.parametrize("limit", [{"total_timeout_ms": 300}, {"deadline_ms": 300}])
def test_too_long(wire, limit):
    with ScriptedModel([hang("middle")]) as model:
        outcome = ask(wire, model, **limit)
    assert outcome["error"]["type"] == "MODEL_UNAVAILABLE" and "in time" in outcome["error"]["message"]
    assert outcome["took_ms"] < 1500


def closed_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def test_nobody_listens(wire):
    outcome = ask(wire, f"http://127.0.0.1:{closed_port()}", retries_max=1)
    assert outcome["error"]["type"] == "MODEL_UNAVAILABLE"
    assert "Connection refused" in outcome["error"]["message"]
    assert f"{wire}_base_url" in outcome["error"]["message"]


def test_no_such_host(wire):
    outcome = ask(wire, "http://no-such-host.invalid")
    assert outcome["error"]["type"] == "MODEL_UNAVAILABLE", outcome


def test_no_connection_in_time(wire):
    with socket.socket() as full:  # whose queue is full: what comes more is not answered
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = []
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(full.getsockname())
            waiting.append(one)
        outcome = ask(wire, f"http://127.0.0.1:{full.getsockname()[1]}", connect_timeout_ms=300)
        for one in waiting:
            one.close()
    assert outcome["error"]["type"] == "MODEL_UNAVAILABLE" and outcome["took_ms"] < 2000, outcome


@pytest.mark.parametrize("way", ["TLS", "proxy"])
def test_a_silent_handshake(wire, way):
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"127.0.0.1:{server.getsockname()[1]}"
        more = {"proxy": f"http://{url}"} if way == "proxy" else {}
        outcome = ask(wire, f"https://{url}", connect_timeout_ms=300, **more)
    assert outcome["error"]["type"] == "MODEL_UNAVAILABLE", outcome
    assert "imeout" in outcome["error"]["message"] and outcome["took_ms"] < 2000, outcome


def test_what_does_not_speak_http(wire):
    with socket.create_server(("127.0.0.1", 0)) as server:
        def serve():
            one, _ = server.accept()
            one.recv(65536)
            one.sendall(b"220 mail.example ESMTP\r\n")
            one.close()
        thread = threading.Thread(target=serve)
        thread.start()
        outcome = ask(wire, f"http://127.0.0.1:{server.getsockname()[1]}")
        thread.join()
    assert outcome["error"]["type"] in ("MODEL_ANSWER", "MODEL_UNAVAILABLE"), outcome
    assert f"{wire}_base_url" in outcome["error"]["message"]


class Started:
    """model_chat, whose input stays open: what comes there cancels."""

    def __init__(self, order):
        self.process = subprocess.Popen([program("tests/tools/model_chat")], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, env=clean_env())
        self.process.stdin.write(json.dumps({**order, "cancel": True}).encode() + b"\n")
        self.process.stdin.flush()

    def cancel(self, way):
        """Its outcome, and how long that took."""
        began = time.monotonic()
        if way == "byte":
            self.process.stdin.write(b"x")
            self.process.stdin.flush()
        else:
            self.process.stdin.close()
        line = self.process.stdout.readline()
        took = time.monotonic() - began
        if way == "byte":
            self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait(CALL_SECONDS) == 0
        return json.loads(line), took


@pytest.mark.parametrize("way", ["byte", "end"])
@pytest.mark.parametrize("step", [hang("start"), hang("middle"), status(429, retry_after="20")],
                         ids=["start", "middle", "between attempts"])
def test_cancelled(wire, step, way):
    with ScriptedModel([step]) as model:
        started = Started(order_of(wire, model.base_url(wire), retries_max=3))
        assert model.came.wait(CALL_SECONDS)
        outcome, took = started.cancel(way)
    assert outcome["error"]["type"] == "CANCELLED", outcome
    assert took < 0.2
    assert len(model.requests) == 1


def test_cancelled_before_it_began(wire):
    with ScriptedModel([]) as model:
        outcome = ask(wire, model, cancel=True)  # the input is at its end
        assert outcome["error"]["type"] == "CANCELLED" and not model.requests


def test_threads(wire):
    steps = [say(f"Hello.{i}", chunk=3) for i in range(16)]
    with ScriptedModel(steps) as model:
        got = outcomes(order_of(wire, model.base_url(wire), None, TOOLS, threads=16))
    assert sorted(o["reply"]["text"] for o in got) == sorted(s["text"] for s in steps)


# ---- settings ----

@pytest.mark.parametrize("options, word", [
    ({"base_url": "ftp://x"}, "base_url"), ({"base_url": "http://ann:pw@x"}, "base_url"),
    ({"base_url": "file:///etc/passwd"}, "base_url"), ({"base_url": "http://x?a=b"}, "base_url"),
    ({"base_url": "http://x#y"}, "base_url"), ({"base_url": "http://"}, "base_url"),
    ({"base_url": "http://x/\r\nA: b"}, "base_url"), ({"base_url": "http://x y"}, "base_url"),
    ({"key": f"{KEY}\r\nX-Evil: 1"}, "key"), ({"key": f"{KEY} "}, "key"), ({"key": f"{KEY}ü"}, "key"),
    ({"key": KEY * 100}, "key"), ({"model": ""}, "model"), ({"model": None}, "model"),
    ({"proxy": "ftp://ann:pw@x"}, "proxy"), ({"proxy": "http://:pw"}, "proxy"),
    ({"ca_file": "/no/such/file"}, "ca_file"), ({"idle_timeout_ms": 0}, "timeout"),
    ({"total_timeout_ms": 1 << 40}, "timeout"), ({"retries_max": -1}, "retries")], ids=str)
def test_settings_that_are_wrong(wire, options, word):
    order = order_of(wire, "http://127.0.0.1:1")
    order["options"].update(options)
    outcome = outcomes(order)[0]
    assert outcome["error"]["type"] == "USAGE_ERROR", outcome
    assert word in outcome["error"]["message"] and "pw" not in outcome["error"]["message"]


class Proxy:
    """Notes the first lines and headers that it gets, and passes everything on. With `refuses`, it
    answers with that status instead."""

    def __init__(self, refuses=None):
        self.heads, self.refuses = [], refuses
        self.server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.server.getsockname()[1]}"

    def __enter__(self):
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.server.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.server.close()

    def serve(self):
        while True:
            try:
                one, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self.pass_on, args=(one,), daemon=True).start()

    def pass_on(self, one):
        data = b""
        while b"\r\n\r\n" not in data:
            data += one.recv(65536)
        head = data.split(b"\r\n\r\n")[0].decode()
        self.heads.append(head)
        if self.refuses:
            one.sendall(f"HTTP/1.1 {self.refuses} No\r\nContent-Length: 0\r\n\r\n".encode())
            one.close()
            return
        method, target, _ = head.split("\r\n")[0].split(" ")
        address = target if method == "CONNECT" else target.split("/")[2]
        other = socket.create_connection((address.split(":")[0], int(address.split(":")[1])))
        if method == "CONNECT":
            one.sendall(b"HTTP/1.1 200 Fine\r\n\r\n")
        else:
            other.sendall(data)
        back = threading.Thread(target=self.copy, args=(other, one), daemon=True)
        back.start()
        self.copy(one, other)
        back.join()
        one.close()
        other.close()

    @staticmethod
    def copy(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def test_a_proxy(wire):
    with Proxy() as proxy, ScriptedModel([say("Hello.")]) as model:
        assert ask(wire, model, proxy=proxy.url)["reply"]["text"] == "Hello."
        assert len(proxy.heads) == 1 and proxy.heads[0].startswith("POST http://127.0.0.1")


def test_a_proxy_of_the_environment(wire):
    with Proxy() as proxy, ScriptedModel([say("Hello."), say("Hello.")]) as model:
        assert "reply" in ask(wire, model, env={"http_proxy": proxy.url})
        assert len(proxy.heads) == 1
        assert "reply" in ask(wire, model, env={"http_proxy": proxy.url, "no_proxy": "127.0.0.1"})
        assert len(proxy.heads) == 1


def test_a_proxy_that_refuses(wire, certificate):
    with Proxy(refuses=407) as proxy:
        secret = proxy.url.replace("//", "//ann:sesame@")
        outcome = ask(wire, "https://127.0.0.1:1", proxy=secret)
        assert outcome["error"]["type"] == "MODEL_UNAVAILABLE", outcome
        assert "look at proxy" in outcome["error"]["message"]
        assert "sesame" not in json.dumps(outcome)
        assert KEY not in proxy.heads[0]
    outcome = ask(wire, "https://127.0.0.1:1", proxy="http://ann:sesame@no-such-proxy.invalid:1")
    assert outcome["error"]["type"] == "MODEL_UNAVAILABLE", outcome
    assert "sesame" not in json.dumps(outcome) and "proxy" in outcome["error"]["message"]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    key = path.with_name("key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-keyout", key, "-out", path], check=True, capture_output=True)
    only = path.with_name("ca.pem")
    only.write_bytes(path.read_bytes())
    path.write_bytes(path.read_bytes() + key.read_bytes())
    return os.fspath(path), os.fspath(only)


def test_tls(wire, certificate):
    both, only = certificate
    with ScriptedModel([say("Hello.")], certificate=both) as model:
        outcome = ask(wire, model, retries_max=3)
        assert outcome["error"]["type"] == "MODEL_UNAVAILABLE", outcome
        assert "ca_file" in outcome["error"]["message"]
        assert "certificate" in outcome["error"]["message"].lower()
        assert not model.requests
        assert ask(wire, model, ca_file=only)["reply"]["text"] == "Hello."


def test_tls_through_a_proxy_that_never_sees_the_key(wire, certificate):
    both, only = certificate
    with Proxy() as proxy, ScriptedModel([say("Hello.")], certificate=both) as model:
        assert "reply" in ask(wire, model, ca_file=only, proxy=proxy.url)
        assert proxy.heads[0].startswith("CONNECT 127.0.0.1")
        assert KEY not in proxy.heads[0] and "x-api-key" not in proxy.heads[0].lower()


def test_a_ca_file_that_is_none(wire, tmp_path, certificate):
    (tmp_path / "ca.pem").write_text("no certificate\n")
    with ScriptedModel([say("Hello.")], certificate=certificate[0]) as model:
        outcome = ask(wire, model, ca_file=os.fspath(tmp_path / "ca.pem"))
    assert outcome["error"]["type"] == "MODEL_UNAVAILABLE" and "ca_file" in outcome["error"]["message"]
