"""Which servers are connected to, and what becomes of those that do not answer."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kubepreflight.inputs import Parameter, Wanted
from kubepreflight.objects import Node, Origin, Pod
from kubepreflight.semantics.served import OPT_IN, Handshakes, Server
from kubepreflight.snapshot import Collector
from kubepreflight.sources import handshakes
from kubepreflight.sources.handshakes import Target, read_handshakes, shake_hands, targets
from tests.fake_node import ENDS, make_certificate

CONTROL_PLANE = {"node-role.kubernetes.io/control-plane": ""}
ETCD = (
    "etcd",
    "--advertise-client-urls=https://10.0.0.1:2379,http://10.0.0.1:2381,https://[::1",
    "--initial-advertise-peer-urls=https://10.0.0.1:2380",
)


def node(name: str, *addresses: str, labels: Any = None) -> dict[str, Any]:
    listed = [{"type": "Hostname", "address": name}, *({"type": "InternalIP", "address": one} for one in addresses)]
    metadata = {"name": name, "uid": name, "labels": CONTROL_PLANE if labels is None else labels}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "status": {"addresses": listed}}


def pod(component: str, *command: str, at: str = "cp1", mirror: bool = True, namespace: str = "kube-system") -> Any:
    annotations = {"kubernetes.io/config.mirror": "x"} if mirror else {}
    metadata: dict[str, Any] = {
        "name": f"{component}-{at}",
        "namespace": namespace,
        "uid": f"{component}{at}{namespace}{mirror}",
    }
    metadata |= {"labels": {"component": component}, "annotations": annotations}
    spec = {"nodeName": at, "containers": [{"name": component, "command": list(command)}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def collected(*objects: dict[str, Any], opted_in: bool = True) -> Collector:
    wanted = Wanted.by((Parameter("", list, Node, False), Parameter("", list, Pod, False)))
    collector = Collector(wanted, opted_in=frozenset({OPT_IN} if opted_in else ()))
    for one in objects:
        collector.add_value(one, Origin())
    return collector


@pytest.mark.parametrize(
    ("objects", "asked"),
    [
        ([node("cp1", "10.0.0.1")], ["kubelet 10.0.0.1:10250"]),
        ([node("cp1", "fd00::1")], ["kubelet [fd00::1]:10250"]),
        ([node("w1", "10.0.0.9", labels={})], []),
        # No name is looked up, whatever an address is.
        ([node("cp1", "cp1.example.com")], []),
        (
            [node("cp1", "10.0.0.1"), pod("kube-apiserver", "kube-apiserver", "--secure-port=8443")],
            ["kubelet 10.0.0.1:10250", "kube-apiserver 10.0.0.1:8443"],
        ),
        (
            [node("cp1", "10.0.0.1"), pod("kube-apiserver", "kube-apiserver")],
            ["kubelet 10.0.0.1:10250", "kube-apiserver 10.0.0.1:6443"],
        ),
        (
            [node("cp1", "10.0.0.1"), pod("etcd", *ETCD)],
            ["kubelet 10.0.0.1:10250", "etcd 10.0.0.1:2379", "etcd-peer 10.0.0.1:2380"],
        ),
        # What is no static pod of the control plane tells nobody where to connect to.
        (
            [
                node("cp1", "10.0.0.1"),
                pod("kube-apiserver", "--secure-port=22", mirror=False),
                pod("kube-apiserver", "--secure-port=22", namespace="shop"),
                pod("kube-apiserver", "--secure-port=22", at="w1"),
                pod("kube-apiserver", "--secure-port=99999999"),
                pod("kube-controller-manager", "--secure-port=10257"),
            ],
            ["kubelet 10.0.0.1:10250"],
        ),
    ],
)
def test_only_the_control_plane_nodes_own_servers_are_asked(objects: list[Any], asked: list[str]) -> None:
    collector = collected(*objects)
    found = targets(collector.seen(Node), collector.seen(Pod))
    assert [f"{one.server} {one.address}" for one in found] == asked


def test_many_nodes_are_not_scanned() -> None:
    collector = collected(*(node(f"n{number}", f"10.0.{number}.1") for number in range(200)))
    assert len(targets(collector.seen(Node), ())) == handshakes.MOST_NODES


def test_nothing_is_asked_without_the_opt_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "create_connection", None)
    collector = collected(node("cp1", "127.0.0.1"), opted_in=False)
    read_handshakes(collector)
    assert Handshakes not in collector.given


@contextmanager
def listening(serve: Any = None) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        if serve is not None:
            threading.Thread(target=serve, args=(server,), daemon=True).start()
        yield server.getsockname()[1]


def test_what_answers_is_seen_and_what_does_not_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshakes, "SECONDS", 0.3)
    certificate, key = make_certificate("server")
    (tmp_path / "pair.pem").write_bytes(certificate + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "pair.pem")

    def serve(server: socket.socket) -> None:
        with context.wrap_socket(server.accept()[0], server_side=True):
            pass

    def chat(server: socket.socket) -> None:
        with server.accept()[0] as plain:
            plain.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with listening(serve) as good, listening() as silent, listening(chat) as plain:
        ports: tuple[tuple[Server, int], ...] = (
            ("kube-apiserver", good),
            ("etcd", silent),
            ("kubelet", plain),
            ("etcd-peer", 1),
        )
        asked = [Target("cp1", server, "127.0.0.1", port) for server, port in ports]
        started = time.monotonic()
        found = shake_hands(asked)
        assert time.monotonic() - started < handshakes.ALL_SECONDS
    (one,) = found.shown
    assert (one.node, one.server, one.address, one.certificate.not_after) == (
        *("cp1", "kube-apiserver", f"127.0.0.1:{good}"),
        ENDS,
    )
    (gap,) = found.gaps
    assert gap.asked
    assert gap.subject == "cp1"
    assert f"etcd at 127.0.0.1:{silent}: no answer" in gap.reason
    assert "etcd-peer at 127.0.0.1:1: Connection refused" in gap.reason
    assert f"kubelet at 127.0.0.1:{plain}: " in gap.reason


def test_where_no_address_is_known_that_is_said() -> None:
    assert [gap.asked for gap in shake_hands(()).gaps] == [True]
