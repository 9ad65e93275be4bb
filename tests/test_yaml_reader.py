"""What the manifest reader takes from a file. Expected values were printed by kubectl's own decoder, in Go
(k8s.io/apimachinery v0.37.2 with sigs.k8s.io/yaml v1.6.0), except where a comment says that we differ."""

import importlib
import json
import math
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubepreflight.errors import SourceError
from kubepreflight.sources.documents import header_of
from kubepreflight.sources.yaml_reader import Document, Header, Problem, read_documents


def values(text: str | bytes) -> list[Any]:
    """The values of all documents, with the line of a problem in the place of what is broken."""
    data = text if isinstance(text, bytes) else text.encode()
    return [
        entry.value if isinstance(entry, Document) else f"problem on line {entry.line}"
        for entry in read_documents(data)
    ]


def only_problem(text: str | bytes) -> Problem:
    (problem,) = read_documents(text if isinstance(text, bytes) else text.encode())
    assert isinstance(problem, Problem)
    return problem


def same(one: Any, other: Any) -> bool:
    """Equal, and 1, 1.0 and True told apart, 0.0 and -0.0 too."""
    return repr(one) == repr(other)


def nothing(_api_version: str, _kind: str) -> bool:
    """What wants nothing whole."""
    return False


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("yes", True),
        ("On", True),
        ("y", True),
        ("n", False),
        ("OFF", False),
        ("oN", "oN"),
        ("null", None),
        ("~", None),
        ("nUll", "nUll"),
        ("0644", 420),
        ("0o644", 420),
        ("0O7", 7),
        ("0x1F", 31),
        ("0X1f", 31),
        ("0b11", 3),
        ("-0b11", -3),
        ("+12", 12),
        ("-0", 0),
        ("1_000", 1000),
        ("1__0_", 10),
        ("_1", "_1"),
        ("08", 8),
        ("0o8", "0o8"),
        ("089.5", 89.5),
        ("1e3", 1000),
        ("1E-3", 0.001),
        ("8E9_", 8_000_000_000),
        ("1.", 1),
        ("1.0", 1),
        ("-0.0", 0),
        (".5", 0.5),
        (".5_0", 0.5),
        (".5_", ".5_"),
        ("._5", "._5"),
        (".e3", ".e3"),
        (".", "."),
        ("1e999", "1e999"),
        (".1e999", ".1e999"),
        ("9223372036854775807", 9223372036854775807),
        ("9223372036854775808", 9.223372036854776e18),
        ("-9223372036854775808", -9223372036854775808),
        ("-9223372036854775809", -9.223372036854776e18),
        ("18446744073709551615", 1.8446744073709552e19),
        ("0xffffffffffffffff", 1.8446744073709552e19),
        ("+0xffffffffffffffff", "+0xffffffffffffffff"),
        ("0x10000000000000000", "0x10000000000000000"),
        ("07777777777777777777777777", 7.777777777777778e24),
        ("4611686018427387904.0", 4611686018427388000),
        ("1e20", 1e20),
        ("1e21", 1e21),
        ("1" * 400, "1" * 400),
        ("2024-01-01", "2024-01-01"),
        ("2024-01-01T10:00:00Z", "2024-01-01T10:00:00Z"),
        ("12:30", "12:30"),
        ("12:30:45", "12:30:45"),
        ("0x", "0x"),
        ("inf", "inf"),
        ("=", "="),
        ("<<", "<<"),
        ("1.2.3", "1.2.3"),
        ("v1", "v1"),
        ("'yes'", "yes"),
        ('"0644"', "0644"),
        ('"\\x41\\u00e9\\0"', "Aé\0"),
        ("!!str 5", "5"),
        ("! 5", "5"),
        ("!own 5", "5"),
        ('!!int "5"', 5),
        ("!!float 5", 5),
        ('!!bool "on"', True),
        ('!!null ""', None),
        ("!<tag:yaml.org,2002:int> '0x10'", 16),
        ("!!binary aGk=", "hi"),
        ("!!binary 4oI=", "\ufffd\ufffd"),
        ("!!timestamp 2024-01-01", "2024-01-01"),
        ("!!set {x}", {"x": None}),
        # Read as -1 by kubectl.
        ("0b-1", "0b-1"),
    ],
)
def test_reads_words_as_kubectl_does(word: str, value: Any) -> None:
    assert same(values(f"a: {word}\nb: [x, {word}]"), [{"a": value, "b": ["x", value]}])


@pytest.mark.parametrize(
    ("word", "key"),
    [
        ("plain", "plain"),
        ("yes", "true"),
        ("off", "false"),
        ("0644", "420"),
        ("1_000", "1000"),
        ("-5", "-5"),
        ("1.5", "1.5"),
        ("1.0", "1"),
        ("-0.0", "-0"),
        ("1e5", "100000"),
        ("1e6", "1e+06"),
        ("0.0001", "0.0001"),
        ("0.00001", "1e-05"),
        # A key that is a float goes through 32 bits.
        ("16777217.0", "1.6777216e+07"),
        ("0.123456789", "0.12345679"),
        ("3.4028235e38", "3.4028235e+38"),
        ("1e39", ".inf"),
        ("-.inf", "-.inf"),
        (".nan", ".nan"),
        ("2024-01-01", "2024-01-01"),
        ('"1.0"', "1.0"),
        ("!!int 5", "5"),
        ("!!binary aGk=", "hi"),
        ('"<<"', "<<"),
        ("!!str <<", "<<"),
        ("=", "="),
    ],
)
def test_makes_keys_text_as_kubectl_does(word: str, key: str) -> None:
    assert values(f"{word}: x") == [{key: "x"}]


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
    assert "nested deeper than 200 levels" in only_problem(opening * depth).message


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


WHOLE = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: shop\n  uid: u1\nspec: {a: 1}\n"


def test_gives_headers_of_what_is_not_wanted() -> None:
    entries = list(read_documents(f"# x\n{WHOLE}---\n{WHOLE}".encode(), wants=lambda *names: names == ("v1", "Pod")))
    assert entries == [Header("apps/v1", "Deployment", "shop", "web", "u1", line) for line in (2, 10)]


def test_gives_documents_that_are_wanted() -> None:
    entries = list(read_documents(WHOLE.encode(), wants=lambda *names: names == ("apps/v1", "Deployment")))
    assert entries == list(read_documents(WHOLE.encode()))


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: v1\nkind: List\nmetadata: {}\nitems: [1]",
        "apiVersion: v1\nkind: PodList\nmetadata: {}\n",
        "apiVersion: v1\nkind: Odd\nmetadata: {}\nitems: [1]",
        '{"kind": "Odd", "items": [1]}',
        "- kind: A",
        "text",
    ],
)
def test_lists_and_what_is_no_object_are_always_whole(text: str) -> None:
    assert list(read_documents(text.encode(), wants=nothing)) == list(read_documents(text.encode()))


@pytest.mark.parametrize(
    ("text", "header"),
    [
        (WHOLE + "x: |\n  kind: B\n", ("apps/v1", "Deployment", "web")),
        (WHOLE + "kind: B\n", ("apps/v1", "B", "web")),
        (WHOLE + '"kind": B\n', ("apps/v1", "B", "web")),
        (WHOLE + "? kind\n: B\n", ("apps/v1", "B", "web")),
        (WHOLE + "kind : B\n", ("apps/v1", "B", "web")),
        (WHOLE + "!!str kind: B\n", ("apps/v1", "B", "web")),
        (WHOLE + "<<: {kind: B}\n", ("apps/v1", "B", "web")),
        (WHOLE + "x: 1\rkind: B\n", ("apps/v1", "B", "web")),
        (WHOLE + "x: 1\u2028kind: B\n", ("apps/v1", "B", "web")),
        (WHOLE + 'x: "\nkind: B\n  "\n', ("apps/v1", "Deployment", "web")),
        (WHOLE + "x: {\nkind: B}\n", ("apps/v1", "Deployment", "web")),
        ('x: "\nkind: B\n  "\n' + WHOLE, ("apps/v1", "Deployment", "web")),
        ("spec:\n  kind: B\n  metadata: {name: b}\n" + WHOLE, ("apps/v1", "Deployment", "web")),
        ("{kind: A, metadata: {name: a}, apiVersion: v1, spec: {kind: B}}", ("v1", "A", "a")),
        ("  kind: A\n  metadata: {name: a}\n  apiVersion: v1\n  kind: B\n", ("v1", "B", "a")),
        (
            '  kind: A\n  metadata: {}\n  apiVersion: v1\n  x: "\nkind:\nmetadata:\napiVersion:\n  "\n  kind: B\n',
            ("v1", "B", ""),
        ),
        ("m: &m {name: a}\nkind: &k A\nmetadata: *m\napiVersion: *k\n", ("A", "A", "a")),
        ('{"kind": "A", "metadata": {"name": "a"}}', ("", "A", "a")),
        ("kind: 1\nmetadata: [name]\napiVersion: yes", ("", "", "")),
        ("replicas: 1", ("", "", "")),
    ],
)
def test_is_not_fooled_about_a_header(text: str, header: tuple[str, str, str]) -> None:
    (found,) = read_documents(text.encode(), wants=nothing)
    assert isinstance(found, Header)
    assert (found.api_version, found.kind, found.name) == header


@pytest.mark.parametrize(
    "behind",
    ["x: [", "x: b: c", "\tx: 1", "x: *nowhere", "x: \0", "x: {{ y }}", "...\nx: 1", "x: '", "x: " + "[" * 20_000],
)
def test_a_broken_rest_is_a_problem_whether_it_is_wanted_or_not(behind: str) -> None:
    text = (WHOLE + behind).encode()
    whole, header = list(read_documents(text)), list(read_documents(text, wants=nothing))
    assert whole[-1] == header[-1]
    assert isinstance(header[-1], Problem)


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


@given(st.floats())
def test_floats_keep_their_value(number: float) -> None:
    (value,) = values(f"a: {number!r}")
    assert float(value["a"]) == number if math.isfinite(number) else value == {"a": str(number)}


@given(st.lists(JSON_VALUES.filter(lambda value: value is not None), max_size=4))
def test_documents_do_not_mix(documents: list[Any]) -> None:
    text = "".join(f"---\n{json.dumps([document], indent=1)}\n" for document in documents)
    assert values(text) == [[document] for document in documents]


CHARACTERS = st.sampled_from("ab:-?{}[],&*!|>'\"%@#\\ \n\t\r\0é\u2028\ufeff")
SNIPPETS = st.sampled_from(
    [": ", "- ", "\n  ", "\n- ", "&a ", "*a", "<<: ", "---\n", "\n---\n", "\n...\n", "{{", "!!int ", "0x1"]
)
LINES = st.sampled_from(["kind: B\n", "apiVersion: v1\n", "metadata:\n  name: n\n", "items:\n- a\n", "x: *a\n"])
FILES = st.lists(CHARACTERS | SNIPPETS | LINES, max_size=30).map(lambda pieces: "".join(pieces).encode())


@given(st.binary(max_size=200) | FILES)
def test_never_raises_and_headers_agree_with_documents(data: bytes) -> None:
    whole, headers = list(read_documents(data)), list(read_documents(data, wants=nothing))
    lines = 2 + sum(data.count(end) for end in (b"\n", b"\r", b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xa9"))
    assert all(1 <= entry.line <= lines for entry in whole)
    for entry, short in zip(whole, headers, strict=True):
        if isinstance(short, Header) and isinstance(entry, Document):
            assert short == header_of(entry.value, entry.line)
        elif isinstance(short, Document):
            assert short == entry
        else:
            # What is wrong with a value is not looked for when the value is not wanted.
            assert isinstance(entry, Problem)


def test_says_so_when_pyyaml_has_no_libyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    module = "kubepreflight.sources.yaml_reader"
    monkeypatch.delitem(sys.modules, module)
    monkeypatch.delattr("yaml.CBaseLoader")
    with pytest.raises(SourceError, match="without libyaml"):
        importlib.import_module(module)
