"""Since when API servers refuse addresses that can be read in two ways. The table is `strict_addresses.toml`."""

from __future__ import annotations

from functools import cache
from typing import Self

import msgspec

from kubepreflight.knowledge.table import DIRECTORY, TableInfo, Verified, read_toml
from kubepreflight.version import Minor


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    verified: Verified
    gate: str
    since: Minor
    source: str


class StrictAddresses(msgspec.Struct, frozen=True):
    """The first minor that does by default, and the gate of the API server that decides it."""

    info: TableInfo
    gate: str
    since: Minor

    @classmethod
    @cache
    def provide(cls) -> Self:
        """The table that is shipped."""
        file = read_toml(DIRECTORY / "strict_addresses.toml", _File, frozenset({"from", "to", "since"}))
        return cls(file.verified.info("strict-addresses"), file.gate, file.since)
