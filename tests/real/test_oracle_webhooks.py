"""What we say of webhooks that nobody answers, held against what a real API server refuses for them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from kubepreflight.knowledge.upgrade_requests import NeededRequest, NeededRequests
from tests.real.cluster import KNOWN, VERSIONS, Cluster
from tests.real.conftest import Clusters
from tests.real.objects import Object, node, pod, workload
from tools.kubernetes.client import Refused, root_of
from tools.waiting import until

RULE = "webhook-fails-closed"
KINDS: dict[str, tuple[str, Object]] = {
    "pods": ("Pod", {"spec": {"containers": [{"name": "app", "image": "registry.example/app:1"}]}}),
    "configmaps": ("ConfigMap", {}),
    "roles": ("Role", {}),
    "rolebindings": (
        "RoleBinding",
        {"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "one"}},
    ),
    "clusterrolebindings": (
        "ClusterRoleBinding",
        {"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}},
    ),
    "deployments": ("Deployment", {"spec": workload("Deployment", "one")["spec"]}),
    "daemonsets": ("DaemonSet", {"spec": workload("DaemonSet", "one")["spec"]}),
    "serviceaccounts": ("ServiceAccount", {}),
    "leases": ("Lease", {}),
    "nodes": ("Node", {}),
}
PARTS: dict[str, Object] = {
    "eviction": {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "one"}},
    "binding": {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": "one"},
        "target": {"kind": "Node", "name": "w1"},
    },
    "token": {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": ["api"]}},
}
ROWS = NeededRequests.provide().rows
SHOP = "shop"


def existing(row: NeededRequest, name: str) -> Object:
    """The object that a request of this sort is about."""
    resource = row.resource.partition("/")[0]
    kind, rest = KINDS[resource]
    namespace = {"namespace": SHOP if row.where == "workloads" else row.where} if row.where else {}
    version = f"{row.group}/{row.version}" if row.group else row.version
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, "labels": dict(row.labels), **namespace},
        **rest,
    }


def ask(cluster: Cluster, row: NeededRequest, operation: str) -> None:
    """Make one request of this sort, which is not carried out. Raises Refused."""
    one = existing(row, "another" if operation == "CREATE" and "/" not in row.resource else "one")
    resource, _, part = row.resource.partition("/")
    inside = f"/namespaces/{one['metadata']['namespace']}" if row.where else ""
    all_of_them = f"{root_of(one['apiVersion'])}{inside}/{resource}"
    path = f"{all_of_them}/one" + (f"/{part}" if part else "")
    if operation == "UPDATE":
        cluster.client.request("PATCH", f"{path}?dryRun=All", {"metadata": {"annotations": {"seen": "yes"}}})
    elif operation == "DELETE":
        cluster.client.request("DELETE", f"{path}?dryRun=All")
    elif part:
        cluster.client.request("POST", f"{path}?dryRun=All", PARTS[part])
    else:
        cluster.client.request("POST", f"{all_of_them}?dryRun=All", one)


def is_refused(cluster: Cluster, row: NeededRequest, operation: str) -> bool:
    """Whether it is refused for the webhook's sake."""
    try:
        ask(cluster, row, operation)
    except Refused as error:
        return "failed calling webhook" in error.message
    return False


def filled(cluster: Cluster) -> Cluster:
    """A cluster with two nodes, a control plane's pod, and a Deployment whose pod a drain evicts."""
    image = "registry.k8s.io/kube-apiserver:v1.36.3"
    labels = {"component": "kube-apiserver", "tier": "control-plane"}
    containers = [{"name": "kube-apiserver", "image": image}]
    replicas = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "front-1", "uid": "1"}}
    cluster.holds(
        node("cp1", version="1.36.3", control_plane=True),
        node("one", version="1.36.3"),
        pod("kube-apiserver-cp1", namespace="kube-system", node="cp1", labels=labels, containers=containers),
        pod("front-1-a", namespace=SHOP, node="one", owner=replicas, labels={"app": "front"}),
    )
    for row in ROWS:
        try:
            cluster.holds(existing(row, "one"))
        except Refused as error:
            if error.status != 409:
                raise
    return cluster


@contextmanager
def webhook(cluster: Cluster, rule: Object, **more: Any) -> Iterator[Object]:
    """A webhook that nobody answers, for the time of a test: it would refuse what clears up after it, too."""
    made = cluster.client.create(
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": "guard"},
            "webhooks": [
                {
                    "name": "guard.example.com",
                    "clientConfig": {"service": {"name": "guard", "namespace": "guard"}},
                    "rules": [rule],
                    "sideEffects": "None",
                    "admissionReviewVersions": ["v1"],
                    **more,
                }
            ],
        }
    )
    try:
        yield made
    finally:
        cluster.client.delete(made)


def rule_for(row: NeededRequest, **more: Any) -> Object:
    return {
        "apiGroups": [row.group],
        "apiVersions": [row.version],
        "operations": list(row.operations),
        "resources": [row.resource],
        **more,
    }


def found(cluster: Cluster) -> list[Object]:
    scan = cluster.scan_here(*KNOWN, "--fail-on", "never", "--allow-incomplete")
    assert scan.coverage(RULE)["status"] == "checked", scan.coverage(RULE)
    return scan.findings(RULE)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.resource} {row.where or 'cluster'} {row.operations[0]}")
def test_what_an_upgrade_needs_is_refused(clusters: Clusters, version: str, row: NeededRequest) -> None:
    cluster = filled(clusters(version))
    assert not any(is_refused(cluster, row, one) for one in row.operations)
    with webhook(cluster, rule_for(row)):
        assert until(lambda: all(is_refused(cluster, row, one) for one in row.operations), 10)
        (one,) = found(cluster)
    assert (one["severity"], row.harm in one["message"]) == ("blocker", True), one["message"]


NEW_PODS = next(row for row in ROWS if row.where == "workloads" and row.object == "pod" and "CREATE" in row.operations)
MIRRORS = ROWS[0]
ELSEWHERE = {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": [SHOP]}]}
CASES: list[tuple[NeededRequest, Object, Object, bool]] = [
    (NEW_PODS, {}, {}, True),
    (NEW_PODS, {"resources": ["*"]}, {}, True),
    (NEW_PODS, {"resources": ["pods/*"]}, {}, True),
    (NEW_PODS, {"resources": ["pods/status"]}, {}, False),
    (NEW_PODS, {"operations": ["CONNECT"], "resources": ["pods/exec"]}, {}, False),
    (NEW_PODS, {"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"], "operations": ["*"]}, {}, True),
    (NEW_PODS, {"scope": "Cluster"}, {}, False),
    (NEW_PODS, {"scope": "Namespaced"}, {}, True),
    (NEW_PODS, {}, {"failurePolicy": "Ignore"}, False),
    (NEW_PODS, {}, {"namespaceSelector": ELSEWHERE}, False),
    (NEW_PODS, {}, {"objectSelector": {"matchLabels": {"app": "front"}}}, True),
    (NEW_PODS, {}, {"objectSelector": {"matchLabels": {"app": "other"}}}, False),
    (MIRRORS, {}, {"objectSelector": {"matchLabels": {"component": "kube-apiserver"}}}, True),
]


def asked(cluster: Cluster, row: NeededRequest) -> bool:
    """The same request with the labels that the workload's pods have."""
    labelled = NeededRequest(
        harm="",
        phase=row.phase,
        resource=row.resource,
        where=row.where,
        operations=row.operations,
        labels=row.labels or {"app": "front"},
    )
    return is_refused(cluster, labelled, "CREATE")


@pytest.mark.parametrize(("row", "rule", "more", "refused"), CASES)
def test_the_scope_is_the_servers(
    cluster: Cluster, row: NeededRequest, rule: Object, more: Object, refused: bool
) -> None:
    filled(cluster)
    with webhook(cluster, rule_for(row, **rule), **more):
        answer = until(lambda: asked(cluster, row), 10) if refused else until(lambda: asked(cluster, row), 1)
        assert bool(answer) == refused
        told = [one for one in found(cluster) if row.harm in one["message"]]
    assert bool(told) == refused


@pytest.mark.parametrize(("policy", "refused"), [("Equivalent", True), ("Exact", False)])
def test_a_webhook_for_an_older_version(cluster: Cluster, policy: str, refused: bool) -> None:
    """Both ways of the API server with what it serves in two groups; events are the only ones left today."""
    filled(cluster)
    rule = {"apiGroups": ["events.k8s.io"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["events"]}
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "one", "namespace": SHOP},
        "involvedObject": {"kind": "Pod", "namespace": SHOP, "name": "one"},
    }

    def fails() -> bool:
        try:
            cluster.client.request("POST", f"/api/v1/namespaces/{SHOP}/events?dryRun=All", event)
        except Refused as error:
            return "failed calling webhook" in error.message
        return False

    with webhook(cluster, rule, matchPolicy=policy):
        assert bool(until(fails, 10 if refused else 1)) == refused


def test_the_configurations_themselves_can_always_be_mended(cluster: Cluster) -> None:
    everything = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*/*"]}
    filled(cluster)
    with webhook(cluster, everything):
        assert until(lambda: is_refused(cluster, ROWS[1], "UPDATE"), 10)
        (one,) = found(cluster)
        patch = next(line for line in one["remedy"].splitlines() if line.startswith("kubectl patch"))
        assert cluster.kubectl(*shlex.split(patch)[1:]).returncode == 0
        assert until(lambda: not is_refused(cluster, ROWS[1], "UPDATE"), 10)
        assert found(cluster) == []
