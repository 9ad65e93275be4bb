"""Which fields of the programs' configuration files came and went."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from kubepreflight.version import Minor
from tools.knowledge.config_readers import config_files
from tools.knowledge.lives import Cells, life, table
from tools.knowledge.makers import Records
from tools.knowledge.pins import Pin
from tools.knowledge.records import Row

COLUMNS = ("api_version", "kind", "field", "since", "removed")
HEAD = """\
# key: api_version, kind, field
# A field within one that came and went at the same time is not named.
"""


def read(pin: Pin) -> Iterator[Row]:
    """The API version and kind of a file, a field (empty: the file itself), and the names of the fields in it."""
    for file in config_files(pin):
        inside: dict[str, list[str]] = defaultdict(list)
        for field in file.fields:
            outer, _, name = field.rpartition(".")
            inside[outer].append(name)
        for outer, names in inside.items():
            yield file.api_version, file.kind, outer, " ".join(sorted(names))


def compose(records: Records) -> str:
    """The table: the fields that are not there in every minor that reads the file."""
    files: dict[tuple[str, str], list[Minor]] = defaultdict(list)
    found: dict[tuple[str, str, str], list[Minor]] = defaultdict(list)
    for minor, rows in records.items():
        for api_version, kind, outer, names in rows:
            if not outer:
                files[api_version, kind].append(minor)
            for name in names.split():
                found[api_version, kind, f"{outer}.{name}" if outer else name].append(minor)
    rows_made: list[Cells] = []
    for api_version, kind, field in sorted(found):
        minors = found[api_version, kind, field]
        around = found.get((api_version, kind, field.rpartition(".")[0]), files[api_version, kind])
        if minors != around:
            lived = life(minors, files[api_version, kind])
            cells = (api_version, kind, field, str(lived.since or ""), str(lived.removed or ""))
            rows_made.append(dict(zip(COLUMNS, cells, strict=True)))
    return HEAD + table(COLUMNS, rows_made)
