"""What we say of budgets, held against the real disruption controller's numbers and the eviction API's answers."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from kubepreflight.objects import Deployment, Planned, Pod, StatefulSet
from kubepreflight.semantics.budget import Disruption, PodDisruptionBudget, needs_leave, refuses
from kubepreflight.semantics.eviction import Budgets, BudgetState
from kubepreflight.semantics.workloads import Workloads
from tests.kubernetes_objects import make
from tests.real.cluster import Cluster
from tests.real.objects import Object, budget
from tests.real.owners import (
    FOREIGN,
    GONE,
    MADE_ANEW,
    NOBODY,
    READY,
    SCALED,
    UNREADY,
    UNSCALED,
    Replicas,
    State,
    define_custom_kinds,
)
from tests.real.waiting import side_by_side, until
from tools.kubernetes.client import Refused

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
        self._deployments, self._stateful_sets = found[Deployment], found[StatefulSet]
        self._workloads = Workloads.provide(self.pods, deployments=self._deployments, stateful_sets=self._stateful_sets)
        self.budgets: list[PodDisruptionBudget] = found[PodDisruptionBudget]

    def judge(self, budgets: Iterable[PodDisruptionBudget]) -> Budgets:
        return Budgets.provide(
            Planned(budgets),
            self._workloads,
            self.pods,
            deployments=Planned(self._deployments),
            stateful_sets=Planned(self._stateful_sets),
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


SPECS: list[Object] = [
    {},
    *({"minAvailable": value} for value in (0, 1, 2, 3, 4, "0%", "1%", "34%", "50%", "67%", "99%", "100%")),
    *({"maxUnavailable": value} for value in (0, 1, 2, 3, 9, "0%", "1%", "33%", "34%", "50%", "100%")),
]
OWNERS = (*SCALED, *UNSCALED, NOBODY)
UNREAD = (*SCALED[1:2], *SCALED[3:], *UNSCALED)
"""A documented difference: owners of which we do not read how many pods they want. We take the pods that there are for
all that they want, while some are missing or too many."""
UNKNOWN_WITHOUT_A_STATUS = ("Gadget", GONE, MADE_ANEW, FOREIGN)
"""A documented difference: that the controller gets nowhere with these shows in the status alone; for a budget that is
not applied yet we take the pods that there are for what their owner wants."""


def slug(text: str) -> str:
    return text.lower().replace(" ", "-")


def numbers(one: Disruption | None) -> tuple[int, ...] | str:
    """What can be compared: the numbers, or that there are none."""
    assert one is not None
    return "failed" if one.failure else (one.expected, one.desired, one.healthy, one.allowed)


def as_manifest(one: PodDisruptionBudget) -> PodDisruptionBudget:
    """A budget before it is applied."""
    metadata = msgspec.structs.replace(one.metadata, uid="", generation=0)
    return msgspec.structs.replace(one, metadata=metadata, status=None)


def test_the_controllers_numbers_for_every_sort_of_owner_under_every_spec(cluster: Cluster) -> None:
    define_custom_kinds(cluster)
    by_name = {slug(kind): kind for kind in OWNERS}
    for name, kind in by_name.items():
        Replicas(cluster, kind, name, [READY] * 3)
    side_by_side(
        cluster.holds,
        (budget(f"{name}.{number}", name, **SPECS[number]) for name in by_name for number in range(len(SPECS))),
    )
    controlled(cluster)
    seen = Seen(cluster)
    told = {one.budget.name: numbers(one.now) for one in seen.told.states}
    expected = {one.budget.name: numbers(one.well) for one in seen.judge(map(as_manifest, seen.budgets)).states}
    assert len(told) == len(OWNERS) * len(SPECS)
    different = {name: (told[name], expected[name]) for name in told if told[name] != expected[name]}
    unknown = [name for name in different if by_name[name.partition(".")[0]] in UNKNOWN_WITHOUT_A_STATUS]
    assert {told[name] for name in unknown} == {"failed"}
    assert {name: different[name] for name in different if name not in unknown} == {}


def named(one: Pod) -> tuple[str, str]:
    return one.namespace, one.name


GOING = State(deleted=True)
STATES: tuple[tuple[State, ...], ...] = (
    (READY, READY, READY),
    (READY, READY, UNREADY),
    (READY, UNREADY, UNREADY),
    (UNREADY, UNREADY, UNREADY),
    (READY, READY),
    (READY, UNREADY),
    (READY, State(ready=False, phase="Pending"), State(ready=False, phase="Failed")),
    (READY, State(phase="Pending"), State(phase="Succeeded")),
    (READY, READY, GOING),
    (READY, UNREADY, State(ready=False, deleted=True)),
    (READY, State(ready=False, phase="Unknown"), READY, READY),
)
FEW_SPECS: tuple[Object, ...] = (
    {},
    {"minAvailable": 0},
    {"minAvailable": 2},
    {"minAvailable": "50%"},
    {"maxUnavailable": 1},
    {"maxUnavailable": "67%"},
)
POLICIES: tuple[Object, ...] = (
    {},
    {"unhealthyPodEvictionPolicy": "IfHealthyBudget"},
    {"unhealthyPodEvictionPolicy": "AlwaysAllow"},
)


def test_evictions_of_pods_in_every_state_and_of_the_same_when_they_are_well(cluster: Cluster) -> None:
    define_custom_kinds(cluster)
    kinds = itertools.cycle(OWNERS)
    groups = {
        f"g{number}": (next(kinds), states, {**spec, **policy})
        for number, (states, spec, policy) in enumerate(itertools.product(STATES, FEW_SPECS, POLICIES))
    }

    def hold(name: str) -> Replicas:
        kind, states, spec = groups[name]
        namespace = f"shop{len(name)}{name[-1]}"  # an eviction reads all budgets of its namespace
        cluster.holds(budget(name, namespace=namespace, **spec))
        return Replicas(cluster, kind, name, states, namespace=namespace)

    everybody = side_by_side(hold, groups)
    controlled(cluster)
    before = Seen(cluster)
    assert answers_disagreed(cluster, before) == []

    side_by_side(Replicas.get_well, everybody)
    controlled(cluster)
    after = Seen(cluster)
    assert answers_disagreed(cluster, after) == []
    told = {one.budget.name: numbers(one.now) for one in after.told.states}
    different = [
        (*groups[one.budget.name], f"well {expected}, told {told[one.budget.name]}")
        for one in before.told.states
        if told[one.budget.name] != (expected := numbers(one.now if one.now and one.now.failure else one.well))
    ]
    assert [one for one in different if one[0] not in UNREAD or is_complete(one[1])] == []


def is_complete(states: Iterable[State]) -> bool:
    """Whether there are as many pods as their controller wants, going and finished ones apart."""
    return sum(not (one.deleted or one.phase in ("Succeeded", "Failed")) for one in states) == Replicas.WANTED
