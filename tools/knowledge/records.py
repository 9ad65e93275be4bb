"""What was read of one minor for one table, as a file of its own: `records/TABLE/1.36.csv`."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from pathlib import Path

from kubepreflight.version import Minor
from tools.knowledge.pins import Pin

RECORDS = Path(__file__).with_name("records")

Row = Sequence[str]


def path_of(table: str, minor: Minor) -> Path:
    """Where the record lies."""
    return RECORDS / table / f"{minor}.csv"


def text_of(pin: Pin, rows: Iterable[Row]) -> str:
    """A record as its file has it: which release it is of, then the rows in their order."""
    text = StringIO()
    text.write(f"# {pin.release}\n")
    csv.writer(text, lineterminator="\n").writerows(sorted(set(map(tuple, rows))))
    return text.getvalue()


def is_current(table: str, pin: Pin) -> bool:
    """Whether there is a record of just this release."""
    path = path_of(table, pin.minor)
    return path.exists() and path.read_text(encoding="utf-8").startswith(f"# {pin.release}\n")


def write(table: str, pin: Pin, rows: Iterable[Row]) -> None:
    """Put the record into its file."""
    path = path_of(table, pin.minor)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text_of(pin, rows), encoding="utf-8")


def rows(table: str, minor: Minor) -> Iterator[tuple[str, ...]]:
    """What the record says. Raises FileNotFoundError where nothing was read yet."""
    with path_of(table, minor).open(encoding="utf-8", newline="") as file:
        next(file)
        yield from map(tuple, csv.reader(file, strict=True))
