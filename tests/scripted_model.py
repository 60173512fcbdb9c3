"""A language model's server that says what a script tells it: OpenAI's chat completions
(POST .../chat/completions) and Anthropic's messages (POST .../v1/messages), streamed or not.

    with ScriptedModel([say("Hello"), call("get_run", {"id": 7}), status(429, retry_after="1")]) as m:
        m.base_url("openai"), m.base_url("anthropic")     where a client is to go
        m.requests                                        what it got: .path .headers .body, in order

Each request takes the next step; beyond the last one it is answered 500 and m.faults says so. A step
may be a function of the request's body that gives the step. A request that a real server would not
take (its shape is checked) is answered 400 and is in m.faults, too.

Steps: say, call, steps of dicts with the same members, and the faults status, hang, cut, raw.
"""
import http.server
import json
import ssl
import threading
import urllib.parse


def say(text, **more):
    """An answer of text. more: tool_calls=[(name, arguments[, id])], stop, tokens=(in, out) or None,
    chunk=bytes in a chunk, pieces=characters in a delta, crlf, comments, streamed=False, ids=False,
    indexes=False, done=False (nothing says that the stream is at its end)."""
    return {"text": text, **more}


def call(name, arguments, text="", **more):
    """An answer that calls a tool; arguments are a dict, or a text that stands for them as it is."""
    return {"text": text, "tool_calls": [(name, arguments)], **more}


def status(code, message="no", *, type="some_error", retry_after=None, location=None, body=None,
           content_type="application/json"):
    headers = {k: v for k, v in (("Retry-After", retry_after), ("Location", location)) if v is not None}
    return {"status": code, "headers": headers, "content_type": content_type,
            "body": body if body is not None else {"error": {"message": message, "type": type}}}


def hang(where="start", **more):
    """Says nothing more: before the reply ("start"), or in the middle of one ("middle")."""
    return {"text": "Half of an answer", **more, "hang": where}


def cut(at=0.5, **more):
    """Closes the connection behind that part of the answer's bytes; at 0 before the reply."""
    return {"text": "Half of an answer", **more, "cut": at}


def raw(body, content_type="text/event-stream", **more):
    return {"raw": body, "content_type": content_type, **more}


# ---- the answers' bytes ----

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


def _openai_call(step, i, name, arguments, given, first=True):
    out = {"function": {"arguments": arguments}}
    if step.get("indexes", True):
        out["index"] = i
    if first:
        out["type"] = "function"
        out["function"]["name"] = name
        if given:
            out["id"] = given
    return out


def _openai_events(step):
    def chunk(delta, finish=None, **more):
        return None, {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1,
                      "model": "m", "choices": [{"index": 0, "delta": delta, "logprobs": None,
                                                 "finish_reason": finish}], **more}
    yield chunk({"role": "assistant", "content": ""})
    for piece in _pieces(step["text"], step.get("pieces", 4)):
        yield chunk({"content": piece})
    for i, name, arguments, given in _calls(step):
        if step.get("whole_arguments") or not step.get("indexes", True):
            yield chunk({"tool_calls": [_openai_call(step, i, name, arguments, given)]})
            continue
        yield chunk({"tool_calls": [_openai_call(step, i, name, "", given)]})
        for piece in _pieces(arguments, step.get("pieces", 4)):
            yield chunk({"tool_calls": [_openai_call(step, i, name, piece, given, first=False)]})
    if not step.get("done", True):
        return
    yield chunk({}, _openai_stop(step))
    if _openai_usage(step):
        yield None, {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m",
                     "choices": [], "usage": _openai_usage(step)}
    yield None, "[DONE]"


def _openai_whole(step):
    calls = [_openai_call(step, *one) for one in _calls(step)]
    message = {"role": "assistant", "content": step["text"] or None}
    if calls:
        message["tool_calls"] = calls
    whole = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
             "choices": [{"index": 0, "message": message, "finish_reason": _openai_stop(step)}]}
    if _openai_usage(step):
        whole["usage"] = _openai_usage(step)
    return whole


def _anthropic_stop(step):
    return step.get("stop") or ("tool_use" if step.get("tool_calls") else "end_turn")


def _anthropic_events(step):
    tokens = step.get("tokens", (11, 7))
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [],
               "stop_reason": None, "stop_sequence": None}
    if tokens:
        message["usage"] = {"input_tokens": tokens[0], "output_tokens": 1}
    events = [{"type": "message_start", "message": message}, {"type": "ping"}]
    index = 0
    if step["text"]:
        events.append({"type": "content_block_start", "index": 0,
                       "content_block": {"type": "text", "text": ""}})
        events += [{"type": "content_block_delta", "index": 0,
                    "delta": {"type": "text_delta", "text": piece}}
                   for piece in _pieces(step["text"], step.get("pieces", 4))]
        events.append({"type": "content_block_stop", "index": 0})
        index = 1
    for i, name, arguments, given in _calls(step):
        events.append({"type": "content_block_start", "index": index + i, "content_block":
                       {"type": "tool_use", "id": given, "name": name, "input": {}}})
        events += [{"type": "content_block_delta", "index": index + i,
                    "delta": {"type": "input_json_delta", "partial_json": piece}}
                   for piece in ["", *_pieces(arguments, step.get("pieces", 4))]]
        events.append({"type": "content_block_stop", "index": index + i})
    if step.get("done", True):
        end = {"type": "message_delta",
               "delta": {"stop_reason": _anthropic_stop(step), "stop_sequence": None}}
        if tokens:
            end["usage"] = {"output_tokens": tokens[1]}
        events += [end, {"type": "message_stop"}]
    for event in events:
        yield event["type"], event


def _anthropic_whole(step):
    content = [{"type": "text", "text": step["text"]}] if step["text"] else []
    content += [{"type": "tool_use", "id": given, "name": name, "input": json.loads(arguments)}
                for _, name, arguments, given in _calls(step)]
    whole = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": content,
             "stop_reason": _anthropic_stop(step), "stop_sequence": None}
    tokens = step.get("tokens", (11, 7))
    if tokens:
        whole["usage"] = {"input_tokens": tokens[0], "output_tokens": tokens[1]}
    return whole


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


def answer_bytes(wire, step):
    """The reply's type and body for a step of say() or call()."""
    if step.get("streamed", True):
        events = _openai_events(step) if wire == "openai" else _anthropic_events(step)
        return "text/event-stream; charset=utf-8", _stream(step, events)
    whole = _openai_whole(step) if wire == "openai" else _anthropic_whole(step)
    return "application/json", json.dumps(whole).encode()


# ---- what a real server would refuse ----

def _need(truth, what):
    if not truth:
        raise ValueError(what)


def _check_head(headers, body):
    _need(headers.get_content_type() == "application/json", "content type")
    _need(isinstance(body.get("model"), str) and body["model"], "model")
    _need(body.get("stream") is True, "stream")
    _need(isinstance(body.get("messages"), list) and body["messages"], "messages")


def check_openai(headers, body):
    _check_head(headers, body)
    allowed = {"model", "messages", "stream", "stream_options", "tools", "max_tokens",
               "max_completion_tokens"}
    _need(set(body) <= allowed, f"unknown members {set(body) - allowed}")
    _need(body.get("stream_options") == {"include_usage": True}, "stream_options")
    open_calls = set()
    for message in body["messages"]:
        role = message["role"]
        _need(role in ("system", "user", "assistant", "tool"), f"role {role}")
        if role == "tool":
            _need(set(message) == {"role", "content", "tool_call_id"}, "members of a tool message")
            _need(message["tool_call_id"] in open_calls, "a tool message without its call")
            open_calls.remove(message["tool_call_id"])
            continue
        _need(not open_calls, f"tool calls without results: {open_calls}")
        _need(set(message) <= {"role", "content", "tool_calls"}, "members of a message")
        _need(isinstance(message.get("content"), str) or message.get("tool_calls"), "content")
        for one in message.get("tool_calls", ()):
            _need(role == "assistant" and set(one) == {"id", "type", "function"}, "a tool call")
            _need(one["type"] == "function", "a tool call's type")
            _need(set(one["function"]) == {"name", "arguments"}, "a tool call's function")
            _need(isinstance(json.loads(one["function"]["arguments"]), dict), "arguments")
            open_calls.add(one["id"])
    for tool in body.get("tools", ()):
        _need(set(tool) == {"type", "function"} and tool["type"] == "function", "a tool")
        _need(set(tool["function"]) == {"name", "description", "parameters"}, "a tool's function")
        _need(isinstance(tool["function"]["parameters"], dict), "a tool's parameters")
    _need(body.get("tools") != [], "tools may not be empty")


def _check_anthropic_block(role, block, open_calls):
    if block["type"] == "text":
        _need(set(block) == {"type", "text"} and block["text"], "an empty text")
        _need(not (role == "user" and open_calls), "text before the results of tools")
    elif block["type"] in ("thinking", "redacted_thinking"):
        members = {"thinking", "signature"} if block["type"] == "thinking" else {"data"}
        _need(role == "assistant" and set(block) == {"type", *members}, "thoughts")
    elif block["type"] == "tool_use":
        _need(role == "assistant" and set(block) == {"type", "id", "name", "input"}, "tool_use")
        _need(isinstance(block["input"], dict), "input")
        open_calls.add(block["id"])
    else:
        _need(block["type"] == "tool_result" and role == "user", "tool_result")
        _need(set(block) == {"type", "tool_use_id", "content"}, "members of a tool_result")
        _need(block["tool_use_id"] in open_calls, "a result without its call")
        open_calls.remove(block["tool_use_id"])


# Both are served; they differ in nothing that is checked here.
ANTHROPIC_VERSIONS = ("2023-06-01", "2026-10-21")


def check_anthropic(headers, body):
    _check_head(headers, body)
    allowed = {"model", "messages", "stream", "system", "tools", "max_tokens"}
    _need(set(body) <= allowed, f"unknown members {set(body) - allowed}")
    _need(headers.get("anthropic-version") in ANTHROPIC_VERSIONS, "anthropic-version")
    _need(isinstance(body.get("max_tokens"), int) and body["max_tokens"] > 0, "max_tokens")
    _need("system" not in body or isinstance(body["system"], str) and body["system"], "system")
    open_calls, last = set(), None
    for message in body["messages"]:
        _need(set(message) == {"role", "content"}, "members of a message")
        _need(message["role"] in ("user", "assistant"), "role")
        _need(message["role"] != last, "two turns of the same role")
        _need(isinstance(message["content"], list) and message["content"], "content")
        last = message["role"]
        for block in message["content"]:
            _check_anthropic_block(message["role"], block, open_calls)
        _need(not (open_calls and message["role"] == "user"), f"calls without results: {open_calls}")
    _need(body["messages"][0]["role"] == "user", "the first turn is the user's")
    for tool in body.get("tools", ()):
        _need(set(tool) == {"name", "description", "input_schema"}, "a tool")
        _need(isinstance(tool["input_schema"], dict), "input_schema")
    _need(body.get("tools") != [], "tools may not be empty")


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
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.head(step["status"], step["content_type"], len(body), step["headers"])
            self.wfile.write(body)
            return
        content_type, body = ((step["content_type"], step["raw"]) if "raw" in step else
                              answer_bytes(model.wire_of(request), step))
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

    def take(self, request):
        """Notes the request, and gives the step that answers it."""
        with self.lock:
            self.requests.append(request)
            fault = self.check(request)
            step = self.steps.pop(0) if self.steps else None
            if fault or step is None:
                self.faults.append(fault or "a request beyond the script")
        self.came.set()
        if fault:
            return status(400, fault, type="invalid_request_error")
        if step is None:
            return status(500, "the script is at its end")
        return step(request.body) if callable(step) else step
