"""How a table of facts is read from its file, and for which Kubernetes versions it holds."""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Collection
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from kubepreflight.errors import KubepreflightError
from kubepreflight.version import Minor

DIRECTORY = Path(__file__).parent
_MINOR = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}")
_VERIFIED = re.compile(r"# verified: (\d+\.\d+) to (\d+\.\d+) on (\d{4}-\d\d-\d\d)\s*$", re.ASCII)
T = TypeVar("T")


class KnowledgeError(KubepreflightError):
    """A knowledge file cannot be used; the text names the file and what is wrong in it."""


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
    if isinstance(value, str) and _MINOR.fullmatch(value):
        return Minor.parse(value)
    return value


def convert(document: Any, kind: type[T], path: Path) -> T:
    """The decoded `document` as a `kind`; raises KnowledgeError, naming `path` and the place within it."""
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise KnowledgeError(f"{path}: {error}") from error


def read_text(path: Path) -> str:
    """The text of a knowledge file; raises KnowledgeError when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise KnowledgeError(f"{path}: cannot be read: {error}") from error


def read_toml(path: Path, kind: type[T], minors: Collection[str]) -> T:
    """The TOML file at `path` as a `kind`, the values under `minors` as Minor. Raises KnowledgeError."""
    try:
        document = tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise KnowledgeError(f"{path}: {error}") from error
    return convert(with_minors(document, minors), kind, path)


def read_csv(path: Path, kind: type[T], minors: Collection[str]) -> tuple[TableInfo, list[T]]:
    """The CSV file at `path`: its head, and each row as a `kind`. Raises KnowledgeError with the line.

    Lines before the column names begin with `#`; one of them is `# verified: 1.15 to 1.37 on 2026-11-23`. Cells may
    be empty: the field then keeps its default. The cells under `minors` become Minor.
    """
    lines = read_text(path).splitlines()
    start = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    verified = next((match for line in lines[:start] if (match := _VERIFIED.match(line))), None)
    if verified is None:
        raise KnowledgeError(f"{path}: has no line like '# verified: 1.15 to 1.37 on 2026-11-23'")
    info = TableInfo(
        table=path.stem.replace("_", "-"),
        start=Minor.parse(verified[1]),
        end=Minor.parse(verified[2]),
        date=date.fromisoformat(verified[3]),
    )
    reader = csv.DictReader(lines[start:], strict=True)
    rows = []
    try:
        for row in reader:
            cells = {name: cell for name, cell in row.items() if cell}
            rows.append(msgspec.convert(with_minors(cells, minors), kind, strict=False))
    except (csv.Error, msgspec.ValidationError) as error:
        raise KnowledgeError(f"{path}:{start + reader.line_num}: {error}") from error
    return info, rows
