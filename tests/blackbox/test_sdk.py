"""The providers' own clients (openai, @anthropic-ai/sdk: tests/sdk/ask.mjs) against the scripted server
on which src/model is tested: what they take for their provider's answer, and every fault that they name,
so that the server and src/model do not share a misreading of our own. Skipped without the SDKs."""
import collections
import json
import os
import pathlib
import re
import select
import subprocess

import pytest

from conversations import Conversations, golden
from programs import CALL_SECONDS, ROOT, clean_env
from scripted_model import (REQUEST_ID, ScriptedModel, answer_bytes, answer_events, answer_whole, broken,
                            call, cut, error_body, raw, say, status)
from test_model import CONVERSATION, TOOLS, ask

WIRES = ["openai", "anthropic"]
WAYS = ["whole", "iterated", "collected"]
TEXT = "Grüße an alle: \U0001F600 日本語\nund \"mehr\"\t" * 3
SCHEMA = {"type": "object", "properties": {"id": {"type": "integer"}, "why": {"type": "string"}},
          "required": ["id"]}


class Sdk:
    """ask.mjs: one process for the tests of a file."""

    def __init__(self, folder):
        self.process = subprocess.Popen(["node", ROOT / "tests/sdk/ask.mjs", folder], env=clean_env(),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL)

    def __call__(self, wire, model, way, params=None, **more):
        order = {"sdk": wire, "base_url": model if isinstance(model, str) else model.base_url(wire),
                 "way": way, "params": params or params_of(wire), **more}
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        self.process.stdin.flush()
        assert select.select([self.process.stdout], [], [], CALL_SECONDS)[0], "the SDK does not answer"
        return json.loads(self.process.stdout.readline())

    def end(self):
        self.process.stdin.close()
        assert self.process.wait(CALL_SECONDS) == 0
        self.process.stdout.close()


@pytest.fixture(scope="module")
def folder():
    done = subprocess.run([ROOT / "tools/fetch-npm", "tests/sdk"], env=os.environ, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(done.stderr.splitlines()[-1])
    return pathlib.Path(done.stdout.strip())


@pytest.fixture(scope="module")
def sdk(folder):
    started = Sdk(folder)
    yield started
    started.end()


@pytest.fixture(params=WIRES)
def wire(request):
    return request.param


@pytest.fixture(params=WAYS)
def way(request):
    return request.param


def params_of(wire, names=(), schema=SCHEMA, **more):
    """What create() takes for one question, with tools of these names and that schema."""
    params = {"model": "some-model", "messages": [{"role": "user", "content": "Why?"}], **more}
    if wire == "openai":
        tools = [{"type": "function", "function": {"name": n, "description": "It.", "parameters": schema}}
                 for n in names]
        return {**params, **({"tools": tools} if tools else {})}
    tools = [{"name": n, "description": "It.", "input_schema": schema} for n in names]
    return {**params, "max_tokens": 100, "system": "You answer.", **({"tools": tools} if tools else {})}


Answer = collections.namedtuple("Answer", "text calls tokens stop thoughts ids refusal")


def of_openai_whole(answer):
    choice, usage = answer["choices"][0], answer.get("usage")
    message = choice["message"]
    calls = message.get("tool_calls") or []
    assert answer["object"] == "chat.completion" and message["role"] == "assistant"
    assert all(one["type"] == "function" for one in calls)
    return Answer(message["content"] or "",
                  [(c["function"]["name"], json.loads(c["function"]["arguments"])) for c in calls],
                  usage and (usage["prompt_tokens"], usage["completion_tokens"]),
                  choice["finish_reason"], [], [c["id"] for c in calls], message.get("refusal"))


def of_anthropic_whole(answer):
    blocks = collections.defaultdict(list)
    for block in answer["content"]:
        blocks[block["type"]].append(block)
    assert answer["type"] == "message" and answer["role"] == "assistant"
    return Answer("".join(b["text"] for b in blocks["text"]),
                  [(b["name"], b["input"]) for b in blocks["tool_use"]],
                  (answer["usage"]["input_tokens"], answer["usage"]["output_tokens"]),
                  answer["stop_reason"], blocks["thinking"] + blocks["redacted_thinking"],
                  [b["id"] for b in blocks["tool_use"]], None)


def of_openai_events(events):
    """Put together as the API's reference says; the SDK gives events as they came."""
    text, refusal, stop, usage, calls = "", "", None, None, {}
    for event in events:
        assert event["object"] == "chat.completion.chunk"
        usage = event.get("usage") or usage
        for choice in event["choices"]:
            delta = choice["delta"]
            text += delta.get("content") or ""
            refusal += delta.get("refusal") or ""
            stop = choice["finish_reason"] or stop
            for piece in delta.get("tool_calls", ()):
                one = calls.setdefault(piece["index"], {"arguments": ""})
                one.update({k: v for k, v in piece.items() if k == "id"})
                one["name"] = piece["function"].get("name", one.get("name"))
                one["arguments"] += piece["function"]["arguments"]
    calls = [calls[i] for i in sorted(calls)]
    return Answer(text, [(c["name"], json.loads(c["arguments"])) for c in calls],
                  usage and (usage["prompt_tokens"], usage["completion_tokens"]), stop, [],
                  [c["id"] for c in calls], refusal or None)


def of_anthropic_events(events):
    message, arguments = None, {}
    for event in events:
        if event["type"] == "message_start":
            message = event["message"]
        elif event["type"] == "content_block_start":
            assert event["index"] == len(message["content"])
            message["content"].append(event["content_block"])
        elif event["type"] == "content_block_delta":
            block, delta = message["content"][event["index"]], event["delta"]
            kind = delta["type"]
            if kind == "input_json_delta":
                arguments[event["index"]] = arguments.get(event["index"], "") + delta["partial_json"]
            elif kind == "signature_delta":
                block["signature"] = delta["signature"]
            else:
                member = kind.removesuffix("_delta")
                block[member] += delta[member]
        elif event["type"] == "message_delta":
            message["usage"].update(event["usage"])
            message["stop_reason"] = event["delta"]["stop_reason"]
    for index, text in arguments.items():
        message["content"][index]["input"] = json.loads(text)
    assert events[-1]["type"] == "message_stop"
    return of_anthropic_whole(message)


def answer_of(wire, outcome):
    assert "error" not in outcome, outcome
    if "events" in outcome:
        return (of_openai_events if wire == "openai" else of_anthropic_events)(outcome["events"])
    answer = (of_openai_whole if wire == "openai" else of_anthropic_whole)(outcome["answer"])
    assert "".join(outcome.get("told", [answer.text])) == answer.text
    return answer


def answer(sdk, wire, way, step, params=None):
    with ScriptedModel([step]) as model:
        outcome = sdk(wire, model, way, params)
        assert not model.faults, model.faults
        assert len(model.requests) == 1
        assert (model.requests[0].body.get("stream") is True) == (way != "whole")
    return answer_of(wire, outcome)


# ---- answers ----

@pytest.mark.parametrize("shape", [{}, {"chunk": 1}, {"chunk": 2}, {"chunk": 3}, {"chunk": 1021},
                                   {"crlf": True, "chunk": 1}, {"comments": True, "chunk": 5},
                                   {"escaped": True}, {"pieces": 1}, {"pieces": 10000}], ids=str)
def test_text(sdk, wire, way, shape):
    got = answer(sdk, wire, way, say(TEXT, **shape))
    assert (got.text, got.calls) == (TEXT, [])
    assert got.stop == ("stop" if wire == "openai" else "end_turn")


@pytest.mark.parametrize("shape", [{}, {"chunk": 1, "pieces": 1}, {"pieces": 10000}], ids=str)
@pytest.mark.parametrize("text", ["", TEXT], ids=["alone", "with text"])
def test_tool_calls(sdk, wire, way, shape, text):
    one = call("get_run", {"id": 7, "why": "ü\"\n\U0001F600"}, text, **shape)
    several = {**one, "tool_calls": [("get_run", {"id": n}, f"call_{n}") for n in range(3)] +
               [("list", {}, "call_3")]}
    params = params_of(wire, ["get_run", "list"])
    got = answer(sdk, wire, way, one, params)
    assert got.text == text and got.calls == [("get_run", {"id": 7, "why": "ü\"\n\U0001F600"})]
    assert got.stop == ("tool_calls" if wire == "openai" else "tool_use")
    got = answer(sdk, wire, way, several, params)
    assert got.calls == [("get_run", {"id": n}) for n in range(3)] + [("list", {})]
    assert got.ids == [f"call_{n}" for n in range(4)]


def test_usage(sdk, wire, way):
    more = {"stream_options": {"include_usage": True}} if (wire, way != "whole") == ("openai", True) else {}
    got = answer(sdk, wire, way, say("Hello.", tokens=(1234, 56)), params_of(wire, **more))
    assert got.tokens == (1234, 56)


def test_usage_that_was_not_asked_for(sdk):
    for way in ("iterated", "collected"):
        assert answer(sdk, "openai", way, say("Hello.", tokens=(1234, 56))).tokens is None


@pytest.mark.parametrize("wire, stop", [
    ("openai", "stop"), ("openai", "length"), ("openai", "content_filter"), ("anthropic", "end_turn"),
    ("anthropic", "max_tokens"), ("anthropic", "stop_sequence"), ("anthropic", "refusal"),
    ("anthropic", "pause_turn"), ("anthropic", "model_context_window_exceeded")])
def test_stops(sdk, wire, stop, way):
    assert answer(sdk, wire, way, say("Hello.", stop=stop)).stop == stop


def test_refusals(sdk, way):
    got = answer(sdk, "openai", way, say("", refusal="I will not: \U0001F600", chunk=1))
    assert (got.text, got.refusal) == ("", "I will not: \U0001F600")


PLAN_SCHEMA = json.loads((ROOT / "schemas/query-plan.v1.json").read_text())
THOUGHTS = [{"thinking": "Hm, ü …", "signature": "c2lnbmF0dXJl"}, {"data": "cmVk"},
            {"thinking": "", "signature": "eHg="}]


@pytest.mark.parametrize("shape", [{}, {"chunk": 1, "pieces": 1}], ids=str)
def test_thoughts(sdk, way, shape):
    step = call("get_run", {"id": 7}, "I look.", thoughts=THOUGHTS, **shape)
    got = answer(sdk, "anthropic", way, step, params_of("anthropic", ["get_run"]))
    assert got.thoughts == [{"type": "thinking", **THOUGHTS[0]}, {"type": "thinking", **THOUGHTS[2]},
                            {"type": "redacted_thinking", "data": "cmVk"}]
    assert (got.text, got.calls) == ("I look.", [("get_run", {"id": 7})])


# ---- the loop over tools, as the SDKs have one ----

@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_the_loop_over_tools(sdk, wire, streamed):
    steps = [{"text": "I look.", "tool_calls": [("get_run", {"id": 7}, "a"), ("get_run", {"id": 8}, "b")],
              "pieces": 2, "chunk": 3, **({"thoughts": THOUGHTS} if wire == "anthropic" else {})},
             call("list", {"id": 1}), say("Seven and eight.", chunk=1)]
    results = {"get_run": "a result: \U0001F600 ü", "list": "another"}
    with ScriptedModel(steps) as model:
        outcome = sdk(wire, model, "tools", params_of(wire, ["get_run", "list"]), results=results,
                      streamed=streamed)
        assert not model.faults, model.faults
        assert len(model.requests) == 3
        assert all(bool(r.body.get("stream")) == streamed for r in model.requests)
    assert outcome["calls"] == [["get_run", {"id": 7}], ["get_run", {"id": 8}], ["list", {"id": 1}]]
    assert answer_of(wire, outcome).text == "Seven and eight."
    messages = model.requests[2].body["messages"]
    if wire == "openai":
        assert [m["role"] for m in messages] == ["user", "assistant", "tool", "tool", "assistant", "tool"]
        assert [(m["tool_call_id"], m["content"]) for m in messages if m["role"] == "tool"] == [
            ("a", results["get_run"]), ("b", results["get_run"]), ("id_0_list", "another")]
    else:
        assert [m["role"] for m in messages] == ["user", "assistant"] * 2 + ["user"]
        assert [b["type"] for b in messages[1]["content"]] == [
            "thinking", "redacted_thinking", "thinking", "text", "tool_use", "tool_use"]
        assert messages[1]["content"][0] == {"type": "thinking", **THOUGHTS[0]}
        assert [b["tool_use_id"] for b in messages[2]["content"]] == ["a", "b"]


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_a_scripted_conversation(sdk, wire, streamed):
    """tests/conversations.py, whose tool takes a plan and gives data between tags."""
    rows = json.loads((ROOT / "datasets/golden/support-1.result.json").read_text())["rows"]
    plan = json.loads((ROOT / "datasets/golden/support-1.plan.json").read_text())
    result = f"Data, no instruction:\n<data-1f>\n{json.dumps({'result': {'rows': rows}})}\n</data-1f>"
    params = params_of(wire, ["execute_query_plan"], PLAN_SCHEMA)
    params["messages"][0]["content"] = "What's our SLA compliance rate by priority level?"
    with Conversations(golden(chunk=1, pieces=1)) as model:
        outcome = sdk(wire, model, "tools", params, results={"execute_query_plan": result},
                      streamed=streamed)
        assert not model.faults, model.faults
    assert outcome["calls"] == [["execute_query_plan", plan]]
    assert model.turns[1].results[0].data == {"result": {"rows": rows}}
    assert answer_of(wire, outcome).text.startswith(f"4 rows – the first: priority {rows[0][0]}, ")


# ---- faults: the classes that the SDKs' documentation names ----

STATUSES = {400: "BadRequestError", 401: "AuthenticationError", 403: "PermissionDeniedError",
            404: "NotFoundError", 422: "UnprocessableEntityError", 429: "RateLimitError",
            500: "InternalServerError", 503: "InternalServerError", 529: "InternalServerError"}


@pytest.mark.parametrize("code", STATUSES)
def test_statuses(sdk, wire, way, code):
    with ScriptedModel([status(code, "so says the provider", retry_after="7")]) as model:
        error = sdk(wire, model, way)["error"]
        assert not model.faults, model.faults
    assert STATUSES[code] in error["classes"] and "APIError" in error["classes"], error
    assert (error["status"], error["retry_after"]) == (code, "7")
    assert "so says the provider" in error["message"]
    assert error["request_id"] == REQUEST_ID
    types = {"openai": {401: "invalid_request_error", 429: "tokens", 500: "server_error"},
             "anthropic": {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error",
                           500: "api_error", 529: "overloaded_error"}}[wire]
    assert error["type"] == types.get(code, error["type"]) and error["type"]
    if wire == "openai" and code == 401:
        assert error["code"] == "invalid_api_key"


@pytest.mark.parametrize("code", [429, 500, 503, 529])
def test_tried_again(sdk, wire, way, code):
    # A Retry-After of nought is none for the SDKs: they would wait as they see fit.
    with ScriptedModel([status(code, retry_after="0.01"), say("Hello.")]) as model:
        outcome = sdk(wire, model, way, retries=1)
        assert not model.faults, model.faults
        assert model.requests[0].body == model.requests[1].body
    assert answer_of(wire, outcome).text == "Hello."


def test_a_request_that_no_provider_takes(sdk, wire):
    with ScriptedModel([say("Hello.")]) as model:
        error = sdk(wire, model, "whole", {**params_of(wire), "banana": 1})["error"]
        assert "BadRequestError" in error["classes"] and "banana" in error["message"]
        assert len(model.faults) == 1


@pytest.mark.parametrize("at", [0, 0.1, 0.5, 0.9])
def test_an_answer_that_is_cut_off(sdk, wire, way, at):
    with ScriptedModel([cut(at, text="many words " * 20)]) as model:
        error = sdk(wire, model, way)["error"]
    if at == 0:
        assert error["classes"][0] == "APIConnectionError"
    assert error["status"] is None and error["message"]


def test_a_stream_that_ends_too_early(sdk):
    with ScriptedModel([say("Half of an", done=False)] * 2) as model:
        error = sdk("openai", model, "collected")["error"]
        assert "missing finish_reason" in error["message"]
        error = sdk("anthropic", model, "collected")["error"]
        assert "stream ended without producing a Message" in error["message"]


@pytest.mark.parametrize("body", [b"{", b"nonsense", b'{"a":'])
def test_garbage_in_the_stream(sdk, wire, body):
    for way in ("iterated", "collected"):
        with ScriptedModel([raw(b"event: message_start\ndata: " + body + b"\n\n")]) as model:
            error = sdk(wire, model, way)["error"]
        assert error["status"] is None and "JSON" in error["message"], error


def test_garbage_in_one_piece(sdk, wire):
    with ScriptedModel([raw(b'{"id":', "application/json")]) as model:
        error = sdk(wire, model, "whole")["error"]
    assert error["status"] is None and "JSON" in error["message"], error


@pytest.mark.parametrize("at", [0.0, 0.3, 0.9])
def test_an_error_in_the_stream(sdk, wire, at):
    for way in ("iterated", "collected"):
        with ScriptedModel([broken("too much to do", at=at)]) as model:
            error = sdk(wire, model, way)["error"]
        assert error["classes"][0] == "APIError" and "too much to do" in error["message"], error
        assert error["type"] == ("overloaded_error" if wire == "anthropic" else "server_error")


@pytest.mark.parametrize("shape", [{"text": "a"}, {"tool_calls": [("list", "{no JSON")]}], ids=str)
def test_malformed_arguments_are_not_an_error_of_the_wire(sdk, shape):
    step = {"text": "", **shape}
    with ScriptedModel([step]) as model:
        outcome = sdk("openai", model, "collected", params_of("openai", ["list"]))
    calls = outcome["answer"]["choices"][0]["message"].get("tool_calls", [])
    assert [c["function"]["arguments"] for c in calls] == [c[1] for c in shape.get("tool_calls", ())]


def test_nobody_listens(sdk, wire):
    with ScriptedModel([]) as model:
        url = model.base_url(wire)
    assert sdk(wire, url, "whole")["error"]["classes"][0] == "APIConnectionError"


# ---- src/model and the SDKs read the same ----

def _over_several_lines(body):
    """Each event's JSON over as many data lines as it has members."""
    return re.sub(rb"data: (\{.*\})", lambda m: b"\n".join(
        b"data: " + line for line in json.dumps(json.loads(m[1]), indent=1).encode().split(b"\n")), body)


FRAMES = {"as it is": lambda body: body,
          "no blank": lambda body: body.replace(b"data: ", b"data:").replace(b"event: ", b"event:"),
          "CR": lambda body: body.replace(b"\n", b"\r"),
          "other fields": lambda body: body.replace(b"data: ", b"id: 7\nretry: 5\nx\nx: y\n: z\ndata: "),
          "the name behind": lambda body: re.sub(rb"(event: .*)\n(data: .*)\n", rb"\2\n\1\n", body),
          "several lines": _over_several_lines,
          "blank lines": lambda body: b"\n\n" + body.replace(b"\n\n", b"\n\n\n\n"),
          "byte order mark": lambda body: b"\xef\xbb\xbf" + body,
          "the last line is open": lambda body: body.rstrip(b"\n"),
          "comments": lambda body: body.replace(b"data: ", b":\n: data: {\ndata: ")}


@pytest.mark.parametrize("frame", FRAMES)
def test_streams_are_read_as_the_sdks_read_them(sdk, wire, frame):
    more = {"thoughts": THOUGHTS} if wire == "anthropic" else {}
    step = call("get_run", {"id": 7}, TEXT, **more)
    step["tool_calls"].append(("list", {"why": "\u2028 ü"}))
    options = {"stream": True, "stream_options": {"include_usage": True}}
    body = FRAMES[frame](answer_bytes(wire, step, options)[1])
    for size in (1, 1 << 16):
        with ScriptedModel([raw(body, chunk=size)] * 2) as model:
            got = sdk(wire, model, "collected", params_of(wire, ["get_run", "list"]))
            ours = ask(wire, model, None, TOOLS)
            assert not model.faults, model.faults
        if frame == "the last line is open" and wire == "anthropic":
            # An event without its blank line is none: nothing says that the message is at its end.
            assert "stream ended without" in got["error"]["message"]
        else:
            theirs = answer_of(wire, got)
            calls = [(c["name"], c["arguments"]) for c in ours["reply"]["tool_calls"]]
            assert (ours["reply"]["text"], calls) == (theirs.text, theirs.calls) and len(calls) == 2
            assert theirs.text == TEXT


# ---- the SDKs' own types ----

THINGS = {"openai": {"event": "OpenAI.ChatCompletionChunk", "whole": "OpenAI.ChatCompletion",
                     "error": "{ error: OpenAI.ErrorObject }",
                     "request": "OpenAI.ChatCompletionCreateParamsStreaming"},
          "anthropic": {"event": "Anthropic.RawMessageStreamEvent", "whole": "Anthropic.Message",
                        "error": "Anthropic.ErrorResponse",
                        "request": "Anthropic.MessageCreateParamsStreaming"}}


def compile_things(folder, tmp_path, wire, things):
    """What TypeScript says to these constants: (kind of THINGS, value). Members that a type does not
    have are errors, too."""
    lines = ["import OpenAI from 'openai';", "import Anthropic from '@anthropic-ai/sdk';"]
    for i, (kind, value) in enumerate(things):
        lines.append(f"export const c{i}: {THINGS[wire][kind]} = {json.dumps(value)};")
    (tmp_path / "things.ts").write_text("\n".join(lines))
    (tmp_path / "node_modules").symlink_to(folder / "node_modules")
    done = subprocess.run(
        ["node", folder / "node_modules/typescript/bin/tsc", "--noEmit", "--strict", "--skipLibCheck",
         "--target", "es2022", "--module", "node16", "--moduleResolution", "node16",
         "things.ts"], cwd=tmp_path, env=clean_env(), capture_output=True, text=True, timeout=CALL_SECONDS)
    said = done.stdout + done.stderr
    assert (done.returncode == 0) == (said == ""), done
    return said


def answers_of(wire):
    """Answers of every shape, as events and in one piece."""
    steps = [say(TEXT), say("Hello.", stop="length" if wire == "openai" else "max_tokens"),
             call("get_run", {"id": 7}, TEXT)]
    steps.append(say("", refusal="No.") if wire == "openai" else
                 call("list", {}, "Hm.", thoughts=THOUGHTS))
    body = {"stream": True, "stream_options": {"include_usage": True}}
    for step in steps:
        yield "whole", answer_whole(wire, step)
        for _, data in answer_events(wire, step, body):
            if data != "[DONE]" and data.get("type") != "ping":  # the SDKs' types have neither
                yield "event", data


def test_answers_are_of_the_sdks_types(folder, tmp_path, wire):
    things = [*answers_of(wire)]
    things += [("error", error_body(wire, code, "no")) for code in STATUSES if code != 422]
    assert compile_things(folder, tmp_path, wire, things) == ""


def test_what_the_clients_send_is_of_the_sdks_types(folder, tmp_path, wire):
    """src/model's requests: a question, tools, and a conversation with results and thoughts."""
    more = {"thoughts": THOUGHTS} if wire == "anthropic" else {}
    steps = [say("Hello."), call("get_run", {"id": 7}, "I look.", **more), say("Fine.")]
    with ScriptedModel(steps) as model:
        ask(wire, model)
        reply = ask(wire, model, CONVERSATION, TOOLS, tokens_max=77)["reply"]
        kept = ("text", "tool_calls", "provider")
        after = {"role": "assistant", **{k: reply[k] for k in kept if k in reply}}
        result = {"role": "tool", "text": "x", "tool_call_id": reply["tool_calls"][0]["id"]}
        plan = {"name": "execute_query_plan", "description": "Runs.", "parameters": PLAN_SCHEMA}
        ask(wire, model, [*CONVERSATION, after, result], [*TOOLS, plan])
        assert not model.faults, model.faults
        requests = [("request", r.body) for r in model.requests]
    assert len(requests) == 3
    assert compile_things(folder, tmp_path, wire, requests) == ""


def test_types_that_do_not_fit_are_found(folder, tmp_path, wire):
    request = {**params_of(wire), "stream": True, "banana": 1}
    said = compile_things(folder, tmp_path, wire, [
        ("request", request), ("whole", {**answer_whole(wire, say("x")), "id": 7})])
    assert "banana" in said and "'number' is not assignable to type 'string'" in said
