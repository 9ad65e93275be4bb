"""What upstream's release notes ask to look at before an upgrade. The table is `upgrade_notes.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Self

import msgspec

from kubepreflight.finding import Phase, Severity
from kubepreflight.knowledge.table import DIRECTORY, TableInfo, Verified, read_toml
from kubepreflight.version import Minor


class UpgradeNote(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One note. At most one of `flag`, `gate`, `field` and `metrics` says what is looked for; see the tables.

    `values` are those that are meant (all, where there are none), `others_than` those that are not; `lacks` are flags
    of which at least one is not set beside it. `message` has `{what}` for the places; `phase` is empty where that
    follows from what reads the setting. `switch` is the feature gate whose default changes at `at`, where it is one
    that does it.
    """

    name: str
    at: Minor
    severity: Severity
    phase: Phase | None = None
    flag: str = ""
    gate: str = ""
    field: str = ""
    components: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    others_than: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    switch: str = ""
    metrics: Mapping[str, str] = {}
    message: str
    remedy: str
    source: str

    @property
    def is_setting(self) -> bool:
        """Whether it is about how a program is started or configured, and not about objects."""
        return bool(self.flag or self.gate or self.field)


class _NotesFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    verified: Verified
    note: tuple[UpgradeNote, ...]


class UpgradeNotes(msgspec.Struct, frozen=True):
    """The table, as a rule asks for it."""

    info: TableInfo
    notes: tuple[UpgradeNote, ...]

    @classmethod
    @cache
    def provide(cls) -> Self:
        """The table that is shipped."""
        file = read_toml(DIRECTORY / "upgrade_notes.toml", _NotesFile, frozenset({"from", "to", "at"}))
        return cls(file.verified.info("upgrade-notes"), file.note)
