"""What we say of budgets, held against the real disruption controller's numbers and the eviction API's answers."""

from __future__ import annotations

import itertools
import shlex
from collections import Counter
from collections.abc import Iterable
from typing import TypeVar

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kubepreflight.finding import Finding
from kubepreflight.objects import KubernetesObject, Planned
from kubepreflight.rules.drain_blocked_by_budget import drain_blocked_by_budget
from kubepreflight.semantics.budget import Disruption, PodDisruptionBudget
from kubepreflight.semantics.eviction import Budgets, UnreadyPolicy
from tests.real.cluster import Cluster
from tests.real.disruption import BLOCKED, GOES, SEVERAL, Seen, answers_disagreed, controlled, evict
from tests.real.objects import Object, budget, pod
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
    served,
)
from tests.real.side_by_side import side_by_side

K = TypeVar("K", bound=KubernetesObject)

SPECS: list[Object] = [
    {},
    *({"minAvailable": value} for value in (0, 1, 2, 3, 4, "0%", "1%", "34%", "50%", "67%", "99%", "100%")),
    *({"maxUnavailable": value} for value in (0, 1, 2, 3, 9, "0%", "1%", "33%", "34%", "50%", "100%")),
]
OWNERS = (*SCALED, *UNSCALED, NOBODY)
UNREAD = {*OWNERS} - {"Deployment", "StatefulSet", NOBODY}
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


def as_manifests(objects: Iterable[K]) -> Planned[K]:
    """Objects before they are applied."""
    found = []
    for one in objects:
        metadata = msgspec.structs.replace(one.metadata, uid="", generation=0)
        without_status = {"status": None} if isinstance(one, PodDisruptionBudget) else {}
        found.append(msgspec.structs.replace(one, metadata=metadata, **without_status))
    return Planned(found)


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
    budgets = as_manifests(seen.budgets)
    expected = {one.budget.name: numbers(one.well) for one in seen.judge(budgets).states}
    assert len(told) == len(OWNERS) * len(SPECS)
    different = {name: (told[name], expected[name]) for name in told if told[name] != expected[name]}
    unknown = [name for name in different if by_name[name.partition(".")[0]] in UNKNOWN_WITHOUT_A_STATUS]
    assert {told[name] for name in unknown} == {"failed"}
    assert {name: different[name] for name in different if name not in unknown} == {}

    deployments, stateful_sets = as_manifests(seen.deployments), as_manifests(seen.stateful_sets)
    for one in Budgets.provide(budgets, deployments=deployments, stateful_sets=stateful_sets).states:
        if by_name[one.budget.name.partition(".")[0]] in ("Deployment", "StatefulSet"):
            assert numbers(one.well) == told[one.budget.name], one


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
        for number, (states, spec, policy) in enumerate(itertools.product(STATES, FEW_SPECS, POLICIES[1:]))
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
    told = {one.budget.name: numbers(one.now) for one in Seen(cluster).told.states}
    different = [
        (*groups[one.budget.name], f"well {expected}, told {told[one.budget.name]}")
        for one in before.told.states
        if told[one.budget.name] != (expected := numbers(one.now if one.now and one.now.failure else one.well))
    ]
    assert [one for one in different if one[0] not in UNREAD or is_complete(one[1])] == []


def is_complete(states: Iterable[State]) -> bool:
    """Whether there are as many pods as their controller wants, going and finished ones apart."""
    return sum(not (one.deleted or one.phase in ("Succeeded", "Failed")) for one in states) == Replicas.WANTED


WEB, DB = {"app": "web"}, {"app": "db"}
LABELS: tuple[dict[str, str], ...] = (WEB, {**WEB, "tier": "front"}, DB, {"tier": "front"}, {})
SELECTORS: tuple[Object | None, ...] = (
    None,
    {},
    {"matchLabels": {}, "matchExpressions": []},
    {"matchLabels": WEB},
    {"matchLabels": {**WEB, "tier": "front"}},
    {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "db"]}]},
    {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]},
    {"matchExpressions": [{"key": "tier", "operator": "Exists"}]},
    {"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]},
    {"matchLabels": WEB, "matchExpressions": [{"key": "tier", "operator": "Exists"}]},
    {"matchLabels": WEB, "matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]},
)


def test_whom_budgets_cover_alone_and_in_pairs(cluster: Cluster) -> None:
    sets = [(one,) for one in SELECTORS] + list(itertools.combinations(SELECTORS[1::2], 2))

    def hold(number: int) -> None:
        namespace = f"shop{number}"
        for index, labels in enumerate(LABELS):
            cluster.holds(pod(f"p{index}", namespace=namespace, labels=labels))
        for index, selector in enumerate(sets[number]):
            cluster.holds(budget(f"b{index}", namespace=namespace, selector=selector, minAvailable=len(LABELS)))

    side_by_side(hold, range(len(sets)))
    controlled(cluster)
    seen = Seen(cluster)
    assert answers_disagreed(cluster, seen) == []
    assert {seen.answer(one) for one in seen.pods} == {GOES, BLOCKED, SEVERAL}


def test_evictions_that_are_really_done(cluster: Cluster) -> None:
    """As many as the budget allows, and no more; then the controller judges anew, and we agree anew."""
    allowed = {"a": 0, "b": 1, "c": 2, "d": 3}
    for name, count in allowed.items():
        Replicas(cluster, "StatefulSet", name, [READY] * 4, wanted=4)
        cluster.holds(budget(name, maxUnavailable=count))
    controlled(cluster)
    seen = Seen(cluster)
    assert {one.budget.name: one.now.allowed for one in seen.told.states if one.now} == allowed
    gone = [one.name for one in seen.pods if evict(cluster, one, really=True) == GOES]
    assert Counter(name[0] for name in gone) == Counter(allowed)
    after = Seen(cluster)
    assert {one.name for one in after.pods} == {one.name for one in seen.pods} - set(gone)
    assert answers_disagreed(cluster, after) == []
    controlled(cluster)
    assert answers_disagreed(cluster, Seen(cluster)) == []


def test_what_a_sync_that_fails_leaves_of_the_one_before(cluster: Cluster) -> None:
    """The owner is gone: no ready pod may go any more, an unready one still goes by the numbers of before."""
    Replicas(cluster, "ReplicaSet", "web", [READY, READY, UNREADY])
    cluster.holds(budget("web", maxUnavailable=1))
    controlled(cluster)
    cluster.client.request("DELETE", "/apis/apps/v1/namespaces/shop/replicasets/web")
    controlled(cluster)
    seen = Seen(cluster)
    (state,) = seen.told.states
    assert state.now is not None
    assert state.now.failure.startswith("found no controllers for pod")
    assert (state.now.expected, state.now.desired, state.now.healthy, state.now.allowed) == (3, 2, 2, 0)
    assert answers_disagreed(cluster, seen) == []
    assert [one.name for one in seen.pods if seen.answer(one) == GOES] == ["web-2"]


TOO_MANY = {f"gone-{number}": "2026-11-27T00:00:00Z" for number in range(2001)}
DIFFERENCES: dict[str, tuple[Object, int]] = {
    "a spec that the controller has not seen yet: the server waits for it, we say what it will say": (
        {"spec": {"maxUnavailable": 2}},
        BLOCKED,
    ),
    "more than 2,000 evictions that the controller has not seen: it drops them within two minutes": (
        {"status": {"disruptedPods": TOO_MANY}},
        403,
    ),
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_the_differences_that_we_mean(cluster: Cluster, name: str) -> None:
    patch, answer = DIFFERENCES[name]
    Replicas(cluster, "StatefulSet", "db", [READY] * 3)
    (made,) = cluster.holds(budget("db", maxUnavailable=1))
    controlled(cluster)
    client = cluster.client
    client.request("PATCH", client.path_of(made) + ("/status" if "status" in patch else ""), patch)
    seen = Seen(cluster)
    (state,) = seen.told.states
    assert {evict(cluster, one) for one in seen.pods} == {answer}
    assert state.refused == ()
    assert (state.now or state.well).allowed > 0


def percent(number: int) -> str:
    return f"{number}%"


NUMBERS = st.integers(0, 5) | st.sampled_from([0, 1, 10, 25, 33, 34, 49, 50, 51, 66, 67, 75, 99, 100]).map(percent)
BUDGETS = st.builds(
    lambda spec, selector, policy: {**spec, **selector, **policy},
    st.just({}) | st.fixed_dictionaries({"minAvailable": NUMBERS}) | st.fixed_dictionaries({"maxUnavailable": NUMBERS}),
    st.just({}) | st.sampled_from(SELECTORS).map(lambda one: {"selector": one}),
    st.sampled_from(POLICIES),
)
STATE = st.sampled_from([READY, READY, READY, UNREADY, UNREADY]) | st.builds(
    State, st.booleans(), st.sampled_from(["Pending", "Running", "Succeeded", "Failed", "Unknown"]), st.booleans()
)
CROWDS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(OWNERS),
        "states": st.lists(STATE, max_size=5),
        "wanted": st.integers(0, 5),
        "labels": st.sampled_from(LABELS[3:]),
    }
)
NAMESPACES = st.tuples(st.lists(CROWDS, min_size=1, max_size=2), st.lists(BUDGETS, max_size=2))


@settings(
    max_examples=2,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.lists(NAMESPACES, min_size=25, max_size=25))
def test_any_pods_under_any_budgets(cluster: Cluster, namespaces: list[tuple[list[Object], list[Object]]]) -> None:
    if not served(cluster):
        define_custom_kinds(cluster)
    unique = len(list(cluster.listed("/api/v1/namespaces")))

    def hold(numbered: tuple[int, tuple[list[Object], list[Object]]]) -> None:
        number, (crowds, budgets) = numbered
        namespace = f"shop-{unique}-{number}"
        for name, crowd in zip(("web", "db"), crowds, strict=False):
            Replicas(cluster, name=name, namespace=namespace, **crowd)
        for name, spec in zip(("web", "db"), budgets, strict=False):
            cluster.holds(budget(name, namespace=namespace, **spec))

    side_by_side(hold, enumerate(namespaces))
    controlled(cluster)
    assert answers_disagreed(cluster, Seen(cluster)) == []


STUCK: tuple[Object, ...] = (
    {"minAvailable": 3},
    {"minAvailable": "100%"},
    {"maxUnavailable": 0},
    {"maxUnavailable": 1},
)


def test_what_we_say_to_type_lets_a_pod_go(cluster: Cluster) -> None:
    define_custom_kinds(cluster)
    for kind, (number, spec) in itertools.product(OWNERS, enumerate(STUCK)):
        name = f"{slug(kind)}-{number}"
        Replicas(cluster, kind, name, [READY] * 3)
        cluster.holds(budget(name, name, **spec))
    controlled(cluster)
    found = drain_blocked_by_budget(Seen(cluster).told, UnreadyPolicy(""))
    remedies = {one.subject.name: one.remedy for one in found if isinstance(one, Finding)}
    patches = {name: line for name, text in remedies.items() if (line := budget_patch(text))}
    stuck = {kind: [f"{slug(kind)}-{number}" for number in range(len(STUCK))] for kind in OWNERS}
    assert {*patches} >= {*stuck[NOBODY], *stuck["Job"], *stuck["Deployment"][:3], *stuck["StatefulSet"][:3]}
    for command in patches.values():
        program, *arguments = shlex.split(command)
        done = cluster.kubectl(*arguments)
        assert (program, done.returncode) == ("kubectl", 0), done.stderr
    controlled(cluster)
    now = {one.budget.name: one.now for one in Seen(cluster).told.states if one.budget.name in patches}
    assert {name: numbers(one) for name, one in now.items() if one is None or one.failure or one.allowed != 1} == {}


def budget_patch(remedy: str) -> str:
    lines = (line for line in remedy.splitlines() if " patch poddisruptionbudget " in line)
    return next(lines, "")
