"""What a scan sends, by the API server's own audit log: it lists what rules read, once, and changes nothing."""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from kubepreflight.objects import Api
from kubepreflight.rule import load_rules
from kubepreflight.scan import wanted_by
from tests.real.cluster import KNOWN, Cluster
from tests.real.identities import certificate
from tests.real.objects import custom_resource_definition, node, pod
from tools.kubernetes.client import Object
from tools.waiting import until

ADMINISTRATOR = "kubernetes-admin"
UNLISTED = ("/version", "/api/", "/apis", "/metrics")
"""Discovery, and what the API server counts."""


class Listed(msgspec.Struct, frozen=True, order=True):
    """One list, as the audit log tells it."""

    group: str
    resource: str
    namespace: str
    selector: str
    labels: str = ""


def lists(events: list[Object]) -> list[Listed]:
    """The lists among a user's requests. All others are of UNLISTED."""
    found = []
    for event in events:
        about = event.get("objectRef", {})
        if event["verb"] == "list":
            query = parse_qs(urlsplit(event["requestURI"]).query)
            selectors = (query.get(name, [""])[0] for name in ("fieldSelector", "labelSelector"))
            found.append(Listed(about.get("apiGroup", ""), about["resource"], about.get("namespace", ""), *selectors))
        else:
            assert event["verb"] == "get"
            assert "resource" not in about
            assert event["requestURI"].startswith(UNLISTED)
    return sorted(found)


def planned(cluster: Cluster, *more: Listed) -> list[Listed]:
    """The fetch plan of all rules, as far as this server serves it, and more."""
    served = cluster.served()
    apis = (api for api in wanted_by(load_rules()).apis() if (api.group, api.plural) in served)
    return sorted((*map(_listed, apis), *more))


def _listed(api: Api) -> Listed:
    selector = f"metadata.name={api.name}" if api.name else api.selector
    return Listed(api.group, api.plural, api.namespace, selector, api.labels)


def requests_of(cluster: Cluster, kubepreflight: tuple[str, ...], expected: list[Listed]) -> list[Object]:
    """What one command of the program asked of the server."""
    before = len(cluster.audited(ADMINISTRATOR))
    scan = cluster.run(*kubepreflight)
    assert scan.returncode == 0, scan.stderr

    def logged() -> list[Object]:
        return cluster.audited(ADMINISTRATOR)[before:]

    # An answer may be read before the log is written.
    until(lambda: sum(event["verb"] == "list" for event in logged()) >= len(expected))
    return logged()


@pytest.fixture
def filled(cluster: Cluster) -> Cluster:
    """A cluster with kinds that rules read, kinds that none reads, and two Secrets."""
    pem = base64.b64decode(certificate(cluster, "web")["client-certificate-data"]).decode()
    cluster.holds(
        custom_resource_definition("ceph.rook.io", "CephCluster", {"v1": True, "v1beta1": True}, storage="v1"),
        custom_resource_definition("ceph.rook.io", "CephBlockPool", {"v2": True}, storage="v2"),
        custom_resource_definition("cert-manager.io", "Certificate", {"v1": True}, storage="v1"),
        custom_resource_definition("example.org", "Thing", {"v1": True}, storage="v1"),
        node("w1"),
        secret("opaque", "Opaque", {"password": "planted-in-opaque"}),
        secret("tls", "kubernetes.io/tls", {"tls.crt": pem, "tls.key": "planted-in-key"}),
    )
    assert until(lambda: {"ceph.rook.io", "cert-manager.io"} <= groups(cluster))
    return cluster


def groups(cluster: Cluster) -> set[str]:
    return {one["name"] for one in cluster.client.json("/apis")["groups"]}


def secret(name: str, kind: str, data: dict[str, str]) -> Object:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    metadata = {"name": name, "namespace": "shop"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": kind, "data": encoded}


def test_a_scan_lists_what_rules_read_once_and_asks_for_nothing_else(filled: Cluster) -> None:
    expected = planned(filled)
    events = requests_of(filled, ("scan", *KNOWN), expected)
    assert lists(events) == expected
    assert "secrets" not in {one.resource for one in expected}
    assert all(event["userAgent"] == "kubepreflight" for event in events)
    assert {event["responseStatus"]["code"] for event in events} == {200}


def test_a_kind_in_several_versions_is_listed_in_the_one_that_the_server_prefers(filled: Cluster) -> None:
    """The group's preferred version, v2, does not even have the kind."""
    events = requests_of(filled, ("scan", *KNOWN), planned(filled))
    assert [urlsplit(one["requestURI"]).path for one in events if "cephclusters" in one["requestURI"]] == [
        "/apis/ceph.rook.io/v1/cephclusters"
    ]


def test_discovery_is_asked_once_for_what_rules_read(filled: Cluster) -> None:
    events = requests_of(filled, ("scan", *KNOWN), planned(filled))
    asked = [event["requestURI"] for event in events if event["verb"] == "get"]
    assert len(set(asked)) == len(asked)
    assert "/apis/example.org/v1" not in asked


def test_with_the_opt_in_only_secrets_of_the_type_tls_are_read(filled: Cluster, tmp_path: Path) -> None:
    expected = planned(filled, Listed("", "secrets", "", "type=kubernetes.io/tls"))
    archive = tmp_path / "snapshot.tar.gz"
    for command in (("scan", *KNOWN), ("snapshot", "--to", str(archive))):
        events = requests_of(filled, (*command, "--opt-in", "tls-secrets"), expected)
        assert lists(events) == expected
    said = filled.run("scan", *KNOWN, "--opt-in", "tls-secrets", "-o", "json")
    assert "planted" not in said.stdout + said.stderr
    assert "tls-secret-expires" in said.stdout


def test_with_the_opt_in_only_what_helm_keeps_is_read(filled: Cluster) -> None:
    releases = (
        Listed("", "configmaps", "", "", "owner=helm"),
        Listed("", "secrets", "", "type=helm.sh/release.v1", "owner=helm"),
    )
    expected = planned(filled, *releases)
    events = requests_of(filled, ("scan", *KNOWN, "--opt-in", "helm-releases"), expected)
    assert lists(events) == expected


def test_a_snapshot_asks_for_what_a_scan_asks_for(filled: Cluster, tmp_path: Path) -> None:
    expected = planned(filled)
    events = requests_of(filled, ("snapshot", "--to", str(tmp_path / "snapshot.tar.gz")), expected)
    assert lists(events) == expected


def test_what_a_scan_changes_is_nothing(filled: Cluster) -> None:
    """No object has another resourceVersion afterwards, and no event was written."""
    filled.holds(pod("web"))
    before = {path: filled.client.json(path) for path in ("/api/v1/pods", "/api/v1/nodes", "/api/v1/events")}
    assert filled.scan(*KNOWN).report is not None
    for path, value in before.items():
        assert filled.client.json(path)["items"] == value["items"]
