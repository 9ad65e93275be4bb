"""Objects of which kinds, as an older API server stored them, a later one cannot read: `stored_kinds.csv`."""

from __future__ import annotations

from functools import cache
from typing import Self

import msgspec

from kubepreflight.knowledge.table import DIRECTORY, TableInfo, read_csv
from kubepreflight.objects import Api, group_of
from kubepreflight.version import Minor


class StoredKind(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A kind, the version in which its objects were stored, and the first minor that cannot read them."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool
    unreadable: Minor

    @property
    def group(self) -> str:
        """Its API group."""
        return group_of(self.api_version)


class StoredKinds(msgspec.Struct, frozen=True):
    """The table, as a rule asks for it."""

    info: TableInfo
    rows: tuple[StoredKind, ...]

    @classmethod
    @cache
    def provide(cls) -> Self:
        """The table that is shipped."""
        info, rows = read_csv(DIRECTORY / "stored_kinds.csv", StoredKind, frozenset({"unreadable"}))
        return cls(info, tuple(rows))

    def apis(self) -> tuple[Api, ...]:
        """Where their objects are listed, each kind once."""
        found = {(row.group, row.kind): Api(row.group, row.kind, row.plural, row.namespaced) for row in self.rows}
        return tuple(found.values())
