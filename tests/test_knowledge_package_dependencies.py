"""What Kubernetes' packages need of those that come with them."""

from __future__ import annotations

import pytest

from kubepreflight.knowledge.package_dependencies import PackageDependencies
from kubepreflight.version import Version


@pytest.mark.parametrize(
    ("version", "needs"),
    [
        ("1.24.1", ["kubelet: kubernetes-cni 0.8.7", "kubeadm: kubernetes-cni 0.8.7", "kubeadm: cri-tools 1.23.0"]),
        ("1.25.0", ["kubelet: kubernetes-cni 0.8.7", "kubeadm: kubernetes-cni 0.8.7", "kubeadm: cri-tools 1.24.2"]),
        ("1.25", ["kubelet: kubernetes-cni 1.1.1", "kubeadm: kubernetes-cni 1.1.1", "kubeadm: cri-tools 1.25.0"]),
        ("1.27.16", ["kubelet: kubernetes-cni 1.1.1", "kubeadm: kubernetes-cni 1.1.1", "kubeadm: cri-tools 1.25.0"]),
        ("1.28.0", ["kubelet: kubernetes-cni 1.2.0", "kubeadm: kubernetes-cni 1.2.0", "kubeadm: cri-tools 1.28.0"]),
        ("1.31", ["kubelet: kubernetes-cni 1.2.0", "kubeadm: cri-tools 1.30.0"]),
        ("1.37.2", ["kubelet: kubernetes-cni 1.2.0"]),
        ("1.23.9", []),
    ],
)
def test_the_needs_of_a_version(version: str, needs: list[str]) -> None:
    found = PackageDependencies.provide().of(Version.parse(version))
    assert [f"{one.package}: {one.on} {one.at_least}" for one in found] == needs
