"""What runs where: components by their pods, kubelets by their nodes."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest

from kubepreflight.inputs import Unavailable
from kubepreflight.objects import Node, Pod
from kubepreflight.semantics.api_servers import VisibleApiServers
from kubepreflight.semantics.components import Components
from kubepreflight.semantics.kubelets import Kubelets
from kubepreflight.upgrade import ApiServers
from kubepreflight.version import Version

DIGEST = "@sha256:" + "0" * 64


def pod(
    image: str,
    labels: dict[str, str],
    *,
    container: str = "main",
    namespace: str = "kube-system",
    status: Mapping[str, object] | None = None,
) -> Pod:
    value = {
        "metadata": {"name": "one", "namespace": namespace, "labels": labels},
        "spec": {"nodeName": "n1", "containers": [{"name": container, "image": image}]},
        "status": status or {},
    }
    return msgspec.convert(value, Pod)


@pytest.mark.parametrize(
    ("image", "labels", "component", "version"),
    [
        ("registry.k8s.io/kube-apiserver:v1.36.3", {"component": "kube-apiserver"}, "kube-apiserver", "1.36.3"),
        ("example.com:5000/kube-scheduler:v1.36.3", {"component": "kube-scheduler"}, "kube-scheduler", "1.36.3"),
        ("rancher/hardened-kubernetes:v1.30.2-rke2r1", {"component": "kube-apiserver"}, "kube-apiserver", "1.30.2"),
        ("registry.k8s.io/etcd:3.6.8-0", {"component": "etcd"}, "etcd", "3.6.8"),
        ("registry.k8s.io/kube-proxy:v1.36.3", {"k8s-app": "kube-proxy"}, "kube-proxy", "1.36.3"),
        ("example.com/kube-proxy:v1.36.3-nano", {"k8s-app": "kube-proxy-windows"}, "kube-proxy", "1.36.3"),
        (f"registry.k8s.io/kube-apiserver{DIGEST}", {"component": "kube-apiserver"}, "kube-apiserver", None),
        ("registry.k8s.io/kube-apiserver:latest", {"component": "kube-apiserver"}, "kube-apiserver", None),
        (
            "registry.k8s.io/provider-os/openstack-cloud-controller-manager:v1.30.0",
            {},
            "cloud-controller-manager",
            "1.30.0",
        ),
        ("registry.k8s.io/provider-aws/cloud-controller-manager:v1.30.1", {}, "cloud-controller-manager", "1.30.1"),
        ("registry.k8s.io/cloud-provider-gcp/cloud-controller-manager:v30.1.4", {}, "cloud-controller-manager", None),
        ("docker.io/hetznercloud/hcloud-cloud-controller-manager:v1.20.0", {}, "cloud-controller-manager", None),
    ],
)
def test_a_component_by_its_pod(image: str, labels: dict[str, str], component: str, version: str | None) -> None:
    (one,) = Components.provide([pod(image, labels)]).instances
    assert (one.component, one.node) == (component, "n1")
    assert one.version == (Version.parse(version) if version else None)


@pytest.mark.parametrize(
    "other",
    [
        pod("registry.k8s.io/coredns/coredns:v1.14.2", {"k8s-app": "kube-dns"}),
        pod("registry.k8s.io/kube-apiserver:v1.36.3", {"component": "kube-apiserver"}, namespace="tenant-a"),
        pod("registry.k8s.io/kube-proxy:v1.36.3", {"k8s-app": "kube-proxy"}, status={"phase": "Failed"}),
    ],
)
def test_what_is_no_running_component_of_this_cluster(other: Pod) -> None:
    assert Components.provide([other]).instances == ()


def test_the_status_tells_what_the_spec_does_not() -> None:
    status = {"containerStatuses": [{"name": "main", "image": "registry.k8s.io/kube-apiserver:v1.36.3"}]}
    one = pod(f"registry.k8s.io/kube-apiserver{DIGEST}", {"component": "kube-apiserver"}, status=status)
    assert Components.provide([one]).instances[0].version == Version.parse("1.36.3")


def test_an_instance_without_a_version_is_a_gap() -> None:
    components = Components.provide([pod("registry.k8s.io/kube-apiserver:latest", {"component": "kube-apiserver"})])
    (gap,) = components.unknown("kube-apiserver")
    assert gap.asked
    assert "kube-apiserver:latest" in gap.reason
    assert components.unknown("kube-scheduler") == ()


def node(version: str, labels: dict[str, str] | None = None, taint: str = "") -> Node:
    taints = [{"key": taint, "effect": "NoSchedule"}] if taint else []
    value = {
        "metadata": {"name": "n1", "labels": labels or {}},
        "spec": {"taints": taints},
        "status": {"nodeInfo": {"kubeletVersion": version}},
    }
    return msgspec.convert(value, Node)


@pytest.mark.parametrize("version", ["v1.36.3", "v1.30.2+k3s1", "v1.27.3-gke.100", "v1.31.0-rc.1"])
def test_a_kubelet_of_kubernetes(version: str) -> None:
    kubelets = Kubelets.provide([node(version)])
    assert [one.version for one in kubelets.known] == [Version.parse(version)]
    assert kubelets.gaps == ()


@pytest.mark.parametrize(
    ("one", "asked"),
    [
        (node("v1.15.2-vk-azure-aci-v1.2"), False),
        (node("v1.36.3", {"type": "virtual-kubelet"}), False),
        (node("v1.36.3", taint="virtual-kubelet.io/provider"), False),
        (node("kwok-v0.6.1", {"type": "kwok"}), False),
        (node("custom"), True),
        (node(""), True),
    ],
)
def test_what_is_no_readable_kubelet_is_a_gap(one: Node, asked: bool) -> None:
    kubelets = Kubelets.provide([one])
    assert kubelets.known == ()
    assert [gap.asked for gap in kubelets.gaps] == [asked]


def test_api_servers_in_a_sentence() -> None:
    old, new = Version.parse("1.36.3"), Version.parse("1.37.2")
    servers = VisibleApiServers.provide(ApiServers({"cp2": old, "cp3": old, "cp1": new}, Version.parse("1.35.0")), None)
    assert (servers.oldest, servers.newest) == (Version.parse("1.35.0"), new)
    assert servers.told() == "1.35.0 (it answered the scan), 1.36.3 on cp2 and cp3, 1.37.2 on cp1"


def test_no_api_server_is_not_guessed() -> None:
    with pytest.raises(Unavailable, match="no API server tells its version"):
        VisibleApiServers.provide(ApiServers({}, None), None)
