from datetime import date
from typing import Any

import msgspec
import pytest

from kubepreflight.finding import Hop
from kubepreflight.inputs import Unavailable
from kubepreflight.knowledge.addons import AddonMatrix
from kubepreflight.objects import Desired, Origin, Planned, Pod
from kubepreflight.semantics.addon_instances import AddonInstance, AddonInstances, Templated
from kubepreflight.semantics.addon_outlook import fitting, release_name
from kubepreflight.semantics.kustomizations import Kustomization, Kustomizations
from kubepreflight.version import Minor

MATRIX = AddonMatrix.provide()
DAY = date(2026, 8, 22)
NO_KUSTOMIZATIONS = Kustomizations.provide()


def workload(name: str, image: str, kind: str = "Deployment", namespace: str = "ns", **more: Any) -> Templated:
    uid = more.pop("uid", name)
    spec = {"template": {"spec": {"containers": [{"image": "nginx"}, {"image": image}], **more}}}
    one = msgspec.convert({"metadata": {"name": name, "namespace": namespace, "uid": uid}, "spec": spec}, Templated)
    one.api_version, one.kind, one.origin = "apps/v1", kind, Origin("" if uid else "apps/x.yaml", 0 if uid else 7)
    return one


def pod(name: str, image: str, owner: str = "", **status: Any) -> Pod:
    metadata: dict[str, Any] = {"name": name, "namespace": "ns", "uid": name, "labels": {"pod-template-hash": "5d4f"}}
    if owner:
        metadata["ownerReferences"] = [{"kind": "ReplicaSet", "name": f"{owner}-5d4f", "controller": True}]
    one = msgspec.convert(
        {"metadata": metadata, "spec": {"nodeName": "w1", "containers": [{"image": image}]}, "status": status}, Pod
    )
    one.kind = "Pod"
    return one


def instances(*templates: Templated, pods: list[Pod] | None = None) -> list[AddonInstance]:
    return list(AddonInstances.provide(MATRIX, NO_KUSTOMIZATIONS, Planned(templates), pods).all)


def shown(found: list[AddonInstance]) -> list[str]:
    return [f"{release_name(one)} in {one.subject}, {len(one.places)} places" for one in found]


PILOT = "docker.io/istio/pilot:1.29.1"


@pytest.mark.parametrize(
    ("templates", "expected"),
    [
        ([], []),
        ([workload("web", "nginx:1.27")], []),
        ([workload("istiod", PILOT)], ["Istio 1.29.1 in Deployment ns/istiod: Istio, 1 places"]),
        # a gateway beside it belongs to it, one in another namespace is somebody's own
        (
            [
                workload("istiod", PILOT),
                workload("gateway", "docker.io/istio/proxyv2:1.28.0"),
                workload("edge", "docker.io/istio/proxyv2:1.27.0", namespace="edge"),
            ],
            ["Istio 1.29.1 in Deployment ns/istiod: Istio, 2 places"],
        ),
        # each revision, and each copy
        (
            [workload("istiod-1-28", "docker.io/istio/pilot:1.28.1"), workload("istiod-1-29", PILOT)],
            [
                "Istio 1.28.1 in Deployment ns/istiod-1-28: Istio, 1 places",
                "Istio 1.29.1 in Deployment ns/istiod-1-29: Istio, 1 places",
            ],
        ),
        # Rook's image is run by others too; only the operator tells
        ([workload("rook-ceph-tools", "rook/ceph:v1.15.9")], []),
        (
            [workload("rook-ceph-operator", "rook/ceph:v1.15.9"), workload("rook-ceph-tools", "rook/ceph:v1.14.0")],
            ["Rook 1.15.9 in Deployment ns/rook-ceph-operator: Rook, 1 places"],
        ),
        # parts without the whole
        (
            [workload("speaker", "quay.io/metallb/speaker:v0.15.2", kind="DaemonSet")],
            ["MetalLB in DaemonSet ns/speaker: MetalLB, 1 places"],
        ),
        (
            [
                workload("webhook", "quay.io/jetstack/cert-manager-webhook:v1.20.0"),
                workload("cainjector", "quay.io/jetstack/cert-manager-cainjector:v1.20.0"),
            ],
            ["cert-manager in Deployment: cert-manager, 2 places"],
        ),
        (
            [workload("centraldashboard", "ghcr.io/kubeflow/kubeflow/central-dashboard:v1.10.0")],
            ["Kubeflow 1.10.0 to 26.03 in Deployment ns/centraldashboard: Kubeflow, 1 places"],
        ),
        (
            [workload("odd", "nginx", initContainers=[{"image": PILOT}, {"name": "none"}])],
            ["Istio 1.29.1 in Deployment ns/odd: Istio, 1 places"],
        ),
        (
            [workload("istiod", PILOT, uid="")],
            ["Istio 1.29.1 in Deployment ns/istiod: Istio (apps/x.yaml:7), 1 places"],
        ),
    ],
)
def test_what_is_there(templates: list[Templated], expected: list[str]) -> None:
    assert shown(instances(*templates)) == expected


def test_pods_tell_only_where_their_controller_was_not_given() -> None:
    pods = [pod("istiod-5d4f-a", PILOT, "istiod"), pod("istiod-5d4f-b", PILOT, "istiod")]
    assert shown(instances(pods=pods)) == ["Istio 1.29.1 in Deployment ns/istiod: Istio, 1 places"]
    newer = workload("istiod", "docker.io/istio/pilot:1.30.0")
    assert shown(instances(newer, pods=pods)) == ["Istio 1.30.0 in Deployment ns/istiod: Istio, 1 places"]


def test_sidecars_finished_pods_and_tools_are_passed_over() -> None:
    pods = [
        pod("web-5d4f-a", "docker.io/istio/proxyv2:1.2.0", "web"),
        pod("old-5d4f-a", PILOT, "old", phase="Succeeded"),
        pod("rook-ceph-tools-5d4f-a", "rook/ceph:v1.2.0", "rook-ceph-tools"),
    ]
    assert instances(pods=pods) == []


def test_a_bare_pod_is_its_own() -> None:
    (found,) = instances(pods=[pod("istiod", PILOT)])
    assert (found.subject.kind, found.subject.node) == ("Pod", "w1")


def test_what_a_kustomization_leaves_out_is_not_there_and_what_it_changes_is_changed() -> None:
    changes = [{"name": "docker.io/istio/pilot", "newTag": "1.30.0"}]
    one = msgspec.convert({"resources": ["x.yaml"], "images": changes}, Kustomization)
    other = msgspec.convert({"resources": ["y.yaml"]}, Kustomization)
    one.origin = other.origin = Origin("apps/kustomization.yaml", 1)
    desired = workload("istiod", "docker.io/istio/pilot", uid="")
    for kustomization, expected in ((one, ["Istio 1.30.0"]), (other, [])):
        kustomizations = Kustomizations.provide(Desired([kustomization]))
        found = AddonInstances.provide(MATRIX, kustomizations, Planned([desired]))
        assert [release_name(instance) for instance in found.all] == expected


def test_without_workloads_and_pods_nothing_can_be_said() -> None:
    with pytest.raises(Unavailable):
        AddonInstances.provide(MATRIX, NO_KUSTOMIZATIONS, None)


def test_a_spec_may_be_null_all_the_way() -> None:
    specs: tuple[Any, ...] = (None, {}, {"template": None}, {"template": {"spec": None}}, {"template": {"spec": {}}})
    for spec in specs:
        assert list(msgspec.convert({"metadata": {}, "spec": spec}, Templated).images) == []


@pytest.mark.parametrize(
    ("image", "hop", "newer", "expected"),
    [
        # newer ones, the nearest first, and of those the ones that live
        ("docker.io/istio/pilot:1.28.0", "1.34", True, "1.29 1.30"),
        ("rook/ceph:v1.17.0", "1.34", True, "1.19 1.20"),
        # older ones that were never given a maximum come last
        ("rook/ceph:v1.20.0", "1.28", False, "1.17 1.16"),
        ("ghcr.io/kubeflow/kubeflow/central-dashboard:v1.10.0", "1.34", True, ""),
        # upstream names no minimum: that is no promise for an old version
        ("gcr.io/kubeflow-images-public/centraldashboard:v1.0.0-g3ec0de71", "1.15", True, "1.1 1.2"),
    ],
)
def test_which_release_would_fit(image: str, hop: str, newer: bool, expected: str) -> None:
    name = "rook-ceph-operator" if image.startswith("rook") else "main"
    (instance,) = instances(workload(name, image))
    start = Minor.parse(hop)
    found = fitting(instance, Hop(start, start.plus(1)), DAY, newer=newer)
    names = [row.version for row in found]
    assert " ".join(names[: len(expected.split())]) == expected
    assert newer is False or len(names) == len(expected.split())


def test_a_patch_without_an_image_hides_nothing() -> None:
    patch = msgspec.convert({"metadata": {"name": "istiod", "namespace": "ns"}, "spec": {}}, Templated)
    patch.api_version, patch.kind = "apps/v1", "Deployment"
    assert patch.is_part
    running = [pod("istiod-5d4f-x", PILOT, owner="istiod")]
    assert shown(instances(patch, pods=running)) == ["Istio 1.29.1 in Deployment ns/istiod: Istio, 1 places"]
    assert not workload("istiod", PILOT, uid="").is_part
