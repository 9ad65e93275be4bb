"""A file that somebody will give to `kubeadm upgrade --config`."""

from __future__ import annotations

import msgspec

from kubepreflight.objects import Api, KubernetesObject, Metadata


class UpgradeCommand(msgspec.Struct, rename="camel", frozen=True):
    """What it says to `kubeadm upgrade apply`, or to `kubeadm upgrade node`."""

    certificate_renewal: bool | None = None


class UpgradeConfiguration(KubernetesObject):
    """It has no metadata and is in no cluster: only manifests can hold one."""

    api = Api("kubeadm.k8s.io", "UpgradeConfiguration", "upgradeconfigurations", namespaced=False)
    metadata: Metadata = Metadata()
    apply: UpgradeCommand | None = None
    node: UpgradeCommand | None = None
