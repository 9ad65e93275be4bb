"""Which etcd, CoreDNS and pause kubeadm brings along, by its own version. The table is `component_versions.csv`."""

from __future__ import annotations

from functools import cache
from typing import Self

import msgspec

from kubepreflight.knowledge.table import DIRECTORY, TableInfo, read_csv
from kubepreflight.version import Minor, Version


class ComponentVersion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What kubeadm `minor` names from its patch release `since_patch` on: tags of images, CoreDNS's without its `v`.

    `oldest_external_etcd` is the oldest etcd outside of the cluster with which it adds a control-plane node,
    `migration` the version of the Go module with which it migrates the Corefile, empty where it does not.
    """

    minor: Minor
    since_patch: int
    etcd: str
    oldest_external_etcd: str
    coredns: str
    migration: str = ""
    pause: str


class ComponentVersions(msgspec.Struct, frozen=True):
    """The table, as a rule asks for it."""

    info: TableInfo
    rows: tuple[ComponentVersion, ...]

    @classmethod
    @cache
    def provide(cls) -> Self:
        """The table that is shipped."""
        info, rows = read_csv(DIRECTORY / "component_versions.csv", ComponentVersion, frozenset({"minor"}))
        return cls(info, tuple(rows))

    @property
    def first_with_v3_by_default(self) -> Minor:
        """The first minor whose etcdctl speaks etcd's API v3 unasked.

        That is etcdctl 3.4: https://etcd.io/docs/v3.4/upgrades/upgrade_3_4/
        """
        return min(row.minor for row in self.rows if Version.parse(row.etcd) >= Version(3, 4))

    def of(self, kubeadm: Version) -> ComponentVersion:
        """What this kubeadm names, its newest patch release when it names none. Raises KeyError for an unknown one."""
        rows = [row for row in self.rows if row.minor == kubeadm.minor_version]
        fitting = [row for row in rows if kubeadm.patch is None or row.since_patch <= kubeadm.patch]
        if not fitting:
            raise KeyError(f"nothing is known of kubeadm {kubeadm}")
        return fitting[-1]

    def etcd(self, kubeadm: Version) -> Version | None:
        """The etcd of this kubeadm; None when the table lacks it."""
        known = any(row.minor == kubeadm.minor_version for row in self.rows)
        return Version.parse(self.of(kubeadm).etcd) if known else None
