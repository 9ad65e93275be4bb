"""Which quotas refuse a pod that asks for nothing."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kubepreflight.semantics.quotas import SystemLimitRange, SystemQuota, SystemQuotas

NOT_TERMINATING = {"scopes": ["NotTerminating"]}
DEFAULTS = [{"type": "Container", "default": {"cpu": "1", "memory": "1Gi"}, "defaultRequest": {"cpu": "10m"}}]


def quotas(spec: dict[str, Any], used: dict[str, str], limits: list[dict[str, Any]]) -> SystemQuotas:
    quota = {"metadata": {"name": "one", "namespace": "kube-system"}, "spec": spec, "status": {"used": used}}
    ranges = [{"metadata": {"name": "defaults"}, "spec": {"limits": limits}}]
    return SystemQuotas.provide(
        msgspec.convert([quota], list[SystemQuota]), msgspec.convert(ranges, list[SystemLimitRange])
    )


@pytest.mark.parametrize(
    ("spec", "used", "limits", "why"),
    [
        ({}, {}, [], ""),
        ({"hard": {"cpu": "4"}}, {}, [], "it counts cpu,"),
        ({"hard": {"limits.cpu": "4", "requests.memory": "1Gi"}}, {}, [], "it counts limits.cpu, requests.memory,"),
        ({"hard": {"limits.cpu": "4", "requests.memory": "1Gi"}}, {}, DEFAULTS, "it counts requests.memory,"),
        ({"hard": {"limits.memory": "4Gi", "cpu": "1"}}, {}, DEFAULTS, ""),
        ({"hard": {"cpu": "4"}}, {}, [{"type": "Pod", "default": {"cpu": "1"}, "defaultRequest": {"cpu": "1"}}], "cpu"),
        ({"hard": {"requests.storage": "1Gi", "services": "0"}}, {"services": "0"}, [], ""),
        ({"hard": {"pods": "3"}}, {"pods": "3"}, [], "it is used up: 3 pods"),
        ({"hard": {"pods": "3"}}, {"pods": "2"}, [], ""),
        ({"hard": {"pods": "1k"}}, {"pods": "1k"}, [], "it is used up: 1k pods"),
        ({"hard": {"pods": "1k"}}, {"pods": "1001"}, [], "it is used up: 1k pods"),
        ({"hard": {"pods": "1k"}}, {"pods": "999"}, [], ""),
        ({"hard": {"pods": 10}}, {"pods": "10"}, [], "it is used up: 10 pods"),
        ({"hard": {"pods": "many"}}, {"pods": "10"}, [], ""),
        ({"hard": {"pods": 3}}, {}, [], ""),
        ({"hard": {"pods": "0"}, **NOT_TERMINATING}, {"pods": "0"}, [], "it is used up: 0 pods"),
        ({"hard": {"pods": "0"}, "scopes": ["Terminating"]}, {"pods": "0"}, [], ""),
        ({"hard": {"pods": "0"}, "scopes": ["BestEffort"]}, {"pods": "0"}, [], "used up"),
        ({"hard": {"pods": "0"}, "scopes": ["BestEffort"]}, {"pods": "0"}, DEFAULTS, ""),
        ({"hard": {"pods": "0"}, "scopes": ["NotBestEffort"]}, {"pods": "0"}, DEFAULTS, "used up"),
        ({"hard": {"cpu": "0"}, "scopes": ["CrossNamespacePodAffinity"]}, {}, [], ""),
        ({"hard": {"cpu": "0"}, "scopes": ["OfLaterTimes"]}, {}, [], ""),
    ],
)
def test_refusals(spec: dict[str, Any], used: dict[str, str], limits: list[dict[str, Any]], why: str) -> None:
    refusals = list(quotas(spec, used, limits).refusals())
    assert len(refusals) == bool(why)
    assert all(why in one.why for one in refusals)


@pytest.mark.parametrize(
    ("operator", "refused"), [("Exists", False), ("In", False), ("NotIn", True), ("DoesNotExist", True)]
)
def test_a_pod_without_a_priority_class(operator: str, refused: bool) -> None:
    selector = {"matchExpressions": [{"scopeName": "PriorityClass", "operator": operator, "values": ["high"]}]}
    found = quotas({"hard": {"pods": "0"}, "scopeSelector": selector}, {"pods": "0"}, [])
    assert bool(list(found.refusals())) == refused
