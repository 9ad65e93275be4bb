"""Which archive tells of which node, which of several counts, and which are not used."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from kubepreflight.finding import Gap
from kubepreflight.host import Certificate, Host, Installation, Missing
from kubepreflight.objects import Metadata, Node, NodeStatus
from kubepreflight.parts import NodeAddress, NodeInfo
from kubepreflight.semantics.host_clusters import clusters_of, is_of_another
from kubepreflight.semantics.host_identity import HostIdentities, excluding
from kubepreflight.snapshot import HostArchives

DAY = datetime(2026, 11, 23, tzinfo=UTC)
CA = "/etc/kubernetes/pki/ca.crt"


def host(name: str, file: str = "", **fields: Any) -> Host:
    return Host(name=name, file=file or f"{name}.tar", **fields)


def node(name: str, machine: str = "", *addresses: str) -> Node:
    listed = [NodeAddress(type="InternalIP", address=one) for one in addresses]
    status = NodeStatus(node_info=NodeInfo(machine_id=machine), addresses=listed)
    return Node(metadata=Metadata(name=name, uid=name), status=status)


def identities(hosts: Sequence[Host], *nodes: Node) -> HostIdentities:
    return HostIdentities.provide(HostArchives(tuple(hosts)), list(nodes) or None)


NODES = (node("w1", "aaa", "10.0.0.1"), node("w2", "bbb", "10.0.0.2"), node("c1", "ccc"), node("c2", "ccc"))


@pytest.mark.parametrize(
    ("archive", "name", "said"),
    [
        (host("w1"), "w1", ""),
        (host("w1", machine_id="bbb", addresses=("10.0.0.2",)), "w1", ""),
        (host("w1.example.com", machine_id="aaa"), "w1", "the node w1, by its machine-id"),
        (host("x", machine_id="aaa", addresses=("10.0.0.2",)), "w1", "the node w1, by its machine-id"),
        (host("x", machine_id="ccc", addresses=("10.0.0.2",)), "w2", "the node w2, by its address"),
        (host("x", addresses=("192.168.0.1", "10.0.0.2")), "w2", "the node w2, by its address"),
        (host("x", addresses=("10.0.0.1", "10.0.0.2")), "x", ""),
        (host("x", machine_id="ccc"), "x", ""),
        (host("x"), "x", ""),
    ],
)
def test_a_node_is_told_by_name_then_by_machine_then_by_address(archive: Host, name: str, said: str) -> None:
    found = identities([archive], *NODES)
    assert [one.name for one in found.hosts] == [name]
    assert [one.detail for one in found.records] == ([said] if said else [])
    assert [one.name for one in found.unknown] == ([name] if name == "x" else [])


def test_without_the_api_nothing_is_unknown_to_it() -> None:
    assert identities([host("x")]).unknown == ()


NEW: dict[str, Any] = {"collected_at": DAY}
OLD: dict[str, Any] = {"collected_at": DAY.replace(day=1)}
AT_NO_TIME: dict[str, Any] = {}


@pytest.mark.parametrize(
    ("first", "second", "counts", "why"),
    [
        (NEW, OLD, "a", "is younger"),
        (OLD, NEW, "b", "is younger"),
        (OLD, OLD, "b", "is younger"),
        (NEW, AT_NO_TIME, "a", "is younger"),
        (NEW | {"machine_id": "old"}, OLD | {"machine_id": "aaa"}, "b", "is of the machine that is this node now"),
        (OLD | {"machine_id": "aaa"}, NEW, "b", "is younger"),
    ],
)
def test_of_two_archives_of_one_node_one_counts_and_it_is_said(
    first: dict[str, Any], second: dict[str, Any], counts: str, why: str
) -> None:
    found = identities([host("w1", "a", **first), host("w1", "b", **second)], *NODES)
    other = "b" if counts == "a" else "a"
    assert ([one.file for one in found.hosts], [one.file for one in found.older]) == ([counts], [other])
    assert [(one.name, one.detail) for one in found.records] == [(other, f"passed over: {counts} {why}")]
    assert found.gaps == ()


def test_an_archive_by_another_name_may_be_the_younger_one() -> None:
    found = identities([host("w1", **OLD), host("localhost", machine_id="aaa", **NEW)], *NODES)
    assert [(one.name, one.file) for one in found.hosts] == [("w1", "localhost.tar")]


def test_two_machines_of_one_name_are_not_taken_for_one() -> None:
    archives = [host("n", "a", machine_id="1"), host("n", "b", machine_id="2"), host("n", "c", machine_id="2")]
    (gap,) = identities(archives).gaps
    assert "a and c are of two machines that both call themselves n; a is not read" in gap.reason
    assert identities(archives[1:]).gaps == ()


def test_what_an_older_archive_could_not_read_is_no_matter() -> None:
    gap = Gap(input="host files", reason="permission denied", subject="w1", asked=True)
    both = Gap(input="host files", reason="not complete", subject="w1", asked=True)
    found = identities([host("w1", unreadable=(gap, both), **OLD), host("w1", unreadable=(both,), **NEW)])
    assert found.unread == {gap}


@pytest.mark.parametrize(
    ("file", "option"),
    [
        ("hosts/w1.tar", "--exclude hosts/w1.tar"),
        ("hosts/w1", "--exclude 'hosts/w1/*'"),
        ("all.tar.gz!hosts/w1", "--exclude 'all.tar.gz!hosts/w1/*'"),
    ],
)
def test_how_one_is_left_out(file: str, option: str) -> None:
    assert excluding(host("w1", file)) == option


def authority(key: str, path: str = CA, **fields: Any) -> Certificate:
    return Certificate(
        path=path,
        subject="CN=kubernetes",
        issuer="CN=kubernetes",
        not_before=DAY,
        not_after=DAY,
        is_authority=True,
        serial="1",
        sha256=key,
        **fields,
    )


def leaf(signer: str) -> Certificate:
    made = authority("leaf", "/var/lib/kubelet/pki/kubelet-client-current.pem", authority_key=signer)
    return Certificate(**{name: getattr(made, name) for name in made.__struct_fields__} | {"is_authority": False})


@pytest.mark.parametrize(
    ("certificates", "other"),
    [
        ((authority("ours"),), False),
        ((authority("theirs"),), True),
        ((authority("theirs"), authority("ours", "/etc/kubernetes/kubelet.conf", entry="kubernetes")), False),
        ((authority("made anew", subject_key="our key"),), False),
        ((authority("theirs"), leaf("our key")), False),
        ((authority("theirs"), leaf("their key")), True),
        # Somebody's kubeconfig of another cluster, or what etcd trusts: neither says what cluster this node is of.
        ((authority("theirs", "/etc/kubernetes/other.conf", entry="x"),), False),
        ((authority("theirs", "/etc/kubernetes/pki/etcd/ca.crt"),), False),
        ((), False),
        (Missing("not collected"), False),
    ],
)
def test_a_host_of_another_cluster(certificates: Any, other: bool) -> None:
    one = host("cp1", certificates=certificates)
    assert is_of_another(one, frozenset({"ours", "our key"})) is other
    assert is_of_another(one, frozenset()) is False


def test_clusters_are_what_shares_an_authority() -> None:
    hosts = [
        host("a", certificates=(authority("1"),)),
        host("b", certificates=(authority("2"),)),
        host("both", certificates=(authority("1"), authority("2", "/etc/kubernetes/kubelet.conf"))),
        host("c", certificates=(authority("3"),)),
        host("silent"),
    ]
    assert [{one.name for one in members} for members in clusters_of(hosts)] == [{"a", "b", "both"}, {"c"}]
    (gap,) = identities(hosts).gaps
    assert "of 2 clusters that share no authority" in gap.reason


@pytest.mark.parametrize(
    ("installation", "reason"),
    [
        (Installation(manager="kubeadm"), ""),
        (Missing("permission denied"), ""),
        (Installation(manager="k3s", found="/etc/rancher/k3s"), "k3s runs there (/etc/rancher/k3s)"),
        (Installation(manager=""), "there is no Kubernetes on this machine: no kubelet"),
        (Installation(manager="", found="Docker"), "there is no Kubernetes on this machine, only Docker: no kubelet"),
    ],
)
def test_what_is_not_kubeadms_is_said_and_not_judged(installation: Installation | Missing, reason: str) -> None:
    found = identities([host("x", installation=installation)])
    assert [gap.reason.startswith(reason) for gap in found.gaps] == ([True] if reason else [])
    assert (len(found.hosts), len(found.set_aside)) == ((0, 1) if reason else (1, 0))
