"""How a table of facts is read from its file, and for which Kubernetes versions it holds.

A file below `DIRECTORY` that the user has too (`--knowledge`) is read from there, whoever asks for it.
"""

from __future__ import annotations

import csv
import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import msgspec

from kubepreflight.errors import KnowledgeError
from kubepreflight.knowledge.documents import decode
from kubepreflight.version import Minor

DIRECTORY = Path(__file__).parent
LIMIT = 4 << 20
"""So many bytes a knowledge file may have, which is many times what any that is shipped has."""

VERIFIED = "# verified: "
"""With this begins the line in a CSV file's head that says for which minors it holds."""

_own: dict[Path, Path] = {}
_opened: list[Path] = []
_MINOR = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}")
_VERIFIED = re.compile(VERIFIED + r"(\d+\.\d+) to (\d+\.\d+) on (\d{4}-\d\d-\d\d)\s*$", re.ASCII)
T = TypeVar("T")


class TableInfo(msgspec.Struct, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}):
    """The Kubernetes minors for which a table was verified, and the day on which it was.

    A table holds for an upgrade when it covers each minor that the upgrade leaves or reaches. `open_ended` is true
    for tables that answer "unknown" by themselves beyond their range.
    """

    table: str
    start: Minor
    end: Minor
    date: date
    open_ended: bool = False

    def covers(self, minor: Minor) -> bool:
        """Whether what the table says, or does not say, about `minor` can be relied on."""
        return self.open_ended or self.start <= minor <= self.end


class Verified(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"start": "from", "end": "to"}
):
    """`verified = {from, to, date}` as a file writes it."""

    start: Minor
    end: Minor
    date: date

    def info(self, table: str, *, open_ended: bool = False) -> TableInfo:
        """The same for the report, under the table's name."""
        return TableInfo(table=table, start=self.start, end=self.end, date=self.date, open_ended=open_ended)


class ShippedTable(ABC):
    """A table that is shipped as the file `FILE`, as a rule asks for it."""

    FILE: ClassVar[str]

    def __init__(self, info: TableInfo) -> None:
        self._info = info

    @property
    def info(self) -> TableInfo:
        """For which minors it was verified."""
        return self._info

    @classmethod
    @cache
    def provide(cls) -> Self:
        """The table that is shipped, or the user's own in its place. Raises KnowledgeError."""
        return cls.load(DIRECTORY / cls.FILE)

    @classmethod
    @abstractmethod
    def load(cls, path: Path) -> Self:
        """The table of the file at `path`. Raises KnowledgeError."""


def with_minors(value: Any, keys: Collection[str]) -> Any:
    """The decoded document `value` with each `1.30` under one of `keys` made a Minor, at any depth."""
    if isinstance(value, dict):
        return {key: _as_minors(inner) if key in keys else with_minors(inner, keys) for key, inner in value.items()}
    if isinstance(value, list):
        return [with_minors(inner, keys) for inner in value]
    return value


def _as_minors(value: Any) -> Any:
    if isinstance(value, list):
        return [_as_minors(inner) for inner in value]
    return _minor(value) if isinstance(value, str) else value


@cache
def _minor(text: str) -> Minor | str:
    """A minor, where it is one. Tables name few of them, and often."""
    return Minor.parse(text) if _MINOR.fullmatch(text) else text


def convert(document: Any, kind: type[T], path: Path, text: str) -> T:
    """The decoded `document` as a `kind`; raises KnowledgeError, naming `path`, the line and the place within it."""
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        from kubepreflight.knowledge.places import line_of, place_in

        line = line_of(place_in(str(error)), text, path.suffix)
        raise KnowledgeError(f"{path}:{line}: {error}" if line else f"{path}: {error}") from error


def replace(own: Mapping[Path, Path]) -> None:
    """From now on read the files of the user's instead of, or besides, those that are shipped; the keys are these."""
    _own.clear()
    _own.update(own)


def is_own(path: Path) -> bool:
    """Whether the user has a file in place of the one that is shipped as `path`."""
    return path in _own


def files_in(folder: Path, pattern: str) -> list[Path]:
    """The files of a folder of tables, the user's among them, by name."""
    paths = {*folder.glob(pattern), *(path for path in _own if path.parent == folder and path.match(pattern))}
    return [_own.get(path, path) for path in sorted(paths)]


def opened() -> list[Path]:
    """The files that were read since this was asked last."""
    files = list(dict.fromkeys(_opened))
    _opened.clear()
    return files


def read_text(path: Path) -> str:
    """The text of a knowledge file; raises KnowledgeError when it cannot be read."""
    path = _own.get(path, path)
    _opened.append(path)
    try:
        if path.exists() and not path.is_file():
            raise KnowledgeError(f"{path}: cannot be read: it is no file")
        if path.stat().st_size > LIMIT:
            raise KnowledgeError(f"{path}: is larger than the {LIMIT >> 20} MB that a knowledge file may have")
        content = path.read_bytes()
        return content.decode("utf-8")
    except OSError as error:
        raise KnowledgeError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise KnowledgeError(f"{path}:{line}: is not UTF-8: {error.reason}") from error


def read_toml(path: Path, kind: type[T], minors: Collection[str]) -> T:
    """The TOML file at `path` as a `kind`, the values under `minors` as Minor. Raises KnowledgeError."""
    path = _own.get(path, path)
    text = read_text(path)
    return convert(with_minors(decode(path, text), minors), kind, path, text)


def head_of(path: Path, text: str) -> tuple[TableInfo, int, list[str]]:
    """What the head of a CSV file says, on how many lines, and all its lines. Raises KnowledgeError."""
    lines = text.splitlines()
    start = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    verified = next((match for line in lines[:start] if (match := _VERIFIED.match(line))), None)
    if verified is None:
        raise KnowledgeError(f"{path}:1: has no line like '# verified: 1.15 to 1.37 on 2026-11-23'")
    try:
        day = date.fromisoformat(verified[3])
    except ValueError as error:
        raise KnowledgeError(f"{path}:{lines.index(verified.string) + 1}: {verified[3]}: {error}") from error
    name = path.stem.replace("_", "-")
    info = TableInfo(table=name, start=Minor.parse(verified[1]), end=Minor.parse(verified[2]), date=day)
    return info, start, lines


def read_csv(path: Path, kind: type[T], minors: Collection[str]) -> tuple[TableInfo, list[T]]:
    """The CSV file at `path`: its head, and each row as a `kind`. Raises KnowledgeError with the line.

    Lines before the column names begin with `#`; one of them is `# verified: 1.15 to 1.37 on 2026-11-23`. Cells may
    be empty: the field then keeps its default. The cells under `minors` become Minor.
    """
    path = _own.get(path, path)
    info, start, lines = head_of(path, read_text(path))
    reader = csv.reader(lines[start:], strict=True)
    rows: list[dict[str, Any]] = []
    ends: list[int] = []
    try:
        names = next(reader, [])
        for cells in reader:
            if len(cells) == len(names):
                rows.append({name: cell for name, cell in zip(names, cells, strict=True) if cell})
                ends.append(start + reader.line_num)
            elif cells:
                raise KnowledgeError(f"{path}:{start + reader.line_num}: has {len(cells)} cells, not {len(names)}")
    except csv.Error as error:
        raise KnowledgeError(f"{path}:{start + reader.line_num}: {error}") from error
    for name in set(names).intersection(minors):
        for row in rows:
            if name in row:
                row[name] = _minor(row[name])
    try:
        return info, msgspec.convert(rows, list[kind], strict=False)  # type: ignore[valid-type]  # a type variable
    except msgspec.ValidationError:
        _raise_for_row(path, rows, ends, kind)
        raise


def _raise_for_row(path: Path, rows: list[dict[str, Any]], ends: list[int], kind: type) -> None:
    for row, line in zip(rows, ends, strict=True):
        try:
            msgspec.convert(row, kind, strict=False)
        except msgspec.ValidationError as error:
            raise KnowledgeError(f"{path}:{line}: {error}") from error
