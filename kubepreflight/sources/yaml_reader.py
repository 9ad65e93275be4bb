r"""Manifest files in YAML or JSON, many documents each, read as kubectl reads them: bytes in, documents out.

A document that is broken is a `Problem` with its line, and the others of the file are still read. kubectl's decoder
(k8s.io/apimachinery v0.37.2, pkg/util/yaml) cuts a file at the lines that start with `---` and knows nothing of
YAML there, so `--- {a: 1}`, `---x` and a `%YAML` line are refused, as it refuses them.

Deliberately different from kubectl, besides what `yaml_scalars`, `yaml_builder` and `json_reader` say:
- kubectl stops at the first broken document, this goes on.
- What follows the end of a document without `---` (after `...`, or after a closing brace) is a Problem; kubectl
  reads it neither, but does not say so.
- libyaml is not quite its port to Go: it refuses `[a:]`, takes `"\/"`, skips a byte order mark on any line, and
  reads ahead, so what is broken right behind a document's end may break the document.
- When only the header of a document is wanted, its syntax is checked, not its values (`.inf`, a null key).

The garbage collector may stay on: switched off, it saves nothing here.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, cast

from yaml.error import MarkedYAMLError, YAMLError
from yaml.events import Event, MappingStartEvent, StreamEndEvent
from yaml.reader import ReaderError

from kubepreflight.errors import SourceError
from kubepreflight.sources.documents import (
    Document,
    Entry,
    Header,
    Problem,
    Wants,
    document_or_header,
    header_of,
    is_wanted,
)
from kubepreflight.sources.json_reader import read_json, starts_like_json, too_large
from kubepreflight.sources.yaml_builder import Builder, BuildError, line_of
from kubepreflight.sources.yaml_scalars import shortened

try:
    from yaml import CBaseLoader
except ImportError as missing:
    raise SourceError(
        "this PyYAML was built without libyaml, and manifests cannot be read: "
        "install libyaml's headers, then `pip install --force-reinstall --no-binary pyyaml pyyaml`"
    ) from missing

__all__ = ["LARGEST_DOCUMENT", "Document", "Header", "Problem", "read_documents"]

LARGEST_DOCUMENT: Final = 64 << 20
"""Bytes of one document; in memory it takes some ten times that."""

_SEPARATOR = re.compile(rb"\n---([^\n]*)")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_HEADER_KEYS = frozenset(["apiVersion", "kind", "metadata"])
_ROOT_LINE = re.compile(rb"\n(?:([A-Za-z0-9_./-]+):|[^\s#-])")
# Where a value may begin, not in the middle of prose; starts with its rarest character, for speed.
_ALIAS = re.compile(rb"\*(?:(?<=[\n:?,\[{-]\*)|(?<=[\n\t :?,\[{-][\t ]\*))[A-Za-z0-9_-]")
_OTHER_LINE_ENDS = (b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xa9")
_MOST_BRACKETS = 10_000


def read_documents(
    data: bytes, *, wants: Wants | None = None, largest_document: int = LARGEST_DOCUMENT
) -> Iterator[Entry]:
    """The documents of one file, in order; what is empty or null is no document. Raises nothing.

    When `wants` is given, an object that it does not want comes as a `Header` (objects with `items`, and kinds that
    end in `List`, are always wanted). No document larger than `largest_document` bytes is read.
    """
    line = 1
    if starts_like_json(data):
        data, line = yield from read_json(data, wants=wants, largest_document=largest_document)
    for piece in _split(data, line):
        if isinstance(piece, Problem):
            yield piece
        elif len(piece.text) > largest_document:
            yield too_large(piece.text, piece.line, largest_document)
        elif piece.text.startswith(_UTF16):
            yield Problem(piece.line, "UTF-16; kubectl reads UTF-8 only")
        elif piece.text.strip(b" \n"):
            yield from _read(piece, wants)


class _Piece(NamedTuple):
    """What stands between two separators, and on which line of the file it begins."""

    line: int
    text: bytes


def _split(data: bytes, line: int) -> Iterator[_Piece | Problem]:
    """As kubectl splits: a separator that nothing stands before is part of the piece that it begins."""
    data = b"\n" + data.replace(b"\r\n", b"\n") if b"\r\n" in data else b"\n" + data
    start, broken = 1, False
    for match in _SEPARATOR.finditer(data):
        end = match.start() + 1
        if not broken:
            yield _Piece(line, data[start:end])
        line += data.count(b"\n", start, end)
        behind = match[1].strip()
        broken = behind != b"" and not behind.startswith(b"#")
        if broken:
            shown = shortened(behind.decode(errors="replace"))
            yield Problem(line, f"behind `---` kubectl takes only a comment, not {shown}", template=b"{{" in behind)
        if end > start:
            line += 1
            end = match.end() + 1
        start = end
    text = data[start:]
    if not broken:
        # kubectl ends the last line too: it counts within a block scalar.
        yield _Piece(line, text if text.endswith(b"\n") else text + b"\n")


def _read(piece: _Piece, wants: Wants | None) -> Iterator[Entry]:
    """The entries of one piece: none, a document, a problem, or a document and a problem behind it."""
    try:
        yield from _parse(piece, wants)
        return
    except BuildError as error:
        line, message = error.line, str(error)
    except YAMLError as error:
        line, message = _where_and_why(error, piece)
    except RecursionError:
        line, message = 0, "nested too deep"
    yield Problem(piece.line + line, message, template=b"{{" in piece.text)


def _where_and_why(error: YAMLError, piece: _Piece) -> tuple[int, str]:
    """The line within the piece, counted from 0, and what is wrong there."""
    if isinstance(error, ReaderError):
        return piece.text.count(b"\n", 0, error.position), f"{error.reason} (0x{error.character:02x})"
    if not isinstance(error, MarkedYAMLError) or error.problem_mark is None:
        return 0, str(error)
    message = str(error.problem)
    if error.context and error.context_mark:
        message += f" {error.context} that begins on line {piece.line + error.context_mark.line}"
    return error.problem_mark.line, message


def _parse(piece: _Piece, wants: Wants | None) -> Iterator[Document | Header]:
    """Yields the document, then looks at what stands behind it. Raises BuildError and YAMLError."""
    parser = CBaseLoader(piece.text)
    # None comes only after the stream's end.
    next_event = cast(Callable[[], Event], parser.get_event)
    next_event()
    if isinstance(next_event(), StreamEndEvent):
        return
    root = next_event()
    line = piece.line + line_of(root)
    builder = Builder(next_event)
    value, whole = builder.document(root, _header_is_enough(piece.text, root, wants))
    if not whole:
        parser.raw_parse()
        yield header_of(value, line)
        return
    next_event()
    if value is not None:
        yield document_or_header(value, line, _item_lines(value, builder, piece.line, line), wants)
    try:
        behind = next_event()
        end = None if isinstance(behind, StreamEndEvent) else line_of(behind)
    except YAMLError as error:
        end, _ = _where_and_why(error, piece)
    if end is not None:
        raise BuildError("kubectl reads nothing from here on: the document has ended, and no `---` follows", end)


def _item_lines(value: Any, builder: Builder, first_line: int, line: int) -> list[int]:
    items = value.get("items") if isinstance(value, dict) else None
    if not isinstance(items, list):
        return []
    if len(items) == len(builder.item_lines):
        return [first_line + item_line for item_line in builder.item_lines]
    # The list came out of an alias or a merge key.
    return [line] * len(items)


def _header_is_enough(text: bytes, root: Event, wants: Wants | None) -> Callable[[dict[str, Any]], bool]:
    """A function that tells whether the rest of a document is of no interest, once the header is known."""
    if wants is None:
        return lambda _: False
    rest_is_plain = functools.cache(lambda: _rest_is_plain(text, root))
    return lambda known: known.keys() >= _HEADER_KEYS and not is_wanted(header_of(known, 0), wants) and rest_is_plain()


def _rest_is_plain(text: bytes, root: Event) -> bool:
    """Whether the header that was read first is sure to be the document's header, and the rest to parse or not.

    So it is in a block mapping at column 0 where each other line that begins there is a plain key, a comment
    or an item, and each key of the header comes once. What needs the builder to be refused (templates that happen to
    be YAML, aliases), and what costs libyaml quadratic time (open brackets), is not plain.
    """
    if not isinstance(root, MappingStartEvent) or not root.start_mark or root.start_mark.column:
        return False
    keys = _ROOT_LINE.findall(b"\n" + text)
    return (
        b"" not in keys
        and b"items" not in keys
        and all(keys.count(key) == 1 for key in (b"apiVersion", b"kind", b"metadata"))
        and b"{{" not in text
        and not _ALIAS.search(text)
        and b"\r" not in text
        and (text.isascii() or not any(end in text for end in _OTHER_LINE_ENDS))
        and text.count(b"[") + text.count(b"{") <= _MOST_BRACKETS
    )
