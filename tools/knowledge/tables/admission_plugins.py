"""admission_plugins.csv: which admission plugins kube-apiserver knows, and which are on unless switched off."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kubepreflight.version import Minor
from tools.knowledge.lives import table
from tools.knowledge.makers import Records
from tools.knowledge.pins import Pin
from tools.knowledge.records import Row
from tools.knowledge.sources import read as read_sources

ON = "on"
ASKED = True
COLUMNS = ("name", "since", "removed", "default_since", "default_until")
HEAD = "# key: name\n"


def read(pin: Pin) -> Iterable[Row]:
    """Rows of a plugin, and "on" where it is by default."""
    return ((plugin, ON if on == "true" else "") for plugin, on in read_sources("plugins", pin))


def compose(records: Records) -> str:
    """A row for each plugin: when it came and went, and when it was on by default."""
    known = {minor: {row[0]: row[1] for row in rows} for minor, rows in records.items()}
    made: list[tuple[str, ...]] = []
    for plugin in sorted({plugin for plugins in known.values() for plugin in plugins}):
        exists = [plugin in plugins for plugins in known.values()]
        on = [plugins.get(plugin) == ON for plugins in known.values()]
        since, removed = _span(plugin, list(known), exists)
        # What is older than the table needs no minor in which it came; what is on by default needs one in which it is.
        made.append((plugin, since if not exists[0] else "", removed, *_span(plugin, list(known), on)))
    return HEAD + table(COLUMNS, [dict(zip(COLUMNS, row, strict=True)) for row in made])


def _span(plugin: str, minors: Sequence[Minor], holds: Sequence[bool]) -> tuple[str, str]:
    """The first minor for which it holds, and the first after it for which it does not any more."""
    if True not in holds:
        return "", ""
    first = holds.index(True)
    last = len(holds) - 1 - holds[::-1].index(True)
    if not all(holds[first : last + 1]):
        raise ValueError(f"{plugin} went and came back: the table has no words for that")
    return str(minors[first]), str(minors[last + 1]) if last + 1 < len(minors) else ""
