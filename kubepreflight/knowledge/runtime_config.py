"""Which API versions the API server no longer lets `--runtime-config` name. The table is `runtime_config.csv`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Self

import msgspec

from kubepreflight.knowledge.table import DIRECTORY, TableInfo, read_csv
from kubepreflight.version import Minor


class UnregisteredVersion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group version (`batch/v2alpha1`), and the first minor whose API server does not start with it."""

    group_version: str
    gone: Minor


class RuntimeConfig(msgspec.Struct, frozen=True):
    """The table, as a rule asks for it: by group version, the minor from which on it is refused."""

    info: TableInfo
    gone: Mapping[str, Minor]

    @classmethod
    @cache
    def provide(cls) -> Self:
        """The table that is shipped."""
        info, rows = read_csv(DIRECTORY / "runtime_config.csv", UnregisteredVersion, frozenset({"gone"}))
        return cls(info, {row.group_version: row.gone for row in rows})
