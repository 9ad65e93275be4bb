"""What stands between a cluster and another etcd. The tables are in `etcd_gates.toml`."""

from __future__ import annotations

from functools import cache
from typing import Self

import msgspec

from kubepreflight.finding import Severity
from kubepreflight.knowledge.table import DIRECTORY, TableInfo, Verified, read_toml
from kubepreflight.version import Minor, Version


class Stop(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may go wrong on the way from one etcd minor to another with members older than `below`.

    `breaks` is a clause; it holds for clusters of at least `members`.
    """

    leaves: Minor
    reaches: Minor
    below: str
    members: int = 1
    severity: Severity
    breaks: str
    source: str

    @property
    def first_good(self) -> Version:
        """The first release that does not need this stop."""
        return Version.parse(self.below)


class OldestEtcd(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The oldest `etcd` that comes up under a kubeadm from `since` on; `breaks` is a clause about an older one."""

    since: Minor
    etcd: str
    also: tuple[str, ...] = ()
    breaks: str
    source: str

    def runs(self, etcd: Version) -> bool:
        """Whether this etcd comes up."""
        others = map(Version.parse, self.also)
        return etcd >= Version.parse(self.etcd) or any(
            one.minor_version == etcd.minor_version and etcd >= one for one in others
        )


class Majority(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From which patch release of a minor on kubeadm is content with more than half of etcd's members."""

    minor: Minor
    since_patch: int = 0
    source: str


class _GatesFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    verified: Verified
    stop: tuple[Stop, ...]
    kubeadm: tuple[OldestEtcd, ...]
    majority: tuple[Majority, ...]


class EtcdGates(msgspec.Struct, frozen=True):
    """The tables, as rules ask for them."""

    info: TableInfo
    all_stops: tuple[Stop, ...]
    oldest: tuple[OldestEtcd, ...]
    majorities: tuple[Majority, ...]

    @classmethod
    @cache
    def provide(cls) -> Self:
        """The tables that are shipped."""
        minors = frozenset({"from", "to", "leaves", "reaches", "since", "minor"})
        file = read_toml(DIRECTORY / "etcd_gates.toml", _GatesFile, minors)
        return cls(file.verified.info("etcd-gates"), file.stop, file.kubeadm, file.majority)

    def stops(self, running: Version, reaches: Minor, members: int) -> tuple[Stop, ...]:
        """What may go wrong when so many members leave `running` for another minor; the worst first, one per source."""
        fitting = [
            one
            for one in self.all_stops
            if (one.leaves, one.reaches) == (running.minor_version, reaches)
            and running < one.first_good
            and members >= one.members
        ]
        by_source: dict[str, Stop] = {}
        for one in sorted(fitting, key=lambda one: (one.severity.rank, one.first_good)):
            by_source.setdefault(one.source, one)
        return tuple(by_source.values())

    def first_good(self, running: Version, reaches: Minor) -> Version:
        """The release of the running minor from which on no stop is left."""
        rows = (one for one in self.all_stops if (one.leaves, one.reaches) == (running.minor_version, reaches))
        return max((one.first_good for one in rows), default=running)

    def too_old(self, etcd: Version, kubeadm: Minor) -> OldestEtcd | None:
        """Why this etcd does not come up under a kubeadm of this minor; None when it does."""
        return next((one for one in reversed(self.oldest) if one.since <= kubeadm and not one.runs(etcd)), None)

    def majority_suffices(self, kubeadm: Version) -> bool:
        """Whether more than half of etcd is enough for this kubeadm, in its newest patch when it names none."""
        row = next((one for one in self.majorities if one.minor == kubeadm.minor_version), None)
        return row is not None and (kubeadm.patch is None or kubeadm.patch >= row.since_patch)
