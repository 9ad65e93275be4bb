"""From when to when something is there, of what was read of each minor; and the corrections of it, kept by hand."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from kubepreflight.version import Minor

CORRECTIONS = Path(__file__).with_name("corrections")
NOTHING = "-"
"""In a correction: the cell is empty, whatever was read."""

_VERSION = re.compile(r"v(\d+)(?:(alpha|beta)(\d+))?")
Cells = dict[str, str]


@dataclass(frozen=True)
class Life:
    """The minors in which it was found. `since` is None where the first that was read has it already."""

    minors: tuple[Minor, ...]
    since: Minor | None
    removed: Minor | None

    @property
    def last(self) -> Minor:
        """The last minor that has it."""
        return self.minors[-1]


def life(minors: Iterable[Minor], read: Sequence[Minor]) -> Life:
    """The life of what is in `minors`, of all that were `read`, oldest first. Raises ValueError when it has gaps."""
    there = tuple(sorted(minors))
    first, last = read.index(there[0]), read.index(there[-1])
    if len(there) != last - first + 1:
        raise ValueError(f"it came twice: {', '.join(map(str, there))}")
    return Life(there, there[0] if first else None, read[last + 1] if last + 1 < len(read) else None)


def stage(api_version: str) -> str:
    """`alpha`, `beta` or `ga`. Raises ValueError for what is no API version."""
    return _parsed(api_version)[2] or "ga"


def rank(api_version: str) -> tuple[int, int, int]:
    """The order of versions, newer and more stable last: v1alpha1, v1beta1, v1beta2, v1, v2beta1, v2."""
    found = _parsed(api_version)
    stability = {"alpha": 0, "beta": 1, None: 2}[found[2]]
    return stability, int(found[1]), int(found[3] or 0)


def _parsed(api_version: str) -> re.Match[str]:
    found = _VERSION.fullmatch(api_version.rpartition("/")[2])
    if found is None:
        raise ValueError(f"not an API version: {api_version}")
    return found


def group(api_version: str) -> str:
    """`apps` of `apps/v1`; empty for the core group."""
    return api_version.rpartition("/")[0]


def api_version(group: str, version: str) -> str:
    """`apps/v1` of `apps` and `v1`; the version alone of the core group."""
    return f"{group}/{version}" if group else version


def corrections(table: str, key: Sequence[str]) -> dict[tuple[str, ...], Cells]:
    """The rows of `corrections/TABLE.csv`, by their cells under `key`; only the filled cells. Each has its source.

    Raises ValueError when one stands there twice.
    """
    found: dict[tuple[str, ...], Cells] = {}
    with (CORRECTIONS / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader((line for line in file if not line.startswith("#")), strict=True):
            named = tuple(row[column] for column in key)
            if named in found:
                raise ValueError(f"corrected twice: {named}")
            found[named] = {column: cell for column, cell in row.items() if cell and column not in key}
    return found


def corrected(cells: Mapping[str, str], correction: Mapping[str, str]) -> Cells:
    """What was read, with the correction's cells in place of its own; the sources of both."""
    source = "; ".join(dict.fromkeys(one["source"] for one in (cells, correction) if one.get("source")))
    merged = {**cells, **correction, "source": source}
    return {column: "" if cell == NOTHING else cell for column, cell in merged.items()}


def table(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> str:
    """The rows as CSV, under their columns."""
    text = StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
