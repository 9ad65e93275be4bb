"""The nodes of a cluster as ssh is told of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kubepreflight.cli import ADDRESSES as OFFERED
from kubepreflight.cli import cli
from kubepreflight.errors import KubepreflightError
from kubepreflight.objects import Node
from kubepreflight.sources.host.nodes import ADDRESSES, targets_of
from tests.collecting import SH_ON_ANOTHER_DISK
from tests.fake_api_server import FakeApiServer, serving


def node(name: str, system: str = "linux", ready: str = "True", **addresses: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "uid": name},
        "status": {
            "nodeInfo": {"operatingSystem": system},
            "addresses": [{"type": kind, "address": address} for kind, address in addresses.items()],
            "conditions": [{"type": "Ready", "status": ready}],
        },
    }


def targets(*nodes: dict[str, Any], address: str | None = None, user: str = "") -> dict[str, list[str]]:
    found = targets_of((msgspec.convert(one, Node) for one in nodes), address=address, user=user)
    reasons = {one.host: [one.reason] for one in found.unreachable}
    told = {one.name: list(filter(None, (one.destination, one.otherwise))) for one in found.targets}
    return {**told, **reasons, **{name: [] for name in found.foreign}}


BOTH = node("w1", InternalIP="10.0.0.1", ExternalIP="203.0.113.7", Hostname="w1.example.com")
NO = "the API tells no {} of it that ssh could be given"


@pytest.mark.parametrize(
    ("given", "options", "told"),
    [
        (BOTH, {}, ["w1", "10.0.0.1"]),
        (BOTH, {"user": "admin"}, ["admin@w1", "admin@10.0.0.1"]),
        (BOTH, {"address": "InternalIP"}, ["10.0.0.1"]),
        (BOTH, {"address": "ExternalIP", "user": "admin"}, ["admin@203.0.113.7"]),
        (BOTH, {"address": "Hostname"}, ["w1.example.com"]),
        (BOTH, {"address": "ExternalDNS"}, [NO.format("ExternalDNS")]),
        (node("w1", ready="False", Hostname="w1"), {}, ["w1", "w1"]),
        (node("w1", InternalIP="fd00::1"), {"address": "InternalIP"}, ["fd00::1"]),
        (node("w1"), {}, ["w1"]),
        # What a kubelet tells of itself is nobody's command line.
        (node("w1", InternalIP="-oProxyCommand=evil"), {}, ["w1"]),
        (node("w1", InternalIP="root@10.0.0.1"), {"address": "InternalIP"}, [NO.format("InternalIP")]),
        (node("w1", Hostname="ssh://root@other"), {"address": "Hostname"}, [NO.format("Hostname")]),
        (node("-w1", Hostname="-w1"), {}, [NO.format("name or address")]),
        (node("w1", "windows", InternalIP="10.0.0.1"), {}, []),
    ],
)
def test_what_ssh_is_told(given: dict[str, Any], options: dict[str, str], told: list[str]) -> None:
    assert targets(given, **options) == {given["metadata"]["name"]: told}


HINT = "name it as ssh knows it, or give its address"
SSH = """#!/bin/sh
while [ "$1" != -- ]; do shift; done
case $2 in
    w1 | w3) echo "ssh: Could not resolve hostname $2: Name or service not known" >&2; exit 255 ;;
    10.0.0.1) exec sh -c "$3" ;;
    *) echo "ssh: connect to host $2 port 22: Connection refused" >&2; exit 255 ;;
esac
"""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApiServer]:
    for folder in ("bin", "disk"):
        (tmp_path / folder).mkdir()
    sh = SH_ON_ANOTHER_DISK.format(disk=tmp_path / "disk")
    for name, script in (("ssh", SSH), ("sh", sh), ("sudo", '#!/bin/sh\nshift; exec "$@"\n')):
        (tmp_path / "bin" / name).write_text(script)
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/sbin:/usr/bin:/sbin:/bin")
    with serving() as fake:
        (tmp_path / "kubeconfig").write_text(json.dumps(fake.kubeconfig()))
        yield fake


def collect(folder: Path, *arguments: str) -> int:
    command = ["collect", "--ssh-from-cluster", "--kubeconfig", str(folder / "kubeconfig"), "--to", str(folder / "to")]
    return int(cli([*command, *arguments], standalone_mode=False))


def test_all_nodes_of_a_cluster_each_with_a_line(
    server: FakeApiServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nodes = [
        node("w1", ready="Unknown", InternalIP="10.0.0.1"),
        node("w2", InternalIP="10.0.0.2"),
        node("w3"),
        node("windows", "windows"),
    ]
    server.answers["/api/v1/nodes"] = (200, {"kind": "NodeList", "apiVersion": "v1", "items": nodes})
    assert collect(tmp_path) == 3
    said = capsys.readouterr().err.splitlines()
    assert sorted(line for line in said if ": " in line) == [
        f"w1: {tmp_path}/to/w1.tar",
        "w2: ssh: connect to host w2 port 22: Connection refused",
        f"w3: ssh: Could not resolve hostname w3: Name or service not known ({HINT})",
        "windows: left out, the collector is a POSIX shell script and that is no Linux machine",
    ]
    assert [path.name for path in (tmp_path / "to").iterdir()] == ["w1.tar"]


def test_the_command_line_offers_every_type_of_address() -> None:
    assert OFFERED == ADDRESSES


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((403, {"message": "nodes is forbidden"}), "the nodes cannot be listed: 403 nodes is forbidden"),
        ((200, {"kind": "NodeList", "apiVersion": "v1", "items": []}), "nothing was collected"),
    ],
)
def test_no_nodes_at_all(answer: tuple[int, Any], said: str, server: FakeApiServer, tmp_path: Path) -> None:
    server.answers["/api/v1/nodes"] = answer
    with pytest.raises(KubepreflightError, match=said):
        collect(tmp_path)
