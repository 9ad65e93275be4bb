"""The commands of the work, as the programs of the running version take them."""

from __future__ import annotations

import pytest

from kubepreflight.finding import Hop
from kubepreflight.knowledge.names import Names
from kubepreflight.semantics.kubelet_words import KubeletConfigMap
from kubepreflight.semantics.work import DrainCommand, move_kubelet_back
from kubepreflight.testing import AT
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Minor, Version


def upgrade(current: str, *, half: bool = False) -> Upgrade:
    version = Version.parse(current)
    target = Version(*version.minor_version.plus(1))
    hops = (Hop(version.minor_version, target.minor_version),)
    return Upgrade(current=version, target=target, hops=hops, start=AT, end=AT, half_upgraded=half)


@pytest.mark.parametrize(
    ("current", "flag"), [("1.15.11", "--delete-local-data"), ("1.36.3", "--delete-emptydir-data")]
)
def test_drain_is_told_in_the_words_of_the_kubectl_that_is_there(current: str, flag: str) -> None:
    drain = DrainCommand.provide(Names.provide(), upgrade(current))
    assert drain.on("w1") == f"kubectl drain w1 --ignore-daemonsets {flag}"
    assert drain.on("w1", force=True) == f"kubectl drain w1 --ignore-daemonsets {flag} --force"
    assert drain.flag == flag
    assert f"kubectl drain NODE --ignore-daemonsets {flag}\n" in move_kubelet_back(Minor(1, 15), drain)


def test_a_node_name_stays_one_word() -> None:
    drain = DrainCommand.provide(Names.provide(), upgrade("1.36.3"))
    assert drain.on("w1; reboot").startswith("kubectl drain 'w1; reboot' --")


@pytest.mark.parametrize(
    ("current", "half", "name"),
    [
        ("1.15.11", False, "kubelet-config-1.15"),
        ("1.36.3", False, "kubelet-config"),
        # the first `kubeadm upgrade apply` has written the next one, from which the nodes that are left are served
        ("1.22.17", True, "kubelet-config-1.23"),
        ("1.23.17", True, "kubelet-config"),
    ],
)
def test_the_config_map_that_kubeadm_reads_next(current: str, half: bool, name: str) -> None:
    config = KubeletConfigMap.provide(Names.provide(), upgrade(current, half=half))
    assert str(config.at("rotateCertificates")) == f"ConfigMap kube-system/{name}: rotateCertificates"
    assert config.edit == f"kubectl -n kube-system edit configmap {name}"
