"""Which etcd kubeadm runs, by its own version. The table is `etcd_versions.csv`."""

from __future__ import annotations

from functools import cache
from typing import Self

import msgspec

from kubepreflight.knowledge.table import DIRECTORY, TableInfo, read_csv
from kubepreflight.version import Minor, Version


class EtcdVersion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The image tag of etcd under kubeadm `minor`, from its patch release `since_patch` on."""

    minor: Minor
    since_patch: int
    etcd: str


class EtcdVersions(msgspec.Struct, frozen=True):
    """The table, as a rule asks for it."""

    info: TableInfo
    rows: tuple[EtcdVersion, ...]

    @classmethod
    @cache
    def provide(cls) -> Self:
        """The table that is shipped."""
        info, rows = read_csv(DIRECTORY / "etcd_versions.csv", EtcdVersion, frozenset({"minor"}))
        return cls(info, tuple(rows))

    @property
    def first_with_v3_by_default(self) -> Minor:
        """The first minor whose etcdctl speaks etcd's API v3 unasked.

        That is etcdctl 3.4: https://etcd.io/docs/v3.4/upgrades/upgrade_3_4/
        """
        return min(row.minor for row in self.rows if Version.parse(row.etcd) >= Version(3, 4))

    def of(self, kubeadm: Version) -> Version | None:
        """The etcd of this kubeadm, of its newest patch release when it names none; None when the table lacks it."""
        rows = [row for row in self.rows if row.minor == kubeadm.minor_version]
        fitting = [row for row in rows if kubeadm.patch is None or row.since_patch <= kubeadm.patch]
        return Version.parse(fitting[-1].etcd) if fitting else None
