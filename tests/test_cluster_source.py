"""What becomes of a server that does not give what was asked: a gap each, never an empty list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes.client import Configuration

from kubepreflight.errors import SourceError
from kubepreflight.inputs import Parameter, Wanted
from kubepreflight.objects import Api, KubernetesObject, Node, Pod
from kubepreflight.snapshot import Collector, Snapshot
from kubepreflight.sources.cluster import read_cluster
from kubepreflight.sources.connection import Connection
from tests.fake_api_server import FakeApiServer, serving


@pytest.fixture
def server() -> Iterator[FakeApiServer]:
    with serving() as fake:
        yield fake


def read(server: FakeApiServer, *kinds: type[KubernetesObject]) -> Snapshot:
    configuration = Configuration()
    configuration.host = server.url
    collector = Collector(Wanted.by(Parameter("", list, kind, False) for kind in kinds or (Node, Pod)))
    read_cluster(collector, Connection(configuration, "fake"))
    return collector.snapshot()


def pods(*names: str, token: str = "") -> tuple[int, Any]:
    items = [{"metadata": {"name": name, "namespace": "shop", "uid": name}} for name in names]
    return 200, {"kind": "PodList", "apiVersion": "v1", "metadata": {"continue": token}, "items": items}


def test_follows_pages(server: FakeApiServer) -> None:
    server.answers["/api/v1/pods"] = [pods("a", "b", token="next"), pods("c")]
    snapshot = read(server)
    assert [pod.name for pod in snapshot.observed[Pod]] == ["a", "b", "c"]
    assert snapshot.observed[Pod][0].api_version == "v1"
    assert ("", "Pod") in snapshot.listed
    assert [query.get("continue") for path, query in server.requests if path == "/api/v1/pods"] == [None, ["next"]]


class KubeadmConfig(KubernetesObject):
    api = Api("", "ConfigMap", "configmaps", namespace="kube-system", name="kubeadm-config")


class ClusterInfo(KubernetesObject):
    api = Api("", "ConfigMap", "configmaps", namespace="kube-public", name="cluster-info")


class TlsSecret(KubernetesObject):
    api = Api("", "Secret", "secrets", selector="type=kubernetes.io/tls")


def test_of_a_kind_of_which_one_sort_is_wanted_no_other_is_asked_for(server: FakeApiServer) -> None:
    server.answers["/api/v1"] = (200, {"resources": [{"name": "secrets", "kind": "Secret", "namespaced": True}]})
    one = {"metadata": {"name": "one", "namespace": "shop", "uid": "1"}}
    server.answers["/api/v1/secrets"] = (200, {"kind": "SecretList", "apiVersion": "v1", "items": [one]})
    snapshot = read(server, TlsSecret)
    assert [query["fieldSelector"] for path, query in server.requests if path == "/api/v1/secrets"] == [
        ["type=kubernetes.io/tls"]
    ]
    assert snapshot.has_listed(TlsSecret.api)
    assert not snapshot.has_listed(Api("", "Secret", "secrets"))
    assert not snapshot.has_listed(Api("", "Secret", "secrets", selector="type=helm.sh/release.v1"))


def test_of_two_objects_of_a_kind_one_may_be_refused(server: FakeApiServer) -> None:
    server.answers["/api/v1"] = (200, {"resources": [{"name": "configmaps", "kind": "ConfigMap", "namespaced": True}]})
    empty = {"kind": "ConfigMapList", "apiVersion": "v1", "items": []}
    server.answers["/api/v1/namespaces/kube-system/configmaps"] = (200, empty)
    server.answers["/api/v1/namespaces/kube-public/configmaps"] = (403, {"message": "forbidden"})
    snapshot = read(server, KubeadmConfig, ClusterInfo)
    assert [snapshot.has_listed(one.api) for one in (KubeadmConfig, ClusterInfo)] == [True, False]
    assert not snapshot.gaps_of(KubeadmConfig.api)
    (gap,) = snapshot.gaps_of(ClusterInfo.api)
    assert gap.input == "configmaps kube-public/cluster-info"


def test_items_of_a_list_that_does_not_say_of_what_are_gaps_if_not_objects(server: FakeApiServer) -> None:
    items = [{"metadata": {"name": "a", "namespace": "shop", "uid": "a"}}]
    server.answers["/api/v1/pods"] = (200, {"apiVersion": "v1", "items": items})
    assert len(read(server).observed[Pod]) == 1
    server.answers["/api/v1/pods"] = (200, {"items": items})
    assert read(server).failures["", "Pod"][0].asked


EXPIRED = (410, {"message": "too old", "metadata": {"continue": "offer"}})


def test_goes_on_with_the_servers_own_offer_when_a_list_has_expired(server: FakeApiServer) -> None:
    server.answers["/api/v1/pods"] = [pods("a", token="next"), EXPIRED, pods("b")]
    assert [pod.name for pod in read(server).observed[Pod]] == ["a", "b"]


def test_a_list_may_expire_again_and_again_as_long_as_its_pages_come(server: FakeApiServer) -> None:
    pages = [answer for name in "abcdef" for answer in (EXPIRED, pods(name, token="next"))]
    server.answers["/api/v1/pods"] = [*pages, pods("g")]
    assert [pod.name for pod in read(server).observed[Pod]] == list("abcdefg")
    server.answers["/api/v1/pods"] = EXPIRED
    assert "410 too old" in read(server).failures["", "Pod"][0].reason


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ([(403, {"message": "pods is forbidden"})], "403 pods is forbidden"),
        ([(500, b"oops")], "500 for /api/v1/pods"),
        ([(200, b"<html>a proxy's page</html>")], "the answer is no list"),
        ([(200, {"kind": "PodList", "items": "none"})], "the answer is no list"),
        ([pods("a", token="next"), (410, {"message": "gone"})], "410 gone"),
        ([pods("a", token="next"), None], "Remote end closed connection"),
    ],
)
def test_what_it_does_not_give_is_a_gap_of_that_kind(server: FakeApiServer, answers: list[Any], reason: str) -> None:
    server.answers["/api/v1/pods"] = answers
    snapshot = read(server)
    (gap,) = snapshot.failures["", "Pod"]
    assert reason in gap.reason
    assert gap.asked
    assert gap.how
    assert ("", "Node") in snapshot.listed
    assert ("", "Node") not in snapshot.failures


def test_one_broken_object_does_not_hide_the_others(server: FakeApiServer) -> None:
    body = pods("a", "b")
    body[1]["items"][0]["spec"] = {"nodeName": ["not", "a", "name"]}
    server.answers["/api/v1/pods"] = body
    snapshot = read(server)
    assert [pod.name for pod in snapshot.observed[Pod]] == ["b"]
    assert "shop/a" in snapshot.failures["", "Pod"][0].subject


def test_a_server_that_goes_away_ends_the_scan_soon(server: FakeApiServer) -> None:
    server.answers["/version"] = [(200, {"gitVersion": "v1.36.3"})]
    server.answers["/api/v1/nodes"] = [None] * 9
    server.answers["/api/v1/pods"] = [None] * 9
    snapshot = read(server)
    assert snapshot.failures["", "Pod"][0].asked
    assert snapshot.failures["", "Node"][0].asked


def test_a_version_that_does_not_say_what_it_serves_is_asked_once(server: FakeApiServer) -> None:
    server.answers["/api/v1"] = (503, {"message": "down"})
    snapshot = read(server)
    assert [path for path, _ in server.requests].count("/api/v1") == 1
    assert snapshot.failures["", "Pod"][0].reason == snapshot.failures["", "Node"][0].reason == "503 down"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((401, {"message": "Unauthorized"}), "have they expired"),
        ((403, {"message": "no"}), "/version"),
        ((200, b"hello"), "does not answer like a Kubernetes API server"),
        ((200, {"gitVersion": "main"}), "does not answer like a Kubernetes API server"),
        (None, "allowed to reach it"),
    ],
)
def test_no_usable_server_at_all(server: FakeApiServer, answer: Any, said: str) -> None:
    server.answers["/version"] = answer
    with pytest.raises(SourceError, match=said):
        read(server)


def test_a_kind_that_the_server_does_not_know_is_listed_and_empty(server: FakeApiServer) -> None:
    server.answers["/api/v1"] = (200, {"resources": [{"name": "nodes", "kind": "Node"}]})
    snapshot = read(server)
    assert ("", "Pod") in snapshot.listed
    assert snapshot.observed[Pod] == []
