"""What the garbage collector does when it cannot list a kind. The table is `garbage_collector.toml`."""

from __future__ import annotations

from functools import cache
from typing import Self

import msgspec

from kubepreflight.knowledge.table import DIRECTORY, TableInfo, Verified, read_toml
from kubepreflight.version import Minor


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    verified: Verified
    begins_regardless_since: Minor
    source: str


class GarbageCollector(msgspec.Struct, frozen=True):
    """The first minor whose garbage collector begins its work though it cannot list every kind."""

    info: TableInfo
    begins_regardless_since: Minor

    @classmethod
    @cache
    def provide(cls) -> Self:
        """The table that is shipped. Later versions than those verified do no worse."""
        minors = frozenset({"from", "to", "begins_regardless_since"})
        file = read_toml(DIRECTORY / "garbage_collector.toml", _File, minors)
        return cls(file.verified.info("garbage-collector", open_ended=True), file.begins_regardless_since)
