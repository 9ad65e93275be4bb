"""A server that dies, hangs or refuses in the middle of a scan: the scan ends, and says what it did not see."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import pytest

from kubepreflight.errors import SourceError
from kubepreflight.inputs import Wanted
from kubepreflight.objects import Api
from kubepreflight.rule import load_rules
from kubepreflight.scan import wanted_by
from kubepreflight.snapshot import Collector, Snapshot
from kubepreflight.sources import connection as requests
from kubepreflight.sources import paging as lists
from kubepreflight.sources.cluster import read_cluster
from kubepreflight.sources.kubeconfig import connect
from tests.real.cluster import KNOWN, Cluster, Scan
from tests.real.mid_scan import Asked, MidScan
from tests.real.objects import custom_resource_definition, node, pod
from tools.kubernetes.client import Client, Object, Refused
from tools.waiting import until

NODES, PODS = "/api/v1/nodes", "/api/v1/pods"
FLOW_CONTROL = "flowcontrol.apiserver.k8s.io/v1"
ADMINISTRATOR = "kubernetes-admin"
BOUND_SECONDS = 20
"""No scan waits longer for a server that has gone, with the waits below; on a busy machine, too."""


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The waits in proportion, but shorter."""
    monkeypatch.setattr(requests, "CONNECT_SECONDS", 2.0)
    monkeypatch.setattr(requests, "READ_SECONDS", 4.0)
    monkeypatch.setattr(requests, "WARY_SECONDS", 2.0)
    monkeypatch.setattr(requests, "PATIENCE_SECONDS", 3.0)
    monkeypatch.setattr(lists, "PAGE", 1)


def seen(cluster: Cluster) -> tuple[Snapshot, tuple[Api, ...]]:
    """What a scan reads of the cluster, and what it wanted to."""
    wanted: Wanted = wanted_by(load_rules())
    collector = Collector(wanted)
    read_cluster(collector, connect(str(cluster.control_plane.kubeconfig())))
    return collector.snapshot(), collector.apis()


def is_for(asked: Asked, api: Api) -> bool:
    """Whether a request is one for a page of this list."""
    group = f"/apis/{api.group}/" if api.group else "/api/"
    space = f"/namespaces/{api.namespace}/" if api.namespace else "/"
    selector = f"metadata.name={api.name}" if api.name else api.selector
    listed = asked.path.startswith(group) and asked.path.endswith(f"{space}{api.plural}")
    return listed and asked.fields.get("fieldSelector", "") == selector


def gaps(scan: Scan) -> list[Object]:
    """What was asked for and not seen, each once."""
    assert scan.report is not None
    asked = [gap for one in scan.report["coverage"] for gap in one["gaps"] if gap.get("asked")]
    return list({json.dumps(gap): gap for gap in asked}.values())


@pytest.fixture(params=[signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
def dying(request: pytest.FixtureRequest, cluster: Cluster, mid_scan: MidScan, impatient: None) -> Iterator[Cluster]:
    """A cluster of three nodes whose API server dies, or freezes, when the second has been read."""
    cluster.holds(*(node(f"n{number}", unschedulable=True) for number in range(3)))
    server = cluster.control_plane.process("kube-apiserver")
    mid_scan.before(NODES, lambda: server.signal(request.param), request=3)
    yield cluster
    server.signal(signal.SIGCONT)
    if request.param is signal.SIGKILL:
        cluster.control_plane.restart_server()


def test_a_server_that_goes_away_in_the_middle_of_a_list(dying: Cluster, mid_scan: MidScan) -> None:
    started = time.monotonic()
    scan = dying.scan_here(*KNOWN)
    assert time.monotonic() - started < BOUND_SECONDS
    assert scan.status == 3
    assert scan.report is not None
    assert scan.report["verdict"] == "incomplete"
    # What was read counts, and is not taken for all.
    (found,) = scan.findings("node-left-cordoned")
    assert [one["name"] for one in found["places"]] == ["n0", "n1"]
    cordoned = scan.coverage("node-left-cordoned")
    assert cordoned["status"] == "partial"
    assert [gap["input"] for gap in cordoned["gaps"] if gap.get("asked")] == ["nodes"]
    assert all("readyz" in gap["how"] for gap in gaps(scan))


def test_nothing_that_was_not_answered_passes_for_read(dying: Cluster, mid_scan: MidScan) -> None:
    snapshot, wanted = seen(dying)
    lost = {api for api in wanted if snapshot.gaps_of(api)}
    assert any(api.plural == "nodes" for api in lost)
    for api in set(wanted) - lost:
        assert snapshot.has_listed(api)
        assert all(one.status == 200 for one in mid_scan.requests if is_for(one, api))
    assert not any(snapshot.has_listed(api) for api in lost)


def test_a_server_that_is_frozen_from_the_start_is_not_waited_for_long(cluster: Cluster, impatient: None) -> None:
    server = cluster.control_plane.process("kube-apiserver")
    server.signal(signal.SIGSTOP)
    try:
        with pytest.raises(SourceError, match=r"does not answer: .*timed out.* Is it running"):
            cluster.scan_here(*KNOWN)
    finally:
        server.signal(signal.SIGCONT)


def test_a_busy_server_is_waited_for(cluster: Cluster, mid_scan: MidScan) -> None:
    """Priority and fairness lets no list of pods through while somebody else's request takes long."""
    cluster.holds(node("w1"), pod("bare", node="w1"))
    with only_seat_taken(cluster) as free:
        mid_scan.before(PODS, free, request=2)
        scan = cluster.scan_here(*KNOWN)
    assert mid_scan.statuses(PODS)[0] == 429
    assert mid_scan.statuses(PODS)[-1] == 200
    assert scan.status == 1
    assert scan.findings("drain-stops-at-bare-pod")


def test_a_server_that_stays_busy_is_given_up_and_its_reason_is_told(
    cluster: Cluster, mid_scan: MidScan, impatient: None
) -> None:
    cluster.holds(node("w1"), pod("bare", node="w1"))
    with only_seat_taken(cluster):
        scan = cluster.scan_here(*KNOWN)
    assert set(mid_scan.statuses(PODS)) == {429}
    assert len(mid_scan.statuses(PODS)) > 1
    assert scan.status == 3
    assert scan.coverage("drain-stops-at-bare-pod")["status"] == "not checked"
    (gap,) = gaps(scan)
    assert gap["input"] == "pods"
    assert gap["reason"].startswith("429 ")
    assert "busy" in gap["how"]


@contextmanager
def only_seat_taken(cluster: Cluster) -> Iterator[Callable[[], None]]:
    """Have priority and fairness give the administrator's lists of pods a level with room for one request at a time,
    and one that does not end: a webhook that is asked about it does not answer. Yields what lets it end."""
    with socket.create_server(("127.0.0.1", 0)) as webhook, ThreadPoolExecutor() as pool:
        cluster.holds(*one_seat(), asked_about_held(webhook.getsockname()[1]))
        enough = threading.Event()

        def free() -> None:
            enough.set()
            webhook.close()

        pool.submit(hold_seat, cluster, enough)
        try:
            assert until(lambda: status_of(cluster, PODS) == 429)
            yield free
        finally:
            free()


def hold_seat(cluster: Cluster, enough: threading.Event) -> None:
    """Make ConfigMaps that the webhook is asked about: the first ones may come before the server knows of it."""
    administrator = Client(cluster.control_plane.kubeconfig())
    metadata = {"generateName": "held-", "namespace": "default", "labels": {"held": "yes"}}
    while not enough.wait(0.02):
        with suppress(Refused, OSError):
            body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
            administrator.request("POST", "/api/v1/namespaces/default/configmaps", body)


def one_seat() -> Iterator[Object]:
    """A level that runs one request at a time and refuses all others, and who is sent there."""
    full = {"nominalConcurrencyShares": 0, "borrowingLimitPercent": 0, "limitResponse": {"type": "Reject"}}
    yield {
        "apiVersion": FLOW_CONTROL,
        "kind": "PriorityLevelConfiguration",
        "metadata": {"name": "one-seat"},
        "spec": {"type": "Limited", "limited": full},
    }
    core = {"apiGroups": [""], "namespaces": ["*"], "clusterScope": True}
    wanted = {"list": "pods", "create": "configmaps"}
    resources = [{**core, "verbs": [verb], "resources": [which]} for verb, which in wanted.items()]
    who = [{"kind": "User", "user": {"name": ADMINISTRATOR}}]
    yield {
        "apiVersion": FLOW_CONTROL,
        "kind": "FlowSchema",
        "metadata": {"name": "one-seat"},
        "spec": {
            "matchingPrecedence": 2,
            "priorityLevelConfiguration": {"name": "one-seat"},
            "rules": [{"subjects": who, "resourceRules": resources}],
        },
    }


def asked_about_held(port: int) -> Object:
    """A webhook on a port of 127.0.0.1 that is asked about ConfigMaps with the label held, and can be done without."""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
    webhook = {
        "name": "held.example.org",
        "clientConfig": {"url": f"https://127.0.0.1:{port}/"},
        "rules": [rule],
        "objectSelector": {"matchLabels": {"held": "yes"}},
        "failurePolicy": "Ignore",
        "sideEffects": "None",
        "timeoutSeconds": 30,
        "admissionReviewVersions": ["v1"],
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "held"},
        "webhooks": [webhook],
    }


def status_of(cluster: Cluster, path: str) -> int:
    """How the server answers the administrator."""
    try:
        Client(cluster.control_plane.kubeconfig()).get(path)
    except Refused as error:
        return error.status
    return 200


def aggregated(cluster: Cluster, group: str) -> None:
    """Have a group served by an API server of its own that is not there."""
    cluster.holds(
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": f"v1.{group}"},
            "spec": {
                "group": group,
                "version": "v1",
                "groupPriorityMinimum": 1000,
                "versionPriority": 10,
                "insecureSkipTLSVerify": True,
                "service": {"namespace": "default", "name": "gone"},
            },
        }
    )
    assert until(lambda: group in {one["name"] for one in cluster.client.json("/apis")["groups"]})


def test_an_aggregated_api_that_is_down_and_that_a_rule_reads(cluster: Cluster) -> None:
    cluster.holds(node("w1", unschedulable=True))
    aggregated(cluster, "ceph.rook.io")
    scan = cluster.scan(*KNOWN)
    assert scan.status == 3
    assert scan.coverage("ceph-unhealthy")["status"] == "not checked"
    (gap,) = gaps(scan)
    assert gap["input"] == "cephclusters"
    assert gap["reason"].startswith("503 ")
    assert "kubectl get apiservices | grep ceph.rook.io" in gap["how"]
    assert scan.findings("node-left-cordoned")


def test_an_aggregated_api_that_is_down_and_that_nobody_reads(cluster: Cluster) -> None:
    cluster.holds(node("w1"))
    aggregated(cluster, "metrics.k8s.io")
    scan = cluster.scan(*KNOWN)
    assert scan.status == 0
    assert not gaps(scan)


def test_objects_that_nobody_can_convert(cluster: Cluster) -> None:
    """They are stored in one version and asked for in another, and the webhook between the two is not there."""
    versions = {"v1": True, "v1alpha1": True}
    definition = custom_resource_definition("ceph.rook.io", "CephCluster", versions, storage="v1alpha1")
    cluster.holds(definition)
    metadata = {"name": "ceph", "namespace": "rook-ceph"}
    healthy = {"metadata": metadata, "kind": "CephCluster", "status": {"ceph": {"health": "HEALTH_ERR"}}}
    assert until(lambda: status_of(cluster, "/apis/ceph.rook.io/v1alpha1") == 200)
    cluster.holds({"apiVersion": "ceph.rook.io/v1alpha1", **healthy})
    webhook = {"clientConfig": {"url": "https://127.0.0.1:1/"}, "conversionReviewVersions": ["v1"]}
    conversion = {"spec": {"conversion": {"strategy": "Webhook", "webhook": webhook}}}
    cluster.client.request("PATCH", cluster.client.path_of(definition), conversion)
    # Without a limit it would wait for a cache that never gets ready.
    path = "/apis/ceph.rook.io/v1/cephclusters?limit=500"
    assert until(lambda: status_of(cluster, path) == 500)
    scan = cluster.scan(*KNOWN)
    cluster.client.request("DELETE", cluster.client.path_of(definition))
    assert scan.status == 3
    assert scan.coverage("ceph-unhealthy")["status"] == "not checked"
    (gap,) = gaps(scan)
    assert "conversion webhook for ceph.rook.io" in gap["reason"]
