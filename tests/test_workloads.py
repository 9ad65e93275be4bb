"""From pods to what somebody would change."""

from __future__ import annotations

from typing import Any

import pytest

from kubepreflight.finding import Hop
from kubepreflight.objects import Deployment, Node, Pod, StatefulSet
from kubepreflight.semantics.workloads import Job, Workloads
from kubepreflight.testing import AT
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Minor, Version
from tests.kubernetes_objects import make, pod


def owned(kind: type[Any], name: str, owner: dict[str, Any] | None = None, replicas: int | None = None) -> Any:
    metadata = {"name": name, "namespace": "a", "ownerReferences": [owner] if owner else []}
    return make(kind, {"metadata": metadata, "spec": {"replicas": replicas}})


CEPH = {"apiVersion": "ceph.rook.io/v1", "kind": "CephCluster", "name": "rook"}
APPLICATION = {"apiVersion": "app.k8s.io/v1beta1", "kind": "Application", "name": "all"}
OPERATOR = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "operator"}
NOTEBOOK = {"apiVersion": "kubeflow.org/v1", "kind": "Notebook", "name": "images", "controller": True}
CRON_JOB = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "nightly", "controller": True}
OF_A_DEPLOYMENT: dict[str, Any] = {"owner": ("ReplicaSet", "web-57d6b8"), "labels": {"pod-template-hash": "57d6b8"}}


@pytest.mark.parametrize(
    ("one", "known", "subject", "replicas"),
    [
        (pod(**OF_A_DEPLOYMENT), {"deployments": [owned(Deployment, "web", replicas=3)]}, "Deployment a/web", 3),
        (pod(**OF_A_DEPLOYMENT), {"deployments": [owned(Deployment, "web")]}, "Deployment a/web", 1),
        (pod(**OF_A_DEPLOYMENT), {}, "Deployment a/web", 1),
        (pod(**OF_A_DEPLOYMENT), {"deployments": [owned(Deployment, "web", CEPH)]}, "CephCluster a/rook", 1),
        (pod(owner=("ReplicaSet", "web-57d6b8")), {}, "ReplicaSet a/web-57d6b8", 1),
        (pod(**OF_A_DEPLOYMENT), {"deployments": [owned(Deployment, "web", APPLICATION)]}, "Deployment a/web", 1),
        (pod(**OF_A_DEPLOYMENT), {"deployments": [owned(Deployment, "web", OPERATOR)]}, "Deployment a/web", 1),
        (
            pod(**OF_A_DEPLOYMENT),
            {"deployments": [owned(Deployment, "web", {**OPERATOR, "controller": True})]},
            "Deployment a/web",
            1,
        ),
        (pod(), {"stateful_sets": [owned(StatefulSet, "s", NOTEBOOK)]}, "Notebook a/images", 1),
        (pod(owner=("Job", "nightly-1")), {"jobs": [owned(Job, "nightly-1", CRON_JOB)]}, "CronJob a/nightly", 1),
        (pod(owner=("Job", "nightly-1")), {}, "Job a/nightly-1", 1),
        (pod(owner=("Kafka", "k"), owner_version="kafka.strimzi.io/v1"), {}, "Kafka a/k", 1),
        (pod(owner=("DaemonSet", "d"), owner_version="extensions/v1beta1"), {}, "DaemonSet a/d", 1),
    ],
)
def test_the_thing_to_change(one: Pod, known: dict[str, Any], subject: str, replicas: int) -> None:
    (workload,) = Workloads.provide([one], **known).all
    assert (str(workload.subject), workload.replicas, workload.pods) == (subject, replicas, (one,))


@pytest.mark.parametrize(
    "one",
    [
        pod(phase="Succeeded"),
        pod(phase="Failed", owner=None),
        pod(mirror=True, owner=None),
        pod(owner=("DaemonSet", "d")),
        pod(node=None),
    ],
)
def test_what_no_drain_removes_or_nobody_misses(one: Pod) -> None:
    found = Workloads.provide([one])
    assert (found.all, found.bare) == ((), ())


def test_a_pod_without_a_controller_is_bare() -> None:
    one = pod(owner=None)
    assert Workloads.provide([one]).bare == (one,)


def test_the_deployments_of_one_ceph_cluster_are_one() -> None:
    pods = [
        pod(name, owner=("ReplicaSet", f"{name}-1"), labels={"pod-template-hash": "1"}) for name in ("osd-0", "osd-1")
    ]
    deployments = [owned(Deployment, name, CEPH) for name in ("osd-0", "osd-1")]
    ((subject, members),) = Workloads.provide(pods, deployments=deployments).by_subject().items()
    assert str(subject) == "CephCluster a/rook"
    assert [one.controller.name for one in members] == ["osd-0", "osd-1"]


def test_without_its_controller_the_pods_are_counted() -> None:
    (workload,) = Workloads.provide([pod("s-0"), pod("s-1", node="n2"), pod("s-2", phase="Failed")]).all
    assert (workload.replicas, workload.nodes) == (2, ("n1", "n2"))


@pytest.mark.parametrize(
    ("target", "kubelet", "drained"),
    [
        ("1.37", "v1.36.3", True),
        ("1.37", "v1.37.0", False),
        ("1.37", "v1.38.0", False),
        ("1.37.2", "v1.37.0", True),
        ("1.37.2", "v1.37.2", False),
        ("1.37", "who knows", True),
    ],
)
def test_a_node_that_is_at_the_target_is_not_drained(target: str, kubelet: str, drained: bool) -> None:
    node = make(Node, {"metadata": {"name": "n1"}, "status": {"nodeInfo": {"kubeletVersion": kubelet}}})
    hop = Hop(Minor(1, 36), Minor(1, 37))
    upgrade = Upgrade(current=Version.parse("1.36.3"), target=Version.parse(target), hops=(hop,), start=AT, end=AT)
    found = Workloads.provide([pod("s-0"), pod("s-1", node="n2"), pod("bare", owner=None)], [node], upgrade)
    (workload,) = found.all
    assert [one.name for one in workload.pods] == (["s-0", "s-1"] if drained else ["s-1"])
    assert workload.replicas == 2
    assert bool(found.bare) is drained
