"""What a minor does by default in another way than the one before. The table is `default_changes.toml`."""

from __future__ import annotations

from functools import cache
from typing import Self

import msgspec

from kubepreflight.knowledge.table import DIRECTORY, TableInfo, Verified, read_toml
from kubepreflight.knowledge.upgrade_notes import UpgradeNote


class _ChangesFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    verified: Verified
    note: tuple[UpgradeNote, ...]


class DefaultChanges(msgspec.Struct, frozen=True):
    """The table, as a rule asks for it."""

    info: TableInfo
    notes: tuple[UpgradeNote, ...]

    @classmethod
    @cache
    def provide(cls) -> Self:
        """The table that is shipped."""
        file = read_toml(DIRECTORY / "default_changes.toml", _ChangesFile, frozenset({"from", "to", "at"}))
        return cls(file.verified.info("default-changes"), file.note)
