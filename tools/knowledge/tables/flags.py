"""flags.csv: which flags each program takes, since when, what it says of those that are to go, and when they went."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from kubepreflight.version import Minor
from tools.knowledge.lives import table
from tools.knowledge.makers import Records
from tools.knowledge.pins import Pin, pins
from tools.knowledge.records import Row
from tools.knowledge.sources import read as read_sources

ASKED = True
COLUMNS = ("component", "name", "since", "deprecated", "undeprecated", "message", "removed", "source")
HEAD = "# key: component, name\n"


def read(pin: Pin) -> Iterable[Row]:
    """Rows of component, flag and what the program says of its being deprecated."""
    return read_sources("flags", pin)


def compose(records: Records) -> str:
    """A row for each component and flag."""
    known: dict[tuple[str, str], dict[Minor, str]] = defaultdict(dict)
    for minor, rows in records.items():
        for component, name, message in rows:
            known[component, name][minor] = message
    made: list[tuple[str, ...]] = []
    for (component, name), messages in sorted(known.items()):
        made.append((component, name, *_life(messages, list(records))))
    return HEAD + table(COLUMNS, [dict(zip(COLUMNS, row, strict=True)) for row in made])


def _life(messages: Mapping[Minor, str], minors: Sequence[Minor]) -> Iterator[str]:
    """The columns after the name. A flag that was away for some minors counts as one that never was."""
    first, last = min(messages), max(messages)
    removed = last.plus(1) if last < minors[-1] else None
    yield str(first) if first > minors[0] else ""
    # Of what was deprecated several times the last time counts.
    spoken = max((minor for minor, message in messages.items() if message), default=None)
    deprecated = spoken
    while deprecated and messages.get(before := deprecated.plus(-1)):
        deprecated = before
    yield str(deprecated) if deprecated else ""
    yield str(spoken.plus(1)) if spoken and spoken < last else ""
    yield " ".join(messages[spoken].split()) if spoken else ""
    yield str(removed) if removed else ""
    yield _source(removed or minors[-1])


def _source(minor: Minor) -> str:
    """The release that has the last word on a flag, and whether its programs themselves were asked."""
    known = pins()
    release = next(pin.release for pin in known.pins if pin.minor == minor)
    return f"{release} {'asked' if release in known.asked else 'read'}"
