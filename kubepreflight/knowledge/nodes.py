"""What Kubernetes asks of the system of a node. The table is `nodes.toml`."""

from __future__ import annotations

from functools import cache
from typing import Self

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


class _NodesFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    verified: Verified
    cgroup_v1: CgroupV1
    clock: ClockTolerance


class NodeNeeds(msgspec.Struct, frozen=True):
    """The table, as a rule asks for it."""

    info: TableInfo
    cgroup_v1: CgroupV1
    clock: ClockTolerance

    @classmethod
    @cache
    def provide(cls) -> Self:
        """The table that is shipped."""
        file = read_toml(DIRECTORY / "nodes.toml", _NodesFile, MINORS)
        return cls(file.verified.info("nodes"), file.cgroup_v1, file.clock)
