"""What a model says step by step in a conversation, so that a loop over tools can be tested: scripts in
JSON, played on either wire by a ScriptedModel that finds its place by the conversation that it gets.

    with Conversations(golden()) as m:           the eighteen golden questions: a plan, then its answer
    with Conversations(load("loops")) as m:      tests/scripted/loops.json: every way to go wrong
    with Conversations([script], certificate=...) as m:
        m.base_url("openai"), m.base_url("anthropic")    where a client is to go
        m.turns                 what each request said: .question .results .tools .system .users
        m.turns[-1].results[0].data["run_id"]            the JSON in the first tool's result
        m.requests, m.faults    as ScriptedModel has them; m.faults is empty when all went as written

A script is {"name", "question", "steps"}. It answers when question is a part of the user's last message
(in any case of letters; "" is a part of all); the longest that fits counts. Which step: by the number of
tool results since that message. A step is the one for as many results as steps stand before it in the
list, or for "after": N, or from "from": N on; the first that fits. It has

- what it says: the members of scripted_model's say(), call() and faults: "text", "tool_calls": [[name,
  arguments]] (arguments may be a text that is no JSON), "chunk", "pieces", "stop" (the wire's word, or
  "length" or "refused" for both), "thoughts", "tokens", "cut", "hang", "broken" with "message", ...;
  or "status" with "message", "type" and "retry_after"; or "raw" (a text) with "content_type";
- "first": steps of which each answers one request in its place, before it: [{"status": 429}].

In texts and in arguments, {{PATH}} is a value out of the tools' results since the user's last message:
{{/a/b/0}} by JSON Pointer in the last result, {{2:/a/b/0}} in the second, {{//rows/0}} where that pointer
first leads somewhere, from the outside in, {{#/rows}} how many are there, {{text}} and {{2:text}} the
whole text. An argument that is nothing but a path becomes the value itself. {"$file": PATH} in arguments
stands for the JSON in that file, below the root of the project. A value that is not there is a fault.

A result is text; its JSON stands between <data-NONCE> and </data-NONCE>, or is all of it.
"""
import collections
import json
import pathlib
import re

from scripted_model import ScriptedModel, blocks_of, status

ROOT = pathlib.Path(__file__).resolve().parent.parent

SAYS = {"text", "tool_calls", "refusal", "thoughts", "stop", "tokens", "chunk", "pieces", "crlf",
        "comments", "escaped", "ids", "indexes", "whole_arguments", "done", "streamed", "cut", "hang",
        "broken", "message", "type", "status", "retry_after", "raw", "content_type", "open"}
PLACES = {"after", "from", "first"}
STOPS = {"length": {"openai": "length", "anthropic": "max_tokens"},
         "refused": {"openai": "content_filter", "anthropic": "refusal"}}


# ---- scripts ----

def _check_step(where, step, members):
    unknown = set(step) - members
    if unknown:
        raise ValueError(f"{where}: unknown members {sorted(unknown)}")
    if not {"text", "tool_calls", "status", "raw", "cut", "hang", "broken", "refusal"} & set(step):
        raise ValueError(f"{where} says nothing")
    for i, first in enumerate(step.get("first", ())):
        _check_step(f"{where}, first {i}", first, SAYS)


def check(scripts):
    """The scripts; a ValueError says which of them is not of the form above."""
    for i, script in enumerate(scripts):
        where = f"script {script.get('name', i)}"
        if set(script) - {"name"} != {"question", "steps"} or not script["steps"]:
            raise ValueError(f"{where}: wants question and steps")
        for n, step in enumerate(script["steps"]):
            _check_step(f"{where}, step {n}", step, SAYS | PLACES)
    return scripts


def load(name):
    """The scripts of tests/scripted/NAME.json."""
    return check(json.loads((ROOT / "tests/scripted" / f"{name}.json").read_text()))


def golden(**more):
    """A script for each golden question, out of its plan and the columns of its answer; more: members
    of every step, chunk=1 say."""
    registry = json.loads((ROOT / "datasets/registry.json").read_text())
    scripts = []
    for prompt in (p for dataset in registry["datasets"] for p in dataset["prompts"]):
        path = f"datasets/golden/{prompt['id']}"
        columns = json.loads((ROOT / f"{path}.result.json").read_text())["columns"]
        first = ", ".join(f"{column} {{{{//rows/0/{i}}}}}" for i, column in enumerate(columns))
        plan = {"text": "", "tool_calls": [["execute_query_plan", {"$file": f"{path}.plan.json"}]]}
        answer = {"text": f"{{{{#//rows}}}} rows – the first: {first}."}
        scripts.append({"name": prompt["id"], "question": prompt["text"],
                        "steps": [{"pieces": 3, "chunk": 5, **step, **more} for step in (plan, answer)]})
    return check(scripts)


# ---- what a request says ----

Result = collections.namedtuple("Result", "name arguments text data")
Turn = collections.namedtuple("Turn", "question results tools system users")


class Float(float):
    """A number as it is written: 12.10 stays so in a text."""

    def __new__(cls, text):
        self = super().__new__(cls, text)
        self.text = text
        return self


def data_in(text):
    """The JSON in a tool's result, or None. Neither a tag in the sentence before it nor one in the data,
    which cannot know the nonce, is taken for the tag."""
    for opening in re.finditer(r"<data-([^<>\s]+)>", text):
        for closing in re.finditer(re.escape(f"</data-{opening[1]}>"), text[opening.end():]):
            try:
                return json.loads(text[opening.end():][:closing.start()], parse_float=Float)
            except ValueError:
                continue
    try:
        return json.loads(text, parse_float=Float)
    except ValueError:
        return None


def _text_of(content):
    return "".join(b.get("text", "") for b in blocks_of(content)) if content else ""


def _openai_parts(body):
    """(what, ...) of a conversation in order: system, user, call, result."""
    for message in body["messages"]:
        role, text = message["role"], _text_of(message.get("content"))
        if role in ("system", "developer"):
            yield "system", text
        elif role == "user":
            yield "user", text
        elif role == "tool":
            yield "result", message["tool_call_id"], text
        for one in message.get("tool_calls", ()):
            function = one["function"]
            yield "call", one["id"], function["name"], json.loads(function["arguments"])


def _anthropic_parts(body):
    yield "system", _text_of(body.get("system"))
    for message in body["messages"]:
        for block in blocks_of(message["content"]):
            if block["type"] == "tool_use":
                yield "call", block["id"], block["name"], block["input"]
            elif block["type"] == "tool_result":
                yield "result", block["tool_use_id"], _text_of(block.get("content"))
            elif block["type"] == "text" and message["role"] == "user":
                yield "user", block["text"]


def read_turn(wire, body):
    """A request, which a provider would take, in a form without a wire. results are those since the
    user's last message, users all of the user's messages, tools the names of what may be called."""
    calls, results, users, system = {}, [], [], []
    for what, *rest in (_openai_parts if wire == "openai" else _anthropic_parts)(body):
        if what == "system":
            system += filter(None, rest)
        elif what == "user":
            users.append(rest[0])
            results = []
        elif what == "call":
            calls[rest[0]] = rest[1:]
        else:
            results.append(Result(*calls[rest[0]], rest[1], data_in(rest[1])))
    tools = [tool["function"]["name"] if wire == "openai" else tool["name"]
             for tool in body.get("tools", ())]
    return Turn(users[-1] if users else "", results, tools, "\n\n".join(system), users)


# ---- placeholders ----

PATH = re.compile(r"\{\{(#?)(?:([1-9][0-9]*):)?(/[^{}]*|text)\}\}")
NOTHING = object()


def _at(value, keys):
    for key in keys:
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            return NOTHING
    return value


def _anywhere(value, keys):
    """Where the keys first lead somewhere, breadth first."""
    queue = collections.deque([value])
    while queue:
        value = queue.popleft()
        found = _at(value, keys)
        if found is not NOTHING:
            return found
        queue += value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return NOTHING


def _value(match, results):
    count, number, path = match.groups()
    which = int(number) if number else len(results)
    if not 1 <= which <= len(results):
        raise LookupError(f"{match[0]}: there are {len(results)} results of tools")
    result = results[which - 1]
    if path == "text":
        value = result.text
    else:
        find, path = (_anywhere, path[1:]) if path.startswith("//") else (_at, path)
        keys = [k.replace("~1", "/").replace("~0", "~") for k in path.split("/")[1:]]
        value = NOTHING if result.data is None else find(result.data, keys)
    if value is NOTHING:
        raise LookupError(f"{match[0]}: not in the result {result.text[:500]}")
    return len(value) if count else value


def _shown(value):
    if isinstance(value, Float):
        return value.text
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def fill(template, results):
    """The template (a text, or JSON with texts in it) with values in the place of its paths; a
    LookupError names the one that leads nowhere."""
    if isinstance(template, dict):
        if set(template) == {"$file"}:
            return json.loads((ROOT / template["$file"]).read_text())
        return {key: fill(value, results) for key, value in template.items()}
    if isinstance(template, list):
        return [fill(value, results) for value in template]
    if not isinstance(template, str):
        return template
    whole = PATH.fullmatch(template)
    if whole:
        return _value(whole, results)
    return PATH.sub(lambda match: _shown(_value(match, results)), template)


# ---- the server ----

def _played(step, wire, results):
    """A step of a script as ScriptedModel plays it."""
    step = {k: v for k, v in step.items() if k not in PLACES}
    if "status" in step:
        return status(step.pop("status"), **step)
    if "raw" in step:
        return {"content_type": "text/event-stream", **step, "raw": step["raw"].encode()}
    step = {"message": "no", "type": None, **step}
    # A text is always one: also when it is nothing but a path.
    step["text"] = _shown(fill(step.get("text", ""), results))
    step["tool_calls"] = [(name, fill(arguments, results), *rest)
                          for name, arguments, *rest in step.get("tool_calls", ())]
    if step.get("stop") in STOPS:
        step["stop"] = STOPS[step["stop"]][wire]
    return step


class Conversations(ScriptedModel):
    def __init__(self, scripts, *, certificate=None):
        """scripts: as the head of this file says; a ValueError names what is not."""
        super().__init__([], certificate=certificate)
        self.scripts, self.turns, self.played = check(scripts), [], collections.Counter()

    def step_of(self, turn):
        """(script's number, step's number) for a turn."""
        fits = [i for i, script in enumerate(self.scripts)
                if script["question"].casefold() in turn.question.casefold()]
        if not fits:
            raise LookupError(f"no script for the question {turn.question[:500]!r}")
        i = max(fits, key=lambda i: len(self.scripts[i]["question"]))
        count = len(turn.results)
        for n, step in enumerate(self.scripts[i]["steps"]):
            if count >= step["from"] if "from" in step else count == step.get("after", n):
                return i, n
        name = self.scripts[i].get("name", i)
        raise LookupError(f"script {name} has no step for {count} results of tools")

    def next_step(self, request):
        wire = self.wire_of(request)
        turn = read_turn(wire, request.body)
        self.turns.append(turn)
        place = self.step_of(turn)
        step = self.scripts[place[0]]["steps"][place[1]]
        done, first = self.played[place], step.get("first", ())
        self.played[place] += 1
        return _played(first[done] if done < len(first) else step, wire, turn.results)
