"""Which clients of an API server mean nothing when they ask for a version that goes away: `api_requests.toml`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Self

import msgspec

from kubepreflight.knowledge.table import ShippedTable, Verified, read_toml
from kubepreflight.version import Minor

MINORS = frozenset({"from", "to", "since"})


class Role(StrEnum):
    """What is known of a client: the table says what each means."""

    COMPONENT = "component"
    BY_HAND = "by-hand"
    KUBECTL = "kubectl"
    ONCE = "once"
    APPLIER = "applier"
    SCANNER = "scanner"
    UNKNOWN = "unknown"


class _Metric(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    since: Minor
    source: str


class _Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    recent_days: int
    source: str


class _Client(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    role: Role
    names: tuple[str, ...]
    source: str


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    verified: Verified
    metric: _Metric
    written: _Written
    client: tuple[_Client, ...]


class ApiRequestKnowledge(ShippedTable):
    """The table, as rules ask for it. `metric_since` is the first minor whose API server counts deprecated versions,
    `recent_days` the age up to which a write is taken for something that still goes on."""

    FILE = "api_requests.toml"

    def __init__(self, table: _Table) -> None:
        # It holds for every minor: whoever is not in it is unknown.
        super().__init__(table.verified.info("api-requests", open_ended=True))
        self.metric_since = table.metric.since
        self.recent_days = table.written.recent_days
        self._roles = {name: one.role for one in table.client for name in one.names}
        self._beginnings = {name[:-1]: role for name, role in self._roles.items() if name.endswith("*")}

    @classmethod
    def load(cls, path: Path) -> Self:
        """The table of the TOML file at `path`. Raises KnowledgeError."""
        return cls(read_toml(path, _Table, MINORS))

    def role(self, client: str) -> Role:
        """What is known of a client, by the name of its program or its field manager."""
        client = client.removesuffix(".exe")  # the same program on Windows
        found = self._roles.get(client)
        if found is None:
            found = next((role for start, role in self._beginnings.items() if client.startswith(start)), Role.UNKNOWN)
        return found
