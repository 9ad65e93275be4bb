"""What the real kubeadm renders from a configuration is no edit beside it, and beside another one just what differs."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from kubepreflight.finding import Hop, Subject
from kubepreflight.knowledge.static_pods import StaticPodRendering
from kubepreflight.semantics.kubeadm_config import KubeadmConfig
from kubepreflight.semantics.setting import STATIC_COMPONENTS
from kubepreflight.semantics.static_pod_edits import edits
from kubepreflight.semantics.static_pods import NodePod
from kubepreflight.static_pod import StaticPodSpec
from kubepreflight.version import Version
from tools.kubernetes.programs import default_version, program

TABLE = StaticPodRendering.provide()
ADDRESS = "192.0.2.1"
VERBOSE = [{"name": "v", "value": "2"}, {"name": "v", "value": "4"}]
EXTERNAL = {"endpoints": ["https://192.0.2.8:2379", "https://192.0.2.9:2379"], "caFile": "/e/ca.crt"}


def extra(name: str) -> dict[str, Any]:
    """Something of every sort for one component."""
    return {
        "extraArgs": [
            {"name": "v", "value": "2"},
            {"name": "v", "value": "4"},
            {"name": "profiling", "value": "false"},
        ],
        "extraVolumes": [{"name": name, "hostPath": f"/srv/{name}", "mountPath": "/extra", "readOnly": True}],
        "extraEnvs": [{"name": "GODEBUG", "value": "x"}],
    }


CLUSTERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "extras": {name: extra(name.lower()) for name in ("apiServer", "controllerManager", "scheduler")},
    "extras of etcd": {
        "etcd": {
            "local": {
                "extraArgs": [
                    {"name": "quota-backend-bytes", "value": "8589934592"},
                    {"name": "advertise-client-urls", "value": "https://etcd.example:2379"},
                ],
                "extraEnvs": [{"name": "ETCD_X", "value": "some"}],
                "imageTag": "3.6.9-0",
                "imageRepository": "mirror.example/etcd-io",
                "dataDir": "/srv/etcd",
            }
        }
    },
    "other values than kubeadm's": {
        "apiServer": {
            "extraArgs": [
                {"name": "authorization-mode", "value": "Node,RBAC,Webhook"},
                {"name": "enable-admission-plugins", "value": "NodeRestriction,AlwaysPullImages"},
            ]
        },
        "scheduler": {"extraArgs": [{"name": "bind-address", "value": "0.0.0.0"}]},
    },
    "structured authorization": {"apiServer": {"extraArgs": [{"name": "authorization-config", "value": "/a.yaml"}]}},
    "external etcd": {"etcd": {"external": {**EXTERNAL, "certFile": "/e/c.crt", "keyFile": "/e/c.key"}}},
    "external etcd without TLS": {"etcd": {"external": EXTERNAL}},
    "networks": {
        "networking": {"podSubnet": "10.244.0.0/16,fd00:1::/56", "serviceSubnet": "10.96.0.0/16,fd00:2::/112"},
        "clusterName": "shop",
    },
    "names": {
        "networking": {"dnsDomain": "shop.example"},
        "imageRepository": "mirror.example:5000/k8s",
        "certificatesDir": "/srv/pki",
    },
}


def rendered(folder: Path, cluster: dict[str, Any], address: str) -> dict[str, dict[str, Any]]:
    """The static pods that kubeadm writes, by name."""
    group = "kubeadm.k8s.io/v1beta4"
    local = {"advertiseAddress": address}
    registration = {"name": "cp1", "criSocket": "unix:///var/run/none.sock"}
    documents = [
        {"apiVersion": group, "kind": "InitConfiguration", "localAPIEndpoint": local, "nodeRegistration": registration},
        {"apiVersion": group, "kind": "ClusterConfiguration", "kubernetesVersion": f"v{default_version()}", **cluster},
    ]
    folder.mkdir(exist_ok=True)
    (folder / "kubeadm.yaml").write_text(yaml.safe_dump_all(documents))
    environment = {"KUBEADM_INIT_DRYRUN_DIR": str(folder), "PATH": "/usr/sbin:/usr/bin:/bin", "http_proxy": "http://p"}
    phases = [["control-plane", "all"]] + ([] if "external" in cluster.get("etcd", {}) else [["etcd", "local"]])
    for phase in phases:
        command = [str(program("kubeadm", default_version())), "init", "phase", *phase, "--dry-run"]
        command += ["--config", str(folder / "kubeadm.yaml")]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
        assert ended.returncode == 0, ended.stderr
    found = {
        path.stem: yaml.safe_load(path.read_text()) for path in folder.rglob("*.yaml") if path.stem in STATIC_COMPONENTS
    }
    return {name: found[name]["spec"] for name in STATIC_COMPONENTS if name in found}


def changed(pods: dict[str, dict[str, Any]], cluster: dict[str, Any]) -> set[tuple[str, str, str]]:
    head = {"apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "ClusterConfiguration"}
    defaults: dict[str, Any] = {"imageRepository": "registry.k8s.io", "clusterName": "kubernetes"}
    networking = {"dnsDomain": "cluster.local", "serviceSubnet": "10.96.0.0/12", **cluster.get("networking", {})}
    config = KubeadmConfig({**defaults, **cluster, **head, "networking": networking})
    minor = Version.parse(default_version()).minor_version
    found = set()
    for name, value in pods.items():
        spec = msgspec.convert(value, StaticPodSpec)
        pod = NodePod(node="cp1", name=name, spec=spec, place=Subject(node="cp1"))
        found |= {(name, one.setting, one.name) for one in edits(pod, spec, config, TABLE, Hop(minor.plus(-1), minor))}
    return found


@pytest.mark.parametrize("address", [ADDRESS, "2001:db8::1"])
@pytest.mark.parametrize("name", CLUSTERS)
def test_what_is_rendered_from_a_configuration_is_no_edit_beside_it(tmp_path: Path, name: str, address: str) -> None:
    pods = rendered(tmp_path, CLUSTERS[name], address)
    assert pods.keys() == STATIC_COMPONENTS.keys() - ({"etcd"} if "external" in name else set())
    assert changed(pods, CLUSTERS[name]) == set()


def test_beside_another_configuration_all_that_differs_is_told(tmp_path: Path) -> None:
    pods = rendered(tmp_path, {**CLUSTERS["extras"], **CLUSTERS["extras of etcd"]}, ADDRESS)
    components = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
    settings = (("flag", "v"), ("flag", "profiling"), ("environment variable", "GODEBUG"))
    expected = {(component, *setting) for component in components for setting in settings}
    expected |= {
        ("kube-apiserver", "volume", "apiserver"),
        ("kube-controller-manager", "volume", "controllermanager"),
        ("kube-scheduler", "volume", "scheduler"),
    }
    expected |= {
        ("kube-apiserver", "flag", "etcd-servers"),
        ("etcd", "flag", "quota-backend-bytes"),
        ("etcd", "environment variable", "ETCD_X"),
        ("etcd", "image", ""),
    }
    assert changed(pods, {}) == expected
    assert changed(rendered(tmp_path / "other", {}, ADDRESS), CLUSTERS["extras"]) == {
        one for one in expected if one[0] in components and one[2] != "etcd-servers"
    }
