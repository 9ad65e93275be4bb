"""Which flags etcd takes no more, by the minor of Kubernetes that brings it. The table is `etcd_flags.csv`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Self

import msgspec

from kubepreflight.knowledge.flags import Flag
from kubepreflight.knowledge.table import DIRECTORY, TableInfo, read_csv
from kubepreflight.version import Minor

ETCD = "etcd"


class _Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    gone: Minor
    instead: str = ""


class EtcdFlags(msgspec.Struct, frozen=True):
    """The flags that went, by name. What it has not it does not know: etcd may take it, or never have heard of it."""

    info: TableInfo
    gone: Mapping[str, Flag]

    @classmethod
    @cache
    def provide(cls) -> Self:
        """The table that is shipped. It judges nothing by what it lacks."""
        info, rows = read_csv(DIRECTORY / "etcd_flags.csv", _Row, frozenset({"gone"}))
        flags = {row.name: _flag(row) for row in rows}
        return cls(msgspec.structs.replace(info, open_ended=True), flags)

    def find(self, name: str) -> Flag | None:
        """A flag that goes at some minor; None for any other."""
        return self.gone.get(name)


def _flag(row: _Row) -> Flag:
    message = f"use {row.instead} instead" if row.instead else ""
    return Flag(component=ETCD, name=row.name, message=message, removed=row.gone, source="tried")
