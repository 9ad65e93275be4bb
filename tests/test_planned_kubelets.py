"""What an upgraded kubelet will be told: its flags, drop-ins, kubeadm's instance-config and the cluster's ConfigMap."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from kubepreflight.host import Host, KubeletConfigFile, KubeletFlag, KubeletSettings, Missing
from kubepreflight.semantics.planned_kubelets import (
    CONFIG,
    KubeletConfigurationMap,
    PlannedKubelets,
    VersionedKubeletConfigurationMap,
    is_false,
)

UNREAD = Missing("permission denied")


def file(values: Mapping[str, Any], path: str = CONFIG) -> KubeletConfigFile:
    return KubeletConfigFile(path=path, values=values)


def flags(**values: str) -> tuple[KubeletFlag, ...]:
    return tuple(KubeletFlag(name=name.replace("_", "-"), value=value) for name, value in values.items())


ALLOWS, FORBIDS = file({"failSwapOn": False}), file({"failSwapOn": True})
DROP_IN = file({"failSwapOn": False}, "/etc/kubernetes/kubelet.d/10-swap.conf")
ELSEWHERE = file({"failSwapOn": False}, "/etc/kubelet.yaml")


@pytest.mark.parametrize(
    ("cluster", "settings", "value"),
    [
        pytest.param({}, KubeletSettings(flags=(), files=(ALLOWS,)), None, id="kubeadm writes the file anew"),
        pytest.param({"failSwapOn": False}, KubeletSettings(flags=(), files=(FORBIDS,)), False, id="the ConfigMap"),
        pytest.param(None, KubeletSettings(flags=(), files=(ALLOWS,)), False, id="without it the node's own counts"),
        pytest.param({}, KubeletSettings(flags=(), files=(FORBIDS, DROP_IN)), False, id="drop-ins are left alone"),
        pytest.param({}, KubeletSettings(flags=(), files=(file({}),), instance=ALLOWS), False, id="instance-config"),
        pytest.param({}, KubeletSettings(flags=(), files=(ELSEWHERE,)), False, id="a file that kubeadm does not write"),
        pytest.param({}, KubeletSettings(flags=flags(fail_swap_on="true"), files=(DROP_IN,)), "true", id="flags win"),
        pytest.param({"failSwapOn": False}, KubeletSettings(flags=(), files=UNREAD), False, id="of the node's nothing"),
        pytest.param(None, KubeletSettings(flags=(), files=UNREAD), UNREAD, id="of neither"),
        pytest.param({}, KubeletSettings(files=(file({}),)), Missing("not collected"), id="flags are not known"),
    ],
)  # fmt: skip
def test_what_counts(cluster: Mapping[str, Any] | None, settings: KubeletSettings, value: Any) -> None:
    host = Host(name="w1", file="", kubelet=settings)
    assert PlannedKubelets(cluster).value(host, "failSwapOn", "fail-swap-on") == value


@pytest.mark.parametrize(
    ("data", "document", "gaps"),
    [
        ({"kubelet": "failSwapOn: false\n"}, {"failSwapOn": False}, 0),
        ({"kubelet": "- a\n"}, None, 1),
        ({"kubelet": "a: &a [*a]\n"}, None, 1),
        ({"other": ""}, None, 0),
        (None, None, 0),
    ],
)
def test_the_configmap(data: dict[str, str] | None, document: Mapping[str, Any] | None, gaps: int) -> None:
    one = msgspec.convert({"metadata": {"name": "kubelet-config"}, "data": data}, KubeletConfigurationMap)
    planned = PlannedKubelets.provide([one])
    assert (planned.document, len(planned.gaps)) == (document, gaps)
    assert PlannedKubelets.provide([]) == PlannedKubelets.provide(None) == PlannedKubelets()


def versioned(minor: str) -> VersionedKubeletConfigurationMap:
    data = {"kubelet": f"clusterDomain: {minor}.example.com"}
    value = {"metadata": {"name": f"kubelet-config-{minor}"}, "data": data}
    return msgspec.convert(value, VersionedKubeletConfigurationMap)


def test_of_those_of_one_minor_the_newest_counts() -> None:
    planned = PlannedKubelets.provide(None, [versioned("1.9"), versioned("1.23"), versioned("1.22")])
    assert planned.document == {"clusterDomain": "1.23.example.com"}
    assert planned.edit == "kubectl -n kube-system edit configmap kubelet-config-1.23"
    names = [api.name for api in VersionedKubeletConfigurationMap.apis()]
    assert (names[0], names[-1], len(names)) == ("kubelet-config-1.15", "kubelet-config-1.23", 9)


def test_the_one_of_today_goes_before_those_that_it_came_from() -> None:
    one = msgspec.convert({"metadata": {"name": "kubelet-config"}, "data": {"kubelet": "{}"}}, KubeletConfigurationMap)
    planned = PlannedKubelets.provide([one], [versioned("1.23")])
    assert (planned.document, planned.name) == ({}, "kubelet-config")


@pytest.mark.parametrize(
    ("value", "off"), [(False, True), ("False", True), ("0", True), (True, False), ("", False), (None, False)]
)
def test_what_switches_off(value: Any, off: bool) -> None:
    assert is_false(value) is off
