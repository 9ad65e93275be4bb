"""What things are called whose name changed with a version: flags, objects. The table is `names.toml`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Self

import msgspec

from kubepreflight.knowledge.table import DIRECTORY, TableInfo, Verified, read_toml
from kubepreflight.version import Minor


class Name(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A name, and since which version it is the right one; `{minor}` in it stands for the version itself."""

    name: str
    since: Minor = Minor(0, 0)
    source: str


class _NamesFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    verified: Verified
    drain_flag: tuple[Name, ...]
    kubelet_config: tuple[Name, ...]
    namespace_label: tuple[Name, ...]
    patches_flag: tuple[Name, ...]
    unready_policy: tuple[Name, ...]


class Names(msgspec.Struct, frozen=True):
    """The names, oldest first. Beyond the verified versions the newest stands: nothing is judged by a name."""

    info: TableInfo
    drain_flags: tuple[Name, ...]
    kubelet_configs: tuple[Name, ...]
    namespace_labels: tuple[Name, ...]
    patches_flags: tuple[Name, ...]
    unready_policies: tuple[Name, ...]

    @classmethod
    @cache
    def provide(cls) -> Self:
        """The names that are shipped."""
        file = read_toml(DIRECTORY / "names.toml", _NamesFile, frozenset({"from", "to", "since"}))
        info = file.verified.info("names", open_ended=True)
        return cls(
            info, file.drain_flag, file.kubelet_config, file.namespace_label, file.patches_flag, file.unready_policy
        )

    def drain_flag(self, kubectl: Minor) -> str:
        """The flag with which a `kubectl drain` of this minor deletes emptyDir volumes."""
        return _of(self.drain_flags, kubectl)

    def kubelet_config(self, control_plane: Minor) -> str:
        """The ConfigMap in kube-system that holds the kubelets' configuration for a control plane of this minor."""
        return _of(self.kubelet_configs, control_plane)

    def namespace_label(self, api_server: Minor) -> str:
        """The label with its own name that each namespace has; empty where the API server sets none."""
        return _of(self.namespace_labels, api_server)

    def patches_flag(self, kubeadm: Minor) -> str:
        """The flag with which `kubeadm upgrade` of this minor takes patches; empty when it takes none."""
        return _of(self.patches_flags, kubeadm)

    def unready_policy(self, api_server: Minor) -> str:
        """The field of a PodDisruptionBudget that lets unready pods go; empty where the API server has none."""
        return _of(self.unready_policies, api_server)


def _of(names: Iterable[Name], minor: Minor) -> str:
    fitting = max((one for one in names if one.since <= minor), key=lambda one: one.since)
    return fitting.name.format(minor=minor)
