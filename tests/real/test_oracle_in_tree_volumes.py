"""What an API server says of volumes of plugins that are gone, and of states of claims that have another name."""

from __future__ import annotations

import pytest

from tests.real.cluster import Cluster
from tests.real.objects import Object
from tools.kubernetes.client import Refused

VOLUME: Object = {
    "apiVersion": "v1",
    "kind": "PersistentVolume",
    "metadata": {"name": "old"},
    "spec": {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "rbd": {"monitors": ["192.0.2.1:6789"], "image": "old"},
    },
}
CLASS: Object = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "fast"},
    "provisioner": "kubernetes.io/rbd",
}
CLAIM: Object = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "data", "namespace": "default"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "storageClassName": ""},
}


@pytest.mark.parametrize(
    ("value", "change"),
    [
        (VOLUME, {"spec": {"rbd": None, "nfs": {"server": "192.0.2.2", "path": "/"}}}),
        (CLASS, {"provisioner": "rbd.csi.ceph.com"}),
    ],
)
def test_what_has_a_plugin_that_is_gone_is_kept_and_cannot_be_given_another(
    cluster: Cluster, value: Object, change: Object
) -> None:
    cluster.holds(value)
    with pytest.raises(Refused) as refused:
        cluster.client.request("PATCH", cluster.client.path_of(value), change)
    assert refused.value.status == 422


def test_a_state_that_has_another_name_is_refused_and_can_be_cleared(cluster: Cluster) -> None:
    cluster.holds(CLAIM)
    path = f"{cluster.client.path_of(CLAIM)}/status"
    for state in ("ControllerResizeFailed", "NodeResizeFailed"):
        with pytest.raises(Refused) as refused:
            cluster.client.request("PATCH", path, {"status": {"allocatedResourceStatuses": {"storage": state}}})
        assert refused.value.status == 422
    for change in ({"storage": "NodeResizeInfeasible"}, None):
        cluster.client.request("PATCH", path, {"status": {"allocatedResourceStatuses": change}})
        (claim,) = cluster.listed("/api/v1/namespaces/default/persistentvolumeclaims")
        assert claim["status"].get("allocatedResourceStatuses") == change
