"""Which addresses an API server of 1.36 refuses that older ones took, and what becomes of objects that have them.

What older ones took is what this one takes with its gate switched off, as it was in 1.35.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kubepreflight.semantics.addresses import fault_of_address, fault_of_network
from tests.addresses import ADDRESSES, NETWORKS, Row
from tests.real.cluster import Cluster
from tests.real.conftest import Clusters
from tests.real.objects import Object, node, pod, workload
from tools.kubernetes.client import Refused
from tools.waiting import until

VERSION = "1.36.3"
GATE = "StrictIPCIDRValidation"
LENIENT = {"feature_gates": f"{GATE}=false"}
ZEROS, BITS = "010.1.2.3", "10.1.2.3/8"


def aliased(text: str) -> Object:
    alias = {"ip": text, "hostnames": ["gateway"]}
    one = pod("one", namespace="default", node="", hostAliases=[alias])
    return {key: value for key, value in one.items() if key != "status"}


def policy(cidr: str, name: str = "one") -> Object:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"podSelector": {}, "egress": [{"to": [{"ipBlock": {"cidr": cidr}}]}]},
    }


def takes(cluster: Cluster, value: Object) -> bool:
    """Whether it would be made; nothing is stored."""
    try:
        cluster.client.request("POST", f"{cluster.client.path_of(value, named=False)}?dryRun=All", value)
    except Refused as error:
        if error.status != 422:
            raise
        return False
    return True


@pytest.mark.parametrize(
    ("make", "rows", "judge"), [(aliased, ADDRESSES, fault_of_address), (policy, NETWORKS, fault_of_network)]
)
def test_what_is_refused_that_was_taken(
    clusters: Clusters, make: Callable[[str], Object], rows: list[Row], judge: Callable[[str], object]
) -> None:
    lenient, strict = (
        {text for text, *_ in rows if takes(clusters(VERSION, **flags), make(text))} for flags in (LENIENT, {})
    )
    assert strict <= lenient
    assert lenient - strict == {text for text, *_ in rows if judge(text)}


def templated() -> Object:
    one = workload("Deployment", "front", namespace="default")
    one["spec"]["template"]["spec"]["hostAliases"] = [{"ip": ZEROS, "hostnames": ["gateway"]}]
    return one


def service() -> Object:
    metadata = {"name": "shop", "namespace": "default"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"ports": [{"port": 80}], "externalIPs": [ZEROS]},
    }


OBJECTS = {
    "deployment": templated(),
    "node": node("n1", podCIDR=BITS, podCIDRs=[BITS]),
    "service": service(),
    "policy": policy(BITS),
}


@pytest.fixture
def become_strict(clusters: Clusters) -> Cluster:
    """A cluster that has become strict over what it holds already."""
    cluster = clusters(VERSION)
    cluster.control_plane.restart_server(**LENIENT)
    cluster.holds(*OBJECTS.values())
    cluster.control_plane.restart_server()
    assert until(lambda: cluster.client.json("/api/v1/namespaces/default/endpoints/kubernetes").get("subsets"), 20)
    return cluster


def changes(cluster: Cluster, value: Object) -> bool:
    """Whether it can be given a label."""
    try:
        cluster.client.request("PATCH", cluster.client.path_of(value), {"metadata": {"labels": {"seen": "yes"}}})
    except Refused as error:
        if error.status != 422:
            raise
        return False
    return True


def test_what_there_is(become_strict: Cluster) -> None:
    changed = {name for name, value in OBJECTS.items() if changes(become_strict, value)}
    assert changed == {"service", "policy"}
    # kubectl says that it could not, and ends with 0 all the same.
    assert "must not have bits set beyond the prefix length" in become_strict.kubectl("cordon", "n1").stderr
    assert become_strict.kubectl("-n", "default", "scale", "deployment/front", "--replicas=3").returncode != 0


def test_no_new_pod_is_made(become_strict: Cluster) -> None:
    become_strict.control_plane.start_controllers(controllers="deployment-controller,replicaset-controller")
    try:
        assert until(lambda: "must not have leading 0s" in _trouble(become_strict), 40)
        assert become_strict.client.json("/api/v1/namespaces/default/pods")["items"] == []
    finally:
        become_strict.control_plane.stop_controllers()


def _trouble(cluster: Cluster) -> str:
    """What is said of the Deployment, and of its ReplicaSet."""
    return cluster.kubectl("-n", "default", "get", "deployments,replicasets,events", "-o", "yaml").stdout
