"""In which order the control-plane nodes have their turn."""

from datetime import UTC, datetime, timedelta

import pytest

from kubepreflight.finding import Hop
from kubepreflight.host import Certificate, Host, StaticPod
from kubepreflight.objects import Metadata, Node
from kubepreflight.semantics.control_plane_order import ControlPlaneOrder
from kubepreflight.upgrade import ApiServers, Upgrade
from kubepreflight.version import Minor, Version

START = datetime(2026, 11, 23, 12, tzinfo=UTC)
V35, V36, V37 = (Minor(1, minor) for minor in (35, 36, 37))


def upgrade(current: str, target: str, *hops: tuple[Minor, Minor]) -> Upgrade:
    return Upgrade(
        current=Version.parse(current),
        target=Version.parse(target),
        hops=tuple(Hop(*hop) for hop in hops),
        start=START,
        end=START + timedelta(days=14),
    )


def servers(**versions: str) -> ApiServers:
    return ApiServers({name: Version.parse(version) for name, version in versions.items()}, None)


def node(name: str, *, control_plane: bool = True) -> Node:
    labels = {"node-role.kubernetes.io/control-plane": ""} if control_plane else {}
    return Node(metadata=Metadata(name=name, labels=labels))


def host(name: str, image: str) -> Host:
    pod = StaticPod(path="/etc/kubernetes/manifests/kube-apiserver.yaml", name="kube-apiserver", images=(image,))
    return Host(name=name, file=name, static_pods=(pod,))


ONE_HOP = upgrade("1.36.3", "1.37", (V36, V37))


def test_by_name_and_the_first_at_the_start() -> None:
    order = ControlPlaneOrder.provide(ONE_HOP, servers(cp2="1.36.3", cp1="1.36.3", cp3="1.36.3"))
    assert [(step.node, step.at) for step in order.steps] == [("cp1", START), ("cp2", None), ("cp3", None)]
    assert order.first == order.steps[0]
    assert [order.applies(step, ONE_HOP.hops[0]) for step in order.steps] == [True, False, False]


def test_those_that_are_done_come_first_and_then_nobody_has_a_known_moment() -> None:
    order = ControlPlaneOrder.provide(ONE_HOP, servers(cp1="1.36.3", cp2="1.37.2", cp3="1.36.3"))
    assert [step.node for step in order.steps] == ["cp2", "cp1", "cp3"]
    assert (order.done, order.to_do, order.first) == (("cp2",), ("cp1", "cp3"), None)
    assert not any(order.applies(step, ONE_HOP.hops[0]) for step in order.steps)


def test_two_hops_begun() -> None:
    plan = upgrade("1.35.4", "1.37", (V35, V36), (V36, V37))
    order = ControlPlaneOrder.provide(plan, servers(cp1="1.36.3", cp2="1.35.4"))
    assert {step.node: len(step.hops) for step in order.steps} == {"cp1": 1, "cp2": 2}
    assert order.applies(order.steps[0], plan.hops[1])


@pytest.mark.parametrize(("running", "done"), [("1.36.1", False), ("1.36.3", True), ("1.36.4", True)])
def test_a_patch_release(running: str, done: bool) -> None:
    plan = upgrade("1.36.1", "1.36.3", (V36, V36))
    order = ControlPlaneOrder.provide(plan, servers(cp1=running, cp2="1.36.1"))
    assert ("cp1" in order.done) is done


def test_nodes_and_hosts_tell_what_pods_do_not() -> None:
    order = ControlPlaneOrder.provide(
        ONE_HOP,
        servers(),
        [node("cp1"), node("cp2"), node("w1", control_plane=False)],
        [host("cp1", "registry.k8s.io/kube-apiserver:v1.37.2"), host("w1", "registry.k8s.io/kube-apiserver:v1.36.3")],
    )
    assert (order.done, order.to_do) == (("cp1",), ("cp2",))
    assert order.of("w1") is None


def test_hosts_alone() -> None:
    order = ControlPlaneOrder.provide(
        ONE_HOP, servers(), None, [host("cp1", "localhost:5000/kube-apiserver:v1.36.3"), host("w1", "nginx:1.29")]
    )
    assert [step.node for step in order.steps] == ["cp1"]


def test_a_host_whose_static_pods_were_not_read_is_known_by_its_api_servers_certificate() -> None:
    serving = Certificate(
        path="/etc/kubernetes/pki/apiserver.crt",
        subject="",
        issuer="",
        not_before=START,
        not_after=START,
        is_authority=False,
        serial="",
        sha256="",
    )
    read = Host(name="cp1", file="cp1.tar", certificates=(serving,))
    assert ControlPlaneOrder.provide(ONE_HOP, servers(), None, [read]).to_do == ("cp1",)
    assert ControlPlaneOrder.provide(ONE_HOP, servers(), [node("cp1", control_plane=False)], [read]).to_do == ()


def test_no_control_plane_in_sight() -> None:
    assert ControlPlaneOrder.provide(ONE_HOP, servers()).first is None
