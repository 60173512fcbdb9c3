"""render.py against what the documentation of Helm, Sprig and Go says of templates. GUIDE is
https://helm.sh/docs/chart_template_guide/, SPRIG https://masterminds.github.io/sprig/, GO
https://pkg.go.dev/text/template."""
import json

import pytest

import render
from render import Failure, Template

FAVORITE = {"Values": {"favorite": {"drink": "coffee", "food": "pizza"},
                       "toppings": ["mushrooms", "cheese"], "none": None, "zero": 0.0,
                       "port": 8080.0, "many": 1234567.0, "half": 0.5, "map": {}},
            "Release": {"Name": "elk"}}


def made(text, dot=None):
    return Template(text).render(FAVORITE if dot is None else dot)


# What is between the actions, and what the dashes take away: GUIDE control_structures,
# "Controlling Whitespace"; GO, "Text and spaces".
@pytest.mark.parametrize("text,out", [
    ("a\n  {{ if true }}\n  b\n  {{ end }}\n", "a\n  \n  b\n  \n"),
    ("a\n  {{- if true }}\n  b\n  {{- end }}\n", "a\n  b\n"),
    ("food: 1\n  {{- if true -}}\n  mug: true\n  {{- end -}}\n\n", "food: 1mug: true"),
    ("x {{- 3 }}", "x3"), ("x {{-3 }}", "x -3"), ("{{ 23 -}} < {{- 45 }}", "23<45"),
    ("a {{/* a comment }} */}} b", "a  b"), ("a {{- /* two\nlines */ -}} b", "ab"),
    ('{{ "}}" }}', "}}"), ("{{ `raw \"{{ }}` }}", 'raw "{{ }}'),
])
def test_blanks(text, out):
    assert made(text) == out


# False is: false, zero, an empty text, nil, an empty collection. GUIDE control_structures, "If/Else".
@pytest.mark.parametrize("value,truth", [
    ("false", False), ("0", False), ('""', False), ("nil", False), ("list", False), ("dict", False),
    (".Values.none", False), (".Values.zero", False), (".Values.nothing", False), ("true", True),
    ("1", True), ('"false"', True), ("(list 1)", True), ('(dict "a" 1)', True), ("-1", True),
])
def test_truth(value, truth):
    assert made(f"{{{{ if {value} }}}}yes{{{{ else }}}}no{{{{ end }}}}") == ("yes" if truth else "no")


@pytest.mark.parametrize("text,out", [
    # GUIDE control_structures: else if; with; $ is the root; range over lists and tuples.
    ('{{ if false }}a{{ else if eq .Values.favorite.drink "coffee" }}b{{ else }}c{{ end }}', "b"),
    ("{{ if false }}a{{ else if false }}b{{ else }}c{{ end }}", "c"),
    ("{{ with .Values.favorite }}{{ .drink }} {{ $.Release.Name }}{{ end }}{{ .Release.Name }}", "coffee elkelk"),
    ("{{ with .Values.none }}a{{ else }}b{{ .Release.Name }}{{ end }}", "belk"),
    ("{{- range .Values.toppings }}\n- {{ . | title | quote }}\n{{- end }}", '\n- "Mushrooms"\n- "Cheese"'),
    ('{{ range tuple "small" "large" }}{{ . }},{{ end }}', "small,large,"),
    ("{{ range .Values.none }}a{{ else }}none{{ end }}", "none"),
    # GUIDE variables: of a list the index and the value, of a map the keys in their order.
    ("{{ range $i, $t := .Values.toppings }}{{ $i }}: {{ $t }} {{ end }}", "0: mushrooms 1: cheese "),
    ("{{ range $k, $v := .Values.favorite }}{{ $k }}={{ $v }} {{ end }}", "drink=coffee food=pizza "),
    ("{{ $name := .Release.Name }}{{ with .Values.favorite }}{{ $name }}{{ end }}", "elk"),
    # GO, "Variables": = changes the one that is there, := makes one of the block.
    ("{{ $a := 1 }}{{ if true }}{{ $a = 2 }}{{ end }}{{ $a }}", "2"),
    ("{{ $a := 1 }}{{ if true }}{{ $a := 2 }}{{ end }}{{ $a }}", "1"),
    # GO, "Pipelines": the value is the next command's last argument.
    ('{{ "put" | printf "%s%s" "out" | printf "%q" }}', '"output"'),
    ('{{ printf "%q" (print "out" "put") }}', '"output"'), ('{{ with "o" }}{{ . | printf "%s-%d" "a" 1 | len }}{{ end }}', None),
    # GO, "Functions": and, or give the deciding value, and look no further; eq is any of several.
    ('{{ and "" (fail "no") }}|{{ or "a" (fail "no") }}|{{ and 1 "b" }}|{{ or "" 0 }}', "|a|b|0"),
    ('{{ eq "c" "a" "b" "c" }} {{ ne 1 2 }} {{ lt 1 2 }} {{ not 0 }}', "true true true true"),
    ("{{ index .Values.toppings 1 }}{{ index .Values.favorite `food` }}", "cheesepizza"),
    # Numbers of YAML are floats, and are printed so; nil is nothing.
    ("{{ .Values.port }} {{ .Values.many }} {{ .Values.half }} {{ .Values.many | int }}", "8080 1.234567e+06 0.5 1234567"),
    ("[{{ .Values.none }}{{ .Values.nothing }}]", "[]"), ("{{ .Values.toppings }}", "[mushrooms cheese]"),
    ("{{ .Values.favorite }}", "map[drink:coffee food:pizza]"),
])
def test_language(text, out):
    if out is None:
        with pytest.raises(Failure):
            made(text)
    else:
        assert made(text) == out


# GUIDE function_list and SPRIG, with their own examples.
@pytest.mark.parametrize("text,out", [
    ('{{ default "foo" "" }}{{ default "foo" 0 }}{{ default "foo" "bar" }}{{ .Values.none | default "x" }}', "foofoobarx"),
    ('{{ trunc 5 "hello world" }}|{{ trunc -5 "hello world" }}', "hello|world"),
    ('{{ trimSuffix "-" "hello-" }}{{ contains "cat" "catch" }}{{ upper "hello" }}', "hellotrueHELLO"),
    ('{{ "I Am Henry VIII" | replace " " "-" }}', "I-Am-Henry-VIII"),
    ('{{ indent 4 "a\\nb" }}|{{ nindent 2 "a\\nb" }}', "    a\n    b|\n  a\n  b"),
    ('{{ list "hello" "world" | join "_" }}{{ list 1 2 3 | join "+" }}', "hello_world1+2+3"),
    ('{{ ternary "foo" "bar" true }}{{ ternary "foo" "bar" false }}{{ true | ternary "b" "c" }}', "foobarb"),
    ('{{ quote "a" 1 }}{{ empty "" }}{{ repeat 3 "x" }}', '"a" "1"truexxx'),
    ('{{ "Man" | b64enc }}{{ "TWFu" | b64dec }}', "TWFuMan"),
    ('{{ sha256sum "Hello world!" }}', "c0535e4be2b79ffd93291305436bf889314e4a3faec05ecffcbb7df31ad9e51a"),
    ('{{ $d := dict "n" 1 }}{{ $_ := set $d "m" 2 }}{{ $d | toJson }}{{ hasKey $d "m" }}{{ $d.n }}', '{"m":2,"n":1}true1'),
    ('{{ merge (dict "a" 1) (dict "a" 2 "b" 3) | toJson }}', '{"a":1,"b":3}'),
    ("{{ concat (list 1 2) (list 3) }}{{ append (list 1) 2 }}{{ list 1 1 2 | uniq }}{{ first (list 7 8) }}", "[1 2 3][1 2][1 2]7"),
    ('{{ dict "a" (list 1 2) "b" "<" | toPrettyJson }}', '{\n  "a": [\n    1,\n    2\n  ],\n  "b": "\\u003c"\n}'),
    ("{{ .Values.favorite | toYaml }}|{{ .Values.port | toYaml }}|{{ .Values.map | toYaml }}", "drink: coffee\nfood: pizza|8080|{}"),
    ('{{ int "7" }}{{ int .Values.port }}{{ print "a" 1 2 "b" }}', "78080a1 2b"),
    ('{{ lookup "v1" "Secret" "ns" "name" | toJson }}', "{}"),   # without a cluster: GUIDE function_list, lookup
    ('{{ required "needed" "there" }}', "there"), ('{{ range fromYamlArray "- a\\n- b" }}{{ . }}{{ end }}', "ab"),
])
def test_functions(text, out):
    assert made(text) == out


def test_random_texts_differ():
    one, other = made("{{ randAlphaNum 42 }}"), made("{{ randAlphaNum 42 }}")
    assert len(one) == 42 and one.isalnum() and one != other


# GUIDE named_templates: names are of all files, define says nothing, the scope is what is given,
# include can be indented.
def test_named_templates():
    templates = {}
    Template('{{- define "app" -}}\nname: {{ .Release.Name }}\nversion: "1"\n{{- end -}}', templates)
    body = Template('labels:\n{{ include "app" . | indent 2 }}\ndata:\n  {{- include "app" . | nindent 2 }}', templates)
    whole = 'labels:\n  name: elk\n  version: "1"\ndata:\n  name: elk\n  version: "1"'
    assert body.render(FAVORITE) == whole
    inner = Template('{{ $x := 1 }}{{ include "deep" .Values }}{{ define "deep" }}{{ .half }}{{ $.half }}{{ end }}')
    assert inner.render(FAVORITE) == "0.50.5"


@pytest.mark.parametrize("text,words", [
    # GUIDE control_structures: the parent is not in a narrower scope.
    ("{{ with .Values.favorite }}{{ .Release.Name }}{{ end }}", "nil pointer"),
    ("{{ .Values.none.deeper }}", "nil pointer"), ("{{ if true }}", "end"), ("{{ end }}", "unexpected"),
    ("{{ foo 1 }}", "foo is not known"), ("{{ if eq .Values.port 8080 }}{{ end }}", "incompatible types"),
    ('{{ fail "because" }}', "because"), ('{{ required "needed" .Values.none }}', "needed"),
    ("{{ $x }}", "no variable"), ("{{ 1 2 }}", "no function"), ("{{ .Values | }}", "empty command"),
    ('{{ include "none" . }}', "no template"), ("{{ (1 }}", "missing"), ("a {{ b", "without an end"),
    ('{{ template "x" }}', "not one of"), ("{{ range 1.5 }}{{ end }}", "iterate"), ('{{ upper 1 }}', "upper"),
])
def test_refusals(text, words):
    with pytest.raises(Failure, match=words):
        made(text)


@pytest.fixture
def chart(tmp_path):
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text('name: small\nversion: 0.1.0\nappVersion: "1"\n')
    (tmp_path / "values.yaml").write_text("a: {b: 1, c: 2, d: 3}\nlist: [1, 2]\nname: x\n")
    schema = {"type": "object", "properties": {"name": {"type": "string"}, "a": {"type": "object"}}}
    (tmp_path / "values.schema.json").write_text(json.dumps(schema))
    (tmp_path / "templates/_parts.tpl").write_text('{{ define "part" }}{{ .Chart.AppVersion }}{{ end }}')
    (tmp_path / "templates/all.yaml").write_text(
        '{{ .Values | toJson }}|{{ include "part" . }}|{{ .Release.Namespace }}|{{ .Release.Service }}'
        '|{{ include (print $.Template.BasePath "/other.yaml") . }}')
    (tmp_path / "templates/other.yaml").write_text('{{ .Capabilities.APIVersions.Has "policy/v1" }}')
    return tmp_path


def test_values_of_a_chart(chart, tmp_path):
    """GUIDE values_files: files over the chart's own, --set over those, null takes a key away; lists
    are replaced."""
    file = tmp_path / "more.yaml"
    file.write_text("a: {b: 5, d: null}\nlist: [3]\n")
    out = render.render(chart, files=[file], options=["a.b=7", "hosts={x,y}", "t=true"],
                        values={"a": {"c": 9}}, namespace="ns")
    values, *rest = out["all.yaml"].split("|")
    assert json.loads(values) == {"a": {"b": 7, "c": 9}, "list": [3], "name": "x", "hosts": ["x", "y"], "t": True}
    assert rest == ["1", "ns", "Helm", "false"] and set(out) == {"all.yaml", "other.yaml"}
    assert render.render(chart, kubernetes="1.30.0")["other.yaml"] == "true"


def test_values_that_do_not_fit_the_schema(chart):
    with pytest.raises(Failure, match="name: 7 is not of type 'string'"):
        render.render(chart, options=["name=7"])
