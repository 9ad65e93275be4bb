from __future__ import annotations

import msgspec
import pytest

from kubepreflight.host import Host, Kubeconfig
from kubepreflight.objects import Node
from kubepreflight.semantics.controller_endpoints import ControllerEndpoints

SERVERS = ("cp1", "cp2")
KCM = "kube-controller-manager"


def node(name: str, address: str) -> Node:
    status = {"addresses": [{"type": "InternalIP", "address": address}]}
    return msgspec.convert({"metadata": {"name": name}, "status": status}, Node)


NODES = [node("cp1", "10.0.0.1"), node("cp2", "10.0.0.2")]


@pytest.mark.parametrize(
    ("server", "met"),
    [
        ("https://10.0.0.1:6443", {"cp1"}),
        ("https://CP1:6443", {"cp1"}),
        ("https://127.0.0.1:6443", {"cp1"}),
        ("https://[::1]:6443", {"cp1"}),
        ("https://192.168.7.7:6443", {"cp1"}),
        ("https://10.0.0.2:6443", {"cp2"}),
        ("https://api.example.com:6443", {"cp1", "cp2"}),
        ("", {"cp1", "cp2"}),
        ("https://[not-an-address", {"cp1", "cp2"}),
    ],
)
def test_a_kubeconfig_says_whom_a_controller_meets(server: str, met: set[str]) -> None:
    kubeconfig = Kubeconfig(path="/etc/kubernetes/controller-manager.conf", server=server)
    host = Host(name="cp1", file="cp1.tar", addresses=("192.168.7.7",), kubeconfigs=(kubeconfig,))
    endpoints = ControllerEndpoints.provide(NODES, [host])
    assert endpoints.met_by(KCM, "cp1", SERVERS) == met


@pytest.mark.parametrize("hosts", [None, [], [Host(name="cp1", file="cp1.tar")]])
def test_without_the_kubeconfig_it_may_meet_any(hosts: list[Host] | None) -> None:
    assert ControllerEndpoints.provide(NODES, hosts).met_by(KCM, "cp1", SERVERS) == {"cp1", "cp2"}
