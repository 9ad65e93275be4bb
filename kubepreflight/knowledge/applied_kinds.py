"""The kinds of objects that may remember, from the last `kubectl apply`, an API version that is gone."""

from __future__ import annotations

from functools import cache
from typing import Self

import msgspec

from kubepreflight.knowledge.table import DIRECTORY, TableInfo, read_csv
from kubepreflight.objects import Api


class _Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    group: str
    kind: str
    plural: str
    namespaced: bool
    also: str = ""


class AppliedKinds(msgspec.Struct, frozen=True):
    """Where their objects are listed, in the table's order."""

    info: TableInfo
    apis: tuple[Api, ...]

    @classmethod
    @cache
    def provide(cls) -> Self:
        """The table that is shipped."""
        info, rows = read_csv(DIRECTORY / "applied_kinds.csv", _Row, ())
        apis = (Api(row.group, row.kind, row.plural, row.namespaced, (row.also,) if row.also else ()) for row in rows)
        return cls(info, tuple(apis))
