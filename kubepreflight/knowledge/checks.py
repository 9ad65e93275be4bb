"""What holds of every file of facts, whatever table it is: that ranges run forwards, and no row stands twice."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec

from kubepreflight.errors import KnowledgeError
from kubepreflight.knowledge.documents import naming_yaml, parse
from kubepreflight.knowledge.places import line_of
from kubepreflight.knowledge.table import VERIFIED, head_of, read_text
from kubepreflight.version import Minor, Version

ORDERED = (
    ("from", "to"),
    ("since", "until"),
    ("min", "max"),
    ("default_since", "default_until"),
    ("introduced", "deprecated"),
    ("introduced", "removed"),
    ("deprecated", "undeprecated"),
    ("deprecated", "removed"),
    ("released", "maintenance_from"),
    ("released", "end_of_life"),
    ("maintenance_from", "end_of_life"),
)
"""The first of each pair is not after the second, wherever both stand in one row."""
_KEY = re.compile(r"# key: (.+)")
_MINOR = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}")
_DEPTH = 30


class Row(msgspec.Struct, frozen=True):
    """A mapping somewhere in a file: on which line of a CSV file, or at which place of another one.

    `group` is the list of which it is an item; empty for one that stands alone.
    """

    where: int | str
    group: str
    values: Mapping[str, Any]

    @property
    def sort(self) -> str:
        """Its place without numbers: the same for all items of a list."""
        return re.sub(r"\[\d+\]", "[]", self.where) if isinstance(self.where, str) else self.group

    def line(self, path: Path) -> int:
        """The line on which it begins."""
        return line_of(self.where, read_text(path), path.suffix) if isinstance(self.where, str) else self.where


def check(path: Path, shipped: Path | None = None) -> None:
    """Raises KnowledgeError for the first thing that is wrong. `shipped` is the file in whose place it stands.

    A CSV file says in its head, as `# key: minor, since_patch`, which cells no two rows have in common; where it does
    not, all of them together are that.
    """
    key = key_of(read_text(shipped or path)) if path.suffix == ".csv" else ()
    versions = _versions_in(shipped) if shipped else set()
    seen: dict[tuple[str, str], Row] = {}
    for row in rows_of(path):
        for name, value in row.values.items():
            if (row.sort, name) in versions and value and Version.try_parse(str(value)) is None:
                raise KnowledgeError(f"{path}:{row.line(path)}: {name}: {value!r} is no version")
        for first, last in ORDERED:
            start, end = _point(row.values.get(first)), _point(row.values.get(last))
            if start is not None and type(start) is type(end) and end < start:
                values = f"{first} {row.values[first]} is after {last} {row.values[last]}"
                raise KnowledgeError(f"{path}:{row.line(path)}: {values}")
        if row.group:
            identity = repr([row.values.get(name) for name in key] if key else row.values)
            other = seen.setdefault((row.group, identity), row)
            if other is not row:
                raise KnowledgeError(f"{path}:{row.line(path)}: the same stands on line {other.line(path)} already")
    if path.suffix == ".csv" and not seen:
        raise KnowledgeError(f"{path}: has no rows: whatever was asked would not be known")


def _versions_in(path: Path) -> set[tuple[str, str]]:
    """What is a version, and nothing else, wherever it stands in a file: the sort of row, and the name in it.

    Tables read versions when they are asked something, which is too late to say that one is none.
    """
    found: dict[tuple[str, str], bool] = {}
    for row in rows_of(path):
        for name, value in row.values.items():
            if value:
                is_version = isinstance(value, str) and Version.try_parse(value) is not None
                found[row.sort, name] = found.get((row.sort, name), True) and is_version
    return {place for place, is_version in found.items() if is_version}


def key_of(text: str) -> tuple[str, ...]:
    """The columns that tell the rows of a CSV file apart, as its head names them."""
    found = next((match for line in text.splitlines() if (match := _KEY.fullmatch(line.strip()))), None)
    return tuple(name.strip() for name in found[1].split(",")) if found else ()


def rows_of(path: Path) -> Iterator[Row]:
    """Every mapping of a file. Raises KnowledgeError for a file that cannot be read, or is hostile."""
    text = read_text(path)
    if path.suffix == ".csv":
        yield from _of_csv(path, text)
        return
    if path.suffix == ".yaml":
        _refuse_bombs(path, text)
    yield from _mappings(parse(path, text), "$", "")


def _of_csv(path: Path, text: str) -> Iterator[Row]:
    info, start, lines = head_of(path, text)
    verified = next(number for number, line in enumerate(lines, 1) if line.startswith(VERIFIED))
    yield Row(verified, "", {"from": str(info.start), "to": str(info.end)})
    reader = csv.reader(lines[start:], strict=True)
    try:
        names = next(reader, [])
        if len(set(names)) < len(names):
            raise KnowledgeError(f"{path}:{start + 1}: two columns have the same name")
        for cells in reader:
            if len(cells) not in (0, len(names)):
                raise KnowledgeError(f"{path}:{start + reader.line_num}: has {len(cells)} cells, not {len(names)}")
            if cells:
                yield Row(start + reader.line_num, "rows", dict(zip(names, cells, strict=True)))
    except csv.Error as error:
        raise KnowledgeError(f"{path}:{start + reader.line_num}: {error}") from error


def _refuse_bombs(path: Path, text: str) -> None:
    """Before the document is made: aliases multiply, depth is paid for by the stack, and of two keys one is lost."""
    import yaml

    loader, depth = getattr(yaml, "CSafeLoader", yaml.SafeLoader), 0
    with naming_yaml(path):
        for event in yaml.parse(text, loader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.AliasEvent) or depth > _DEPTH:
                line = event.start_mark.line + 1 if event.start_mark else 1
                raise KnowledgeError(f"{path}:{line}: has an alias, or is nested too deep: no table needs that")
        _distinct_keys(yaml.compose(text, loader), path)


def _distinct_keys(node: Any, path: Path) -> None:
    """Of two equal keys the parser would take the last one, and say nothing."""
    import yaml

    if isinstance(node, yaml.SequenceNode):
        for one in node.value:
            _distinct_keys(one, path)
    elif isinstance(node, yaml.MappingNode):
        keys: set[str] = set()
        for key, value in node.value:
            if str(key.value) in keys:
                raise KnowledgeError(f"{path}:{key.start_mark.line + 1}: {key.value} stands twice")
            keys.add(str(key.value))
            _distinct_keys(value, path)


def _mappings(value: Any, place: str, group: str) -> Iterator[Row]:
    if isinstance(value, dict):
        yield Row(place, group, value)
        for key, inner in value.items():
            yield from _mappings(inner, f"{place}.{key}", "")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _mappings(inner, f"{place}[{index}]", place)


def _point(value: Any) -> Any:
    """A minor or a day that can be compared; None for anything else."""
    if isinstance(value, str):
        if _MINOR.fullmatch(value):
            return Minor.parse(value)
        try:
            return date.fromisoformat(value)
        except ValueError:
            return None
    return value if isinstance(value, date) and not isinstance(value, datetime) else None
