"""Documents of facts, compiled or not: the same facts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from kubepreflight.errors import KnowledgeError
from kubepreflight.knowledge import documents, tables
from kubepreflight.knowledge.documents import compile_documents, decode, parse
from kubepreflight.knowledge.table import DIRECTORY

SHIPPED = [path for path in tables.shipped_files() if path.suffix != ".csv"]
TEXT = 'known = {from = "1.15", on = 2026-11-27}\nnames = ["a", "b"]\n'


@pytest.fixture
def compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where `decode` looks, empty as yet; the folder beside it holds a document."""
    folder = tmp_path / "facts"
    folder.mkdir()
    (folder / "some.toml").write_text(TEXT)
    monkeypatch.setattr(documents, "COMPILED", tmp_path / "compiled.json")
    documents._compiled.cache_clear()
    yield tmp_path / "compiled.json"
    documents._compiled.cache_clear()


def test_what_is_compiled_is_what_the_texts_say(compiled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = {path: msgspec.to_builtins(parse(path, path.read_text())) for path in SHIPPED}
    compile_documents(DIRECTORY, compiled)
    monkeypatch.setattr(documents, "parse", None)
    for path, document in said.items():
        assert decode(path, path.read_text()) == document, path


def test_another_text_of_the_same_name_is_decoded_anew(compiled: Path) -> None:
    compile_documents(compiled.parent / "facts", compiled)
    path = compiled.parent / "facts" / "some.toml"
    assert decode(path, TEXT)["known"]["from"] == "1.15"
    assert decode(path, TEXT.replace("1.15", "1.16"))["known"]["from"] == "1.16"
    assert decode(path.with_name("other.toml"), TEXT)["names"] == ["a", "b"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"some.toml": 1}', b"\xff", None], ids=repr)
def test_a_compiled_file_that_is_damaged_or_missing_costs_time_only(compiled: Path, content: bytes | None) -> None:
    if content is not None:
        compiled.write_bytes(content)
    assert decode(Path("some.toml"), TEXT)["names"] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "said"), [("a: 1\nb: [\n", r"broken\.yaml:3: "), ("true: 1\n", r"broken\.yaml: holds what JSON has not")]
)
def test_a_document_that_cannot_be_read_ends_the_build(compiled: Path, text: str, said: str) -> None:
    (compiled.parent / "facts" / "broken.yaml").write_text(text)
    with pytest.raises(KnowledgeError, match=said):
        compile_documents(compiled.parent / "facts", compiled)
    assert not compiled.exists()
