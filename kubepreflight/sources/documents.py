"""What a manifest file holds: documents, headers of documents that nobody wants, and problems."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import msgspec

DEPTH_LIMIT: Final = 200
"""Levels of nesting in one document. The deepest of a large public tree has 48."""


class Document(msgspec.Struct, frozen=True):
    """One document, read whole.

    `value` is what kubectl would have as JSON: a dict in a sane manifest, but any JSON value may be met. What a YAML
    alias stands for is one object in several places: do not change it. `line` is where the content starts in the
    file, from 1. When `value` is a dict with a list `items`, `item_lines` has one line for each of them.
    """

    value: Any
    line: int
    item_lines: tuple[int, ...] = ()


class Header(msgspec.Struct, frozen=True):
    """An object that is not wanted whole: its syntax is checked, its values are not kept. "" is for what is absent."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str
    line: int


Wants: TypeAlias = Callable[[Header], bool]
"""Is the whole document needed, or does its header do?"""


class Problem(msgspec.Struct, frozen=True):
    """A document, or what stands in the place of one, that kubectl refuses or a limit of ours.

    `line` is in the file, from 1. `template`: the text holds `{{`, so it may be a Helm template, not rendered.
    """

    line: int
    message: str
    template: bool = False


Entry: TypeAlias = Document | Header | Problem


def document_or_header(value: Any, line: int, item_lines: Sequence[int], wants: Wants | None) -> Document | Header:
    """The document; or only its header, when `wants` says so. What is not an object or is a list is always whole."""
    if wants is None or not isinstance(value, dict) or "items" in value:
        return Document(value, line, tuple(item_lines))
    header = header_of(value, line)
    return Document(value, line, tuple(item_lines)) if is_wanted(header, wants) else header


def is_wanted(header: Header, wants: Wants) -> bool:
    """Whether the object with this header is needed whole."""
    return header.kind.endswith("List") or wants(header)


def header_of(value: dict[str, Any], line: int) -> Header:
    """The header of an object, or of as much of it as is known."""
    metadata = value.get("metadata")
    names = metadata if isinstance(metadata, dict) else {}
    return Header(
        api_version=_text(value, "apiVersion"),
        kind=_text(value, "kind"),
        namespace=_text(names, "namespace"),
        name=_text(names, "name"),
        uid=_text(names, "uid"),
        line=line,
    )


def _text(mapping: dict[str, Any], key: str) -> str:
    text = mapping.get(key)
    return text if isinstance(text, str) else ""
