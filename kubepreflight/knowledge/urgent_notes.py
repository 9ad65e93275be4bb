"""Which rule looks at which urgent note of upstream's release notes. The table is `urgent_notes.csv`."""

from __future__ import annotations

from functools import cache
from typing import Self

import msgspec

from kubepreflight.knowledge.table import DIRECTORY, TableInfo, read_csv
from kubepreflight.version import Minor


class UrgentNote(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One note of the release `at`, and the rule that looks at it; `why` where none does."""

    at: Minor
    what: str
    by: str = ""
    why: str = ""


class UrgentNotes(msgspec.Struct, frozen=True):
    """The table: for whoever reads it. No rule needs it."""

    info: TableInfo
    rows: tuple[UrgentNote, ...]

    @classmethod
    @cache
    def provide(cls) -> Self:
        """The table that is shipped."""
        info, rows = read_csv(DIRECTORY / "urgent_notes.csv", UrgentNote, frozenset({"at"}))
        return cls(info, tuple(rows))
