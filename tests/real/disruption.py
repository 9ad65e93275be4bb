"""Budgets under the real disruption controller, evictions by the real API, and what we say of both."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import Any

from kubepreflight.objects import Deployment, Planned, Pod, StatefulSet
from kubepreflight.semantics.budget import PodDisruptionBudget, needs_leave, refuses
from kubepreflight.semantics.eviction import Budgets, BudgetState
from kubepreflight.semantics.workloads import Workloads
from tests.kubernetes_objects import make
from tests.real.cluster import Cluster
from tests.real.objects import Object
from tests.real.side_by_side import side_by_side
from tools.kubernetes.client import Refused
from tools.waiting import until

CONTROLLER = {"controllers": "disruption-controller", "kube-api-qps": "1000", "kube-api-burst": "1000"}
GOES, BLOCKED, SEVERAL = 201, 429, 500
PATHS: dict[type[Any], str] = {
    Pod: "/api/v1/pods",
    PodDisruptionBudget: "/apis/policy/v1/poddisruptionbudgets",
    Deployment: "/apis/apps/v1/deployments",
    StatefulSet: "/apis/apps/v1/statefulsets",
}


def controlled(cluster: Cluster) -> None:
    """Let the disruption controller judge all that is there, once: it starts only now, and sees everything at once."""
    client = cluster.client
    anew = {"status": {"observedGeneration": 0, "conditions": None}}

    def listed() -> Iterator[Object]:
        for one in cluster.listed(PATHS[PodDisruptionBudget]):
            yield {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", **one}

    def judged(one: Object) -> bool:
        status = one["status"]
        failed = any(each["reason"] == "SyncFailed" for each in status.get("conditions", ()))
        return failed or status.get("observedGeneration", 0) >= one["metadata"]["generation"]

    side_by_side(lambda one: client.request("PATCH", f"{client.path_of(one)}/status", anew), listed())
    cluster.control_plane.start_controllers(**CONTROLLER)
    assert until(lambda: all(map(judged, listed())), 60)
    cluster.control_plane.stop_controllers()


class Seen:
    """All that a scan would see of the cluster, and what it makes of its budgets."""

    def __init__(self, cluster: Cluster) -> None:
        found = {kind: [make(kind, one) for one in cluster.listed(path)] for kind, path in PATHS.items()}
        self.pods: list[Pod] = found[Pod]
        self.deployments, self.stateful_sets = found[Deployment], found[StatefulSet]
        self._workloads = Workloads.provide(self.pods, deployments=self.deployments, stateful_sets=self.stateful_sets)
        self.budgets: list[PodDisruptionBudget] = found[PodDisruptionBudget]

    def judge(self, budgets: Iterable[PodDisruptionBudget]) -> Budgets:
        """What the budgets say, with all else as it is."""
        return Budgets.provide(
            Planned(budgets),
            self._workloads,
            self.pods,
            deployments=Planned(self.deployments),
            stateful_sets=Planned(self.stateful_sets),
        )

    @functools.cached_property
    def told(self) -> Budgets:
        """By the budgets' status."""
        return self.judge(self.budgets)

    @property
    def drained(self) -> list[Pod]:
        """The pods that drains would touch."""
        return list(self._workloads.pods())

    def covering(self, one: Pod) -> list[BudgetState]:
        """The budgets of a pod."""
        return [
            state
            for state in self.told.states
            if state.budget.namespace == one.namespace and state.budget.covers(one.labels)
        ]

    def answer(self, one: Pod) -> int:
        """What the eviction API would say of a pod, in our view."""
        covering = self.covering(one)
        if not covering or not needs_leave(one):
            return GOES
        if len(covering) > 1:
            return SEVERAL
        (state,) = covering
        assert state.now is not None
        return BLOCKED if refuses(state.budget, state.now, one) else GOES


def named(one: Pod) -> tuple[str, str]:
    return one.namespace, one.name


def evict(cluster: Cluster, one: Pod, *, really: bool = False) -> int:
    """The eviction API's answer about one pod, as HTTP has it."""
    names = {"name": one.name, "namespace": one.namespace}
    how = {} if really else {"dryRun": ["All"]}
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": names, "deleteOptions": how}
    try:
        cluster.client.request("POST", f"/api/v1/namespaces/{one.namespace}/pods/{one.name}/eviction", body)
    except Refused as refused:
        return refused.status
    return GOES


def answers_disagreed(cluster: Cluster, seen: Seen) -> list[str]:
    """The pods of which the eviction API says something else than we do, by the budgets' status."""
    answers = side_by_side(lambda one: evict(cluster, one), seen.pods)
    drained = {named(one) for one in seen.drained}
    found = []
    for one, answer in zip(seen.pods, answers, strict=True):
        expected = seen.answer(one)
        if answer != expected or (named(one) in drained and (answer != GOES) != (named(one) in seen.told.blocked)):
            covering = [(state.budget.name, state.spec, state.now) for state in seen.covering(one)]
            found.append(f"{answer}, not {expected}: {one} under {covering}")
    return found
