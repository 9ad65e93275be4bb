"""Documents that nobody wants whole: the header must be right, and a broken rest must not pass."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubepreflight.sources.documents import header_of
from kubepreflight.sources.yaml_reader import Document, Header, Problem, read_documents
from tests.manifests_read import nothing

WHOLE = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: shop\n  uid: u1\nspec: {a: 1}\n"


def test_gives_headers_of_what_is_not_wanted() -> None:
    entries = list(read_documents(f"# x\n{WHOLE}---\n{WHOLE}".encode(), wants=lambda header: header.kind == "Pod"))
    assert entries == [Header("apps/v1", "Deployment", "shop", "web", "u1", line) for line in (2, 10)]


def test_gives_documents_that_are_wanted() -> None:
    entries = list(
        read_documents(
            WHOLE.encode(),
            wants=lambda header: (header.api_version, header.kind, header.uid) == ("apps/v1", "Deployment", "u1"),
        )
    )
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
