"""An object that a server shows in an old version is no object written in it: removed-api says nothing of the first."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubepreflight.knowledge.api_lifecycle import ApiLifecycle
from kubepreflight.version import Minor
from tests.real.cluster import KNOWN, OTHER_FLAGS, VERSIONS, Cluster
from tests.real.conftest import Clusters
from tests.real.objects import budget, workload
from tools.kubernetes.client import Object

RULE = "removed-api"
SERVED_AND_REMOVED = {"storage.k8s.io/v1beta1", "networking.k8s.io/v1beta1"}
"""What a server of 1.36 shows objects in when it is told to, and one of 1.37 does not know."""


def attributes_class(version: str) -> Object:
    return {
        "apiVersion": f"storage.k8s.io/{version}",
        "kind": "VolumeAttributesClass",
        "metadata": {"name": "fast"},
        "driverName": "csi.example.org",
        "parameters": {"iops": "1000"},
    }


def objects() -> Iterator[Object]:
    """One of each kind that has, or had, several versions; written in the last one."""
    yield workload("Deployment", "web")
    yield workload("DaemonSet", "agent")
    yield budget("web", minAvailable=1)
    yield attributes_class("v1")
    web = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    yield {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"scaleTargetRef": web, "maxReplicas": 3},
    }
    pod = {"containers": [{"name": "job", "image": "registry.example/job:1"}], "restartPolicy": "Never"}
    yield {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "nightly", "namespace": "shop"},
        "spec": {"schedule": "@daily", "jobTemplate": {"spec": {"template": {"spec": pod}}}},
    }
    yield {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}},
    }
    yield {"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": {"name": "gpu"}, "spec": {}}


@pytest.fixture(params=VERSIONS)
def serving_all(request: pytest.FixtureRequest, clusters: Clusters) -> Cluster:
    """A cluster that serves every version it can, with one object of each kind that has several."""
    cluster = clusters(request.param, **OTHER_FLAGS)
    cluster.holds(*objects())
    return cluster


def versions(cluster: Cluster) -> list[tuple[str, str, str]]:
    """Group version, kind and plural of all that can be listed, in each version that is served."""
    groups = cluster.client.json("/apis")["groups"]
    served = ["v1", *(one["groupVersion"] for group in groups for one in group["versions"])]
    return [
        (version, one["kind"], one["name"])
        for version in served
        for one in cluster.client.json(f"/apis/{version}" if "/" in version else f"/api/{version}")["resources"]
        if "list" in one["verbs"] and one["name"] not in ("events", "secrets")
    ]


COUNTED = "metrics of the API server"
"""Seen there alone: the server, which other tests use too, counts what they ask for until it is started anew."""


def findings(cluster: Cluster, *paths: str, live: bool = False) -> list[Object]:
    """Of the cluster, of files, or of both."""
    if live:
        paths = ("--live", *paths)
    scan = cluster.scan_files(*KNOWN, *paths) if paths and not live else cluster.scan_here(*KNOWN, *paths)
    assert scan.coverage(RULE)["status"] in ("checked", "partial")
    return [one for one in scan.findings(RULE) if one["evidence"]["seen in"] != COUNTED]


def removed(version: str, kind: str) -> bool:
    """Whether the target does not know it any more."""
    row = ApiLifecycle.provide().find(version, kind)
    return row is not None and row.removed is not None and row.removed <= Minor(1, 37)


def is_meaningful(cluster: Cluster, items: list[Object]) -> bool:
    """Whether some of these would be blockers as manifests, on the server that has such."""
    old = {one["apiVersion"] for one in items if removed(one["apiVersion"], one["kind"])}
    return old >= SERVED_AND_REMOVED if cluster.control_plane.version.startswith("1.36.") else not old


def test_a_live_scan_says_nothing_of_what_is_merely_served(serving_all: Cluster) -> None:
    assert findings(serving_all) == []


def test_a_dump_of_every_version_says_nothing_of_what_is_merely_served(serving_all: Cluster, tmp_path: Path) -> None:
    """As `kubectl get KIND.VERSION.GROUP,… -o json` prints it, whichever version somebody asks for."""
    grouped = ((*version.split("/"), plural) for version, _, plural in versions(serving_all) if "/" in version)
    asked = ",".join(f"{plural}.{version}.{group}" for group, version, plural in grouped)
    done = serving_all.kubectl("get", asked, "--all-namespaces", "-o", "json")
    dump = tmp_path / "dump.json"
    dump.write_text(done.stdout, encoding="utf-8")
    items = json.loads(done.stdout)["items"]
    assert {one["kind"] for one in objects()} <= {one["kind"] for one in items}
    assert is_meaningful(serving_all, items)
    assert findings(serving_all, str(dump)) == []


def test_the_lists_of_every_version_say_nothing_of_what_is_merely_served(serving_all: Cluster, tmp_path: Path) -> None:
    """As `kubectl get --raw` prints them: items without a kind of their own."""
    items = []
    for number, (version, kind, plural) in enumerate(versions(serving_all)):
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        body = serving_all.client.get(f"{root}/{plural}")
        (tmp_path / f"{number:03}-{plural}.json").write_bytes(body)
        items += [{"apiVersion": version, "kind": kind} for _ in json.loads(body)["items"]]
    assert is_meaningful(serving_all, items)
    assert findings(serving_all, str(tmp_path)) == []


OLD = "1.36.3"
"""A server that still knows what the target does not."""


def test_the_same_objects_as_manifests_are_blockers(clusters: Clusters, tmp_path: Path) -> None:
    """The difference between the two is what the server adds: `kubectl get -o yaml` cleaned up is a manifest."""
    cluster = clusters(OLD, **OTHER_FLAGS)
    (served,) = cluster.holds(attributes_class("v1beta1"))
    served["metadata"] = {"name": served["metadata"]["name"]}
    (tmp_path / "class.json").write_text(json.dumps(served), encoding="utf-8")
    (found,) = [one for one in findings(cluster, str(tmp_path), live=True) if "file" in one["subject"]]
    assert (found["severity"], found["subject"]["field"]) == ("blocker", "storage.k8s.io/v1beta1")


def test_what_was_applied_in_an_old_version_is_remembered_until_it_is_applied_in_a_new_one(
    clusters: Clusters, tmp_path: Path
) -> None:
    cluster = clusters(OLD, **OTHER_FLAGS)
    dump = tmp_path / "dump.json"
    for version, live, severities in (("v1beta1", ["blocker"], ["warning"]), ("v1", [], [])):
        applied = cluster.kubectl("apply", "-f", "-", text=json.dumps(attributes_class(version)))
        assert applied.returncode == 0, applied.stderr
        assert [one["severity"] for one in findings(cluster)] == live  # with managedFields, which `kubectl get` hides
        for shown in ("v1beta1", "v1"):
            done = cluster.kubectl("get", f"volumeattributesclasses.{shown}.storage.k8s.io", "-o", "json")
            dump.write_text(done.stdout, encoding="utf-8")
            assert [one["severity"] for one in findings(cluster, str(dump))] == severities


def test_an_apply_on_the_servers_side_is_remembered_with_its_writer(clusters: Clusters) -> None:
    cluster = clusters(OLD, **OTHER_FLAGS)
    manifest = json.dumps(attributes_class("v1beta1"))
    applied = cluster.kubectl("apply", "--server-side", "-f", "-", text=manifest)
    assert applied.returncode == 0, applied.stderr
    (found,) = findings(cluster)
    assert (found["severity"], found["evidence"]["written"][:20]) == ("blocker", "by kubectl (Apply) o")
