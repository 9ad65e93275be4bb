"""Where the static pods of a node are known from: its own manifests, else the pods in the API that show them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kubepreflight.finding import Subject
from kubepreflight.host import Host, StaticPod
from kubepreflight.inputs import Unavailable
from kubepreflight.objects import MIRROR, Origin
from kubepreflight.scan import wanted_by
from kubepreflight.semantics.static_pods import MirrorPod, StaticPods
from kubepreflight.snapshot import Collector
from kubepreflight.static_pod import StaticPodSpec
from tests.kubernetes_objects import make


def value(name: str, node: str = "cp1", **annotations: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "kube-system", "uid": name, "annotations": annotations}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"nodeName": node}}


def mirror(name: str, node: str = "cp1") -> MirrorPod:
    return make(MirrorPod, value(name, node, **{MIRROR: "hash"}))


def host(name: str, *pods: StaticPod) -> Host:
    return Host(name=name, file=f"{name}.tar", static_pods=pods)


def on_disk(name: str, spec: StaticPodSpec | None) -> StaticPod:
    return StaticPod(path=f"/etc/kubernetes/manifests/{name}.yaml", name=name, spec=spec)


def test_the_manifest_on_the_node_goes_before_what_the_api_shows() -> None:
    spec = StaticPodSpec(service_account_name="a")
    found = StaticPods.provide([mirror("etcd-cp1"), mirror("etcd-cp2", "cp2")], [host("cp1", on_disk("etcd", spec))])
    assert [(one.node, one.name) for one in found.pods] == [("cp1", "etcd"), ("cp2", "etcd")]
    assert found.pods[0].spec == spec
    assert found.pods[0].place == Subject(node="cp1", file="/etc/kubernetes/manifests/etcd.yaml")


def test_a_manifest_that_cannot_be_decoded_is_looked_for_in_the_api() -> None:
    broken = host("cp1", on_disk("etcd", None), on_disk("kube-vip", None))
    found = {one.name: one.spec for one in StaticPods.provide([mirror("etcd-cp1")], [broken]).pods}
    assert found == {"etcd": StaticPodSpec(node_name="cp1"), "kube-vip": None}


def test_the_kubelet_writes_the_nodes_name_in_lower_case() -> None:
    (one,) = StaticPods.provide([mirror("etcd-cp1.a", "CP1.a")]).pods
    assert (one.node, one.name) == ("CP1.a", "etcd")


def test_hosts_without_manifests_are_named_and_nothing_at_all_is_unavailable() -> None:
    (gap,) = StaticPods.provide([], [Host(name="cp1", file="cp1.tar")]).gaps
    assert (gap.input, gap.subject) == ("host static pods", "cp1")
    with pytest.raises(Unavailable):
        StaticPods.provide(None)


@pytest.mark.parametrize("escaped", [False, True])
def test_only_mirror_pods_are_decoded_a_second_time(escaped: bool) -> None:
    collector = Collector(wanted_by(()))
    collector._observed[MirrorPod] = []
    for one in (value("a"), value("b", **{"example.com/note": f"no {MIRROR}"}), value("c", **{MIRROR: "hash"})):
        raw = msgspec.json.encode(one)
        collector.add_raw(raw.replace(b"/config", b"\\/config") if escaped else raw, Origin())
        collector.add_value(one, Origin())
    items = [value("d"), value("e", **{MIRROR: "hash"})]
    page = msgspec.json.encode({"kind": "PodList", "apiVersion": "v1", "items": items})
    collector.add_page(page.replace(b"/config", b"\\/config") if escaped else page, "v1", "Pod")
    pods: list[MirrorPod] = collector.snapshot().observed[MirrorPod]
    assert {one.name for one in pods} >= {"c", "e"}
    assert "d" not in {one.name for one in pods}
    assert [one.name for one in StaticPods.provide(pods).pods] == ["c", "e"]
