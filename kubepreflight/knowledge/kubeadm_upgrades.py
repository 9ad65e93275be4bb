"""What `kubeadm upgrade` changes in settings by itself, by its own version. The table is `kubeadm_upgrades.toml`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Self

import msgspec

from kubepreflight.finding import Hop
from kubepreflight.knowledge.table import DIRECTORY, TableInfo, Verified, read_toml
from kubepreflight.version import Minor


class DroppedFlag(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A kubelet flag that kubeadm of the minor `by` takes out of its environment file."""

    flag: str
    by: Minor
    source: str


class OwnGates(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The last kubeadm that stops at a feature gate of its own in kubeadm-config that it does not know."""

    refused_until: Minor
    source: str


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    verified: Verified
    dropped: tuple[DroppedFlag, ...]
    own_gates: OwnGates


class KubeadmUpgrades(msgspec.Struct, frozen=True):
    """The table. Beyond its range no kubeadm is known to take anything out."""

    info: TableInfo
    dropped: tuple[DroppedFlag, ...]
    own_gates: OwnGates

    @classmethod
    @cache
    def provide(cls) -> Self:
        """The table that is shipped."""
        file = read_toml(DIRECTORY / "kubeadm_upgrades.toml", _File, frozenset({"from", "to", "by", "refused_until"}))
        return cls(file.verified.info("kubeadm-upgrades", open_ended=True), file.dropped, file.own_gates)

    def drops(self, flag: str, hops: Iterable[Hop], gone: Minor) -> bool:
        """Whether some kubeadm of `hops` takes a kubelet's flag out before the kubelet that no longer knows it."""
        return any(one.flag == flag and one.by == hop.end <= gone for one in self.dropped for hop in hops)

    def passed_over(self, kubelet: Minor, kubeadm: Minor) -> tuple[DroppedFlag, ...]:
        """The flags that a kubeadm between a kubelet's minor and this one would have taken out, and this one leaves."""
        return tuple(one for one in self.dropped if kubelet < one.by < kubeadm)
