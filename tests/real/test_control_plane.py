"""The control plane under test: kubeadm made it, every test finds it as it was at first, and nothing outlives them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.real.cluster import Cluster
from tests.real.objects import budget, custom_resource_definition, node, pod, workload
from tools.kubernetes.wipe import contents, wipe
from tools.waiting import until

STARTS_AND_WAITS = """
import sys, time
from pathlib import Path
from tools.kubernetes.control_plane import ControlPlane
with ControlPlane(Path(sys.argv[1])) as control_plane:
    print(*(control_plane.process(name).pid for name in ("etcd", "kube-apiserver")), flush=True)
    time.sleep(600)
"""


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]


def test_it_is_a_cluster_of_kubeadm_with_nothing_in_it(cluster: Cluster) -> None:
    assert cluster.client.json("/version")["gitVersion"] == f"v{cluster.control_plane.version}"
    configuration = cluster.client.json("/api/v1/namespaces/kube-system/configmaps/kubeadm-config")
    assert "kubernetesVersion: v" in configuration["data"]["ClusterConfiguration"]
    assert list(cluster.listed("/api/v1/nodes")) == []
    assert list(cluster.listed("/api/v1/pods")) == []


REFUSES_EVERYTHING = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingWebhookConfiguration",
    "metadata": {"name": "refuses"},
    "webhooks": [
        {
            "name": "refuses.example.org",
            "clientConfig": {"url": "https://127.0.0.1:1/"},
            "rules": [{"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]}],
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
        }
    ],
}


def test_what_a_test_made_is_gone_before_the_next(cluster: Cluster) -> None:
    before = contents(cluster.client)
    (owner, *_) = cluster.holds(workload("StatefulSet", "db"), budget("db", minAvailable=1), node("w1"))
    held = pod("db-0", owner=owner)
    held["metadata"]["finalizers"] = ["example.org/held"]
    cluster.holds(held, custom_resource_definition("example.org", "Thing", {"v1": True}, storage="v1"))
    cluster.holds(REFUSES_EVERYTHING)
    wipe(cluster.client, before)
    assert until(lambda: contents(cluster.client).keys() == before.keys())


def test_what_a_test_changed_or_deleted_is_back_before_the_next(cluster: Cluster) -> None:
    before = contents(cluster.client)
    path = "/api/v1/namespaces/kube-system/configmaps/kubeadm-config"
    cluster.client.request("PATCH", path, {"data": {"ClusterConfiguration": "broken"}})
    cluster.client.request("DELETE", "/apis/rbac.authorization.k8s.io/v1/clusterroles/view")
    wipe(cluster.client, before)
    assert "kubernetesVersion: v" in cluster.client.json(path)["data"]["ClusterConfiguration"]
    assert cluster.client.json("/apis/rbac.authorization.k8s.io/v1/clusterroles/view")["metadata"]["name"] == "view"


def test_everything_ends_when_the_tests_are_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STARTS_AND_WAITS, str(tmp_path / "cluster")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as tests:
        assert tests.stdout is not None
        pids = [int(one) for one in tests.stdout.readline().split()]
        assert len(pids) == 2
        assert all(map(runs, pids))
        tests.send_signal(signal.SIGKILL)
    assert until(lambda: not any(map(runs, pids)))
