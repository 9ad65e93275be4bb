"""What an UpgradeConfiguration leaves out of an upgrade."""

from __future__ import annotations

import msgspec
import pytest

from kubepreflight.objects import Node
from kubepreflight.semantics.kubeadm_config import KubeadmConfig
from kubepreflight.semantics.upgrade_configuration import UpgradeConfiguration, is_left_alone

CONTROL_PLANE = {"node-role.kubernetes.io/control-plane": ""}


def nodes(control_planes: int) -> list[Node]:
    named = [{"metadata": {"name": f"cp{one}", "labels": CONTROL_PLANE}} for one in range(control_planes)]
    return msgspec.convert([*named, {"metadata": {"name": "w1"}}], list[Node])


@pytest.mark.parametrize(
    ("apply", "node", "one", "several", "unknown"),
    [
        ([], [], False, False, False),
        (["addon/coredns"], [], True, False, False),
        ([], ["addon/coredns"], False, True, False),
        (["addon"], ["addon/coredns"], True, True, True),
        (["addon/kube-proxy", "addon/all"], ["preflight"], False, False, False),
    ],
)
def test_an_addon_is_left_alone_by_the_command_that_would_come_to_it(
    apply: list[str], node: list[str], one: bool, several: bool, unknown: bool
) -> None:
    value = {"apply": {"skipPhases": apply}, "node": {"skipPhases": node}}
    given = [msgspec.convert(value, UpgradeConfiguration)]
    found = [is_left_alone("dns", KubeadmConfig({}), given, seen) for seen in (nodes(1), nodes(3), None)]
    assert found == [one, several, unknown]


def test_an_addon_that_is_disabled_is_left_alone_by_all() -> None:
    config = KubeadmConfig({"dns": {"disabled": True}})
    assert is_left_alone("dns", config, None, None)
    assert not is_left_alone("proxy", config, None, None)
