"""How well etcd's members are, from pods and from what the members on hosts say."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from kubepreflight.host import EtcdListed, EtcdStatus, Host, Missing, StaticPod
from kubepreflight.objects import Pod
from kubepreflight.semantics.etcd_health import EtcdHealth
from kubepreflight.semantics.etcd_members import EtcdMembers

READY, UNREADY = [{"type": "Ready", "status": "True"}], [{"type": "Ready", "status": "False"}]


def pod(component: str, node: str, name: str = "", ready: bool = True, namespace: str = "kube-system") -> Pod:
    command = [component, *([f"--name={name}"] if name else [])]
    value: dict[str, Any] = {
        "metadata": {"name": f"{component}-{node}", "namespace": namespace, "labels": {"component": component}},
        "spec": {"nodeName": node, "containers": [{"name": component, "command": command}]},
        "status": {"phase": "Running", "conditions": READY if ready else UNREADY},
    }
    return msgspec.convert(value, Pod)


def host(name: str, etcd: EtcdStatus | Missing) -> Host:
    manifest = StaticPod(path="/etc/kubernetes/manifests/etcd.yaml", name="etcd", command=("etcd",))
    return Host(name=name, file=f"{name}.tar", static_pods=(manifest,), etcd=etcd)


def status(member: int, *members: EtcdListed, errors: tuple[str, ...] = (), cluster: int = 1) -> EtcdStatus:
    return EtcdStatus(member_id=member, cluster_id=cluster, errors=errors, members=members)


def health(pods: list[Pod] | None, *hosts: Host) -> EtcdHealth:
    return EtcdHealth.provide(EtcdMembers.provide(pods, list(hosts)), pods, list(hosts))


def troubles(found: EtcdHealth) -> dict[str, str]:
    return {one.name: one.trouble for one in found.voters}


CP1, CP2, GONE = (EtcdListed(id=number, name=name) for number, name in ((1, "cp1"), (2, "cp2"), (3, "cp9")))


@pytest.mark.parametrize(
    ("collected", "expected"),
    [
        ((None, None), ["cp1"]),
        ((datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC)), ["cp1", "cp2"]),
        ((datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC)), ["cp1"]),
        ((datetime(2026, 11, 20, tzinfo=UTC), None), ["cp1"]),
    ],
)
def test_of_two_lists_the_one_collected_last_counts(
    collected: tuple[datetime | None, datetime | None], expected: list[str]
) -> None:
    before, after = host("cp1", status(1, CP1)), host("cp2", status(2, CP1, CP2))
    hosts = [
        msgspec.structs.replace(one, collected_at=when) for one, when in zip((before, after), collected, strict=True)
    ]
    assert list(troubles(health([pod("etcd", "cp1"), pod("etcd", "cp2")], *hosts))) == expected


def test_from_pods_alone() -> None:
    found = health([pod("etcd", "cp1"), pod("etcd", "cp2", ready=False), pod("etcd", "cp3", namespace="shop")])
    assert [(name, bool(trouble)) for name, trouble in troubles(found).items()] == [("cp1", False), ("cp2", True)]
    assert (found.learners, found.alarms, found.clusters, found.gaps) == ((), (), {}, ())


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ((CP1, CP2), {"cp1": "", "cp2": ""}),
        (
            (CP1, CP2, GONE),
            {"cp1": "", "cp2": "", "cp9": "etcd counts it as a member, and no pod of etcd has that name"},
        ),
        ((CP1, CP2, EtcdListed(id=255)), {"cp1": "", "cp2": "", "ff": "it was added to etcd and never started"}),
        ((CP1, CP2, EtcdListed(id=255, is_learner=True)), {"cp1": "", "cp2": ""}),
    ],
)
def test_what_etcd_counts_is_what_counts(listed: tuple[EtcdListed, ...], expected: dict[str, str]) -> None:
    assert troubles(health([pod("etcd", "cp1"), pod("etcd", "cp2")], host("cp1", status(1, *listed)))) == expected


def test_a_member_is_told_by_the_name_that_its_flags_give_it() -> None:
    members = (EtcdListed(id=1, name="blue"), CP2)
    found = health([pod("etcd", "cp1", name="blue", ready=False), pod("etcd", "cp2")], host("cp2", status(2, *members)))
    assert [(name, bool(trouble)) for name, trouble in troubles(found).items()] == [("blue", True), ("cp2", False)]


def test_without_pods_nobody_is_missed() -> None:
    manifest = StaticPod(path="/m/etcd.yaml", name="etcd", command=("etcd", "--initial-cluster=cp1=a,cp9=b"))
    one = msgspec.structs.replace(host("cp1", status(1, CP1, GONE)), static_pods=(manifest,))
    assert troubles(health(None, one)) == {"cp1": "", "cp9": ""}


@pytest.mark.parametrize(
    ("errors", "alarms", "trouble"),
    [
        ((), (), ""),
        (("memberID:1 alarm:NOSPACE ",), ("NOSPACE",), ""),
        (("memberID:1 alarm:NOSPACE", "memberID:2 alarm: CORRUPT"), ("CORRUPT", "NOSPACE"), ""),
        (("etcdserver: no leader",), (), "etcdserver: no leader"),
    ],
)
def test_what_a_member_says_of_itself(errors: tuple[str, ...], alarms: tuple[str, ...], trouble: str) -> None:
    one = host("cp1", status(1, CP1, errors=errors))
    found = health([pod("etcd", "cp1")], one)
    assert (found.alarms, troubles(found)) == (alarms, {"cp1": trouble})
    unlisted = host("cp1", EtcdStatus(member_id=1, cluster_id=1, errors=errors, members=Missing("no answer")))
    assert troubles(health([pod("etcd", "cp1")], unlisted)) == {"cp1": trouble}


def test_an_api_server_without_etcd_counts_only_where_others_have_both() -> None:
    both = [pod("etcd", "cp1"), pod("kube-apiserver", "cp1")]
    assert health([*both, pod("kube-apiserver", "cp2")]).without == ("cp2",)
    apart = [pod("etcd", "e1"), pod("kube-apiserver", "cp1"), pod("kube-apiserver", "cp2")]
    assert health(apart).without == ()


def test_who_was_not_asked_is_said_of_nodes_with_etcd_only() -> None:
    worker = Host(name="w1", file="w1.tar", static_pods=(), etcd=Missing("etcd was not asked on the node"))
    found = health([pod("etcd", "cp1")], host("cp1", Missing("no etcdctl")), worker)
    assert [(gap.subject, gap.reason) for gap in found.gaps] == [("cp1", "no etcdctl")]
