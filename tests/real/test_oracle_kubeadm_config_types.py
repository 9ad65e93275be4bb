"""kubeadm says which types in a ClusterConfiguration it refuses: in a file, and in the ConfigMap at an upgrade."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubepreflight.semantics.kubeadm_config import mapping_in
from kubepreflight.semantics.kubeadm_config_types import wrong_types
from tests.real.conftest import Clusters
from tests.real.machine import NODE, Machine, control_plane_node
from tests.real.objects import node

CONFIG_MAP = "/api/v1/namespaces/kube-system/configmaps/kubeadm-config"
VALUES = (
    *("true", "30", "1.5", "0x1f", "012", "yes", "{a: b}", "[a]"),
    *('"true"', "'30'", "1:30", "2026-01-01", "null", "~", "10.0.0.1:80", ""),
)
SHAPES = ("{profiling: %s}", "[{name: profiling, value: %s}]")


def configuration(version: str, arguments: str, gates: str = "{}") -> str:
    return (
        f"apiVersion: kubeadm.k8s.io/{version}\nkind: ClusterConfiguration\nkubernetesVersion: v1.36.3\n"
        f"apiServer: {{extraArgs: {arguments}}}\nfeatureGates: {gates}\n"
    )


@pytest.mark.parametrize("version", ["v1beta3", "v1beta4"])
def test_a_file_with_values_of_all_sorts(tmp_path: Path, version: str) -> None:
    machine = Machine(tmp_path)
    texts = [configuration(version, shape % value) for shape in SHAPES for value in VALUES]
    texts += [configuration(version, one) for one in ("{}", "[]", "null")]
    texts += [
        configuration(version, "null", gates) for gates in ('{PublicKeysECDSA: "true"}', "{PublicKeysECDSA: yes}")
    ]
    for text in texts:
        (machine.root / "kubeadm").write_text(text, encoding="utf-8")
        done = machine.run("kubeadm", "1.36.3", "config", "validate", "--config", "/kubeadm")
        assert ("cannot unmarshal" in done.stderr) == bool(list(wrong_types(mapping_in(text)))), f"{text}{done.stderr}"


def test_the_config_map_at_an_upgrade(clusters: Clusters, tmp_path: Path) -> None:
    cluster = clusters("1.36.3")
    machine = control_plane_node(cluster, tmp_path)
    cluster.holds(node(NODE, "1.36.3", control_plane=True))
    text = configuration("v1beta4", "[{name: profiling, value: false}]")
    cluster.client.request("PATCH", CONFIG_MAP, {"data": {"ClusterConfiguration": text}})
    command = ("upgrade", "apply", "phase", "preflight", "v1.37.2", "-y", "--dry-run", "--ignore-preflight-errors=all")
    done = machine.run("kubeadm", "1.37.2", *command)
    assert done.returncode, done.stdout
    assert "json: cannot unmarshal bool" in done.stderr
    (found,) = cluster.scan_here("--target", "1.37").findings("kubeadm-config-unreadable")
    assert found["severity"] == "blocker"
