"""YAML files of a node: one mapping each."""

from __future__ import annotations

from typing import Any

from kubepreflight.sources.documents import Document, Problem
from kubepreflight.sources.host.host_files import HostFiles
from kubepreflight.sources.yaml_reader import read_documents


def read_mapping(node: HostFiles, path: str, *, what: str = "") -> dict[str, Any] | None:
    """The first document of the file `path`, a mapping; None when it is not there, or after noting why it cannot be."""
    data = node.bytes_of(path)
    if data is None:
        return None
    for entry in read_documents(data):
        match entry:
            case Problem():
                node.gap(path, f"line {entry.line}: {entry.message}", what=what)
                return None
            case Document() if isinstance(entry.value, dict):
                return entry.value
            case _:
                break
    node.gap(path, "no mapping in it", what=what)
    return None


def mappings(value: Any) -> list[dict[str, Any]]:
    """The mappings of what should be a list of them."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def mapping(value: Any) -> dict[str, Any]:
    """What should be a mapping, or an empty one."""
    return value if isinstance(value, dict) else {}


def text(value: Any) -> str:
    """What should be a text, or an empty one."""
    return value if isinstance(value, str) else ""
