from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubepreflight.objects import Node
from kubepreflight.parts import NodeSelector
from kubepreflight.semantics.placement import Placement
from tests.kubernetes_objects import make, pod

NODES = {
    "n1": {"zone": "a", "disk": "ssd", "cores": "4"},
    "n2": {"zone": "a", "cores": "16"},
    "n3": {"zone": "b", "cores": "many"},
}


def node(name: str, labels: dict[str, str], capacity: dict[str, str] | None = None) -> Node:
    return make(Node, {"metadata": {"name": name, "labels": labels}, "status": {"capacity": capacity or {}}})


PLACEMENT = Placement(node(name, labels) for name, labels in NODES.items())


def term(key: str, operator: str, *values: str, fields: bool = False) -> dict[str, Any]:
    return {
        "matchFields" if fields else "matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]
    }


def test_two_nodes_of_one_name_are_no_error() -> None:
    twice = Placement([node("n1", {"cores": "4"}), node("n1", {"zone": "a"})])
    selector = msgspec.convert({"nodeSelectorTerms": [term("cores", "Gt", "1")]}, NodeSelector)
    assert twice.for_selector(selector) <= {"n1"}


@pytest.mark.parametrize(
    ("terms", "found"),
    [
        (None, ""),
        ([], ""),
        ([{}], ""),
        ([term("zone", "In", "a")], "n1 n2"),
        ([term("zone", "In", "a", "b")], "n1 n2 n3"),
        ([term("zone", "NotIn", "a")], "n3"),
        ([term("disk", "NotIn", "ssd")], "n2 n3"),
        ([term("disk", "Exists")], "n1"),
        ([term("disk", "DoesNotExist")], "n2 n3"),
        ([term("cores", "Gt", "4")], "n2"),
        ([term("cores", "Lt", "5")], "n1"),
        # Go reads a number with no underscore, no blank, and its own digits only.
        ([term("cores", "Gt", "0_4")], ""),
        ([term("cores", "Gt", " 4")], ""),
        ([term("cores", "Gt", "٤")], ""),
        ([term("cores", "Gt", "+4")], "n2"),
        ([term("zone", "Resembles", "a")], ""),
        ([term("metadata.name", "In", "n2", fields=True)], "n2"),
        ([term("metadata.name", "NotIn", "n2", fields=True)], "n1 n3"),
        ([term("zone", "In", "b"), term("disk", "Exists")], "n1 n3"),
        ([{**term("zone", "In", "a"), **term("metadata.name", "In", "n3", fields=True)}], ""),
    ],
)
def test_the_nodes_of_a_selector(terms: Any, found: str) -> None:
    selector = msgspec.convert({"nodeSelectorTerms": terms}, NodeSelector)
    assert sorted(PLACEMENT.for_selector(selector)) == found.split()


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ({}, "n1 n2 n3"),
        ({"nodeSelector": {"zone": "a"}}, "n1 n2"),
        ({"nodeSelector": {"zone": "a", "disk": "ssd"}}, "n1"),
        ({"nodeSelector": {"zone": "c"}}, ""),
        ({"affinity": {}}, "n1 n2 n3"),
        ({"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}}, "n1 n2 n3"),
    ],
)
def test_the_nodes_of_a_pod(spec: dict[str, Any], found: str) -> None:
    assert sorted(PLACEMENT.for_pod(pod(**spec))) == found.split()


def test_selector_and_affinity_both_count() -> None:
    required = {"nodeSelectorTerms": [term("cores", "Gt", "1")]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}
    assert PLACEMENT.for_pod(pod(nodeSelector={"zone": "a"}, affinity=affinity)) == {"n1", "n2"}


def test_a_device_counts_where_there_is_any() -> None:
    placement = Placement([node("n1", {}, {"nvidia.com/gpu": "1"}), node("n2", {}, {"nvidia.com/gpu": "0"})])
    assert placement.with_device("nvidia.com/gpu") == {"n1"}
    assert placement.with_device("amd.com/gpu") == frozenset()


OPERATORS: dict[str, Callable[[str | None, list[str]], bool]] = {
    "In": lambda value, values: value is not None and value in values,
    "NotIn": lambda value, values: value not in values,
    "Exists": lambda value, _values: value is not None,
    "DoesNotExist": lambda value, _values: value is None,
}


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["zone", "disk", "none"]),
            st.sampled_from(sorted(OPERATORS)),
            st.lists(st.sampled_from(["a", "b", "ssd"]), min_size=1, max_size=2),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_the_index_answers_as_asking_each_node_would(expressions: list[tuple[str, str, list[str]]]) -> None:
    value = [{"key": key, "operator": operator, "values": values} for key, operator, values in expressions]
    selector = msgspec.convert({"nodeSelectorTerms": [{"matchExpressions": value}]}, NodeSelector)
    one_by_one = {
        name
        for name, labels in NODES.items()
        if all(OPERATORS[operator](labels.get(key), values) for key, operator, values in expressions)
    }
    assert PLACEMENT.for_selector(selector) == one_by_one
