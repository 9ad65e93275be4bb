"""A snapshot of a cluster says what the cluster itself says: the same findings, the same coverage, the same verdict."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.cluster import KNOWN, OTHER_FLAGS, Cluster, Scan
from tests.real.conftest import Clusters
from tests.real.identities import allow, certificate
from tests.real.objects import budget, custom_resource_definition, node, pod, workload
from tools.kubernetes.client import Object

NOT_ALIKE = {"created", "sources"}
"""All that a report of a snapshot has of its own: when it was made, and from what."""


def troubles(cluster: Cluster) -> Iterator[Object]:
    """Something for many rules to say, with what a snapshot must cut: a Secret, an environment, a last apply."""
    yield node("cp1", control_plane=True)
    yield node("w1", unschedulable=True)
    yield node("w2", "1.33.1", ready=False)
    yield workload("StatefulSet", "db", replicas=2)
    yield budget("db", maxUnavailable=0)
    password = {"name": "PASSWORD", "value": "planted-in-environment"}
    app = {"name": "app", "image": "registry.example/app:1", "env": [password]}
    yield pod("bare", node="w1", labels={"app": "db"}, containers=[app])
    yield pod("scratch", node="w1", volumes=[{"name": "scratch", "emptyDir": {}}])
    applied = {"kubectl.kubernetes.io/last-applied-configuration": OLD_BUDGET}
    old = budget("old", minAvailable=1)
    yield {**old, "metadata": {**old["metadata"], "annotations": applied}}
    pem = base64.b64decode(certificate(cluster, "web")["client-certificate-data"]).decode()
    data = {"tls.crt": pem, "tls.key": "planted-in-key"}
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    metadata = {"name": "web", "namespace": "shop"}
    yield {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": metadata, "data": encoded}
    yield custom_resource_definition("ceph.rook.io", "CephCluster", {"v1": True}, storage="v1")


OLD_BUDGET = '{"apiVersion":"policy/v1beta1","kind":"PodDisruptionBudget","metadata":{"name":"old"},"planted":"body"}'


def of_file(cluster: Cluster, path: Path, *arguments: str) -> Scan:
    """What a scan of a file says; the cluster is not asked."""
    return cluster.scan_files(*KNOWN, *arguments, str(path))


def same(live: Scan, saved: Scan) -> None:
    assert live.report is not None
    assert saved.report is not None
    for part in live.report.keys() - NOT_ALIKE:
        assert saved.report[part] == live.report[part], part
    assert saved.report.keys() == live.report.keys()
    assert saved.status == live.status


@pytest.mark.parametrize(("version", "more"), [("1.37.2", ()), ("1.36.3", ("--opt-in", "tls-secrets"))])
def test_a_snapshot_says_what_the_cluster_says(
    clusters: Clusters, tmp_path: Path, version: str, more: tuple[str, ...]
) -> None:
    cluster = clusters(version, **OTHER_FLAGS)
    cluster.holds(*troubles(cluster))
    path = tmp_path / "snapshot.tar.gz"
    assert cluster.run("snapshot", "--to", str(path), *more).returncode == 0
    live = cluster.scan(*KNOWN, *more)
    same(live, of_file(cluster, path, *more))
    assert live.report is not None
    assert len({one["rule"] for one in live.report["findings"]}) > 5


def test_nothing_secret_is_in_it(clusters: Clusters, tmp_path: Path) -> None:
    cluster = clusters(**OTHER_FLAGS)
    cluster.holds(*troubles(cluster))
    path = tmp_path / "snapshot.tar"
    assert cluster.run("snapshot", "--to", str(path), "--opt-in", "tls-secrets").returncode == 0
    kept = gzip.decompress(path.read_bytes())
    assert b"planted" not in kept
    assert base64.b64encode(b"planted-in-key") not in kept
    assert b"policy/v1beta1" in kept


def test_what_could_not_be_read_is_missing_from_both(clusters: Clusters, tmp_path: Path) -> None:
    """The snapshot says that it could not be had, to whoever scans it later."""
    cluster = clusters(**OTHER_FLAGS)
    cluster.holds(*troubles(cluster))
    allow(cluster, {"half": [{"apiGroups": ["", "apps"], "resources": ["nodes", "pods"], "verbs": ["list"]}]})
    path = tmp_path / "snapshot.tar.gz"
    made = cluster.run("snapshot", "--to", str(path), "--as", "half")
    assert made.returncode == 3
    assert "is saved without them" in made.stderr
    live = cluster.scan(*KNOWN, "--as", "half")
    same(live, of_file(cluster, path))
    assert live.coverage("drain-blocked-by-budget")["status"] == "not checked"
