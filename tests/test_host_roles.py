from __future__ import annotations

import msgspec
import pytest

from kubepreflight.host import Host, Missing, StaticPod
from kubepreflight.objects import CONTROL_PLANE_LABELS, Node
from kubepreflight.semantics.host_roles import is_control_plane

API_SERVER = StaticPod(path="/etc/kubernetes/manifests/kube-apiserver.yaml", name="kube-apiserver")
PROXY = StaticPod(path="/etc/kubernetes/manifests/nginx-proxy.yaml", name="nginx-proxy")


def node(*labels: str) -> Node:
    return msgspec.convert({"metadata": {"name": "n1", "labels": dict.fromkeys(labels, "")}}, Node)


@pytest.mark.parametrize("label", sorted(CONTROL_PLANE_LABELS))
def test_the_api_knows_best(label: str) -> None:
    assert is_control_plane(Host(name="n1", file="n1.tar"), {"n1": node(label)}) is True
    assert is_control_plane(Host(name="n1", file="n1.tar", static_pods=(API_SERVER,)), {"n1": node()}) is False


@pytest.mark.parametrize(("pods", "role"), [((API_SERVER,), True), ((PROXY,), False), ((), False)])
def test_without_it_the_static_pods_tell(pods: tuple[StaticPod, ...], role: bool) -> None:
    assert is_control_plane(Host(name="n1", file="n1.tar", static_pods=pods), {}) is role


def test_unknown_is_no_worker() -> None:
    assert is_control_plane(Host(name="n1", file="n1.tar"), {}) == Missing("not collected")
