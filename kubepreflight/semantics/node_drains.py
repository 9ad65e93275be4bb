"""What a drain would meet on each node, in numbers."""

from __future__ import annotations

from collections.abc import Container, Mapping
from enum import StrEnum

import msgspec

from kubepreflight.objects import Pod
from kubepreflight.semantics.drain import (
    BARE_REFUSED,
    DAEMON_SET_KEPT,
    LOCAL_STORAGE_REFUSED,
    DaemonSet,
    DrainFlags,
    Name,
    Reason,
    decide,
)
from kubepreflight.semantics.eviction import Budgets

PLAIN = DrainFlags(ignore_daemonsets=True)
"""The flag that no cluster can do without: everywhere a DaemonSet runs."""


class Outcome(StrEnum):
    """What becomes of a pod under `kubectl drain --ignore-daemonsets`; `orphan` is one whose DaemonSet is gone."""

    EVICTED = "evicted"
    DAEMON_SET = "daemonset"
    MIRROR = "mirror"
    LOCAL_STORAGE = "local-storage"
    BARE = "bare"
    ORPHAN = "orphan"
    BLOCKED = "blocked"


class NodeDrains(msgspec.Struct, frozen=True):
    """The number of pods by outcome, for each node that has any."""

    by_node: Mapping[str, Mapping[str, int]]

    @classmethod
    def provide(
        cls, pods: list[Pod], daemon_sets: list[DaemonSet] | None = None, budgets: Budgets | None = None
    ) -> NodeDrains:
        """Ask for every pod, in one pass."""
        existing = None if daemon_sets is None else {(one.namespace, one.name) for one in daemon_sets}
        blocked = budgets.blocked if budgets else frozenset()
        found: dict[str, dict[str, int]] = {}
        for pod in pods:
            if pod.spec.node_name:
                counts = found.setdefault(pod.spec.node_name, {})
                outcome = outcome_of(pod, existing, blocked)
                counts[outcome] = counts.get(outcome, 0) + 1
        order = [one.value for one in Outcome]
        return cls({node: {key: counts[key] for key in order if key in counts} for node, counts in found.items()})


def outcome_of(pod: Pod, daemon_sets: Container[Name] | None, blocked: Container[Name]) -> str:
    """What becomes of one pod. `daemon_sets` are those that exist (None: not known), `blocked` what budgets refuse."""
    said = decide(pod, PLAIN, daemon_sets)
    if said.delete:
        return Outcome.BLOCKED.value if (pod.namespace, pod.name) in blocked else Outcome.EVICTED.value
    if said.reason is Reason.SKIP:
        return Outcome.MIRROR.value
    known = {
        DAEMON_SET_KEPT: Outcome.DAEMON_SET,
        LOCAL_STORAGE_REFUSED: Outcome.LOCAL_STORAGE,
        BARE_REFUSED: Outcome.BARE,
    }
    return known.get(said.message, Outcome.ORPHAN).value
