"""Whether kubeadm's test Job is let in: what the rule predicts, and what a real API server does with it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.real.cluster import Cluster
from tests.real.objects import Object, node, pod
from tools.waiting import until

RULE = "upgrade-health-job-cannot-run"
LABELS = {"batch.kubernetes.io/job-name": "upgrade-health-check", "job-name": "upgrade-health-check"}
POD_SPEC = {
    "restartPolicy": "Never",
    "securityContext": {"runAsUser": 999, "runAsGroup": 999, "runAsNonRoot": True},
    "tolerations": [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}],
    "containers": [{"name": "upgrade-health-check", "image": "registry.k8s.io/pause:3.10.2", "args": ["-v"]}],
}
"""As cmd/kubeadm/app/phases/upgrade/health.go of 1.37.2 makes it."""
METADATA = {"name": "upgrade-health-check", "namespace": "kube-system"}
MADE = (
    {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": METADATA,
        "spec": {
            "backoffLimit": 0,
            "ttlSecondsAfterFinished": 65,
            "activeDeadlineSeconds": 65,
            "template": {"spec": POD_SPEC},
        },
    },
    {"apiVersion": "v1", "kind": "Pod", "metadata": {**METADATA, "labels": LABELS}, "spec": POD_SPEC},
)


def quota(hard: dict[str, str], used: dict[str, str] | None = None, **spec: Any) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "tight", "namespace": "kube-system"},
        "spec": {"hard": hard, **spec},
        "status": {"hard": hard, "used": {**dict.fromkeys(hard, "0"), **(used or {})}},
    }


def limits(**item: Any) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": {"name": "defaults", "namespace": "kube-system"},
        "spec": {"limits": [{"type": "Container", **item}]},
    }


def webhook(resources: list[str], groups: list[str], policy: str = "Fail", **more: Any) -> Object:
    rule = {"apiGroups": groups, "apiVersions": ["v1"], "operations": ["CREATE"], "resources": resources}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "guard"},
        "webhooks": [
            {
                "name": "guard.example.com",
                "clientConfig": {"service": {"name": "guard", "namespace": "guard"}},
                "rules": [rule],
                "failurePolicy": policy,
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
                **more,
            }
        ],
    }


SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "guard", "namespace": "guard"},
    "spec": {"selector": {"app": "guard"}, "ports": [{"port": 443}]},
}
ELSEWHERE = {
    "matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system"]}]
}
HIGH = {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": ["system-node-critical"]}]}
NOT_HIGH = {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "NotIn", "values": ["high"]}]}

CASES: list[tuple[list[Object], bool]] = [
    ([], False),
    ([quota({"pods": "3"}, {"pods": "3"})], True),
    ([quota({"count/jobs.batch": "0"})], True),
    ([quota({"requests.cpu": "4"})], True),
    ([quota({"limits.memory": "4Gi"})], True),
    ([quota({"requests.storage": "1Gi", "services": "0"})], False),
    ([quota({"requests.cpu": "4"}), limits(defaultRequest={"cpu": "10m"})], False),
    ([quota({"limits.memory": "4Gi"}), limits(defaultRequest={"memory": "1Mi"})], True),
    ([quota({"limits.memory": "4Gi"}), limits(max={"memory": "1Mi"})], False),
    ([quota({"pods": "0"}, scopes=["BestEffort"])], True),
    ([quota({"pods": "0"}, scopes=["Terminating"])], False),
    ([quota({"pods": "0"}, scopes=["NotTerminating"])], True),
    ([quota({"requests.cpu": "1"}, scopes=["NotBestEffort"])], False),
    ([quota({"pods": "0"}, scopes=["BestEffort"]), limits(defaultRequest={"cpu": "10m"})], False),
    ([quota({"pods": "0"}, scopeSelector=HIGH)], False),
    ([quota({"pods": "0"}, scopeSelector=NOT_HIGH)], True),
    ([webhook(["pods"], [""])], True),
    ([webhook(["jobs"], ["batch"])], True),
    ([webhook(["*/*"], ["*"])], True),
    ([webhook(["pods/*"], [""])], True),
    ([webhook(["pods/eviction"], [""])], False),
    ([webhook(["pods"], [""], "Ignore")], False),
    ([webhook(["pods"], [""], namespaceSelector=ELSEWHERE)], False),
    ([webhook(["pods"], [""], objectSelector={"matchLabels": {"guarded": "yes"}})], False),
    ([webhook(["pods"], [""], objectSelector={"matchExpressions": [{"key": "job-name", "operator": "Exists"}]})], True),
    ([webhook(["pods"], [""]), SERVICE], True),
]


def is_refused(cluster: Cluster) -> bool:
    """Whether the API server would refuse the Job or its pod; nothing is stored."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(MADE)})
    done = cluster.kubectl("create", "--dry-run=server", "-f", "-", text=text)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode != 0


def settles(cluster: Cluster, refused: bool) -> bool:
    """Whether that is what the API server does, once it has heard of what it holds."""
    return until(lambda: is_refused(cluster), 10) if refused else not until(lambda: is_refused(cluster), 0.5)


def predicted(cluster: Cluster) -> list[str]:
    scan = cluster.scan("--target", "1.37.9", "--fail-on", "never", "--allow-incomplete")
    assert scan.coverage(RULE)["status"] == "checked", scan.coverage(RULE)
    return [one["message"] for one in scan.findings(RULE)]


def with_control_plane(cluster: Cluster) -> None:
    labels = {"component": "kube-apiserver", "tier": "control-plane"}
    container = {"name": "kube-apiserver", "image": "registry.k8s.io/kube-apiserver:v1.37.2"}
    server = pod("kube-apiserver-cp1", namespace="kube-system", node="cp1", labels=labels, containers=[container])
    taints = [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]
    cluster.holds(node("cp1", control_plane=True, taints=taints), server)
    # The API server gives this one to every new node, and a controller takes it away.
    assert cluster.kubectl("taint", "node", "cp1", "node.kubernetes.io/not-ready-").returncode == 0


@pytest.mark.parametrize(("objects", "refused"), CASES)
def test_what_is_predicted_is_what_the_server_does(cluster: Cluster, objects: list[Object], refused: bool) -> None:
    with_control_plane(cluster)
    cluster.holds(*objects)
    assert settles(cluster, refused)
    assert bool(found := predicted(cluster)) == refused, found


@pytest.mark.parametrize(("level", "refused"), [("baseline", False), ("restricted", True)])
def test_pod_security(cluster: Cluster, level: str, refused: bool) -> None:
    with_control_plane(cluster)
    label = "pod-security.kubernetes.io/enforce"
    try:
        assert cluster.kubectl("label", "namespace", "kube-system", f"{label}={level}").returncode == 0
        assert settles(cluster, refused)
        assert bool(found := predicted(cluster)) == refused, found
    finally:
        cluster.kubectl("label", "namespace", "kube-system", f"{label}-")
