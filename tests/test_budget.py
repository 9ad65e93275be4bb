"""Budgets: what they cover, what they allow, and whom the eviction API refuses, by the letter of upstream's code."""

from __future__ import annotations

from fractions import Fraction
from math import ceil
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubepreflight.parts import LabelSelector
from kubepreflight.semantics.budget import (
    BudgetIndex,
    BudgetSpec,
    BudgetStatus,
    Disruption,
    PodDisruptionBudget,
    disruption_of,
    disruption_told,
    refuses,
    scaled,
)
from tests.kubernetes_objects import make, pod


def spec(**fields: Any) -> BudgetSpec:
    return msgspec.convert(fields, BudgetSpec)


def budget(selector: Any, *, api_version: str = "policy/v1", name: str = "b", **fields: Any) -> PodDisruptionBudget:
    value = {"metadata": {"name": name, "namespace": "a"}, "spec": {"selector": selector, **fields}}
    return make(PodDisruptionBudget, value, api_version=api_version)


# replicas, healthy, what the budget says: desired, allowed. From the disruption controller's code and documentation.
TABLE = [
    (1, 1, {"maxUnavailable": "50%"}, 0, 1),
    (3, 3, {"maxUnavailable": "30%"}, 2, 1),
    (7, 7, {"minAvailable": "50%"}, 4, 3),
    (3, 3, {"minAvailable": "100%"}, 3, 0),
    (1, 1, {"minAvailable": "1%"}, 1, 0),
    (1, 1, {"minAvailable": 1}, 1, 0),
    (3, 3, {"maxUnavailable": 0}, 3, 0),
    (3, 2, {"maxUnavailable": 1}, 2, 0),
    (2, 2, {"maxUnavailable": 5}, 0, 2),
    (3, 3, {"maxUnavailable": "0%"}, 3, 0),
    (3, 3, {}, 0, 0),
]


@pytest.mark.parametrize(("replicas", "healthy", "says", "desired", "allowed"), TABLE)
def test_the_disruption_controllers_numbers(
    replicas: int, healthy: int, says: dict[str, Any], desired: int, allowed: int
) -> None:
    found = disruption_of(spec(**says), pods=replicas, scale=replicas, healthy=healthy)
    assert (found.desired, found.allowed) == (desired, allowed)


def test_a_number_counts_pods_and_a_percentage_what_the_controllers_want() -> None:
    assert disruption_of(spec(minAvailable=2), pods=5, scale=3, healthy=5).expected == 5
    assert disruption_of(spec(minAvailable="50%"), pods=5, scale=3, healthy=5).expected == 3
    assert disruption_of(spec(maxUnavailable=1), pods=5, scale=3, healthy=5).expected == 3


def test_pods_without_a_controller_are_never_let_go_by_a_percentage() -> None:
    assert disruption_of(spec(maxUnavailable="50%"), pods=4, scale=0, healthy=4).allowed == 0
    assert disruption_of(spec(minAvailable=1), pods=4, scale=0, healthy=4).allowed == 3


@pytest.mark.parametrize("text", ["50", "half", "%", "50 %", "1_0%", ""])
def test_a_text_that_is_no_percentage_fails_the_sync(text: str) -> None:
    found = disruption_of(spec(maxUnavailable=text), pods=3, scale=3, healthy=3)
    assert found.allowed == 0
    assert "neither a number nor a percentage" in found.failure


@given(st.integers(0, 100), st.integers(0, 10_000))
def test_percentages_round_up(percentage: int, total: int) -> None:
    assert scaled(f"{percentage}%", total) == ceil(Fraction(percentage, 100) * total)


@pytest.mark.parametrize(
    ("selector", "api_version", "labels", "covered"),
    [
        (None, "policy/v1", {"app": "web"}, False),
        (None, "policy/v1beta1", {"app": "web"}, False),
        ({}, "policy/v1", {"app": "web"}, True),
        ({}, "policy/v1", {}, True),
        ({}, "policy/v1beta1", {"app": "web"}, False),
        ({"matchLabels": {"app": "web"}}, "policy/v1", {"app": "web", "tier": "1"}, True),
        ({"matchLabels": {"app": "web"}}, "policy/v1beta1", {"app": "web"}, True),
        ({"matchLabels": {"app": "web"}}, "policy/v1", {"app": "db"}, False),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["db"]}]}, "policy/v1", {}, True),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, "policy/v1", {}, False),
        ({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, "policy/v1", {}, True),
        ({"matchExpressions": [{"key": "app", "operator": "Like", "values": ["x"]}]}, "policy/v1", {"app": "x"}, False),
    ],
)
def test_what_a_budget_covers(selector: Any, api_version: str, labels: dict[str, str], covered: bool) -> None:
    assert budget(selector, api_version=api_version).covers(labels) is covered


DICTS = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xy"), max_size=3)
SELECTORS = st.one_of(
    st.none(),
    st.builds(dict, matchLabels=DICTS),
    st.builds(
        lambda key, values, labels: {
            "matchLabels": labels,
            "matchExpressions": [{"key": key, "operator": "NotIn", "values": values}],
        },
        st.sampled_from("abc"),
        st.lists(st.sampled_from("xy"), min_size=1),
        DICTS,
    ),
)


@given(st.lists(SELECTORS, max_size=6), DICTS)
def test_the_index_finds_what_a_search_through_all_would(selectors: list[Any], labels: dict[str, str]) -> None:
    budgets = [budget(selector, name=str(number)) for number, selector in enumerate(selectors)]
    found = BudgetIndex(budgets).of("a", labels)
    assert sorted(one.name for one in found) == [one.name for one in budgets if one.covers(labels)]
    assert BudgetIndex(budgets).of("b", labels) == []


HALF = Disruption(expected=4, desired=2, healthy=3, allowed=0)
SICK = Disruption(expected=4, desired=3, healthy=1, allowed=0)
NOTHING_WANTED = Disruption(expected=1, desired=0, healthy=0, allowed=0)
ROOM = Disruption(expected=4, desired=2, healthy=4, allowed=2)
FAILED_SINCE = Disruption(expected=4, desired=2, healthy=3, allowed=0, failure="found no controllers")
NEVER_WORKED_OUT = Disruption(expected=0, desired=0, healthy=0, allowed=0, failure="found no controllers")


@pytest.mark.parametrize(
    ("one", "disruption", "policy", "refused"),
    [
        (pod(), ROOM, None, False),
        (pod(), HALF, None, True),
        (pod(), HALF, "AlwaysAllow", True),
        (pod(phase="Succeeded"), HALF, None, False),
        (pod(phase="Failed"), HALF, None, False),
        (pod(phase="Pending", ready=False), HALF, None, False),
        (pod(deleted="2026-11-23T00:00:00Z"), HALF, None, False),
        (pod(ready=False), HALF, None, False),
        (pod(ready=False), HALF, "IfHealthyBudget", False),
        (pod(ready=False), SICK, None, True),
        (pod(ready=False), SICK, "IfHealthyBudget", True),
        (pod(ready=False), SICK, "AlwaysAllow", False),
        (pod(ready=False), NOTHING_WANTED, None, True),
        (pod(ready=False), NOTHING_WANTED, "AlwaysAllow", False),
        (pod(), FAILED_SINCE, None, True),
        (pod(ready=False), FAILED_SINCE, None, False),
        (pod(ready=False), NEVER_WORKED_OUT, None, True),
    ],
)
def test_whom_the_eviction_api_refuses(one: Any, disruption: Disruption, policy: str | None, refused: bool) -> None:
    assert refuses(budget({}, unhealthyPodEvictionPolicy=policy), disruption, one) is refused


SYNC_FAILED = {
    "type": "DisruptionAllowed",
    "status": "False",
    "reason": "SyncFailed",
    "message": "found no controllers",
}
"""What the controller adds to a status when it cannot work it out; its numbers and generation stay as they were."""


def test_a_failed_sync_is_told_with_its_reason() -> None:
    status = msgspec.convert({"observedGeneration": 1, "expectedPods": 3, "conditions": [SYNC_FAILED]}, BudgetStatus)
    assert disruption_told(status).failure == "found no controllers"


@pytest.mark.parametrize(
    ("status", "generation", "current"),
    [
        (None, 1, False),
        ({}, 1, False),
        ({"observedGeneration": 1}, 1, True),
        ({"observedGeneration": 1}, 2, False),
        ({"observedGeneration": 3}, 2, True),
        ({"conditions": [SYNC_FAILED]}, 1, True),
        ({"observedGeneration": 1, "conditions": [SYNC_FAILED]}, 2, True),
        ({"observedGeneration": 1, "conditions": [{**SYNC_FAILED, "reason": "InsufficientPods"}]}, 2, False),
    ],
)
def test_a_status_counts_when_it_is_about_this_spec(status: Any, generation: int, current: bool) -> None:
    value = {"metadata": {"name": "b", "generation": generation}, "status": status}
    assert make(PodDisruptionBudget, value).has_current_status is current


def test_an_empty_selector_and_none_differ() -> None:
    assert LabelSelector().is_empty
    assert LabelSelector().matches({})
