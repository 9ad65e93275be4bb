from __future__ import annotations

import msgspec
import pytest

from kubepreflight.host import Host, StaticPod
from kubepreflight.inputs import Unavailable
from kubepreflight.objects import Pod
from kubepreflight.semantics.etcd_members import EtcdMembers


def pod(component: str, node: str, command: list[str] | None = None, phase: str = "Running") -> Pod:
    value = {
        "metadata": {"name": f"{component}-{node}", "namespace": "kube-system", "labels": {"component": component}},
        "spec": {"nodeName": node, "containers": [{"name": component, "command": command or []}]},
        "status": {"phase": phase},
    }
    return msgspec.convert(value, Pod)


def host(name: str, component: str, *command: str) -> Host:
    path = f"/etc/kubernetes/manifests/{component}.yaml"
    return Host(name=name, file=f"{name}.tar", static_pods=(StaticPod(path=path, name=component, command=command),))


APART = "--etcd-servers=https://10.0.0.7:2379, https://10.0.0.8:2379"


@pytest.mark.parametrize(
    ("pods", "hosts", "names", "is_external"),
    [
        ([pod("etcd", "cp2"), pod("etcd", "cp1")], None, ("cp1", "cp2"), False),
        ([pod("etcd", "cp1"), pod("etcd", "cp2", phase="Failed")], None, ("cp1",), False),
        ([pod("kube-apiserver", "cp1", [APART])], None, ("https://10.0.0.7:2379", "https://10.0.0.8:2379"), True),
        (None, [host("cp1", "kube-apiserver", APART)], ("https://10.0.0.7:2379", "https://10.0.0.8:2379"), True),
        (
            None,
            [
                host("cp1", "etcd", "--initial-cluster=cp1=https://a"),
                host("cp2", "etcd", "--initial-cluster=cp1=b,cp2=c"),
            ],
            ("cp1", "cp2"),
            False,
        ),
    ],
)
def test_members(pods: list[Pod] | None, hosts: list[Host] | None, names: tuple[str, ...], is_external: bool) -> None:
    members = EtcdMembers.provide(pods, hosts)
    assert (members.names, members.is_external) == (names, is_external)


@pytest.mark.parametrize(
    ("pods", "reason"),
    [
        ([], "no static pod of etcd is visible"),
        (None, "no static pod of etcd is visible"),
        ([pod("kube-apiserver", "cp1", ["--etcd-servers=https://etcd:2379"])], "behind https://etcd:2379"),
    ],
)
def test_unknown_members_are_not_guessed(pods: list[Pod] | None, reason: str) -> None:
    with pytest.raises(Unavailable, match=reason):
        EtcdMembers.provide(pods)
