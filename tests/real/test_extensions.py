"""What aggregated APIs and conversions that nobody answers for break, and what the scan says of them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.real.cluster import KNOWN, VERSIONS, Cluster
from tests.real.conftest import Clusters
from tests.real.objects import Object, custom_resource_definition, node, pod
from tools.kubernetes.client import Refused
from tools.waiting import until

UNAVAILABLE, UNCONVERTED = "api-service-unavailable", "conversion-webhook-unavailable"
GROUP = "shop.example.com"
GADGETS = f"/apis/{GROUP}"
GONE = {"service": {"name": "gone", "namespace": "gone"}}


def api_service(group: str = "metrics.k8s.io") -> Object:
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"v1beta1.{group}"},
        "spec": {
            "group": group,
            "version": "v1beta1",
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "insecureSkipTLSVerify": True,
            **GONE,
        },
    }


def found(cluster: Cluster, rule: str) -> list[Object]:
    scan = cluster.scan_here(*KNOWN, "--fail-on", "never", "--allow-incomplete")
    assert scan.coverage(rule)["status"] == "checked", scan.coverage(rule)
    return scan.findings(rule)


def availability(cluster: Cluster) -> str:
    conditions = cluster.client.json("/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io")["status"]
    return next((one["status"] for one in conditions.get("conditions", ()) if one["type"] == "Available"), "")


@contextmanager
def unavailable(cluster: Cluster) -> Iterator[None]:
    """An aggregated API whose Service is gone, for the time of a test."""
    made = cluster.client.create(api_service())
    try:
        assert until(lambda: availability(cluster) == "False", 20)
        yield
    finally:
        cluster.client.delete(made)


def test_an_aggregated_api_that_does_not_answer(cluster: Cluster) -> None:
    with unavailable(cluster):
        (one,) = found(cluster, UNAVAILABLE)
    assert (one["severity"], one["subject"]["name"]) == ("warning", "v1beta1.metrics.k8s.io")
    assert 'ServiceNotFound: service/gone in "gone" is not present' in one["message"]
    assert "HorizontalPodAutoscalers" in one["message"]


def test_a_deleted_namespace_stays(cluster: Cluster) -> None:
    client = cluster.client
    space = client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "leaves"}})

    def conditions() -> dict[str, str]:
        try:
            status = client.json("/api/v1/namespaces/leaves")["status"]
        except Refused:
            return {"gone": "True"}
        return {one["type"]: one["status"] for one in status.get("conditions", ())}

    with unavailable(cluster):
        cluster.control_plane.start_controllers(controllers="namespace-controller")
        try:
            client.delete(space)
            assert until(lambda: conditions().get("NamespaceDeletionDiscoveryFailure") == "True", 30)
            assert client.json("/api/v1/namespaces/leaves")["status"]["phase"] == "Terminating"
            client.delete(api_service())
            assert until(lambda: "gone" in conditions(), 60)
            client.create(api_service())
        finally:
            cluster.control_plane.stop_controllers()


def test_a_drain_gets_through(cluster: Cluster) -> None:
    replicas = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "front-1", "uid": "1"}}
    cluster.holds(node("w1"), pod("front-1-a", owner=replicas))
    with unavailable(cluster):
        done = cluster.kubectl("drain", "w1", "--timeout=30s", "--force")
        assert done.returncode == 0, done.stderr
        assert "evicting pod shop/front-1-a" in done.stdout + done.stderr


def definition(*, storage: str, conversion: Object | None = None) -> Object:
    more = {"conversion": conversion} if conversion else {}
    return custom_resource_definition(GROUP, "Gadget", {"v1alpha1": True, "v1": True}, storage=storage, **more)


def converted(config: Object) -> Object:
    return {"strategy": "Webhook", "webhook": {"clientConfig": config, "conversionReviewVersions": ["v1"]}}


def gadget(name: str, version: str) -> Object:
    return {"apiVersion": f"{GROUP}/{version}", "kind": "Gadget", "metadata": {"name": name, "namespace": "default"}}


def define(cluster: Cluster, **how: Any) -> None:
    """Make the definition, or change it, and wait until it is served so."""
    one = definition(**how)
    try:
        cluster.client.create(one)
    except Refused:
        cluster.client.request("PATCH", cluster.client.path_of(one), {"spec": one["spec"]})
    assert until(lambda: _answers(cluster, "v1") is not None, 20)


@pytest.fixture
def gadgets(clusters: Clusters) -> Iterator[Callable[..., Cluster]]:
    """A cluster in which one of them lies in a version; in the end nobody needs to convert it any more."""
    used: list[Cluster] = []

    def filled(version: str = "", *, stored_in: str) -> Cluster:
        used.append(cluster := clusters(version))
        define(cluster, storage=stored_in)
        assert until(lambda: cluster.client.create(gadget("one", stored_in)), 20)
        return cluster

    yield filled
    for cluster in used:
        define(cluster, storage="v1", conversion={"strategy": "None", "webhook": None})
        assert until(functools.partial(_is_listed, cluster), 40)


def _is_listed(cluster: Cluster) -> bool:
    return _answers(cluster, "v1") == ""


def _answers(cluster: Cluster, version: str) -> str | None:
    """What is said to a list in a version: "" when it comes, the error else; None while the kind is not served."""
    try:
        cluster.client.get(f"{GADGETS}/{version}/gadgets?resourceVersion=0")
    except Refused as error:
        return None if error.status == 404 else error.message
    return ""


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("stored_in", "severity"), [("v1alpha1", "blocker"), ("v1", "warning")])
def test_lists_in_another_version_fail(
    gadgets: Callable[..., Cluster], version: str, stored_in: str, severity: str
) -> None:
    cluster = gadgets(version, stored_in=stored_in)
    define(cluster, storage="v1", conversion=converted(GONE))
    other = "v1" if stored_in == "v1alpha1" else "v1alpha1"
    assert until(lambda: "conversion webhook" in (_answers(cluster, other) or ""), 40)
    assert until(lambda: _answers(cluster, stored_in) == "", 20)
    (one,) = found(cluster, UNCONVERTED)
    assert (one["severity"], one["subject"]["name"]) == (severity, f"gadgets.{GROUP}")
    assert "there is no Service gone/gone" in one["message"]
    assert ("cannot list them in v1 either" in one["message"]) == (severity == "blocker")


def test_after_a_restart_the_stored_version_cannot_be_listed_either(gadgets: Callable[..., Cluster]) -> None:
    cluster = gadgets(stored_in="v1alpha1")
    define(cluster, storage="v1", conversion=converted(GONE))
    cluster.control_plane.restart_server()
    assert until(lambda: "conversion webhook" in (_answers(cluster, "v1") or ""), 40)


def test_garbage_is_collected_all_the_same(gadgets: Callable[..., Cluster]) -> None:
    """The controller-manager of today goes on without the kind that it cannot list."""
    cluster = gadgets(stored_in="v1alpha1")
    define(cluster, storage="v1", conversion=converted(GONE))
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "gone", "namespace": "default"}}
    made = cluster.client.create(owner)
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": made["metadata"]["uid"]}
    metadata = {"name": "left", "namespace": "default", "ownerReferences": [reference]}
    cluster.client.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    cluster.client.delete(made)

    def is_left() -> bool:
        listed = cluster.client.json("/api/v1/namespaces/default/configmaps")["items"]
        return "left" in [one["metadata"]["name"] for one in listed]

    cluster.control_plane.start_controllers(controllers="garbage-collector-controller")
    try:
        assert until(lambda: not is_left(), 90)
    finally:
        cluster.control_plane.stop_controllers()
