"""Which feature gate must not be on without which other one: `feature_gate_dependencies.csv`.

Since 1.35 the programs that run in a cluster look at that, too, when they read their gates, and end with status 1: "X
is enabled, but depends on features that are disabled: [Y]". kubeadm does not. Tried with 1.35.4, 1.36.3 and 1.37.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Self

import msgspec

from kubepreflight.knowledge.table import ShippedTable, TableInfo, read_csv
from kubepreflight.version import Minor


class _Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    gate: str
    needs: str
    since: Minor | None = None
    until: Minor | None = None


class FeatureGateDependencies(ShippedTable):
    """The table, as a rule asks for it."""

    FILE = "feature_gate_dependencies.csv"

    def __init__(self, info: TableInfo, rows: Iterable[_Row]) -> None:
        super().__init__(info)
        self._rows = tuple(rows)
        self._known: dict[Minor, Mapping[str, tuple[str, ...]]] = {}

    @classmethod
    def load(cls, path: Path) -> Self:
        """The table of the CSV file at `path`. Raises KnowledgeError."""
        return cls(*read_csv(path, _Row, frozenset({"since", "until"})))

    def at(self, minor: Minor) -> Mapping[str, tuple[str, ...]]:
        """The gates that need others at this minor, with those."""
        if minor not in self._known:
            found: dict[str, tuple[str, ...]] = {}
            for row in self._rows:
                if (row.since is None or row.since <= minor) and (row.until is None or minor < row.until):
                    found[row.gate] = (*found.get(row.gate, ()), row.needs)
            self._known[minor] = found
        return self._known[minor]
