"""Long lists come in pages: all of them are read, also when the server forgets where the list began."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from kubepreflight.sources import paging as under_test
from tests.real.cluster import KNOWN, OTHER_FLAGS, Cluster, Scan
from tests.real.conftest import Clusters
from tests.real.mid_scan import MidScan
from tests.real.objects import custom_resource_definition, node
from tools.kubernetes.client import Object
from tools.waiting import until

NODES = "/api/v1/nodes"


def names(scan: Scan) -> list[str]:
    assert scan.report is not None, scan.error
    return [one["name"] for one in scan.report["nodes"]]


def compact(cluster: Cluster) -> None:
    """Make etcd forget all versions before the present one, as it does of its own accord every 5 minutes."""
    (status,) = json.loads(cluster.control_plane.etcdctl("endpoint", "status", "-w", "json"))
    cluster.control_plane.etcdctl("compact", str(status["Status"]["header"]["revision"]))


def test_thousands_of_custom_resources_are_read_and_the_last_one_counts(cluster: Cluster) -> None:
    """cert-manager's: one that ends soon and fails, behind 2,000 others."""
    cluster.holds(custom_resource_definition("cert-manager.io", "Certificate", {"v1": True}, storage="v1"))
    assert until(lambda: "cert-manager.io" in {one["name"] for one in cluster.client.json("/apis")["groups"]})
    soon = datetime.now(UTC) + timedelta(days=5)
    failing = [{"type": "Ready", "status": "False", "message": "the issuer is gone"}]
    cluster.holds(managed("zz-last", notAfter=f"{soon:%Y-%m-%dT%H:%M:%SZ}", conditions=failing))
    cluster.fill(managed(f"c{number:04}") for number in range(4 * under_test.PAGE))
    scan = cluster.scan(*KNOWN)
    cluster.client.request("DELETE", "/apis/cert-manager.io/v1/namespaces/shop/certificates")
    paths = [one["requestURI"] for one in cluster.audited("kubernetes-admin")]
    pages = [path for path in paths if path.startswith("/apis/cert-manager.io/v1/certificates?")]
    assert [page.count("continue=") for page in pages] == [0, 1, 1, 1, 1]
    assert all(f"limit={under_test.PAGE}" in page for page in pages)
    (found,) = scan.findings("tls-secret-expires")
    assert found["subject"]["name"] == "zz-last"


def managed(name: str, **status: object) -> Object:
    """A Certificate of cert-manager."""
    metadata = {"name": name, "namespace": "shop"}
    spec = {"secretName": name}
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": metadata,
        "spec": spec,
        **({"status": status} if status else {}),
    }


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5])
def test_however_many_fit_on_a_page(cluster: Cluster, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(under_test, "PAGE", 2)
    cluster.holds(*(node(f"n{number}") for number in range(count)))
    assert len(names(cluster.scan_here(*KNOWN))) == count


@pytest.fixture
def forgetful(clusters: Clusters, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A cluster of 7 nodes, read in pages of 2, whose API server asks etcd for each page."""
    monkeypatch.setattr(under_test, "PAGE", 2)
    cluster = clusters(**OTHER_FLAGS)
    cluster.holds(*(node(f"n{number}") for number in range(7)))
    return cluster


def test_a_list_that_expires_is_read_to_its_end(forgetful: Cluster, mid_scan: MidScan) -> None:
    """Its rest is of a later moment: what was added since is in it, and all that was there before."""

    def time_passes() -> None:
        forgetful.holds(node("n9"))
        compact(forgetful)

    mid_scan.before(NODES, time_passes, request=2)
    scan = forgetful.scan_here(*KNOWN)
    assert names(scan) == ["n0", "n1", "n2", "n3", "n4", "n5", "n6", "n9"]
    assert mid_scan.statuses(NODES) == [200, 410, 200, 200, 200]
    assert scan.coverage("node-not-ready")["status"] == "checked"


def test_a_list_that_expires_again_and_again_is_read_to_its_end(
    forgetful: Cluster, mid_scan: MidScan, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = iter(range(100))

    def time_passes() -> None:
        forgetful.holds({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"later-{next(added)}"}})
        compact(forgetful)

    monkeypatch.setattr(under_test, "PAGE", 1)
    for request in range(2, 14, 2):
        mid_scan.before(NODES, time_passes, request=request)
    scan = forgetful.scan_here(*KNOWN)
    assert mid_scan.statuses(NODES) == [200, *(6 * [410, 200])]
    assert len(names(scan)) == 7
