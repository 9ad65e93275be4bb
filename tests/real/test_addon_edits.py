"""What the real kubeadm replaces in its add-ons is what the scan says it does."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from tests.real.cluster import Cluster
from tools.kubernetes.programs import program

RULE = "addon-edited-by-hand"
TEMPLATE = "spec.template.spec"
CONTAINER = f"{TEMPLATE}.containers.0"
EDITS: dict[tuple[str, str], dict[str, Any]] = {
    ("deployment", "coredns"): {
        f"{TEMPLATE}.nodeSelector": {"pool": "infra"},
        f"{TEMPLATE}.tolerations": [{"key": "pool", "operator": "Equal", "value": "infra", "effect": "NoSchedule"}],
        f"{TEMPLATE}.imagePullSecrets": [{"name": "mirror"}],
        f"{TEMPLATE}.initContainers": [{"name": "wait", "image": "a/b:1"}],
        f"{TEMPLATE}.topologySpreadConstraints": [
            {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
        ],
        f"{TEMPLATE}.affinity": {"nodeAffinity": {}},
        f"{TEMPLATE}.dnsPolicy": "ClusterFirst",
        f"{TEMPLATE}.dnsConfig": {"nameservers": ["10.0.0.1"]},
        f"{TEMPLATE}.hostNetwork": True,
        f"{TEMPLATE}.priorityClassName": "system-node-critical",
        f"{TEMPLATE}.hostAliases": [{"ip": "10.0.0.1", "hostnames": ["a"]}],
        f"{TEMPLATE}.volumes": [{"name": "zones", "emptyDir": {}}],
        f"{CONTAINER}.args": ["-dns.port", "53"],
        f"{CONTAINER}.env": [{"name": "GOMAXPROCS", "value": "2"}],
        f"{CONTAINER}.resources": {"limits": {"memory": "512Mi"}},
        "spec.strategy.rollingUpdate.maxSurge": 2,
        "spec.strategy.rollingUpdate.maxUnavailable": 0,
    },
    ("daemonset", "kube-proxy"): {
        f"{TEMPLATE}.nodeSelector": {"non-calico": "true"},
        f"{TEMPLATE}.containers": [{"name": "exporter", "image": "a/b:1"}],
        f"{CONTAINER}.command": ["--v=4"],
        f"{CONTAINER}.resources": {"requests": {"cpu": "50m"}},
        f"{CONTAINER}.env": [{"name": "NODE_IP", "value": "x"}],
        "spec.updateStrategy.rollingUpdate.maxUnavailable": 3,
    },
    ("service", "kube-dns"): {
        "spec.ports": [{"name": "dot", "port": 853, "protocol": "TCP", "targetPort": 853}],
        "spec.internalTrafficPolicy": "Local",
        "spec.trafficDistribution": "PreferSameZone",
        "spec.sessionAffinity": "ClientIP",
        "spec.externalIPs": ["192.0.2.9"],
    },
    ("configmap", "kube-proxy"): {"data": {"more.conf": "x"}},
}


def deploy(cluster: Cluster) -> None:
    """Let kubeadm write its add-ons, with the same code as in an upgrade."""
    plane = cluster.control_plane
    kubeadm, kubeconfig = str(program("kubeadm", plane.version)), str(plane.kubeconfig("super-admin"))
    config = str(plane.folder / "uploaded.yaml")
    command = [kubeadm, "init", "phase", "addon", "all", "--kubeconfig", kubeconfig, "--config", config]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


def path_of(kind: str, name: str) -> str:
    group = "api/v1" if kind in ("service", "configmap") else "apis/apps/v1"
    return f"/{group}/namespaces/kube-system/{kind}s/{name}"


def edit(value: dict[str, Any], path: str, new: Any) -> None:
    """Add to what stands at a path when it is a list or a map, else replace it."""
    *parents, last = path.split(".")
    holder: Any = value
    for part in parents:
        holder = holder[int(part)] if isinstance(holder, list) else holder.setdefault(part, {})
    old = holder.get(last)
    if isinstance(old, list) and isinstance(new, list):
        holder[last] = [*old, *new]
    elif isinstance(old, dict) and isinstance(new, dict) and last != "resources":
        holder[last] = {**old, **new}
    else:
        holder[last] = new


def found(cluster: Cluster) -> set[tuple[str, str, str]]:
    scan = cluster.scan("--target", f"{cluster.control_plane.version.rpartition('.')[0]}.99")
    assert scan.coverage(RULE)["status"] == "checked"
    subjects = [one["subject"] for one in scan.findings(RULE)]
    return {(one["kind"].lower(), one["name"], one["field"]) for one in subjects}


def test_what_kubeadm_wrote_and_the_api_server_filled_in_is_no_edit(cluster: Cluster) -> None:
    deploy(cluster)
    assert found(cluster) == set()


def test_every_edit_is_told_and_kubeadm_undoes_every_one(cluster: Cluster) -> None:
    deploy(cluster)
    before = {key: cluster.client.json(path_of(*key)) for key in EDITS}
    for key, edits in EDITS.items():
        value = cluster.client.json(path_of(*key))
        for path, new in edits.items():
            edit(value, path, new)
        cluster.client.request("PUT", path_of(*key), value)
    assert found(cluster) == {(*key, path) for key, edits in EDITS.items() for path in edits}
    deploy(cluster)
    assert found(cluster) == set()
    for key, old in before.items():
        new = cluster.client.json(path_of(*key))
        assert new.get("spec") == old.get("spec")
        assert new.get("data") == old.get("data")


@pytest.mark.parametrize("endpoint", ["https://lb.example:6443", "https://127.0.0.1:1"])
def test_the_address_of_the_api_server(cluster: Cluster, endpoint: str) -> None:
    deploy(cluster)
    path = path_of("configmap", "kube-proxy")
    value = cluster.client.json(path)
    kubeconfig = value["data"]["kubeconfig.conf"]
    value["data"]["kubeconfig.conf"] = kubeconfig.replace(cluster.control_plane.url, endpoint)
    cluster.client.request("PUT", path, value)
    expected = {("configmap", "kube-proxy", "kubeconfig.conf: server")} if "lb" in endpoint else set()
    assert found(cluster) == expected
    deploy(cluster)
    assert cluster.client.json(path)["data"]["kubeconfig.conf"] == kubeconfig


def test_replicas_and_a_corefile_of_ones_own_are_kept(cluster: Cluster) -> None:
    deploy(cluster)
    for kind, name, change in (
        ("deployment", "coredns", {"spec": {"replicas": 5}}),
        ("configmap", "coredns", {"data": {"Corefile": ".:53 {\n    errors\n    whoami\n}\n"}}),
    ):
        cluster.client.request("PATCH", path_of(kind, name), change)
    assert found(cluster) == set()
    deploy(cluster)
    assert cluster.client.json(path_of("deployment", "coredns"))["spec"]["replicas"] == 5
    assert "whoami" in cluster.client.json(path_of("configmap", "coredns"))["data"]["Corefile"]
