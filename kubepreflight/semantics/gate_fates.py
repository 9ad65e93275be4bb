"""What becomes of the feature gates that are set: the hop with which a program comes that refuses one, and why.

Source: unsafeSetFromMap in featuregate/feature_gate.go of k8s.io/component-base v0.37.2, and the programs themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

import msgspec

from kubepreflight.finding import Gap, Hop, cannot_check
from kubepreflight.knowledge.feature_gates import FeatureGates, GateState
from kubepreflight.knowledge.kubeadm_upgrades import KubeadmUpgrades
from kubepreflight.semantics.emulation import Emulation
from kubepreflight.semantics.setting import ALL_GATES, KUBEADM, Setting, Where
from kubepreflight.semantics.setting_words import running_minor
from kubepreflight.semantics.settings import Settings
from kubepreflight.semantics.several import listed
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Minor
from kubepreflight.visible import visible


class GateFate(msgspec.Struct, frozen=True):
    """A gate that some program on the way refuses, the first hop with which that comes, and what it is today.

    `locked` is what it is locked to; None when the program does not know it at all. `since` is the first minor after
    the running one that refuses it so: one behind the hop, for a kubelet that lags.
    """

    setting: Setting
    hop: Hop
    locked: bool | None
    today: GateState | None
    since: Minor

    @property
    def error(self) -> str:
        """What that program prints."""
        name = self.setting.name
        if self.locked is not None:
            to, other = str(self.locked).lower(), str(not self.locked).lower()
            return f"cannot set feature gate {name} to {other}, feature is locked to {to}"
        if self.setting.component != KUBEADM:
            return f"unrecognized feature gate: {name}"
        if self.setting.place.where is Where.KUBEADM_CONFIG:
            return f"Unknown feature gate flag: {name}"
        return f"{name} is not a valid feature name"


class GateFates(msgspec.Struct, frozen=True):
    """All of them, and what could not be judged."""

    all: tuple[GateFate, ...]
    gaps: tuple[Gap, ...]

    @classmethod
    def provide(cls, settings: Settings, table: FeatureGates, kubeadm: KubeadmUpgrades, upgrade: Upgrade) -> Self:
        """Judge every gate by the hops that its program makes."""
        gates = [one for one in settings.gates if one.name not in ALL_GATES and one.switch is not None]
        known = _Known(table, Emulation(settings.flags))
        tries = ((_fate(one, known, kubeadm, upgrade) for one in gate.as_it_may_run) for gate in gates)
        judged = (next(filter(None, fates), None) for fates in tries)
        unknown = [one for one in gates if _is_unknown(one, table)]
        gaps = (*settings.gaps, *([_unknown(unknown)] if unknown else []))
        return cls(tuple(one for one in judged if one is not None), gaps)

    def by_gate(self, *, locked: bool) -> Iterator[list[GateFate]]:
        """Those that are `locked`, or those that are gone, together by gate and hop."""
        groups: dict[tuple[str, Hop, bool | None], list[GateFate]] = {}
        for one in self.all:
            if (one.locked is not None) is locked:
                groups.setdefault((one.setting.name, one.hop, one.locked), []).append(one)
        return iter(groups.values())


class _Known(msgspec.Struct, frozen=True):
    table: FeatureGates
    emulation: Emulation


def _fate(gate: Setting, known: _Known, kubeadm: KubeadmUpgrades, upgrade: Upgrade) -> GateFate | None:
    running = running_minor(gate, upgrade)
    if _refused(gate, known, running) is not None and not gate.place.is_pending:
        # It cannot be in use.
        return None
    for hop in upgrade.hops:
        if hop.end <= running or not _is_read(gate, kubeadm, hop.end):
            continue
        refused = _refused(gate, known, hop.end)
        if refused is not None:
            between = (running.plus(count) for count in range(1, hop.end.distance(running)))
            since = next((minor for minor in between if _refused(gate, known, minor) == refused), hop.end)
            return GateFate(gate, hop, refused.locked, known.table.state(gate.component, gate.name, running), since)
    return None


class _Refused(msgspec.Struct, frozen=True):
    locked: bool | None


def _refused(gate: Setting, known: _Known, minor: Minor) -> _Refused | None:
    removed = known.table.removed(gate.component, gate.name)
    if removed is not None and removed <= minor:
        return _Refused(None)
    state = known.table.state(gate.component, gate.name, known.emulation.of(gate, minor))
    # kubeadm locks none of its own.
    if state is None or not state.locked or state.default is gate.switch or gate.component == KUBEADM:
        return None
    return _Refused(state.default)


def _is_read(gate: Setting, kubeadm: KubeadmUpgrades, minor: Minor) -> bool:
    """Whether a program of that minor minds; kubeadm passes over gates of its own in kubeadm-config since some time."""
    own = gate.component == KUBEADM and gate.place.where is Where.KUBEADM_CONFIG
    return not own or minor <= kubeadm.own_gates.refused_until


def _is_unknown(gate: Setting, table: FeatureGates) -> bool:
    component, name = gate.component, gate.name
    return component != KUBEADM and table.introduced(component, name) is None and table.removed(component, name) is None


def _unknown(gates: list[Setting]) -> Gap:
    names = listed(sorted({f"{visible(one.name)[:80]} of {one.component}" for one in gates}))
    return cannot_check(
        "feature gates",
        f"no version of Kubernetes is known to have {names}: misspelt, newer, or a distribution's own",
        how="look it up: https://kubernetes.io/docs/reference/command-line-tools-reference/feature-gates/",
    )
