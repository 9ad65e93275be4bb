"""`kubeadm upgrade node` on a node whose certificates are not whole: it falls back where the scan had said so."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from kubepreflight.sources.host.script import collect_script
from tests.real.cluster import Cluster
from tests.real.conftest import Clusters
from tests.real.kubeadm_pki import KEYS, Change, gone
from tests.real.machine import NODE, Machine, control_plane_node, mirror
from tests.real.objects import node

BEFORE, AFTER = "1.36.3", "1.37.2"
RULE = "certificate-renewal-fails"


@pytest.fixture
def machine(clusters: Clusters, tmp_path: Path) -> tuple[Cluster, Machine]:
    """A control-plane node of which the first one's upgrade is done: kubeadm-config names the next version."""
    cluster = clusters(BEFORE)
    made = control_plane_node(cluster, tmp_path / "disk")
    (made.root / "etc/hostname").write_text(NODE)
    manifests = made.kubernetes / "manifests"
    etcd = mirror(manifests / "etcd.yaml")
    etcd["metadata"]["annotations"]["kubeadm.kubernetes.io/etcd.advertise-client-urls"] = cluster.control_plane.etcd_url
    others = (mirror(manifests / f"{name}.yaml") for name in ("kube-controller-manager", "kube-scheduler"))
    cluster.holds(node(NODE, BEFORE, control_plane=True), etcd, *others)
    return cluster, made


def upgraded(cluster: Cluster, machine: Machine) -> str:
    """What `kubeadm upgrade node` says in the end; etcd, which has no kubelet to restart it, is left out."""
    path = "/api/v1/namespaces/kube-system/configmaps/kubeadm-config"
    config = cluster.client.json(path)["data"]["ClusterConfiguration"].replace(f"v{BEFORE}", f"v{AFTER}")
    patch = json.dumps({"data": {"ClusterConfiguration": config}})
    done = cluster.kubectl("-n", "kube-system", "patch", "configmap", "kubeadm-config", "--type=merge", "-p", patch)
    assert done.returncode == 0, done.stderr
    options = ("--etcd-upgrade=false", "--kubeconfig", "/etc/kubernetes/admin.conf")
    ended = machine.run("kubeadm", AFTER, "upgrade", "node", "phase", "control-plane", *options)
    assert ended.returncode
    return ended.stderr


def foretold(cluster: Cluster, machine: Machine) -> list[str]:
    """The files over which the scan says that it will fall back."""
    archive = machine.root.parent / f"{NODE}.tar"
    command = ["sh", "-s", "--", "--root", str(machine.root)]
    done = subprocess.run(command, input=collect_script().encode(), capture_output=True, check=True)
    archive.write_bytes(done.stdout)
    scan = cluster.scan("--live", str(archive), "--target", AFTER)
    assert scan.coverage(RULE)["status"] == "checked"
    return [file for one in scan.findings(RULE) for file in one["evidence"]["files"]]


PKI = "/etc/kubernetes/pki"


@pytest.mark.parametrize(
    ("change", "said", "failed"),
    [
        (
            gone("pki/front-proxy-client.crt"),
            f"{PKI}/front-proxy-client.crt is not there",
            "failed to load existing certificate front-proxy-client",
        ),
        (
            gone(KEYS["ca"], "pki/apiserver-kubelet-client.key"),
            f"{PKI}/apiserver-kubelet-client.crt has no key beside it",
            f"couldn't load the private key file {PKI}/apiserver-kubelet-client.key",
        ),
    ],
    ids=["a certificate is gone", "an external authority, and a key is gone"],
)
def test_it_falls_back_as_was_foretold(
    change: Change, said: str, failed: str, machine: tuple[Cluster, Machine]
) -> None:
    assert foretold(*machine) == []
    change(machine[1])
    before = (machine[1].kubernetes / "manifests/kube-apiserver.yaml").read_text(encoding="utf-8")
    assert foretold(*machine) == [said]
    error = upgraded(*machine)
    assert 'failed to renew certificates for component "kube-apiserver"' in error
    assert failed in error
    assert (machine[1].kubernetes / "manifests/kube-apiserver.yaml").read_text(encoding="utf-8") == before
