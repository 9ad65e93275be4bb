"""What budgets say to drains: from their status in a cluster, worked out for manifests."""

from __future__ import annotations

from typing import Any

import pytest

from kubepreflight.objects import Deployment, Planned, Pod, StatefulSet
from kubepreflight.semantics.budget import PodDisruptionBudget
from kubepreflight.semantics.eviction import Budgets, BudgetState, HorizontalPodAutoscaler
from kubepreflight.semantics.workloads import Workloads
from tests.kubernetes_objects import make, pod

WEB = {"app": "web"}


def budget(says: dict[str, Any], status: dict[str, Any] | None = None, name: str = "b") -> PodDisruptionBudget:
    metadata = {"name": name, "namespace": "a", "generation": 1, "uid": "u" if status else ""}
    value = {"metadata": metadata, "spec": {"selector": {"matchLabels": WEB}, **says}}
    if status is not None:
        value["status"] = {"observedGeneration": 1, **status}
    return make(PodDisruptionBudget, value)


def deployment(replicas: int | None, *, uid: str = "", labels: dict[str, str] | None = None) -> Deployment:
    template = {"metadata": {"labels": WEB if labels is None else labels}}
    metadata = {"name": "web", "namespace": "a", "uid": uid}
    return make(Deployment, {"metadata": metadata, "spec": {"replicas": replicas, "template": template}})


def autoscaler(floor: int | None) -> HorizontalPodAutoscaler:
    target = {"kind": "Deployment", "name": "web"}
    spec = {"scaleTargetRef": target, "minReplicas": floor}
    return make(HorizontalPodAutoscaler, {"metadata": {"name": "web", "namespace": "a"}, "spec": spec})


def web(number: int, **fields: Any) -> Pod:
    owner = {"owner": ("ReplicaSet", "web-1"), "labels": {**WEB, "pod-template-hash": "1"}}
    return pod(f"web-{number}", **{**owner, **fields})


def judge(
    one: PodDisruptionBudget, pods: list[Pod] | None = None, *deployments: Deployment, scaled_by: Any = ()
) -> BudgetState:
    workloads = None if pods is None else Workloads.provide(pods)
    found = Budgets.provide(
        Planned([one]),
        workloads,
        pods,
        deployments=Planned(deployments),
        stateful_sets=Planned[StatefulSet](),
        autoscalers=Planned(scaled_by),
    )
    (state,) = found.states
    return state


@pytest.mark.parametrize(
    ("says", "replicas", "allowed"),
    [
        ({"minAvailable": 2}, 2, 0),
        ({"minAvailable": 2}, 3, 1),
        ({"minAvailable": "60%"}, 2, 0),
        ({"minAvailable": "60%"}, 5, 2),
        ({"maxUnavailable": 0}, 5, 0),
        ({"maxUnavailable": 1}, 1, 1),
        ({"minAvailable": 1}, None, 0),
    ],
)
def test_a_manifest_is_worked_out_from_the_replicas_in_manifests(
    says: dict[str, Any], replicas: int | None, allowed: int
) -> None:
    state = judge(budget(says), None, deployment(replicas))
    assert state.now is None
    assert state.well.allowed == allowed
    (controller,) = state.controllers
    assert controller.is_coming
    assert controller.is_declared is (replicas is not None)


def test_the_parts_of_an_overlay_are_one_object_and_the_largest_number_counts() -> None:
    state = judge(budget({"minAvailable": 1}), None, deployment(None), deployment(4, labels={}))
    assert [one.replicas for one in state.controllers] == [4]


def test_a_changed_number_of_replicas_counts_for_a_budget_without_a_status() -> None:
    state = judge(budget({"minAvailable": 1}), [web(1)], deployment(3))
    assert state.well.allowed == 2
    assert state.refused == ()


def test_the_status_counts_where_there_is_one() -> None:
    status = {"expectedPods": 3, "desiredHealthy": 2, "currentHealthy": 2, "disruptionsAllowed": 0}
    pods = [web(1), web(2), web(3, ready=False)]
    state = judge(budget({"minAvailable": 2}, status), pods, deployment(3, uid="u"))
    assert state.now is not None
    assert state.now.allowed == 0
    assert state.well.allowed == 1
    assert [one.name for one in state.refused] == ["web-1", "web-2"]


def test_finished_pods_do_not_make_room() -> None:
    status = {"expectedPods": 2, "desiredHealthy": 1, "currentHealthy": 1, "disruptionsAllowed": 0}
    state = judge(budget({"minAvailable": 1}, status), [web(1), web(2, phase="Failed")], deployment(1, uid="u"))
    assert state.well.allowed == 0
    assert [one.name for one in state.pods] == ["web-1"]


@pytest.mark.parametrize("owner", [None, ("Notebook", "n")])
def test_pods_that_are_going_do_not_make_room(owner: tuple[str, str] | None) -> None:
    status = {"expectedPods": 3, "desiredHealthy": 2, "currentHealthy": 1, "disruptionsAllowed": 0}
    pods = [web(1, owner=owner), web(2, owner=owner, ready=False), web(3, owner=owner, deleted="2026-11-23T00:00:00Z")]
    assert judge(budget({"minAvailable": 2}, status), pods).well.allowed == 0


def test_missing_pods_are_no_block_for_ever() -> None:
    status = {"expectedPods": 1, "desiredHealthy": 2, "currentHealthy": 1, "disruptionsAllowed": 0}
    state = judge(budget({"minAvailable": 2}, status), [web(1)], deployment(3, uid="u"))
    assert state.well.allowed == 1
    assert state.refused


@pytest.mark.parametrize("kind", ["DaemonSet", "Job", "Node"])
def test_an_owner_whose_number_nobody_can_tell_fails_the_sync(kind: str) -> None:
    pods = [web(1, owner=(kind, "j"))]
    assert kind in judge(budget({"maxUnavailable": 1}), pods).well.failure
    assert kind in judge(budget({"minAvailable": "50%"}), pods).well.failure
    for nobody_asks in {"minAvailable": 0}, {}:
        assert not judge(budget(nobody_asks), pods).well.failure


def test_daemon_sets_pods_are_covered_and_not_drained() -> None:
    state = judge(budget({"minAvailable": 1}), [web(1, owner=("DaemonSet", "d"))])
    assert (state.pods, state.refused) == ((), ())


@pytest.mark.parametrize(("floor", "least"), [(2, 0), (3, 1), (None, 0)])
def test_the_floor_of_an_autoscaler(floor: int | None, least: int) -> None:
    status = {"expectedPods": 5, "desiredHealthy": 2, "currentHealthy": 5, "disruptionsAllowed": 3}
    pods = [web(number) for number in range(5)]
    state = judge(budget({"minAvailable": 2}, status), pods, deployment(5, uid="u"), scaled_by=[autoscaler(floor)])
    assert (state.well.allowed, state.least.allowed) == (3, least)


def test_a_manifest_under_an_autoscaler_begins_at_its_floor() -> None:
    state = judge(budget({"minAvailable": 2}), None, deployment(None), scaled_by=[autoscaler(3)])
    assert state.well.expected == 3


def test_pods_under_several_budgets_are_blocked() -> None:
    roomy = {"expectedPods": 3, "desiredHealthy": 1, "currentHealthy": 3, "disruptionsAllowed": 2}
    pods = [web(number) for number in range(3)]
    budgets = Planned([budget({"minAvailable": 1}, roomy, name=name) for name in ("b", "c")])
    found = Budgets.provide(budgets, Workloads.provide(pods), pods)
    assert found.blocked == {("a", "web-0"), ("a", "web-1"), ("a", "web-2")}


@pytest.mark.parametrize("fields", [{"phase": "Pending"}, {"phase": "Failed"}, {"deleted": "2026-11-23T00:00:00Z"}])
def test_no_number_of_budgets_blocks_a_pod_that_needs_no_leave(fields: dict[str, Any]) -> None:
    pods = [web(1, **fields)]
    budgets = Planned([budget({"maxUnavailable": 0}, {}, name=name) for name in ("b", "c")])
    assert Budgets.provide(budgets, Workloads.provide(pods), pods).blocked == set()


def test_a_budget_that_the_controller_never_could_work_out_lets_nothing_go() -> None:
    why = "gadgets.example.org does not implement the scale subresource"
    condition = {"type": "DisruptionAllowed", "status": "False", "reason": "SyncFailed", "message": why}
    never_worked_out = {"observedGeneration": 0, "conditions": [condition]}
    state = judge(budget({"maxUnavailable": 1}, never_worked_out), [web(1, owner=("Gadget", "g"))])
    assert state.now is not None
    assert state.now.failure == why
    assert len(state.refused) == 1


def test_a_budget_of_another_namespace_says_nothing() -> None:
    state = judge(budget({"maxUnavailable": 0}), [web(1, namespace="b")])
    assert state.pods == ()


def test_manifests_that_name_no_namespace_go_to_default() -> None:
    one = make(PodDisruptionBudget, {"metadata": {"name": "b"}, "spec": {"selector": {}, "minAvailable": 1}})
    state = judge(one, [web(1, namespace="default")])
    assert len(state.pods) == 1
