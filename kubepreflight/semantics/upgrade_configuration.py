"""A file that somebody will give to `kubeadm upgrade --config`."""

from __future__ import annotations

import msgspec

from kubepreflight.objects import Api, KubernetesObject, Metadata


class Patches(msgspec.Struct, frozen=True):
    """Where the patches lie, on each node."""

    directory: str | None = None


class UpgradeCommand(msgspec.Struct, rename="camel", frozen=True):
    """What it says to `kubeadm upgrade apply`, or to `kubeadm upgrade node`."""

    certificate_renewal: bool | None = None
    patches: Patches | None = None
    skip_phases: list[str] | None = None


class UpgradeConfiguration(KubernetesObject):
    """It has no metadata and is in no cluster: only manifests can hold one."""

    api = Api("kubeadm.k8s.io", "UpgradeConfiguration", "upgradeconfigurations", namespaced=False)
    metadata: Metadata = Metadata()
    apply: UpgradeCommand | None = None
    node: UpgradeCommand | None = None

    @property
    def patches_directory(self) -> str:
        """The directory whose patches are laid over what kubeadm renders; empty for none."""
        given = (one.patches.directory for one in (self.apply, self.node) if one and one.patches)
        return next((one for one in given if one), "")

    def skips(self, phase: str) -> bool:
        """Whether it leaves out a phase, `addon/coredns`, or the one that this belongs to."""
        skipped = {name for one in (self.apply, self.node) if one for name in one.skip_phases or ()}
        return bool(skipped & {phase, phase.partition("/")[0]})
