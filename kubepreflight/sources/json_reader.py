"""JSON documents, also several end on end, read as kubectl reads them.

Of equal keys the last one counts; whole numbers without point and exponent are int up to 64 bits, all others float.
Deliberately different: text that is not UTF-8 and half a surrogate pair are refused (kubectl puts U+FFFD in their
place), and so is nesting beyond `DEPTH_LIMIT`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator
from typing import Any, NoReturn

import msgspec

from kubepreflight.sources.documents import DEPTH_LIMIT, Document, Entry, Header, Problem, Wants, document_or_header


class _List(msgspec.Struct):
    items: msgspec.Raw


def starts_like_json(data: bytes) -> bool:
    """Whether kubectl tries JSON first: it looks for a brace among the first 4,096 bytes."""
    return data[:4096].lstrip()[:1] == b"{"


def read_json(data: bytes, *, wants: Wants | None, largest_document: int) -> Generator[Entry, None, tuple[bytes, int]]:
    """All JSON documents at the beginning of `data`, and as the return value what is left, with its line.

    Like kubectl, takes what follows for YAML when it comes after at most one JSON document, and for broken JSON
    otherwise. Then, unlike kubectl, the documents after the next line `---` are left to be read as well.
    """
    try:
        msgspec.json.decode(data, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return (yield from _read_stream(data, wants, largest_document))
    start = len(data) - len(data.lstrip())
    yield _entry(data[start:], 1 + data.count(b"\n", 0, start), wants, largest_document)
    return b"", 1


def _read_stream(data: bytes, wants: Wants | None, largest_document: int) -> Generator[Entry, None, tuple[bytes, int]]:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return data, 1
    position, line, count = 0, 1, 0
    while (start := _past(_BLANKS, text, position)) < len(text):
        try:
            _, end = _BOUNDARIES.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            if count <= 1:
                start = _past(_BLANKS_UP_TO_LINE_END, text, position)
                return text[start:].encode(), line + text.count("\n", position, start)
            where, why = (error.pos, error.msg) if isinstance(error, json.JSONDecodeError) else (start, str(error))
            yield Problem(line + text.count("\n", position, where), f"broken JSON: {why}")
            start = text.find("\n---", where - 1) + 1 or len(text)
            return text[start:].encode(), line + text.count("\n", position, start)
        line += text.count("\n", position, start)
        if text[start:end] != "null":
            yield _entry(text[start:end].encode(), line, wants, largest_document)
        line += text.count("\n", start, end)
        position, count = end, count + 1
    return b"", line


def _entry(data: bytes, line: int, wants: Wants | None, largest_document: int) -> Document | Header | Problem:
    """The entry for one JSON value, which `data` starts with."""
    if len(data) > largest_document:
        return too_large(data, line, largest_document)
    try:
        value = _with_64_bits(msgspec.json.decode(data))
    except (msgspec.DecodeError, UnicodeDecodeError, OverflowError) as error:
        return Problem(line, f"broken JSON: {error}")
    except RecursionError:
        return Problem(line, f"nested deeper than {DEPTH_LIMIT} levels")
    return document_or_header(value, line, _item_lines(value, data, line), wants)


def too_large(data: bytes, line: int, largest_document: int) -> Problem:
    """The problem of a document beyond the limit."""
    return Problem(line, f"a document of {len(data):,} bytes; up to {largest_document:,} are read")


def _with_64_bits(value: Any) -> Any:
    """`value`, with float for the whole numbers beyond 64 bits. Raises RecursionError beyond the depth limit."""
    root = [value]
    level: list[Any] = [root]
    for _ in range(DEPTH_LIMIT + 1):
        deeper = []
        for container in level:
            for key, item in container.items() if isinstance(container, dict) else enumerate(container):
                if isinstance(item, dict | list):
                    deeper.append(item)
                elif isinstance(item, int) and not -(1 << 63) <= item < 1 << 63:
                    container[key] = float(item)
        if not deeper:
            return root[0]
        level = deeper
    raise RecursionError


def _item_lines(value: Any, data: bytes, line: int) -> list[int]:
    if not isinstance(value, dict) or not isinstance(value.get("items"), list):
        return []
    array = msgspec.json.decode(data, type=_List).items
    position = data.find(array)
    line += data.count(b"\n", 0, position)
    position += 1
    lines = []
    for item in msgspec.json.decode(array, type=list[msgspec.Raw]):
        start = _past(_BETWEEN_ITEMS, data, position)
        line += data.count(b"\n", position, start)
        lines.append(line)
        position = start + len(memoryview(item))
        line += data.count(b"\n", start, position)
    return lines


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


# Only finds where a value ends; float, because int refuses thousands of digits.
_BOUNDARIES = json.JSONDecoder(parse_int=float, parse_constant=_no_constant)
_BLANKS = re.compile(r"[ \t\r\n]*")
_BLANKS_UP_TO_LINE_END = re.compile(r"[^\S\n]*\n?")
_BETWEEN_ITEMS = re.compile(rb"[ \t\r\n,]*")


def _past(pattern: re.Pattern[Any], text: Any, position: int) -> int:
    match = pattern.match(text, position)
    return match.end() if match else position
