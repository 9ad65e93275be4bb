"""Which manifests are whole objects, and which are only laid over one."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kubepreflight.objects import KubernetesObject
from kubepreflight.semantics.addressed_objects import AddressedService
from kubepreflight.semantics.budget import PodDisruptionBudget
from kubepreflight.semantics.custom_resources import VersionedDefinition
from kubepreflight.semantics.default_signs import RolledStatefulSet
from kubepreflight.semantics.eviction import HorizontalPodAutoscaler
from kubepreflight.semantics.pod_templates import BarePod, Controller, TemplatedCronJob, TemplatedJob

PODS = {"containers": [{"name": "c", "image": "i"}]}
OF_JOBS = {"restartPolicy": "Never", **PODS}
SELECTOR = {"matchLabels": {"a": "b"}}
TARGET = {"kind": "Deployment", "name": "web"}


def template(pods: dict[str, Any]) -> dict[str, Any]:
    return {"template": {"spec": pods}}


@pytest.mark.parametrize(
    ("kind", "api_version", "spec", "is_part"),
    [
        (Controller, "apps/v1", {"selector": SELECTOR, **template(PODS)}, False),
        (Controller, "apps/v1", template(PODS), True),
        (Controller, "apps/v1", {"selector": SELECTOR, **template({"nodeSelector": {"a": "b"}})}, True),
        (Controller, "apps/v1", {"replicas": 3}, True),
        (Controller, "apps/v1", None, True),
        # these made up their selector from the labels
        (Controller, "extensions/v1beta1", template(PODS), False),
        (Controller, "extensions/v1beta1", {"replicas": 3}, True),
        (TemplatedJob, "batch/v1", template(OF_JOBS), False),
        (TemplatedJob, "batch/v1", template(PODS), True),
        (TemplatedCronJob, "batch/v1", {"schedule": "@daily", "jobTemplate": {"spec": template(OF_JOBS)}}, False),
        (TemplatedCronJob, "batch/v1", {"jobTemplate": {"spec": template(OF_JOBS)}}, True),
        (TemplatedCronJob, "batch/v1", {"schedule": "@daily"}, True),
        (BarePod, "v1", PODS, False),
        (BarePod, "v1", {"nodeSelector": {"a": "b"}}, True),
        (RolledStatefulSet, "apps/v1", {"selector": SELECTOR}, False),
        (RolledStatefulSet, "apps/v1", {"updateStrategy": {}}, True),
        (PodDisruptionBudget, "policy/v1", {"selector": {}}, False),
        (PodDisruptionBudget, "policy/v1", {"maxUnavailable": 1}, True),
        (AddressedService, "v1", {"ports": [{"port": 80}]}, False),
        (AddressedService, "v1", {"type": "LoadBalancer"}, True),
        (AddressedService, "v1", {"type": "ExternalName", "externalName": "example.org"}, False),
        (AddressedService, "v1", {"clusterIP": "None"}, False),
        (HorizontalPodAutoscaler, "autoscaling/v2", {"scaleTargetRef": TARGET}, False),
        (HorizontalPodAutoscaler, "autoscaling/v2", {"minReplicas": 2}, True),
        (VersionedDefinition, "apiextensions.k8s.io/v1", {"group": "example.org", "names": {"kind": "Thing"}}, False),
        (VersionedDefinition, "apiextensions.k8s.io/v1", {"conversion": {"strategy": "None"}}, True),
    ],
)
def test_what_no_api_server_would_take_alone_is_a_part(
    kind: type[KubernetesObject], api_version: str, spec: dict[str, Any] | None, is_part: bool
) -> None:
    def given(uid: str) -> KubernetesObject:
        value: dict[str, Any] = {"metadata": {"name": "a", "uid": uid}}
        one = msgspec.convert(value if spec is None else {**value, "spec": spec}, kind)
        one.api_version = api_version
        return one

    assert given("").is_part is is_part
    assert not given("u").is_part
