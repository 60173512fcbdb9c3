#!/usr/bin/python3
"""render.py CHART [-f FILE]... [--set NAME=VALUE]... [--name NAME] [--namespace NAME] [--notes]: what Helm
makes of a chart, for machines without Helm. It knows the part of Helm's templates that the chart of askcsv
uses, and refuses all else: Go's text/template, the functions in FUNCTIONS, values, their schema.

    manifests(CHART, values...) -> the list of objects, by Helm itself where it is installed
    Template(text).render(dot)  -> text

Values are as Helm has them: every number out of YAML is a float, whole ones of the template are not.
"""
import argparse
import base64
import hashlib
import json
import math
import pathlib
import re
import secrets
import shutil
import string
import subprocess
import sys
import warnings

import yaml

KUBERNETES = "1.20.2"
# What `helm template` says that a cluster has, of what the chart asks about.
API_VERSIONS = {"1.20": ["policy/v1beta1", "autoscaling/v2beta2"],
                "1.30": ["policy/v1", "autoscaling/v2"]}


class Failure(Exception):
    """What Helm would end with."""


# ---- words of the language ----

ACTION = re.compile(r"\{\{(-(?=\s))?((?:\"(?:\\.|[^\"\\\n])*\"|`[^`]*`|/\*.*?\*/|[^\"`])*?)((?<=\s)-)?\}\}", re.S)
WORD = re.compile(r"""\s*(?:(?P<string>"(?:\\.|[^"\\\n])*"|`[^`]*`)|(?P<number>[-+]?\d+(?:\.\d+)?)(?![\w.])
    |(?P<variable>\$\w*)|(?P<field>\.\w+)|(?P<name>[A-Za-z_]\w*)|(?P<sign>:=|[=|(),.]))""", re.X)
CONSTANTS = {"true": True, "false": False, "nil": None}


def pieces(text):
    """("text", ...) and ("action", ...) in turn, with the blanks gone that {{- and -}} take along."""
    out, at, trim = [], 0, False
    for match in ACTION.finditer(text):
        before = text[at:match.start()]
        if trim:
            before = before.lstrip(" \t\r\n")
        if match[1]:
            before = before.rstrip(" \t\r\n")
        out += [("text", before), ("action", match[2].strip())]
        at, trim = match.end(), bool(match[3])
    rest = text[at:]
    if "{{" in rest:
        raise Failure(f"an action without an end: {rest[rest.index('{{'):][:60]}")
    out.append(("text", rest.lstrip(" \t\r\n") if trim else rest))
    return [piece for piece in out if piece != ("text", "")]


def words(text):
    """[(kind, text, whether a blank is before it)]"""
    found, at = [], 0
    while text[at:].strip():
        match = WORD.match(text, at)
        if not match:
            raise Failure(f"not understood: {text[at:].strip()[:60]}")
        found.append((match.lastgroup, match[match.lastgroup], match.start(match.lastgroup) > at))
        at = match.end()
    return found


# ---- parsing ----

class Words:
    """A pipeline's words, read one by one."""

    def __init__(self, text):
        self.list, self.at, self.text = words(text), 0, text

    def peek(self, *texts):
        here = self.list[self.at] if self.at < len(self.list) else (None, None, True)
        return here if not texts else here[0] not in (None, "string") and here[1] in texts

    def next(self):
        self.at += 1
        if self.at > len(self.list):
            raise Failure(f"something is missing in {{{{{self.text}}}}}")
        return self.list[self.at - 1]

    def done(self):
        if self.at < len(self.list):
            raise Failure(f"more than was expected in {{{{{self.text}}}}}")


def parse_pipeline(words_):
    """("pipe", [variables], ":=" or "=" or None, [command, ...])"""
    variables, sign = [], None
    start = words_.at
    while words_.peek()[0] == "variable":
        variables.append(words_.next()[1])
        if words_.peek(","):
            words_.next()
        else:
            break
    if variables and words_.peek(":=", "="):
        sign = words_.next()[1]
    else:
        variables, words_.at = [], start
    commands = [parse_command(words_)]
    while words_.peek("|"):
        words_.next()
        commands.append(parse_command(words_))
    return "pipe", variables, sign, commands


def parse_command(words_):
    operands = []
    while words_.peek()[0] is not None and not words_.peek("|", ")"):
        operands.append(parse_operand(words_))
    if not operands:
        raise Failure(f"an empty command in {{{{{words_.text}}}}}")
    return operands


def parse_operand(words_):
    kind, text, _ = words_.next()
    if kind == "string":
        node = ("value", text[1:-1] if text[0] == "`" else json.loads(text))
    elif kind == "number":
        node = ("value", float(text) if "." in text else int(text))
    elif kind == "variable":
        node = ("variable", text)
    elif kind == "field":
        node = ("field", ("dot",), text[1:])
    elif kind == "name":
        node = ("value", CONSTANTS[text]) if text in CONSTANTS else ("function", text)
    elif text == ".":
        return ("dot",)
    elif text == "(":
        node = parse_pipeline(words_)
        if words_.next()[1] != ")":
            raise Failure(f"a bracket is missing in {{{{{words_.text}}}}}")
    else:
        raise Failure(f"unexpected {text} in {{{{{words_.text}}}}}")
    while words_.peek()[0] == "field" and not words_.peek()[2]:
        node = ("field", node, words_.next()[1][1:])
    return node


class Parser:
    """Actions into nodes; templates that are defined on the way go into templates."""

    def __init__(self, text, templates):
        self.pieces, self.at, self.templates = pieces(text), 0, templates

    def whole(self):
        nodes, end = self.nodes()
        if end is not None:
            raise Failure(f"unexpected {{{{{end}}}}}")
        return nodes

    def nodes(self):
        """Up to the end, or an action that ends a block, which is returned too."""
        found = []
        while self.at < len(self.pieces):
            kind, text = self.pieces[self.at]
            self.at += 1
            if kind == "text":
                found.append(("text", text))
                continue
            if text.startswith("/*"):
                if not text.endswith("*/"):
                    raise Failure(f"a comment without an end: {text[:60]}")
                continue
            word = text.split(None, 1)[0] if text else ""
            rest = text[len(word):].strip()
            if word in ("end", "else"):
                return found, text
            found.append(self.action(word, rest, text))
        return found, None

    def action(self, word, rest, text):
        if word == "define":
            body, end = self.nodes()
            self.must_end(end)
            self.templates[json.loads(rest)] = body
            return ("text", "")
        if word in ("if", "with", "range"):
            return self.block(word, rest)
        if word in ("template", "block", "break", "continue"):
            raise Failure(f"{word} is not one of the actions that are known here")
        return ("print", self.pipeline(text))

    def block(self, word, rest):
        pipeline = self.pipeline(rest)
        body, end = self.nodes()
        otherwise = []
        if end is not None and end.startswith("else"):
            more = end[4:].strip()
            if more:
                deeper, _, condition = more.partition(" ")
                if deeper != "if" or word != "if":
                    raise Failure(f"unexpected {{{{{end}}}}}")
                return (word, pipeline, body, [self.block("if", condition)])
            otherwise, end = self.nodes()
        self.must_end(end)
        return (word, pipeline, body, otherwise)

    @staticmethod
    def pipeline(text):
        words_ = Words(text)
        found = parse_pipeline(words_)
        words_.done()
        return found

    @staticmethod
    def must_end(end):
        if end != "end":
            raise Failure(f"an end is missing, not {end}")


# ---- values ----

def is_true(value):
    return bool(value)


def go_float(value):
    """%v of a float64: the shortest digits, with an exponent from a million on."""
    if math.isinf(value) or math.isnan(value):
        raise Failure(f"no number: {value}")
    digits = next(d for d in (f"{value:.{p}e}" for p in range(18)) if float(d) == value)
    mantissa, _, exponent = digits.partition("e")
    if not -4 <= int(exponent) < 6:
        return digits
    return f"{value:.{max(len(mantissa.lstrip('-').replace('.', '')) - 1 - int(exponent), 0)}f}"


def text_of(value):
    """%v. Helm prints nothing for nil."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return go_float(value)
    if isinstance(value, dict):
        return f"map[{' '.join(f'{k}:{text_of(v)}' for k, v in sorted(value.items()))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(text_of, value))}]"
    return str(value)


def kind_of(value):
    for kind, types in (("bool", bool), ("int", int), ("float", float), ("string", str)):
        if isinstance(value, types):
            return kind
    raise Failure(f"{text_of(value)} can be compared with nothing")


def compare(a, b):
    """Go compares no number of YAML with a whole one of the template."""
    if kind_of(a) != kind_of(b):
        raise Failure(f"incompatible types for comparison: {text_of(a)} and {text_of(b)}")
    return (a > b) - (a < b)


def plain(value):
    """As JSON has it: a whole float is written without a point."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def helm_value(value):
    """As Helm reads YAML: through JSON, whose numbers are floats."""
    if isinstance(value, dict):
        return {str(k): helm_value(v) for k, v in value.items()}
    if isinstance(value, list):
        return [helm_value(v) for v in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def overlay(base, over):
    """over wins; a null takes the key away."""
    merged = dict(base)
    for key, value in over.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = overlay(merged[key], value)
        else:
            merged[key] = value
    return merged


# ---- functions ----

def to_yaml(value):
    return yaml.safe_dump(plain(value), default_flow_style=False, sort_keys=True, width=10**9,
                          allow_unicode=True).removesuffix("\n").removesuffix("\n...")


def to_json(value, indent=None):
    text = json.dumps(plain(value), indent=indent, sort_keys=True, ensure_ascii=False,
                      separators=None if indent else (",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def printf(form, *values):
    out, rest = "", list(values)
    for part in re.split(r"(%[a-z%])", form):
        if part == "%%":
            out += "%"
        elif part in ("%s", "%v", "%d", "%q"):
            value = rest.pop(0)
            if part == "%s" and not isinstance(value, str) or part == "%d" and kind_of(value) != "int":
                raise Failure(f"printf: {part} of {text_of(value)}")
            out += json.dumps(value) if part == "%q" else text_of(value)
        elif part.startswith("%"):
            raise Failure(f"printf: {part} is not known here")
        else:
            out += part
    if rest:
        raise Failure("printf: more values than places")
    return out


def print_(*values):
    """Blanks between two neither of which is a text."""
    out = ""
    for i, value in enumerate(values):
        if i and not isinstance(value, str) and not isinstance(values[i - 1], str):
            out += " "
        out += text_of(value)
    return out


def fail(message):
    raise Failure(message)


def required(message, value):
    return fail(message) if value is None or value == "" else value


def set_(target, key, value):
    target[key] = value
    return target


def merge(target, *others):
    """What is in the target stays; the target is changed."""
    for other in others:
        for key, value in other.items():
            if isinstance(value, dict) and isinstance(target.get(key), dict):
                merge(target[key], value)
            elif not is_true(target.get(key)):
                target[key] = value
    return target


def index(value, *keys):
    for key in keys:
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and isinstance(key, int) and 0 <= key < len(value):
            value = value[key]
        else:
            raise Failure(f"index: there is no {key}")
    return value


def indent(n, text):
    return " " * n + text.replace("\n", "\n" + " " * n)


def trunc(n, text):
    return text[n:] if n < 0 else text[:n]


def quote(*values):
    return " ".join(json.dumps(text_of(v), ensure_ascii=False) for v in values if v is not None)


def dict_(*values):
    return {text_of(values[i]): values[i + 1] if i + 1 < len(values) else ""
            for i in range(0, len(values), 2)}


def whole(value):
    try:
        return int(float(value or 0))
    except ValueError:
        return 0


def strings(values):
    return [text_of(v) for v in values if v is not None]


FUNCTIONS = {
    "append": lambda values, more: [*values, more], "b64dec": lambda t: base64.b64decode(t).decode(),
    "b64enc": lambda t: base64.b64encode(t.encode()).decode(),
    "concat": lambda *lists: [v for one in lists for v in one],
    "contains": lambda part, text: part in text,
    "default": lambda fallback, value=None: value if is_true(value) else fallback,
    "dict": dict_, "empty": lambda v: not is_true(v), "eq": lambda a, *bs: any(compare(a, b) == 0 for b in bs),
    "fail": fail, "first": lambda v: v[0] if v else None, "fromYaml": lambda t: helm_value(yaml.safe_load(t)),
    "fromYamlArray": lambda t: helm_value(yaml.safe_load(t)), "ge": lambda a, b: compare(a, b) >= 0,
    "gt": lambda a, b: compare(a, b) > 0, "hasKey": lambda d, key: key in d, "indent": indent, "index": index,
    "int": whole, "join": lambda sep, values: sep.join(strings(values)), "last": lambda v: v[-1] if v else None,
    "le": lambda a, b: compare(a, b) <= 0, "len": len, "list": lambda *v: list(v),
    "lookup": lambda *_: {}, "lower": str.lower, "lt": lambda a, b: compare(a, b) < 0, "merge": merge,
    "ne": lambda a, b: compare(a, b) != 0, "nindent": lambda n, text: "\n" + indent(n, text),
    "not": lambda v: not is_true(v), "print": print_, "printf": printf, "quote": quote,
    "randAlphaNum": lambda n: "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(n)),
    "repeat": lambda n, text: text * n, "replace": lambda old, new, text: text.replace(old, new),
    "required": required, "set": set_, "sha256sum": lambda t: hashlib.sha256(t.encode()).hexdigest(),
    "ternary": lambda yes, no, test: yes if test else no, "title": lambda t: re.sub(r"\b[a-z]", lambda m: m[0].upper(), t),
    "toJson": to_json, "toPrettyJson": lambda v: to_json(v, 2), "toYaml": to_yaml, "trim": str.strip,
    "trimSuffix": lambda end, text: text.removesuffix(end), "trunc": trunc, "tuple": lambda *v: list(v),
    "uniq": lambda values: list(dict.fromkeys(values)), "upper": str.upper,
}
# These look at no more than they need.
LAZY = {"and": False, "or": True}


# ---- execution ----

class Scope:
    """The variables of a block and of those around it."""

    def __init__(self, up=None, **variables):
        self.up, self.own = up, {f"${k}": v for k, v in variables.items()}

    def find(self, name):
        scope = self
        while scope is not None and name not in scope.own:
            scope = scope.up
        if scope is None:
            raise Failure(f"there is no variable {name}")
        return scope


class Template:
    def __init__(self, text, templates=None):
        self.templates = {} if templates is None else templates
        self.nodes = Parser(text, self.templates).whole()

    def render(self, dot):
        return run_template(self.nodes, dot, self.templates)


def run_template(nodes, dot, templates):
    scope = Scope()
    scope.own["$"] = dot
    return run(nodes, dot, scope, templates)


def run(nodes, dot, scope, templates):
    out = []
    for node in nodes:
        if node[0] == "text":
            out.append(node[1])
        elif node[0] == "print":
            value = evaluate(node[1], dot, scope, templates)
            out.append("" if node[1][1] else text_of(value))
        else:
            out.append(run_block(node, dot, scope, templates))
    return "".join(out)


def run_block(node, dot, scope, templates):
    word, pipeline, body, otherwise = node
    inner = Scope(scope)
    if word == "range":
        return run_range(node, dot, inner, templates)
    value = evaluate(pipeline, dot, inner, templates)
    if is_true(value):
        return run(body, value if word == "with" else dot, inner, templates)
    return run(otherwise, dot, inner, templates)


def run_range(node, dot, scope, templates):
    _, (_, variables, sign, commands), body, otherwise = node
    value = evaluate(("pipe", [], None, commands), dot, scope, templates)
    if isinstance(value, dict):
        items = sorted(value.items())
    elif isinstance(value, list) or value is None:
        items = list(enumerate(value or []))
    else:
        raise Failure(f"range can't iterate over {text_of(value)}")
    if not items:
        return run(otherwise, dot, scope, templates)
    out = []
    for key, one in items:
        inner = Scope(scope)
        given = [one] if len(variables) == 1 else [key, one]
        for name, that in zip(variables, given):
            (inner if sign == ":=" else scope.find(name)).own[name] = that
        out.append(run(body, one, inner, templates))
    return "".join(out)


NOTHING = object()


def evaluate(pipeline, dot, scope, templates):
    _, variables, sign, commands = pipeline
    value = NOTHING
    for command in commands:
        value = call(command, value, dot, scope, templates)
    for name in variables:
        (scope if sign == ":=" else scope.find(name)).own[name] = value
    return value


def call(command, piped, dot, scope, templates):
    first, *rest = command

    def values():
        for operand in rest:
            yield operand_value(operand, dot, scope, templates)
        if piped is not NOTHING:
            yield piped

    if first[0] == "function":
        return call_function(first[1], values(), templates)
    value = operand_value(first, dot, scope, templates)
    arguments = list(values())
    if callable(value):
        return value(*arguments)
    if arguments:
        raise Failure(f"{first} is no function")
    return value


def call_function(name, values, templates):
    if name in LAZY:
        value = NOTHING
        for value in values:
            if is_true(value) == LAZY[name]:
                return value
        return fail(f"{name} wants values") if value is NOTHING else value
    arguments = list(values)
    if name == "include":
        wanted, dot = arguments
        if wanted not in templates:
            raise Failure(f"there is no template {wanted}")
        return run_template(templates[wanted], dot, templates)
    if name not in FUNCTIONS:
        raise Failure(f"the function {name} is not known here")
    try:
        return FUNCTIONS[name](*arguments)
    except (TypeError, AttributeError, ValueError, IndexError) as why:
        raise Failure(f"{name}: {why}") from why


def operand_value(node, dot, scope, templates):
    kind = node[0]
    if kind == "value":
        return node[1]
    if kind == "dot":
        return dot
    if kind == "variable":
        return scope.find(node[1]).own[node[1]]
    if kind == "function":
        return call_function(node[1], iter(()), templates)
    if kind == "pipe":
        return evaluate(node, dot, scope, templates)
    value = operand_value(node[1], dot, scope, templates)
    if value is None:
        raise Failure(f"nil pointer evaluating interface {{}}.{node[2]}")
    if isinstance(value, dict):
        return value.get(node[2])
    if hasattr(value, node[2]) and not isinstance(value, (str, list, float, int)):
        return getattr(value, node[2])
    raise Failure(f"can't evaluate field {node[2]} in {text_of(value)}")


# ---- charts ----

class ApiVersions:
    def __init__(self, known):
        self.known = known

    def Has(self, version):  # as Helm calls it
        return version in self.known


def set_option(values, text):
    """NAME.NAME=VALUE, or ={a,b}, as in helm --set."""
    path, _, given = text.partition("=")
    *parents, last = path.split(".")
    for parent in parents:
        values = values.setdefault(parent, {})
    if given.startswith("{") and given.endswith("}"):
        values[last] = [typed(v) for v in given[1:-1].split(",") if v]
    else:
        values[last] = typed(given)


def typed(text):
    if text in ("true", "false", "null"):
        return {"true": True, "false": False, "null": None}[text]
    return int(text) if re.fullmatch(r"0|-?[1-9]\d*", text) else text


def all_values(chart, files=(), options=(), values=None):
    """Those of the chart, of files, given as a tree, and by options; each wins over those before it."""
    merged = yaml.safe_load((chart / "values.yaml").read_text())
    for file in files:
        merged = overlay(merged, yaml.safe_load(pathlib.Path(file).read_text()))
    by_options = {}
    for option in options:
        set_option(by_options, option)
    return helm_value(overlay(overlay(merged, values or {}), by_options))


def check_schema(chart, values):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import jsonschema
    schema = json.loads((chart / "values.schema.json").read_text())
    errors = list(jsonschema.Draft7Validator(schema).iter_errors(plain(values)))
    if errors:
        where = [f"{'.'.join(map(str, e.absolute_path)) or '(root)'}: {e.message}" for e in errors]
        raise Failure("values don't meet the specifications of the schema(s): " + "; ".join(where))


def render(chart, *, files=(), options=(), values=None, name="askcsv", namespace="default",
           kubernetes=KUBERNETES):
    """{file's name: text} of all templates but partial ones."""
    chart = pathlib.Path(chart)
    told = yaml.safe_load((chart / "Chart.yaml").read_text())
    given = all_values(chart, files, options, values)
    check_schema(chart, given)
    templates, base = {}, f"{told['name']}/templates"
    for file in sorted((chart / "templates").iterdir(), reverse=True):
        templates[f"{base}/{file.name}"] = Parser(file.read_text(), templates).whole()
    known = API_VERSIONS[".".join(kubernetes.split(".")[:2])]
    dot = {"Values": given, "Chart": {key[0].upper() + key[1:]: v for key, v in told.items()},
           "Release": {"Name": name, "Namespace": namespace, "Service": "Helm", "IsInstall": True,
                       "IsUpgrade": False, "Revision": 1},
           "Capabilities": {"APIVersions": ApiVersions(known),
                            "KubeVersion": {"Version": f"v{kubernetes}"}}}
    out = {}
    for path in sorted(templates):
        file = path.rpartition("/")[2]
        if path.startswith(f"{base}/") and not file.startswith("_"):
            try:
                out[file] = run_template(templates[path],
                                         {**dot, "Template": {"Name": path, "BasePath": base}}, templates)
            except Failure as why:
                raise Failure(f"{file}: {why}") from why
    return out


def render_by_helm(chart, files, options, values, name, namespace, kubernetes):
    known = [f"--api-versions={v}" for v in API_VERSIONS[".".join(kubernetes.split(".")[:2])]]
    done = subprocess.run(
        ["helm", "template", name, chart, "--namespace", namespace, "--kube-version", kubernetes, *known,
         *[w for f in files for w in ("-f", f)], "-f", "-", *[w for o in options for w in ("--set", o)]],
        input=json.dumps(values or {}), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(done.stderr)
    return done.stdout


def manifests(chart, *, files=(), options=(), values=None, name="askcsv", namespace="default",
              kubernetes=KUBERNETES, own=False):
    """The objects. own: not by Helm, even if it is there."""
    if shutil.which("helm") and not own:
        texts = [render_by_helm(chart, files, options, values, name, namespace, kubernetes)]
    else:
        texts = [text for file, text in render(
            chart, files=files, options=options, values=values, name=name, namespace=namespace,
            kubernetes=kubernetes).items() if not file.endswith(".txt")]
    try:
        return [one for text in texts for one in yaml.safe_load_all(text) if one]
    except yaml.YAMLError as why:
        raise Failure(f"YAML parse error: {why}") from why


def main():
    parser = argparse.ArgumentParser(usage=__doc__.partition(":")[0])
    parser.add_argument("chart", type=pathlib.Path)
    parser.add_argument("-f", dest="files", action="append", default=[])
    parser.add_argument("--set", dest="options", action="append", default=[])
    parser.add_argument("--name", default="askcsv")
    parser.add_argument("--namespace", default="default")
    parser.add_argument("--notes", action="store_true")
    given = parser.parse_args()
    try:
        out = render(given.chart, files=given.files, options=given.options, name=given.name,
                     namespace=given.namespace)
    except Failure as why:
        sys.exit(f"render: {why}")
    for file, text in out.items():
        if file.endswith(".txt") == given.notes and text.strip():
            print(text if given.notes else f"---\n# Source: {file}\n{text.strip()}")


if __name__ == "__main__":
    main()
