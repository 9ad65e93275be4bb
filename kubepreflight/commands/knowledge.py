"""`kubepreflight knowledge`: what is known, for which versions, of when, and from where."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from kubepreflight.errors import UsageError
from kubepreflight.knowledge import tables
from kubepreflight.knowledge.checks import Row, rows_of
from kubepreflight.knowledge.table import read_text
from kubepreflight.knowledge.tables import Table
from kubepreflight.visible import visible

_SOURCE = re.compile(r"(.*_)?source")


def list_tables(folder: str | None = None) -> str:
    """Every table with its range, its date, how many rows and sources it has, and which files are the user's own.

    `folder` is the user's (`--knowledge`). Raises KnowledgeError for one that cannot be used.
    """
    head = ("table", "Kubernetes", "as of", "rows", "sources", "")
    lines = [head, *(_line(table) for table in _tables(folder))]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head) - 1)]
    return "\n".join(_aligned(line, widths) for line in lines)


def show_table(name: str, folder: str | None = None) -> str:
    """One table: its files, what these say of themselves, and each source with the number of rows that name it.

    Raises UsageError, with names that are near, when there is none, KnowledgeError for a folder that cannot be used.
    """
    found = {table.info.table: table for table in _tables(folder)}
    if name not in found:
        import difflib

        near = difflib.get_close_matches(name, found, 3)
        hint = f"Did you mean {' or '.join(near)}?" if near else "See: kubepreflight knowledge"
        raise UsageError(f"there is no table {name!r}. {hint}")
    table = found[name]
    rows, sources = _counted(table)
    lines = [name, f"verified for Kubernetes {table.info.start} to {table.info.end} on {table.info.date}, {rows} rows"]
    for path in table.files:
        lines += ["", str(path), *(f"  {line}" for line in _head(path))]
    told = [f"  {count:>4}  {source}" for source, count in sources.most_common()]
    return visible_lines([*lines, "", "sources, and how many rows name each", *(told or ["  as its files say above"])])


def visible_lines(lines: Iterable[str]) -> str:
    """Lines in which nothing can move the cursor: the files may be anybody's."""
    return "\n".join(visible(line) for line in lines)


def _tables(folder: str | None) -> tuple[Table, ...]:
    return tables.use(Path(folder)) if folder is not None else tables.load()


def _line(table: Table) -> tuple[str, ...]:
    info = table.info
    rows, sources = _counted(table)
    own = f"yours: {', '.join(table.own)}" if table.own else ""
    end = f"{info.start} to {info.end}"
    return (info.table, end, str(info.date), str(rows), str(len(sources) or "in its head"), own)


def _aligned(line: tuple[str, ...], widths: list[int]) -> str:
    name, end, day, rows, sources, own = map(visible, line)
    cells = (name.ljust(widths[0]), end.ljust(widths[1]), day.ljust(widths[2]), rows.rjust(widths[3]))
    return "  ".join((*cells, sources.ljust(widths[4]), own)).rstrip()


def _counted(table: Table) -> tuple[int, Counter[str]]:
    """How many rows its files have (one, where a file has but single facts), and how many of them name which source."""
    count, sources = 0, Counter[str]()
    for path in table.files:
        rows = list(rows_of(path))
        count += max(sum(_counts(row, path) for row in rows), 1)
        for row in rows:
            sources.update(_named(row.values))
    return count, sources


def _counts(row: Row, path: Path) -> bool:
    """Whether it is a row, or a table of TOML's, which is one too where there is only one of its sort."""
    alone = path.suffix == ".toml" and str(row.where).count(".") == 1 and row.where != "$.verified"
    return bool(row.group) or alone


def _named(values: Mapping[str, Any]) -> Iterator[str]:
    return (
        value for name, value in values.items() if _SOURCE.fullmatch(str(name)) and isinstance(value, str) and value
    )


def _head(path: Path) -> list[str]:
    """The comment with which a file begins."""
    lines = []
    for line in read_text(path).splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").strip())
    return lines
