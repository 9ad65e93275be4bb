"""The documents of facts, TOML and YAML: decoded from their text, or as `compiled_knowledge.json` has them.

To decode what is shipped takes 20 ms of processor, most of it in PyYAML and tomllib. So a build does it once
(`compile_documents`, which setup.py calls), and what it kept is taken for the very text that it was made of, and for no
other: whoever edits a file in place is read as before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from kubepreflight.errors import KnowledgeError
from kubepreflight.toml_decoder import TomlError, decode_toml

COMPILED = Path(__file__).parents[1] / "compiled_knowledge.json"


class _Compiled(msgspec.Struct, frozen=True):
    """A document, in JSON, and the digest of the text that it was decoded from."""

    digest: str
    document: msgspec.Raw


def decode(path: Path, text: str) -> Any:
    """The document `text`, which is that of the file at `path`; days in it may be text. Raises KnowledgeError."""
    compiled = _compiled().get(path.name)
    if compiled is not None and compiled.digest == _digest(text):
        return msgspec.json.decode(compiled.document)
    return parse(path, text)


def parse(path: Path, text: str) -> Any:
    """The same from the text, YAML where the file's name says so, else TOML. Raises KnowledgeError, with the line."""
    if path.suffix == ".yaml":
        import yaml

        with naming_yaml(path):
            return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    try:
        return decode_toml(text)
    except TomlError as error:
        raise KnowledgeError(f"{path}: {error}") from error


@contextmanager
def naming_yaml(path: Path) -> Iterator[None]:
    """Makes a KnowledgeError, with file and line, of what PyYAML says about the text of `path`."""
    import yaml

    try:
        yield
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise KnowledgeError(f"{path}:{line}: {error.problem}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise KnowledgeError(f"{path}: {error}") from error


def compile_documents(folder: Path, to: Path) -> None:
    """Write what `decode` then finds: each document below `folder`, into the file `to`. Raises KnowledgeError."""
    texts = {
        path: path.read_text(encoding="utf-8") for path in sorted((*folder.rglob("*.toml"), *folder.rglob("*.yaml")))
    }
    compiled = {path.name: _Compiled(_digest(text), _json(path, text)) for path, text in texts.items()}
    assert len(compiled) == len(texts), f"two documents below {folder} have one name"
    to.write_bytes(msgspec.json.encode(compiled))


def _json(path: Path, text: str) -> msgspec.Raw:
    try:
        return msgspec.Raw(msgspec.json.encode(parse(path, text)))
    except TypeError as error:
        raise KnowledgeError(f"{path}: holds what JSON has not: {error}") from error


@cache
def _compiled() -> dict[str, _Compiled]:
    try:
        return msgspec.json.decode(COMPILED.read_bytes(), type=dict[str, _Compiled])
    except (OSError, msgspec.MsgspecError):
        return {}


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
