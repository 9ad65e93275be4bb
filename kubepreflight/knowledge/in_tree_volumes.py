"""What becomes of the volume plugins that are part of Kubernetes. The table is `in_tree_volumes.toml`."""

from __future__ import annotations

from functools import cache
from typing import Self

import msgspec

from kubepreflight.knowledge.table import DIRECTORY, TableInfo, Verified, read_toml
from kubepreflight.version import Minor


class InTreePlugin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One plugin: either it was `removed`, or its volumes are handed to a CSI driver.

    `field` is what its volumes are called in the API, `provisioner` what StorageClasses name; `instead` is where its
    successor is to be had, empty where there is none that is known. See the table for the rest.
    """

    field: str
    provisioner: str = ""
    attached: bool = False
    deprecated: Minor | None = None
    removed: Minor | None = None
    driver: str = ""
    gate: str = ""
    migrated: Minor | None = None
    locked: Minor | None = None
    instead: str = ""
    source: str


class CommonGate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The gate before those of single plugins, and since when it cannot be switched off."""

    gate: str
    locked: Minor
    source: str


class _PluginsFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    verified: Verified
    common: CommonGate
    plugin: tuple[InTreePlugin, ...]


class InTreePlugins(msgspec.Struct, frozen=True):
    """The table, as a rule asks for it."""

    info: TableInfo
    common: CommonGate
    all: tuple[InTreePlugin, ...]

    @classmethod
    @cache
    def provide(cls) -> Self:
        """The table that is shipped."""
        minors = frozenset({"from", "to", "deprecated", "removed", "migrated", "locked"})
        file = read_toml(DIRECTORY / "in_tree_volumes.toml", _PluginsFile, minors)
        return cls(file.verified.info("in-tree-volumes"), file.common, file.plugin)
