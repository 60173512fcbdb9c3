"""A language model's server that says what a script tells it: OpenAI's chat completions
(POST .../chat/completions) and Anthropic's messages (POST .../v1/messages), streamed or not.

    with ScriptedModel([say("Hello"), call("get_run", {"id": 7}), status(429, retry_after="1")]) as m:
        m.base_url("openai"), m.base_url("anthropic")     where a client is to go
        m.requests                                        what it got: .path .headers .body, in order

Each request takes the next step; beyond the last one it is answered 500 and m.faults says so. A step
may be a function of the request's body that gives the step. A request that a real server would not
take (its shape is checked) is answered 400 and is in m.faults, too.

Steps: say, call, steps of dicts with the same members, and the faults status, hang, cut, broken,
raw. The official SDKs take these answers for their providers' own (tests/blackbox/test_sdk.py).
"""
import http.server
import json
import re
import ssl
import threading
import urllib.parse


def say(text, **more):
    """An answer of text. more: tool_calls=[(name, arguments[, id])], stop, tokens=(in, out) or None,
    refusal=a text (OpenAI), thoughts=[{"thinking", "signature"} or {"data"}] (Anthropic),
    chunk=bytes in a chunk, pieces=characters in a delta, crlf, comments, streamed=whether it comes as
    a stream though it was asked for otherwise, ids=False, indexes=False, done=False (nothing says
    that the stream is at its end)."""
    return {"text": text, **more}


def call(name, arguments, text="", **more):
    """An answer that calls a tool; arguments are a dict, or a text that stands for them as it is."""
    return {"text": text, "tool_calls": [(name, arguments)], **more}


def status(code, message="no", *, type=None, retry_after=None, location=None, body=None,
           content_type="application/json"):
    """An HTTP status that is no answer; without a type or a body, with those of the wire."""
    headers = {k: v for k, v in (("Retry-After", retry_after), ("Location", location)) if v is not None}
    return {"status": code, "headers": headers, "content_type": content_type, "message": message,
            "type": type, "body": body}


def hang(where="start", **more):
    """Says nothing more: before the reply ("start"), or in the middle of one ("middle")."""
    return {"text": "Half of an answer", **more, "hang": where}


def cut(at=0.5, **more):
    """Closes the connection behind that part of the answer's bytes; at 0 before the reply."""
    return {"text": "Half of an answer", **more, "cut": at}


def broken(message="no", *, type=None, at=0.5, **more):
    """An answer in whose stream, behind that part of its events, an error comes instead of the rest."""
    return {"text": "Half of an answer", **more, "broken": at, "message": message, "type": type}


def raw(body, content_type="text/event-stream", **more):
    return {"raw": body, "content_type": content_type, **more}


# ---- errors ----

# OpenAI: type and code; Anthropic: type. https://platform.openai.com/docs/guides/error-codes and
# https://docs.anthropic.com/en/api/errors
ERRORS = {400: ("invalid_request_error", None, "invalid_request_error"),
          401: ("invalid_request_error", "invalid_api_key", "authentication_error"),
          403: ("invalid_request_error", "unsupported_country_region_territory", "permission_error"),
          404: ("invalid_request_error", "model_not_found", "not_found_error"),
          413: ("invalid_request_error", None, "request_too_large"),
          429: ("tokens", "rate_limit_exceeded", "rate_limit_error"),
          500: ("server_error", None, "api_error"),
          503: ("service_unavailable_error", None, "api_error"),
          529: ("server_error", None, "overloaded_error")}


def error_body(wire, code, message, type=None):
    """What the providers send with a status, and in a stream (as an event named error, Anthropic's)."""
    known = ERRORS.get(code, ("some_error", None, "api_error"))
    if wire == "anthropic":
        return {"type": "error", "error": {"type": type or known[2], "message": message},
                "request_id": REQUEST_ID}
    return {"error": {"message": message, "type": type or known[0], "param": None,
                      "code": type or known[1]}}


# ---- the answers' bytes ----

REQUEST_ID = "req_011CSHoEeqs5C35K2UUqR7Fy"

def _pieces(text, n):
    return [text[i:i + n] for i in range(0, len(text), n)]


def _calls(step):
    for i, one in enumerate(step.get("tool_calls", ())):
        name, arguments = one[:2]
        given = one[2] if len(one) > 2 else f"id_{i}_{name}"
        yield (i, name, arguments if isinstance(arguments, str) else json.dumps(arguments),
               given if step.get("ids", True) else None)


def _openai_stop(step):
    return step.get("stop") or ("tool_calls" if step.get("tool_calls") else "stop")


def _openai_usage(step):
    tokens = step.get("tokens", (11, 7))
    return tokens and {"prompt_tokens": tokens[0], "completion_tokens": tokens[1],
                       "total_tokens": sum(tokens)}


def _openai_call(step, name, arguments, given, first=True):
    out = {"function": {"arguments": arguments}}
    if first:
        out["type"] = "function"
        out["function"]["name"] = name
        if given:
            out["id"] = given
    return out


def _openai_events(step, body):
    usage = (body.get("stream_options") or {}).get("include_usage") and _openai_usage(step)
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}

    def chunk(delta, finish=None):
        return None, {**head, "choices": [{"index": 0, "delta": delta, "logprobs": None,
                                           "finish_reason": finish}],
                      **({"usage": None} if usage else {})}

    def call_chunk(i, *one, **more):
        index = {"index": i} if step.get("indexes", True) else {}
        return chunk({"tool_calls": [{**index, **_openai_call(step, *one, **more)}]})
    yield chunk({"role": "assistant", "content": "", "refusal": None})
    for piece in _pieces(step["text"], step.get("pieces", 4)):
        yield chunk({"content": piece})
    for piece in _pieces(step.get("refusal", ""), step.get("pieces", 4)):
        yield chunk({"refusal": piece})
    for i, name, arguments, given in _calls(step):
        if step.get("whole_arguments") or not step.get("indexes", True):
            yield call_chunk(i, name, arguments, given)
            continue
        yield call_chunk(i, name, "", given)
        for piece in _pieces(arguments, step.get("pieces", 4)):
            yield call_chunk(i, name, piece, given, first=False)
    if not step.get("done", True):
        return
    yield chunk({}, _openai_stop(step))
    if usage:
        yield None, {**head, "choices": [], "usage": usage}
    yield None, "[DONE]"


def _openai_whole(step):
    calls = [_openai_call(step, *one[1:]) for one in _calls(step)]
    message = {"role": "assistant", "content": step["text"] or None,
               "refusal": step.get("refusal"), "annotations": []}
    if calls:
        message["tool_calls"] = calls
    whole = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
             "choices": [{"index": 0, "message": message, "logprobs": None,
                          "finish_reason": _openai_stop(step)}]}
    if _openai_usage(step):
        whole["usage"] = _openai_usage(step)
    return whole


def _anthropic_stop(step):
    return step.get("stop") or ("tool_use" if step.get("tool_calls") else "end_turn")


def _anthropic_usage(tokens_in, tokens_out, **more):
    return {"input_tokens": tokens_in, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
            "output_tokens": tokens_out, "output_tokens_details": None, "server_tool_use": None, **more}


def _anthropic_message(step):
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [],
               "container": None, "diagnostics": None, "stop_reason": None, "stop_sequence": None,
               "stop_details": None}
    tokens = step.get("tokens", (11, 7))
    if tokens:
        message["usage"] = _anthropic_usage(tokens[0], 1, cache_creation=None, inference_geo=None,
                                            service_tier="standard", speed=None)
    return message


def _anthropic_blocks(step):
    """The content; the input of a tool's call is a text, as it comes in pieces."""
    for thought in step.get("thoughts", ()):
        yield {"type": "thinking" if "thinking" in thought else "redacted_thinking", **thought}
    if step["text"]:
        yield {"type": "text", "text": step["text"], "citations": None}
    for _, name, arguments, given in _calls(step):
        yield {"type": "tool_use", "id": given, "name": name, "input": arguments,
               "caller": {"type": "direct"}}


# How a block begins, and of which deltas it consists: (type, member, in pieces). A signature is whole.
_EMPTY = {"text": "", "thinking": "", "signature": "", "input": {}}
_DELTAS = {"text": [("text_delta", "text", "text", True)],
           "thinking": [("thinking_delta", "thinking", "thinking", True),
                        ("signature_delta", "signature", "signature", False)],
           "tool_use": [("input_json_delta", "input", "partial_json", True)]}


def _anthropic_block_events(step, index, block):
    yield {"type": "content_block_start", "index": index,
           "content_block": {k: _EMPTY.get(k, v) for k, v in block.items()}}
    for type, member, name, is_cut in _DELTAS.get(block["type"], ()):
        first = [""] if type == "input_json_delta" else []
        pieces = _pieces(block[member], step.get("pieces", 4)) if is_cut else [block[member]]
        for piece in first + pieces:
            yield {"type": "content_block_delta", "index": index, "delta": {"type": type, name: piece}}
    yield {"type": "content_block_stop", "index": index}


def _anthropic_events(step):
    tokens = step.get("tokens", (11, 7))
    events = [{"type": "message_start", "message": _anthropic_message(step)}, {"type": "ping"}]
    for index, block in enumerate(_anthropic_blocks(step)):
        events += _anthropic_block_events(step, index, block)
    if step.get("done", True):
        end = {"type": "message_delta",
               "delta": {"stop_reason": _anthropic_stop(step), "stop_sequence": None,
                         "stop_details": None, "container": None}}
        if tokens:
            end["usage"] = _anthropic_usage(*tokens)
        events += [end, {"type": "message_stop"}]
    for event in events:
        yield event["type"], event


def _anthropic_whole(step):
    content = [{**block, "input": json.loads(block["input"])} if "input" in block else block
               for block in _anthropic_blocks(step)]
    whole = {**_anthropic_message(step), "content": content, "stop_reason": _anthropic_stop(step)}
    if step.get("tokens", True):
        whole["usage"]["output_tokens"] = step.get("tokens", (11, 7))[1]
    return whole


def _broken_events(wire, step, events):
    """Those before the fault, and the fault."""
    events = list(events)
    yield from events[:int(len(events) * step["broken"])]
    code = 529 if wire == "anthropic" else 500
    body = error_body(wire, code, step["message"], step["type"])
    yield ("error", body) if wire == "anthropic" else (None, body)


def _stream(step, events):
    end = "\r\n" if step.get("crlf") else "\n"
    out = []
    for name, data in events:
        if step.get("comments"):
            out.append(f": keep alive{end}{end}")
        if name:
            out.append(f"event: {name}{end}")
        # Real servers send characters as they are; some escape them.
        text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=bool(step.get("escaped")))
        out.append(f"data: {text}{end}{end}")
    return "".join(out).encode()


def answer_events(wire, step, body):
    """The events of a step of say(), call() or broken(), in their order: (name or None, data)."""
    events = _openai_events(step, body) if wire == "openai" else _anthropic_events(step)
    return _broken_events(wire, step, events) if "broken" in step else events


def answer_whole(wire, step):
    return _openai_whole(step) if wire == "openai" else _anthropic_whole(step)


def answer_bytes(wire, step, body):
    """The reply's type and body for a step of say() or call(), as the request's body wants it."""
    if step.get("streamed", body.get("stream") is True):
        return "text/event-stream; charset=utf-8", _stream(step, answer_events(wire, step, body))
    return "application/json", json.dumps(answer_whole(wire, step)).encode()


# ---- what a real server would refuse ----

def _need(truth, what):
    if not truth:
        raise ValueError(what)


# https://platform.openai.com/docs/guides/function-calling and Anthropic's "define tools"
TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
PROPERTY = re.compile(r"[a-zA-Z0-9_.-]{1,64}")


def _check_members(thing, needed, optional, what):
    _need(isinstance(thing, dict), f"{what} is no object")
    _need(set(needed) <= set(thing), f"{what} has no {set(needed) - set(thing)}")
    _need(set(thing) <= {*needed, *optional}, f"{what} has {set(thing) - {*needed, *optional}}")


def _check_head(headers, body, needed, optional):
    _need(headers.get_content_type() == "application/json", "content type")
    _check_members(body, needed, optional, "the request")
    _need(isinstance(body["model"], str) and body["model"], "model")
    _need(isinstance(body.get("stream", False), bool), "stream")
    _need(isinstance(body["messages"], list) and body["messages"], "messages")


def _check_tools(body, tools):
    """tools: the members that both wires have, of each."""
    names = [tool["name"] for tool in tools]
    _need(body.get("tools") != [], "tools may not be empty")
    _need(len(names) == len(set(names)), "two tools of one name")
    for name, schema in ((tool["name"], tool["parameters"]) for tool in tools):
        _need(TOOL_NAME.fullmatch(name), f"a tool's name {name}")
        _need(isinstance(schema, dict) and schema.get("type") == "object", "a tool's parameters")
        _need(not {"oneOf", "anyOf", "allOf"} & set(schema), "a choice at the top of a tool's parameters")
        keys = schema.get("properties", {})
        _need(all(PROPERTY.fullmatch(key) for key in keys), f"the names of a tool's parameters {list(keys)}")


OPENAI_MEMBERS = {
    "stream", "stream_options", "tools", "tool_choice", "parallel_tool_calls", "max_tokens",
    "max_completion_tokens", "temperature", "top_p", "n", "stop", "seed", "user", "response_format",
    "reasoning_effort", "metadata", "store", "service_tier", "presence_penalty", "frequency_penalty"}


def check_openai(headers, body):
    _check_head(headers, body, {"model", "messages"}, OPENAI_MEMBERS)
    _need("stream_options" not in body or body.get("stream"), "stream_options without stream")
    open_calls = set()
    for message in body["messages"]:
        role = message["role"]
        _need(role in ("system", "developer", "user", "assistant", "tool"), f"role {role}")
        if role == "tool":
            _check_members(message, {"role", "content", "tool_call_id"}, (), "a tool message")
            _need(message["tool_call_id"] in open_calls, "a tool message without its call")
            open_calls.remove(message["tool_call_id"])
            continue
        _need(not open_calls, f"tool calls without results: {open_calls}")
        _check_members(message, {"role"}, {"content", "tool_calls", "refusal", "name"}, "a message")
        _need(isinstance(message.get("content"), (str, list)) or message.get("tool_calls"), "content")
        for one in message.get("tool_calls", ()):
            _need(role == "assistant", "tool calls of another than the assistant")
            _check_members(one, {"id", "type", "function"}, (), "a tool call")
            _need(one["type"] == "function", "a tool call's type")
            _check_members(one["function"], {"name", "arguments"}, (), "a tool call's function")
            _need(isinstance(json.loads(one["function"]["arguments"]), dict), "arguments")
            open_calls.add(one["id"])
    _need(not open_calls, f"tool calls without results: {open_calls}")
    for tool in body.get("tools", ()):
        _check_members(tool, {"type", "function"}, (), "a tool")
        _check_members(tool["function"], {"name", "parameters"}, {"description", "strict"}, "a function")
    _check_tools(body, [tool["function"] for tool in body.get("tools", ())])


def _check_anthropic_block(role, block, open_calls):
    if block["type"] == "text":
        _check_members(block, {"type", "text"}, {"citations", "cache_control"}, "a text")
        _need(block["text"], "an empty text")
        _need(not (role == "user" and open_calls), "text before the results of tools")
    elif block["type"] in ("thinking", "redacted_thinking"):
        members = {"thinking", "signature"} if block["type"] == "thinking" else {"data"}
        _need(role == "assistant", "thoughts of another than the assistant")
        _check_members(block, {"type", *members}, (), "thoughts")
    elif block["type"] == "tool_use":
        _need(role == "assistant", "tool_use of another than the assistant")
        _check_members(block, {"type", "id", "name", "input"}, {"caller", "cache_control"}, "tool_use")
        _need(isinstance(block["input"], dict), "input")
        open_calls.add(block["id"])
    else:
        _need(block["type"] == "tool_result" and role == "user", "tool_result")
        _check_members(block, {"type", "tool_use_id"}, {"content", "is_error", "cache_control"},
                       "a tool_result")
        _need(block["tool_use_id"] in open_calls, "a result without its call")
        open_calls.remove(block["tool_use_id"])


# Both are served; they differ in nothing that is checked here.
ANTHROPIC_VERSIONS = ("2023-06-01", "2026-10-21")
ANTHROPIC_MEMBERS = {"stream", "system", "tools", "tool_choice", "stop_sequences", "thinking", "metadata",
                     "service_tier", "output_config", "cache_control"}


def check_anthropic(headers, body):
    _check_head(headers, body, {"model", "messages", "max_tokens"}, ANTHROPIC_MEMBERS)
    _need(headers.get("anthropic-version") in ANTHROPIC_VERSIONS, "anthropic-version")
    _need(isinstance(body["max_tokens"], int) and body["max_tokens"] > 0, "max_tokens")
    _need("system" not in body or body["system"] and isinstance(body["system"], (str, list)), "system")
    open_calls, last = set(), None
    for message in body["messages"]:
        _check_members(message, {"role", "content"}, (), "a message")
        _need(message["role"] in ("user", "assistant"), "role")
        _need(message["role"] != last, "two turns of the same role")
        last = message["role"]
        for block in blocks_of(message["content"]):
            _check_anthropic_block(message["role"], block, open_calls)
        _need(not (open_calls and message["role"] == "user"), f"calls without results: {open_calls}")
    _need(body["messages"][0]["role"] == "user", "the first turn is the user's")
    _need(last == "user", "the last turn is the user's")
    for tool in body.get("tools", ()):
        _check_members(tool, {"name", "input_schema"}, {"description", "type", "strict", "cache_control"},
                       "a tool")
    _check_tools(body, [{"name": tool["name"], "parameters": tool["input_schema"]}
                        for tool in body.get("tools", ())])


def blocks_of(content):
    """A message's content as blocks: a text stands for one."""
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    _need(isinstance(blocks, list) and blocks, "content")
    return blocks


# ---- the server ----

class Request:
    def __init__(self, path, headers, data):
        # A proxy is asked with the whole URL.
        self.path, self.headers, self.data = urllib.parse.urlsplit(path).path, headers, data
        try:
            self.body = json.loads(data)
        except ValueError:
            self.body = None


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def do_GET(self):  # what follows a redirect may come so
        self.do_POST()

    def do_POST(self):
        model = self.server.model
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self.path, self.headers, data)
        step = model.take(request)
        try:
            self.play(model, request, step)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            self.close_connection = True

    def head(self, code, content_type, length=None, headers=()):
        self.send_response(code)
        if content_type:
            self.send_header("Content-Type", content_type)
        self.send_header("x-request-id", REQUEST_ID)
        self.send_header("request-id", REQUEST_ID)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        if length is None:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.flush()

    def chunks(self, data, size):
        for i in range(0, len(data), size):
            piece = data[i:i + size]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()

    def play(self, model, request, step):
        if step.get("hang") == "start" or step.get("cut") == 0:
            self.close_connection = True
            if "hang" in step:
                model.ended.wait()
            return
        if "status" in step:
            body = step["body"]
            if body is None:
                body = error_body(model.wire_of(request), step["status"], step["message"], step["type"])
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.head(step["status"], step["content_type"], len(body), step["headers"])
            self.wfile.write(body)
            return
        content_type, body = ((step["content_type"], step["raw"]) if "raw" in step else
                              answer_bytes(model.wire_of(request), step, request.body))
        content_type = step.get("content_type", content_type)
        self.head(200, content_type, headers=step.get("headers", ()))
        part = step.get("cut", 0.5 if step.get("hang") else None)
        if part is not None:
            body = body[:int(len(body) * part)]
        self.chunks(body, step.get("chunk", 1 << 16))
        if step.get("hang") or step.get("open"):
            model.ended.wait()
        if part is None:
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.close_connection = True


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass  # a client that does not like the certificate goes away


class ScriptedModel:
    def __init__(self, steps, *, certificate=None):
        """certificate: a PEM file with key and certificate; then it speaks TLS."""
        self.steps, self.requests, self.faults = list(steps), [], []
        self.lock, self.ended, self.came = threading.Lock(), threading.Event(), threading.Event()
        self.server = _Server(("127.0.0.1", 0), _Handler)
        self.server.model = self
        self.port = self.server.server_address[1]
        self.scheme = "https" if certificate else "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                     do_handshake_on_connect=False)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @property
    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def base_url(self, wire):
        return self.url + "/v1" if wire == "openai" else self.url

    @staticmethod
    def wire_of(request):
        return "anthropic" if request.path.endswith("/v1/messages") else "openai"

    def check(self, request):
        wire = self.wire_of(request)
        try:
            _need(request.body is not None, "the body is not JSON")
            _need(request.path in ("/v1/messages", "/v1/chat/completions"), f"path {request.path}")
            (check_anthropic if wire == "anthropic" else check_openai)(request.headers, request.body)
        except (ValueError, KeyError, TypeError) as fault:
            return f"{type(fault).__name__}: {fault}"
        return None

    def next_step(self, request):
        """What answers a request that a real server takes. A LookupError says why nothing does."""
        if not self.steps:
            raise LookupError("a request beyond the script")
        return self.steps.pop(0)

    def take(self, request):
        """Notes the request, and gives the step that answers it."""
        with self.lock:
            self.requests.append(request)
            fault = self.check(request)
            step = status(400, fault, type="invalid_request_error") if fault else None
            if not fault:
                try:
                    step = self.next_step(request)
                except LookupError as why:
                    fault = str(why)
                    step = status(500, f"the script does not say: {fault}")
            if fault:
                self.faults.append(fault)
        self.came.set()
        return step(request.body) if callable(step) else step
