"""Which feature gates each program knows, by its minor: `feature_gates.csv`.

Every program looks at its gates before it does anything, and ends with status 1 when it does not know one
("unrecognized feature gate: X"; kubeadm: "unrecognized feature-gate key: X") or when one is locked to the other value
("cannot set feature gate X to false, feature is locked to true"; kubeadm locks none). A kubelet that meets an unknown
gate in its configuration file panics with the same words. Since 1.31 kube-apiserver, kube-controller-manager and
kube-scheduler take a gate as `kube:X=true`, too, and refuse other names before the colon ("component not registered:
other"). Tried with 1.36.3 and 1.37.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Literal, Self, cast

import msgspec

from kubepreflight.errors import KnowledgeError
from kubepreflight.knowledge.table import ShippedTable, TableInfo, is_own, read_csv
from kubepreflight.version import Minor

CORE_PROGRAMS = frozenset({"kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler", "kubelet"})
CORE = "core"
"""Stands in the table for all of them; a gate that not all know in the same way has a row for each that does."""

_CHANGE = re.compile(r"(1\.\d+) (?:(alpha|beta|ga|deprecated) (on|off)( locked)?|gone)", re.ASCII)
Stage = Literal["alpha", "beta", "ga", "deprecated"]


class GateState(msgspec.Struct, frozen=True, kw_only=True):
    """What a gate is from the minor `since` on, until its next state; `locked`: it cannot be set to another value."""

    since: Minor
    stage: Stage
    default: bool
    locked: bool


class _Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    component: Literal[
        "core", "kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler", "kubelet", "kubeadm"
    ]
    gate: str
    history: str


class _OwnRow(_Row, frozen=True):
    """One of the user's, whose history is read at once: of what is shipped only what is asked for."""

    def __post_init__(self) -> None:
        try:
            minors = [minor for minor, _ in _parse(self.history)]
        except KnowledgeError as error:
            raise ValueError(str(error)) from error
        if minors != sorted(set(minors)):
            raise ValueError(f"the history of a feature gate does not run forwards: {self.history!r}")


class FeatureGates(ShippedTable):
    """The table, as a rule asks for it. Components are named by their programs: "kube-apiserver", "kubeadm"."""

    FILE = "feature_gates.csv"

    def __init__(self, info: TableInfo, histories: Mapping[tuple[str, str], str]) -> None:
        super().__init__(info)
        self._histories = histories

    @classmethod
    def load(cls, path: Path) -> Self:
        """The table of the CSV file at `path`. Raises KnowledgeError."""
        info, rows = read_csv(path, _OwnRow if is_own(path) else _Row, ())
        return cls(info, {(row.component, row.gate): row.history for row in rows})

    def state(self, component: str, gate: str, minor: Minor) -> GateState | None:
        """What the gate is to this component at this minor; None when it does not know it. Raises KnowledgeError."""
        changes = [change for change in self._changes(component, gate) if change[0] <= minor]
        return changes[-1][1] if changes else None

    def introduced(self, component: str, gate: str) -> Minor | None:
        """The first minor that knows it, which is the table's first one for all older ones; None when none does."""
        changes = self._changes(component, gate)
        return changes[0][0] if changes else None

    def removed(self, component: str, gate: str) -> Minor | None:
        """The first minor that refuses it after older ones knew it; None when the newest knows it, or none did."""
        changes = self._changes(component, gate)
        return changes[-1][0] if changes and changes[-1][1] is None else None

    def gates(self, component: str) -> Iterator[str]:
        """Each gate that any minor of this component knows."""
        of = {component, CORE} if component in CORE_PROGRAMS else {component}
        return (gate for one, gate in self._histories if one in of)

    def _changes(self, component: str, gate: str) -> tuple[tuple[Minor, GateState | None], ...]:
        history = self._histories.get((component, gate))
        if history is None and component in CORE_PROGRAMS:
            history = self._histories.get((CORE, gate))
        return _parse(history) if history else ()


@cache
def _parse(history: str) -> tuple[tuple[Minor, GateState | None], ...]:
    """The states in "1.16 alpha off; 1.20 ga on locked; 1.22 gone", None for what is gone."""
    found: list[tuple[Minor, GateState | None]] = []
    for text in history.split("; "):
        change = _CHANGE.fullmatch(text)
        if change is None:
            raise KnowledgeError(f"the history of a feature gate cannot be read: {text!r}")
        found.append((Minor.parse(change[1]), _state(change) if change[2] else None))
    return tuple(found)


def _state(change: re.Match[str]) -> GateState:
    return GateState(
        since=Minor.parse(change[1]),
        stage=cast(Stage, change[2]),
        default=change[3] == "on",
        locked=bool(change[4]),
    )
