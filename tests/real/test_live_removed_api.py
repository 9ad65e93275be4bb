"""Who asks for a version that goes away: what a real API server counts, logs and writes into managedFields."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kubepreflight.knowledge.api_lifecycle import ApiLifecycle
from kubepreflight.semantics.api_requests import resource_of
from kubepreflight.semantics.requested_uses import is_only_one, rows_by_resource
from kubepreflight.sources.metrics import MetricsReader
from kubepreflight.version import Minor
from tests.real.cluster import AUDIT_LOG, OTHER_FLAGS, PLAN, Cluster, Scan
from tests.real.conftest import Clusters
from tests.real.identities import account_user, allow, binding, kubeconfig, service_account
from tools.kubernetes.client import Client, Object
from tools.waiting import until

VERSION = "1.36.3"
OLD = {"runtime_config": "networking.k8s.io/v1beta1=true,storage.k8s.io/v1beta1=true"}
"""Versions that 1.36 serves when it is told to, and 1.37 does not."""
SERVICE_CIDRS = "/apis/networking.k8s.io/v1beta1/servicecidrs"
LIFECYCLE = ApiLifecycle.provide()


@pytest.fixture
def old(clusters: Clusters) -> Cluster:
    """A cluster that serves versions which go with the next minor, apart from those of other tests: an API server
    forgets nothing that it was asked for until it starts anew."""
    return clusters(VERSION, **OLD)


def volume_attributes_class(version: str, name: str = "fast") -> str:
    return json.dumps(
        {
            "apiVersion": f"storage.k8s.io/{version}",
            "kind": "VolumeAttributesClass",
            "metadata": {"name": name},
            "driverName": "csi.example.com",
            "parameters": {"iops": "1"},
        }
    )


def metrics(cluster: Cluster) -> bytes:
    return cluster.client.request("GET", "/metrics")


def found(scan: Scan, kind: str) -> dict[str, Any]:
    (one,) = [one for one in scan.findings("removed-api") if one["subject"]["kind"] == kind]
    return dict(one)


def test_the_metric_says_that_somebody_asked_and_the_log_who(old: Cluster, tmp_path: Path) -> None:
    old.control_plane.restart_server()
    assert old.scan_here(*PLAN).findings("removed-api") == []

    token = service_account(old, "reporter")
    allow(old, {"reads": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]}]})
    old.holds({**binding("reads", account_user("reporter")), "metadata": {"name": "reporter"}})
    path = kubeconfig(old, tmp_path / "reporter.conf", {"token": token})
    assert until(lambda: asked(path) == 0)

    alone = found(old.scan_here(*PLAN), "ServiceCIDR")
    assert alone["severity"] == "warning"
    assert alone["subject"]["field"] == "networking.k8s.io/v1beta1, asked for"
    assert "list" in alone["evidence"]["counted"]
    assert "instead" in alone["evidence"]

    log = old.control_plane.folder / AUDIT_LOG
    named = found(old.scan_here(*PLAN, "--live", str(log)), "ServiceCIDR")
    assert named["severity"] == "blocker"
    assert named["subject"]["field"] == "networking.k8s.io/v1beta1, asked for by reporter"
    assert [place["name"] for place in named["places"]] == ["reporter"]
    assert named["evidence"]["seen in"] == ["audit log", "metrics of the API server"]

    saved = tmp_path / "metrics.txt"
    saved.write_bytes(metrics(old))
    offline = found(old.scan_here(*PLAN, "--live", str(saved), str(log)), "ServiceCIDR")
    assert offline["fingerprint"] == named["fingerprint"]
    assert "/metrics.txt since its start" in offline["evidence"]["counted"]


def asked(path: Path) -> int:
    """Ask for an old version as a program that calls itself reporter, and say whether that was refused."""
    try:
        Client(path).request("GET", SERVICE_CIDRS, headers={"User-Agent": "reporter/v1 (linux/amd64)"})
    except Exception:
        return 1
    return 0


def test_kubectl_that_only_reads_stops_nobody(old: Cluster) -> None:
    (old.control_plane.folder / AUDIT_LOG).write_text("", encoding="utf-8")
    done = old.kubectl("get", "servicecidrs.v1beta1.networking.k8s.io")
    assert done.returncode == 0, done.stderr
    log = old.control_plane.folder / AUDIT_LOG
    one = found(old.scan_here(*PLAN, "--live", str(log)), "ServiceCIDR")
    assert one["severity"] == "note"
    assert "kubectl, as kubernetes-admin, only reads servicecidrs" in one["message"]


@pytest.mark.parametrize("way", ["--server-side", "--server-side=false"])
def test_who_applied_an_old_version_lately_will_do_so_again(old: Cluster, way: str) -> None:
    applied = old.kubectl("apply", way, "-f", "-", text=volume_attributes_class("v1beta1"))
    assert applied.returncode == 0, applied.stderr
    one = found(old.scan_here(*PLAN), "VolumeAttributesClass")
    assert one["severity"] == "blocker"
    assert one["subject"]["name"] == "fast"
    assert "managedFields" in one["evidence"]["seen in"]
    assert "storage.k8s.io/v1, served since 1.34" in one["evidence"]["instead"]

    # What the remedy says takes it away; the metric, which nobody can take back, says so.
    applied = old.kubectl("apply", way, "-f", "-", text=volume_attributes_class("v1"))
    assert applied.returncode == 0, applied.stderr
    assert found(old.scan_here(*PLAN), "VolumeAttributesClass")["severity"] != "blocker"


def test_what_the_server_chose_by_itself_is_nobodys_doing(old: Cluster) -> None:
    old.control_plane.restart_server()
    assert old.kubectl("create", "-f", "-", text=volume_attributes_class("v1")).returncode == 0
    assert old.kubectl("label", "volumeattributesclass/fast", "team=shop").returncode == 0
    assert old.scan_here(*PLAN).findings("removed-api") == []


def test_kubernetes_own_controllers_ask_for_nothing_that_has_another_version(clusters: Clusters) -> None:
    """The garbage collector goes by discovery: of each group by the version that the server prefers."""
    cluster = clusters(VERSION, **OTHER_FLAGS)
    cluster.control_plane.restart_server()
    cluster.control_plane.start_controllers(controllers="garbage-collector-controller,namespace-controller")
    try:
        cluster.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "short"}})
        cluster.client.request("DELETE", "/api/v1/namespaces/short")
        assert until(lambda: requested(cluster))
    finally:
        cluster.control_plane.stop_controllers()
    rows = rows_by_resource(LIFECYCLE)
    for key in requested(cluster):
        assert is_only_one(rows[key], LIFECYCLE, Minor.parse(VERSION)), key


def requested(cluster: Cluster) -> set[tuple[str, str]]:
    """What was asked for of that which the table knows to go away."""
    reader = MetricsReader()
    reader.take(metrics(cluster))
    rows = rows_by_resource(LIFECYCLE)
    return {(one.api_version, one.resource) for one in reader.finish("it").requested} & rows.keys()


def test_every_kind_is_asked_for_under_the_name_that_is_made_of_it(clusters: Clusters) -> None:
    cluster = clusters(**OTHER_FLAGS)
    groups = cluster.client.json("/apis")["groups"]
    versions = [version["groupVersion"] for group in groups for version in group["versions"]]
    resources: list[Object] = [
        one
        for path in ("/api/v1", *(f"/apis/{version}" for version in versions))
        for one in cluster.client.json(path)["resources"]
        if "/" not in one["name"]
    ]
    assert len(resources) > 80
    assert {one["kind"]: one["name"] for one in resources if resource_of(one["kind"]) != one["name"]} == {}
