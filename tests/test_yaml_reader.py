"""What the manifest reader takes from a file. The expected values were printed by kubectl's own decoder, in Go
(k8s.io/apimachinery v0.37.2 with sigs.k8s.io/yaml v1.6.0), except where a comment says that we differ."""

import importlib
import json
import re
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubepreflight.errors import SourceError
from kubepreflight.sources.yaml_reader import Document, Problem, read_documents
from tests.manifests_read import nothing, only_problem, same, values


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a:\n- .inf", 2, "infinity"),
        ("a: .NaN", 1, "infinity and not-a-number"),
        ("a: 1\n~: 1", 2, "null as a key"),
        ("18446744073709551615: 1", 1, "18446744073709551615 as a key"),
        ("a: 1\n? [x]\n: 1", 2, "as a key"),
        ("? {x: 1}\n: 1", 1, "as a key"),
        ("a: &x [1]\n*x : 1", 2, "as a key"),
        ("a: !!int five", 1, "'five' is no !!int"),
        ("a: !!null x", 1, "'x' is no !!null"),
        ("a: !!float 9223372036854775808", 1, "is no !!float"),
        ("a: !!binary '*'", 1, "no base64"),
        (f"a: !!int {'x' * 10_000}", 1, "x...' is no !!int"),
        ("a: 1\nb: *x", 2, "no anchor 'x'"),
        ("a: &x\n  b: [*x]", 2, "contains itself"),
        ("&x\na: *x", 2, "contains itself"),
        ("a: 1\n<<: 3", 2, "<< needs a mapping"),
        ("<<: ~", 1, "<< needs a mapping"),
        ("<<: [{a: 1}, 3]", 1, "<< needs a mapping"),
        ("a: &x [{b: 1}]\n<<: *x", 2, "<< needs a mapping"),
        ("a: 1\n\tb: 2", 2, "tab"),
        ("a: b: c", 1, "mapping values are not allowed"),
        ("---\na: 1\nb: '1\nc: 2", 5, "unexpected end of stream while scanning a quoted scalar that begins on line 3"),
        ("# é\na: \0", 2, "control characters are not allowed (0x00)"),
        (b"a: 1\nb: \xff", 2, "invalid leading UTF-8 octet (0xff)"),
        (b"\x7fELF\2\1\1\0\0\n\0", 1, "control characters"),
        ("a: 1\n".encode("utf-16"), 1, "UTF-16"),
        ('a: "\\ud800"', 1, "invalid Unicode character escape code"),
        ("%YAML 1.1\n---\n", 2, "document start"),
    ],
)
def test_refuses_what_kubectl_refuses_and_says_where(text: str | bytes, line: int, message: str) -> None:
    problem = only_problem(text)
    assert (problem.line, problem.template) == (line, False)
    assert message in problem.message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1\na: 2", {"a": 2}),
        ("a: 1\n'a': 2", {"a": 2}),
        ("<<: {a: 1, b: 1}\na: 2", {"a": 2, "b": 1}),
        # In kubectl's library, what stands before the merge key is overridden.
        ("a: 2\n<<: {a: 1, b: 1}", {"a": 1, "b": 1}),
        ("<<: [{a: 1}, {a: 2, b: 2}]", {"a": 1, "b": 2}),
        ("!!merge <<: {a: 1}", {"a": 1}),
        ("w: &x {a: 1}\nx: {<<: *x, b: 2}", {"w": {"a": 1}, "x": {"a": 1, "b": 2}}),
        ("w: &x {a: 1}\nx: {<<: [*x]}", {"w": {"a": 1}, "x": {"a": 1}}),
        ("w: &x 1\nx: &x 2\nz: *x", {"w": 1, "x": 2, "z": 2}),
        ("x: &x 0o17\n*x : *x", {"x": 15, "15": 15}),
        ("&k a: &n\nb: *n\nc: *k", {"a": None, "b": None, "c": "a"}),
        ("a:\nb:\n-\n", {"a": None, "b": [None]}),
        ("a: |\n x", {"a": "x\n"}),
        ("a: |-\n x\n", {"a": "x"}),
        ("a: >\n x\n y\n", {"a": "x y\n"}),
        ("a:\t1", {"a": 1}),
        ("a: [1,\n2]", {"a": [1, 2]}),
        ("a: 1\rb: 2", {"a": 1, "b": 2}),
        ("a: |\r\n x\r\n y\r\n", {"a": "x\ny\n"}),
        ("\ufeffa: 1", {"a": 1}),
        ("{a: 1, b}", {"a": 1, "b": None}),
        ("  a: 1", {"a": 1}),
        ("a: http://x:80/?y={z}#w", {"a": "http://x:80/?y={z}#w"}),
    ],
)
def test_reads_yaml_as_kubectl_does(text: str, value: Any) -> None:
    assert same(values(text), [value])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("# only\n# comments", []),
        ("---\n---\n\n--- # x\n~\n---\nnull\n", []),
        ("hello", ["hello"]),
        ("[1]", [[1]]),
        ("a: 1\n---\nb: 2\n--- # comment\nc: 3\n---   ", [{"a": 1}, {"b": 2}, {"c": 3}]),
        ("---\n# x\na: 1\n...\n---\nb: 2", [{"a": 1}, {"b": 2}]),
        ("a: 1\r\n---\r\nb: 2\r\n", [{"a": 1}, {"b": 2}]),
        ("a: |\n  ---\n  x", [{"a": "---\nx\n"}]),
        ("a: 1\n---\n\ufeffb: 2", [{"a": 1}, {"b": 2}]),
        ("\ufeff---\na: 1", [{"a": 1}]),
        # kubectl cuts before it parses: this is no text of two lines.
        ('a: "x\n---\n"', ["problem on line 2", "problem on line 4"]),
        # kubectl stops at a separator like these; the other documents are read here.
        ("a: 1\n---x\nb: 2\n---\nc: 3", [{"a": 1}, "problem on line 2", {"c": 3}]),
        ("--- {a: 1}\n---\nc: 3", ["problem on line 1", {"c": 3}]),
        ("a: 1\n---x\n---\nc: 3", [{"a": 1}, "problem on line 2", {"c": 3}]),
        ("-----BEGIN CERTIFICATE-----\n", ["problem on line 1"]),
        # kubectl drops these silently.
        ("a: 1\n...\nb: 2", [{"a": 1}, "problem on line 3"]),
        ("a: 1\r---\rb: 2", [{"a": 1}, "problem on line 2"]),
        ("[1] 2", [[1], "problem on line 1"]),
        # kubectl reads JSON first, and YAML behind at most one document of JSON.
        ('\n {"a": 1}\n', [{"a": 1}]),
        ('{"a": 1}{"b": 2}\n\n{"c": 3} null', [{"a": 1}, {"b": 2}, {"c": 3}]),
        ('{"a": 1}\n---\nb: 2\n---\n{"c": 3}', [{"a": 1}, {"b": 2}, {"c": 3}]),
        ('{"a": 1} b: 2', [{"a": 1}, {"b": 2}]),
        ('{"a": 1}\n{"b": 2}\n---\nc: 3', [{"a": 1}, {"b": 2}, "problem on line 3", {"c": 3}]),
        ('{"a": 1}\n{"b": 2}\n{"c":\n}\n---\nd: 4', [{"a": 1}, {"b": 2}, "problem on line 4", {"d": 4}]),
        ('{"a": 1, "b": yes, }', [{"a": 1, "b": True}]),
        ('{"a": 1}}', [{"a": 1}, "problem on line 1"]),
        ("{}", [{}]),
    ],
)
def test_finds_the_documents_of_a_file(text: str, expected: list[Any]) -> None:
    assert same(values(text), expected)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1, "a": 2}', {"a": 2}),
        ('{"a": 1e3, "b": 1.0, "c": -0}', {"a": 1000.0, "b": 1.0, "c": 0}),
        ('{"a": 18446744073709551615, "b": [-9223372036854775809]}', {"a": 2.0**64, "b": [-(2.0**63)]}),
        ('{"a": "\\ud83d\\ude00\\/"}', {"a": "😀/"}),
        ('{"yes": "no"}', {"yes": "no"}),
    ],
)
def test_reads_json_as_kubectl_does(text: str, value: Any) -> None:
    assert same(values(text), [value])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1e999}', "Number out of range"),
        ('{"a": ' + "9" * 5000 + "}", "out of range"),
        # kubectl reads these two, with U+FFFD.
        ('{"a": "\\ud800"}', "JSON"),
        (b'{"a": "\xff"}', "can't decode byte 0xff"),
    ],
)
def test_refuses_broken_json(text: str | bytes, message: str) -> None:
    assert message in only_problem(text).message


def test_one_broken_document_of_a_hundred() -> None:
    documents = [f"kind: A\nmetadata: {{name: n{number}}}\n" for number in range(100)]
    documents[57] = "kind: A\n\tmetadata: x\n"
    entries = list(read_documents("---\n".join(documents).encode()))
    assert [number for number, entry in enumerate(entries) if isinstance(entry, Problem)] == [57]
    assert [entry.line for entry in entries][56:59] == [169, 173, 175]


@pytest.mark.parametrize(
    ("text", "template"),
    [
        ("{{- if .Values.enabled }}\n", True),
        ("kind: A\nspec:\n  replicas: {{ .Values.replicas }}\n", True),
        ("kind: A\nmetadata:\n  {{- toYaml .Values.labels | nindent 2 }}\n", True),
        ("---{{ end }}\n", True),
        ("a: b: c", False),
    ],
)
def test_marks_what_may_be_a_template(text: str, template: bool) -> None:
    assert only_problem(text).template is template
    # Parsed as YAML, one of these is a mapping for a key: no header may come out of it.
    assert list(read_documents(text.encode(), wants=nothing)) == [only_problem(text)]


def test_a_template_that_is_yaml_is_read() -> None:
    assert values('name: "{{ .Release.Name }}"') == [{"name": "{{ .Release.Name }}"}]


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", '{"a": '])
@pytest.mark.parametrize("depth", [201, 100_000])
def test_refuses_what_is_nested_too_deep(opening: str, depth: int) -> None:
    # libyaml has a limit of its own since 0.2.6, beyond ours, and stops at it first.
    assert re.search("nested deeper than 200 levels|nesting depth", only_problem(opening * depth).message)


@pytest.mark.parametrize("prefix", ["", "---\n"])
def test_reads_what_is_nested_200_levels_deep(prefix: str) -> None:
    text = '{"a":' * 199 + "[1]" + "}" * 199
    assert values(prefix + text) == [json.loads(text)]
    assert "nested deeper" in only_problem(prefix + text.replace("1", "[1]")).message


def test_refuses_aliases_that_explode() -> None:
    text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in range(1, 30):
        text += f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n"
    assert "more than 1,000,000 values out of aliases" in only_problem(text).message


def test_merge_keys_count_as_aliases() -> None:
    text = f"a: &a {{{', '.join(f'k{number}: 1' for number in range(1000))}}}\n" + "".join(
        f"b{number}: {{<<: *a}}\n" for number in range(2000)
    )
    assert "values out of aliases" in only_problem(text).message


@pytest.mark.parametrize("text", ["a: 1\n---\na: {}\n", '{{"a": 1}}\n{{"a": "{}"}}'])
def test_refuses_documents_beyond_the_limit(text: str) -> None:
    first, second = read_documents(text.format("x" * 100).encode(), largest_document=100)
    assert first == Document({"a": 1}, 1)
    assert isinstance(second, Problem)
    assert "up to 100 are read" in second.message


@pytest.mark.parametrize(
    ("text", "lines", "item_lines"),
    [
        ("\n# x\nkind: A\n", 3, ()),
        ("a: 1\n---\n\n# x\n  kind: A\n", 5, ()),
        ("kind: List\nitems:\n- a: 1\n\n# x\n- b: 1\n  c: 1\n- d\n", 1, (3, 6, 8)),
        ("kind: List\nitems: [{a: 1}, {b: 2},\n{c: 3}]\n", 1, (2, 2, 3)),
        ("kind: List\nx: &x\n- a\n- b\nitems: *x\n", 1, (1, 1)),
        ("items: []\nkind: List\n", 1, ()),
        ("items: [a]\nitems:\n- b\n", 1, (3,)),
        ("kind: A\nspec:\n  items:\n  - a\n", 1, ()),
        ('\n{\n"items":\n[\n{"a": 1},\n\n{"b":\n2}, {"c": 3}\n], "kind": "List"}', 2, (5, 7, 8)),
        ('{"items": [], "kind": "List"}', 1, ()),
    ],
)
def test_tells_lines(text: str, lines: int, item_lines: tuple[int, ...]) -> None:
    document = list(read_documents(text.encode()))[-1]
    assert isinstance(document, Document)
    assert (document.line, document.item_lines) == (lines, item_lines)


JSON_TEXT = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=20)
JSON_NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False).filter(
    lambda number: not number.is_integer() or abs(number) < 2**53
)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | JSON_NUMBERS | JSON_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(JSON_TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(JSON_VALUES, st.sampled_from([None, 1, 4]))
def test_json_means_the_same_as_yaml(value: Any, indent: int | None) -> None:
    text = json.dumps({"a": value}, indent=indent)
    assert values(text) == values("---\n" + text) == [{"a": value}]


@given(st.lists(JSON_VALUES.filter(lambda value: value is not None), max_size=4))
def test_documents_do_not_mix(documents: list[Any]) -> None:
    text = "".join(f"---\n{json.dumps([document], indent=1)}\n" for document in documents)
    assert values(text) == [[document] for document in documents]


def test_says_so_when_pyyaml_has_no_libyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    module = "kubepreflight.sources.yaml_reader"
    monkeypatch.delitem(sys.modules, module)
    monkeypatch.delattr("yaml.CBaseLoader")
    with pytest.raises(SourceError, match="without libyaml"):
        importlib.import_module(module)
