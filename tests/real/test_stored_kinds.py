"""What an API server does with objects in etcd in a version of which it knows nothing, and what the scan had said."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.real.cluster import PLAN, Cluster
from tools.kubernetes import control_plane as running
from tools.kubernetes.control_plane import ControlPlane, StartError

RULE = "removed-kind-still-stored"
SWITCHED_ON = {"runtime_config": "api/all=true", "feature_gates": "GenericWorkload=true"}
WORKLOAD = {
    "apiVersion": "scheduling.k8s.io/v1alpha2",
    "kind": "Workload",
    "metadata": {"name": "batch", "namespace": "default"},
    "spec": {"podGroupTemplates": [{"name": "a", "schedulingPolicy": {"basic": {}}}]},
}


def test_the_api_server_does_not_become_ready_until_they_are_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = {"kube-apiserver": {"disable-admission-plugins": "ServiceAccount"}}
    with ControlPlane(tmp_path / "cluster", "1.36.3", flags=flags) as control_plane:
        control_plane.restart_server(**SWITCHED_ON)
        cluster = Cluster(control_plane)
        cluster.holds(WORKLOAD)
        (found,) = cluster.scan(*PLAN).findings(RULE)
        assert found["subject"]["name"] == "batch"
        control_plane.version = "1.37.2"
        monkeypatch.setattr(running, "READY_SECONDS", 15)
        with pytest.raises(
            StartError, match=r'no kind "Workload" is registered for version "scheduling.k8s.io/v1alpha2"'
        ):
            control_plane.restart_server(**SWITCHED_ON)
        control_plane.restart_server()  # the kind is off by default, and what is not served is not read
        control_plane.etcdctl("del", "--prefix", "/registry/workloads/")
        control_plane.restart_server(**SWITCHED_ON)
        assert cluster.client.json("/apis/scheduling.k8s.io/v1beta1/workloads")["items"] == []
