"""A file that somebody will give to `kubeadm upgrade --config`."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from kubepreflight.objects import Api, KubernetesObject, Metadata, Node
from kubepreflight.semantics.kubeadm_config import KubeadmConfig


class Patches(msgspec.Struct, frozen=True):
    """Where the patches lie, on each node."""

    directory: str | None = None


class UpgradeCommand(msgspec.Struct, rename="camel", frozen=True):
    """What it says to `kubeadm upgrade apply`, or to `kubeadm upgrade node`."""

    certificate_renewal: bool | None = None
    patches: Patches | None = None
    skip_phases: list[str] | None = None
    image_pull_policy: str | None = None


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


ADDON_PHASES = {"dns": "addon/coredns", "proxy": "addon/kube-proxy"}
"""The phases of `kubeadm upgrade` that upgrade add-ons, by their names in the ClusterConfiguration."""


def is_left_alone(
    addon: str,
    config: KubeadmConfig,
    configurations: Iterable[UpgradeConfiguration] | None,
    nodes: Iterable[Node] | None,
) -> bool:
    """Whether kubeadm is told not to upgrade an add-on, `dns` or `proxy`.

    By the ClusterConfiguration, or because the command that would come to it skips its phase: that is `kubeadm upgrade
    apply` where there is one control-plane node, and `kubeadm upgrade node` on the last one where there are several.
    When that is not known, both have to. Source: cmd/kubeadm/app/cmd/phases/upgrade/addons.go
    """
    if config.is_disabled(addon):
        return True
    control_planes = sum(node.is_control_plane for node in nodes or ())
    for one in configurations or ():
        commands = (one.apply, one.node) if not control_planes else (one.apply if control_planes == 1 else one.node,)
        if all(command is not None and _skips(command, ADDON_PHASES[addon]) for command in commands):
            return True
    return False


def _skips(command: UpgradeCommand, phase: str) -> bool:
    """Whether a command leaves out a phase, or the one that this belongs to."""
    return not {phase, phase.partition("/")[0]}.isdisjoint(command.skip_phases or ())
