"""Which admission plugins kube-apiserver knows, by its minor: `admission_plugins.csv`.

It does not start with a plugin that it does not know, in any of its three flags (`enable-admission-plugins plugin "X"
is unknown`), nor with one that is both switched on and off (`[X] in enable-admission-plugins and
disable-admission-plugins overlapped`). Tried with 1.36.3 and 1.37.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

import msgspec

from kubepreflight.knowledge.table import ShippedTable, TableInfo, read_csv
from kubepreflight.version import Minor

MINORS = frozenset({"since", "removed", "default_since", "default_until"})


class AdmissionPlugin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A plugin, known from `since` on (None: as old as the table) until `removed`, the first minor that refuses it.

    It is on unless switched off from `default_since` on (None: never; the table's first minor stands for older ones,
    too) until `default_until`, the first minor in which it is off again.
    """

    name: str
    since: Minor | None = None
    removed: Minor | None = None
    default_since: Minor | None = None
    default_until: Minor | None = None


class AdmissionPlugins(ShippedTable):
    """The table, as a rule asks for it."""

    FILE = "admission_plugins.csv"

    def __init__(self, info: TableInfo, rows: Iterable[AdmissionPlugin]) -> None:
        super().__init__(info)
        self._rows = {row.name: row for row in rows}

    @classmethod
    def load(cls, path: Path) -> Self:
        """The table of the CSV file at `path`. Raises KnowledgeError."""
        return cls(*read_csv(path, AdmissionPlugin, MINORS))

    def find(self, name: str) -> AdmissionPlugin | None:
        """What is known of the plugin; None when no minor of the table knew it."""
        return self._rows.get(name)

    def names(self) -> Iterator[str]:
        """Each plugin that any minor of the table knew."""
        return iter(self._rows)
