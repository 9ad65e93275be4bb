"""How far apart the versions of Kubernetes' components may be, what kubeadm allows, and how long a minor is supported.

The tables are `versions.toml`, `kubeadm_limits.csv` and `support.csv`.
"""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Literal, Self

import msgspec

from kubepreflight.knowledge.table import DIRECTORY, TableInfo, Verified, read_csv, read_toml
from kubepreflight.version import Minor

MINORS = frozenset({"from", "to", "since", "wait_for_all_since"})
EVER = Minor(0, 0)
Component = Literal[
    "kube-apiserver",
    "kubelet",
    "kube-proxy",
    "kube-controller-manager",
    "kube-scheduler",
    "cloud-controller-manager",
    "kubectl",
]


class SkewLimit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many minors `component`, from its own version `since`, may be behind and ahead of `against`."""

    component: Component
    against: Literal["kube-apiserver", "kubelet"]
    since: Minor = EVER
    behind: int
    ahead: int = 0
    source: str


class KubeadmLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a kubeadm from version `since` allows.

    All in minors: how far one `upgrade apply` may go up and down, how far below kubeadm the control plane may stay, how
    far below the target a kubelet may be.
    """

    since: Minor = EVER
    upgrade_minors: int
    downgrade_minors: int
    control_plane_behind: int
    kubelets_behind: int


class AddonUpgrade(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Since when kubeadm upgrades CoreDNS and kube-proxy with the last control-plane node, not with the first one."""

    wait_for_all_since: Minor
    source: str


class _VersionsFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    verified: Verified
    skew: tuple[SkewLimit, ...]
    addons: AddonUpgrade


@cache
def _versions() -> _VersionsFile:
    return read_toml(DIRECTORY / "versions.toml", _VersionsFile, MINORS)


class SkewPolicy(msgspec.Struct, frozen=True):
    """Upstream's version skew policy."""

    info: TableInfo
    limits: tuple[SkewLimit, ...]

    @classmethod
    @cache
    def provide(cls) -> Self:
        """The policy that is shipped."""
        return cls(_versions().verified.info("version-skew"), _versions().skew)

    def limit(self, component: Component, version: Minor, against: str = "kube-apiserver") -> SkewLimit:
        """The limit for `component` when it runs `version`. Raises KeyError for a pair that has none."""
        rows = [row for row in self.limits if (row.component, row.against) == (component, against)]
        fitting = [row for row in rows if row.since <= version]
        if not fitting:
            raise KeyError(f"no skew limit for {component} {version} against {against}")
        return max(fitting, key=lambda row: row.since)


class KubeadmPolicy(msgspec.Struct, frozen=True):
    """What kubeadm allows, by its own version."""

    info: TableInfo
    rows: tuple[KubeadmLimits, ...]
    addons: AddonUpgrade

    @classmethod
    @cache
    def provide(cls) -> Self:
        """The policy that is shipped."""
        info, rows = read_csv(DIRECTORY / "kubeadm_limits.csv", KubeadmLimits, frozenset({"since"}))
        return cls(info, tuple(rows), _versions().addons)

    def limits(self, kubeadm: Minor) -> KubeadmLimits:
        """What a kubeadm of this minor allows."""
        return max((row for row in self.rows if row.since <= kubeadm), key=lambda row: row.since)

    def addons_wait_for_all(self, kubeadm: Minor) -> bool:
        """Whether CoreDNS and kube-proxy are upgraded with the last control-plane node, not with the first one."""
        return kubeadm >= self.addons.wait_for_all_since


class SupportWindow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long upstream supports a minor: full support until `maintenance_from`, none after `end_of_life`."""

    minor: Minor
    released: date | None = None
    maintenance_from: date | None = None
    end_of_life: date
    source: str


class SupportWindows(msgspec.Struct, frozen=True):
    """Upstream's support of each minor whose end is known. A minor that is not here is unknown, not supported."""

    info: TableInfo
    windows: tuple[SupportWindow, ...]

    @classmethod
    @cache
    def provide(cls) -> Self:
        """The windows that are shipped."""
        info, rows = read_csv(DIRECTORY / "support.csv", SupportWindow, frozenset({"minor"}))
        return cls(msgspec.structs.replace(info, open_ended=True), tuple(rows))

    def find(self, minor: Minor) -> SupportWindow | None:
        """The window of `minor`, None when its end is not known."""
        return next((row for row in self.windows if row.minor == minor), None)
