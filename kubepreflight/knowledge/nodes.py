"""What Kubernetes asks of the system of a node. The table is `nodes.toml`."""

from __future__ import annotations

from functools import cache
from typing import Literal, Self

import msgspec

from kubepreflight.knowledge.table import DIRECTORY, TableInfo, Verified, read_toml
from kubepreflight.version import Minor

MINORS = frozenset({"from", "to", "since", "announced", "refused_since"})


class CgroupV1(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Since when kubelet and kubeadm refuse control groups of version 1, and what lets each go on.

    `field` and `flag` are the kubelet's, which have to be false; `preflight_check` is to be ignored by kubeadm.
    """

    announced: Minor
    field: str
    flag: str
    refused_since: Minor
    preflight_check: str
    source: str


class ClockTolerance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many seconds two clocks may be apart before new `tokens`, and new `certificates`, are not valid yet."""

    tokens: int
    certificates: int
    source: str


class Verification(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `kubeadm upgrade` of version `since` and later asks of the kernel and its control groups.

    `kernels` are expressions of which one has to match the kernel's release, `named` what they say in words; else it is
    refused where `refuses` says so, or warned of. `built_with` are options without `CONFIG_`, of which one joined by
    `|` suffices; those ending in _v1 and _v2 hold for that version of control groups.
    """

    since: Minor
    kernels: tuple[str, ...]
    named: str
    refuses: bool
    built_with: tuple[str, ...]
    built_with_v1: tuple[str, ...] = ()
    built_with_v2: tuple[str, ...] = ()
    controllers_v1: tuple[str, ...]
    controllers_v2: tuple[str, ...]
    source: str


class OldestKernel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The oldest `release` of the kernel on which `what` works in Kubernetes `since` and later."""

    what: Literal["nftables", "memory-qos"]
    since: Minor
    release: str
    source: str


class Eviction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The kubelet's defaults: the thresholds of evictionHard, and the use at which images are deleted, in percent."""

    hard: dict[str, str]
    image_gc_high_percent: int
    source: str


class Room(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one step of an upgrade needs on a node's disks: MiB, and `inodes` for images."""

    control_plane_images: int
    worker_images: int
    programs: int
    downloads: int
    inodes: int
    source: str


class _NodesFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    verified: Verified
    cgroup_v1: CgroupV1
    clock: ClockTolerance
    verification: tuple[Verification, ...]
    kernel: tuple[OldestKernel, ...]
    eviction: Eviction
    room: Room


class NodeNeeds(msgspec.Struct, frozen=True):
    """The table, as a rule asks for it."""

    info: TableInfo
    cgroup_v1: CgroupV1
    clock: ClockTolerance
    verifications: tuple[Verification, ...]
    kernels: tuple[OldestKernel, ...]
    eviction: Eviction
    room: Room

    @classmethod
    @cache
    def provide(cls) -> Self:
        """The table that is shipped."""
        file = read_toml(DIRECTORY / "nodes.toml", _NodesFile, MINORS)
        info = file.verified.info("nodes")
        return cls(info, file.cgroup_v1, file.clock, file.verification, file.kernel, file.eviction, file.room)

    def verification(self, kubeadm: Minor) -> Verification | None:
        """What the `kubeadm upgrade` of this minor asks; None where it asks nothing."""
        fitting = [one for one in self.verifications if one.since <= kubeadm]
        return max(fitting, key=lambda one: one.since) if fitting else None

    def oldest_kernel(self, what: str) -> OldestKernel:
        """The row of this name. Raises StopIteration for none."""
        return next(one for one in self.kernels if one.what == what)
