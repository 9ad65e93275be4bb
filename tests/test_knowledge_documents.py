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


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_what_is_compiled_is_what_the_text_says(compiled: Path, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = path.read_text()
    said = msgspec.to_builtins(parse(path, text))
    compile_documents(DIRECTORY, compiled)
    monkeypatch.setattr(documents, "parse", None)
    assert decode(path, text) == said


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


def test_a_document_that_cannot_be_read_ends_the_build(compiled: Path) -> None:
    (compiled.parent / "facts" / "broken.yaml").write_text("a: 1\nb: [\n")
    with pytest.raises(KnowledgeError, match=r"broken\.yaml:3"):
        compile_documents(compiled.parent / "facts", compiled)
    assert not compiled.exists()
