"""Collecting through the machine's ssh from real sshds: whose answer comes, and who fails and why."""

from __future__ import annotations

import io
import socket
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from kubepreflight.host import Host, Missing
from kubepreflight.sources.host.archive import read_host
from tests.collecting import members
from tests.fake_node import make_certificate
from tests.real.cluster import Cluster
from tests.real.objects import node
from tests.real.ssh_nodes import SshNodes, free_port

SECONDS = 120
TIMEOUT = "60"


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshNodes]:
    with ExitStack() as stack:
        made = SshNodes(tmp_path_factory.mktemp("ssh"), stack)
        for number, name in enumerate(("cp1", "w1"), start=1):
            certificate, _ = make_certificate(f"apiserver of {name}")
            disk: dict[str, str | bytes] = {
                "etc/machine-id": f"{number:032x}\n",
                "etc/kubernetes/pki/apiserver.crt": certificate,
            }
            made.start(name, disk)
        port = made.ports["w1"]
        there: dict[str, str | int] = {"HostName": "127.0.0.1", "Port": port, "User": "root"}
        for user in ("deploy", "operator", "greeter", "sleeper", "closed", "stranger"):
            made.alias(user, **(there | {"User": user}))
        made.alias("jumped", **there, ProxyJump="cp1")
        made.alias(
            "own-command", HostName="127.0.0.1", Port=port, User="root", RemoteCommand="uptime", RequestTTY="yes"
        )
        made.alias("forwarding", **there, LocalForward=f"{port} 127.0.0.1:1", ExitOnForwardFailure="yes")
        made.alias("refusing", HostName="127.0.0.1", Port=free_port(), User="root")
        silent = stack.enter_context(closing(socket.create_server(("127.0.0.1", 0))))
        made.alias("hanging", HostName="127.0.0.1", Port=silent.getsockname()[1], User="root")
        made.start("unknown", {}, known=False)
        made.start("changed", {}, known=False)
        another = (made.folder / "key.pub").read_text()
        made.known.write_text(f"{made.known.read_text()}[127.0.0.1]:{made.ports['changed']} {another}")
        yield made


def collect(nodes: SshNodes, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [
        str(Path(sys.executable).with_name("kubepreflight")),
        "collect",
        "--timeout",
        TIMEOUT,
        "--to",
        str(folder),
    ]
    return subprocess.run(
        [*command, *arguments], env=nodes.environment, capture_output=True, text=True, check=False, timeout=SECONDS
    )


def host(path: Path) -> Host:
    return read_host(members(path.read_bytes()), str(path), path.stem)


def reason(done: subprocess.CompletedProcess[str], name: str) -> str:
    (line,) = (line for line in done.stderr.splitlines() if line.startswith(f"{name}: "))
    return line.partition(": ")[2]


def test_each_node_tells_of_its_own_disk(nodes: SshNodes, tmp_path: Path) -> None:
    done = collect(nodes, tmp_path, "--ssh", "cp1,w1")
    assert (done.returncode, done.stdout) == (0, "")
    for number, name in enumerate(("cp1", "w1"), start=1):
        one = host(tmp_path / f"{name}.tar")
        assert (one.name, one.machine_id, one.complete) == (name, f"{number:032x}", True)
        assert not isinstance(one.certificates, Missing)
        assert [str(certificate.subject) for certificate in one.certificates] == [f"CN=apiserver of {name}"]
        assert one.package_family == "deb"


@pytest.mark.parametrize("way", ["deploy", "greeter", "jumped", "own-command", "forwarding"])
def test_a_way_that_works(way: str, nodes: SshNodes, tmp_path: Path) -> None:
    done = collect(nodes, tmp_path, "--ssh", way)
    assert (done.returncode, reason(done, way)) == (0, f"{tmp_path}/{way}.tar")
    one = host(tmp_path / f"{way}.tar")
    assert (one.name, one.unreadable) == ("w1", ())


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ("operator", "sudo: a password is required (log in as root"),
        ("closed", "This account is currently not available."),
        ("stranger", "stranger@127.0.0.1: Permission denied (publickey"),
        ("refusing", "Connection refused"),
        ("unknown", "Host key verification failed. (its key is not known here"),
        ("changed", "REMOTE HOST IDENTIFICATION HAS CHANGED"),
        ("no-such-host.invalid", "Could not resolve hostname"),
    ],
)
def test_a_way_that_does_not(way: str, said: str, nodes: SshNodes, tmp_path: Path) -> None:
    known = nodes.known.read_text()
    done = collect(nodes, tmp_path, "--ssh", f"{way},cp1")
    assert done.returncode == 3
    assert said in reason(done, way)
    assert [path.name for path in tmp_path.iterdir()] == ["cp1.tar"]
    assert nodes.known.read_text() == known


@pytest.mark.parametrize(
    ("way", "said"),
    [("hanging", "Connection timed out during banner exchange"), ("sleeper", "no answer within 4 s")],
)
def test_what_never_answers_is_given_up(way: str, said: str, nodes: SshNodes, tmp_path: Path) -> None:
    done = collect(nodes, tmp_path, "--ssh", way, "--timeout", "4")
    assert (done.returncode, reason(done, way)) == (2, said)


def test_without_sudo_it_sees_less_and_says_so(nodes: SshNodes, tmp_path: Path) -> None:
    done = collect(nodes, tmp_path, "--ssh", "operator", "--no-sudo")
    assert done.returncode == 0
    one = host(tmp_path / "operator.tar")
    assert one.name == "w1"
    assert not isinstance(one.certificates, Missing)


def test_all_nodes_of_a_cluster(nodes: SshNodes, cluster: Cluster, tmp_path: Path) -> None:
    named, elsewhere = node("cp1"), node("no-name-of-ssh")
    elsewhere["status"]["addresses"] = [{"type": "InternalIP", "address": "127.0.0.1"}]
    cluster.holds(named, elsewhere)
    nodes.alias("127.0.0.1", Port=nodes.ports["w1"])
    config = str(cluster.control_plane.kubeconfig())
    done = collect(nodes, tmp_path, "--ssh-from-cluster", "--kubeconfig", config, "--ssh-user", "root")
    assert done.returncode == 0, done.stderr
    assert {path.name: host(path).name for path in tmp_path.iterdir()} == {"cp1.tar": "cp1", "no-name-of-ssh.tar": "w1"}


def test_by_hand_with_the_printed_script(nodes: SshNodes) -> None:
    program = str(Path(sys.executable).with_name("kubepreflight"))
    script = subprocess.run([program, "collect", "--print-script"], capture_output=True, check=True).stdout
    done = subprocess.run(
        ["ssh", "deploy", "sudo -n sh -s"], input=script, capture_output=True, env=nodes.environment, check=True
    )
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        assert "host.json" in archive.getnames()
