"""Volumes whose plugin is no longer part of Kubernetes, or is handed to a CSI driver that is not there."""

from collections.abc import Iterable, Iterator

from kubepreflight.finding import BLOCKER, NOTE, WARNING, Finding, Gap, Hop, Phase, Subject, cannot_check, finding
from kubepreflight.knowledge.in_tree_volumes import InTreePlugin, InTreePlugins
from kubepreflight.rule import rule
from kubepreflight.semantics.control_plane_settings import ControlPlaneSettings
from kubepreflight.semantics.csi_drivers import CsiDrivers
from kubepreflight.semantics.in_tree_volumes import InTreeVolumes, PluginUse, is_deprecated, migration
from kubepreflight.semantics.several import common_subject, full_name, listed
from kubepreflight.upgrade import Upgrade

UNUSED = " None of these is seen in use today."


@rule(severity=BLOCKER, area="storage", phase="node-upgrade")
def in_tree_volume_removed(
    plugins: InTreePlugins,
    volumes: InTreeVolumes,
    csi: CsiDrivers,
    upgrade: Upgrade,
    settings: ControlPlaneSettings | None = None,
) -> Iterator[Finding | Gap]:
    """Volumes have a plugin that the target no longer has, or hands to a CSI driver that is missing.

    Why: the plugins for volumes of single vendors were part of Kubernetes, and are taken out one after the other.
    Some are simply gone: scaleIO (1.22), flocker, quobyte and storageos (1.25), glusterfs (1.26), cephfs and rbd
    (1.31). The volumes of the others (cinder, awsElasticBlockStore, azureDisk, azureFile, gcePersistentDisk,
    vsphereVolume, portworxVolume) are handed to a CSI driver from some minor on, and that driver somebody has to
    install.

    What happens: pods that run go on. Once a drain has evicted one, or it is made anew, it stays in ContainerCreating:
    `no volume plugin matched`, or `driver name … not found in the list of registered CSI drivers`. A blocker where such
    a volume is used today: a bound PersistentVolume, a pod, a template in the cluster. A warning for what is not bound,
    and for what stands in manifests alone; for StorageClasses alone, whose new claims stay Pending; and where there is
    a CSIDriver, but no node has registered it, or where CSINodes cannot be seen. A note while a plugin is deprecated
    and still there.

    When it stays silent: no hop of the plan takes the plugin away, or hands its volumes on; some node has the driver
    registered; the kubelets hand the volumes on already, as their CSINodes say. Whether every node has the driver is
    not looked at, nor what a driver cannot do that the plugin could. A gate that is off in kubeadm-config puts the hop
    off until it is locked; the rules about gates speak of that.

    How to see it yourself: kubectl get storageclasses,csidrivers; kubectl get csinodes
    -o custom-columns=NODE:.metadata.name,DRIVERS:.spec.drivers[*].name; kubectl get persistentvolumes -o yaml

    References:
        https://kubernetes.io/docs/concepts/storage/volumes/
        https://kubernetes.io/docs/concepts/storage/volumes/#csi-migration
        https://github.com/kubernetes/enhancements/tree/master/keps/sig-storage/625-csi-migration

    """
    for label in volumes.unseen:
        yield cannot_check(label, f"nothing that was given holds {label}: their volumes are not known")
    for one in volumes.all:
        hop = upgrade.hop_that_brings(one.plugin.removed) if one.plugin.removed else None
        if hop is not None:
            yield _removed(one, hop)
        elif is_deprecated(one.plugin, upgrade):
            yield _deprecated(one)
        elif one.plugin.driver:
            yield from _migrated(one, csi, migration(one.plugin, plugins, csi, settings, upgrade))


def _removed(one: PluginUse, hop: Hop) -> Finding:
    plugin = one.plugin
    told = ""
    if one.uses:
        told = (
            f"{_named(use.subject for use in one.uses)}: {plugin.field} volumes, for which {plugin.removed} has no "
            "plugin any more. What runs goes on; once a drain has evicted such a pod, or it is made anew, it stays in "
            "ContainerCreating (`no volume plugin matched`)."
        )
    return finding(
        common_subject(one.subjects, plugin.field),
        " ".join(filter(None, (told, _of_classes(one, f"which {plugin.removed} no longer has")))) + _unused(one),
        remedy=_move(plugin),
        places=one.subjects,
        severity=BLOCKER if one.works else WARNING,
        phase=Phase.CONTROL_PLANE_UPGRADE if plugin.attached or not one.uses else Phase.NODE_UPGRADE,
        hop=hop,
        references=(plugin.source,),
    )


def _deprecated(one: PluginUse) -> Finding:
    plugin = one.plugin
    return finding(
        common_subject(one.subjects, plugin.field),
        f"{_named(one.subjects)}: {plugin.field} volumes, deprecated since {plugin.deprecated}. They still work, and "
        f"{plugin.removed} has no plugin for them any more.",
        remedy=_move(plugin),
        places=one.subjects,
        severity=NOTE,
        phase=Phase.AFTER,
        references=(plugin.source,),
    )


def _migrated(one: PluginUse, csi: CsiDrivers, hop: Hop | None) -> Iterator[Finding | Gap]:
    plugin = one.plugin
    if hop is None or plugin.driver in (csi.registered or ()):
        return
    if csi.registered is None and (csi.named is None or plugin.driver in csi.named):
        how = "kubectl get csinodes -o json"
        yield cannot_check("csinodes", f"whether any node has the driver {plugin.driver} is not known", how=how)
        return
    is_named = plugin.driver in (csi.named or ())
    lack = "no node has it registered, though there is a CSIDriver" if is_named else "it is not installed"
    if csi.registered is None:
        lack = "there is no CSIDriver of that name; what nodes have registered is not known"
    is_certain = not is_named and csi.registered is not None
    told = ""
    if one.uses:
        told = (
            f"{_named(use.subject for use in one.uses)}: {plugin.field} volumes. {hop.end} hands them to the CSI "
            f"driver {plugin.driver} (gate {plugin.gate}), and {lack}. Once a drain has evicted a pod with one, it "
            "stays in ContainerCreating "
            f"(`driver name {plugin.driver} not found in the list of registered CSI drivers`)."
        )
    what = f"which {hop.end} hands to the CSI driver {plugin.driver}, and {lack}"
    yield finding(
        common_subject(one.subjects, plugin.field),
        " ".join(filter(None, (told, _of_classes(one, what)))) + _unused(one),
        remedy=f"Install the driver before the hop: {plugin.instead}\nThen see that the nodes have registered it:\n"
        "kubectl get csinodes -o custom-columns='NODE:.metadata.name,DRIVERS:.spec.drivers[*].name'",
        places=one.subjects,
        severity=BLOCKER if is_certain and one.works else WARNING,
        phase=Phase.NODE_UPGRADE if one.uses else Phase.CONTROL_PLANE_UPGRADE,
        hop=hop,
        references=(plugin.source,),
    )


def _of_classes(one: PluginUse, what: str) -> str:
    if not one.classes:
        return ""
    return f"{_named(one.classes)}: the provisioner is {one.plugin.provisioner}, {what}: new claims stay Pending."


def _unused(one: PluginUse) -> str:
    return UNUSED if one.uses and not one.works else ""


def _named(subjects: Iterable[Subject]) -> str:
    return listed(f"{one.kind} {full_name(one)}" for one in subjects)


def _move(plugin: InTreePlugin) -> str:
    instead = f", for instance of {plugin.instead}" if plugin.instead else ""
    return (
        f"Move the data to volumes of a CSI driver before the hop{instead}. A volume cannot be changed from one plugin "
        "to another: make a new claim, copy what is in the old one, and let the workload use the new one.\n"
        f"kubectl get persistentvolumes -o custom-columns='NAME:.metadata.name,CLAIM:.spec.claimRef.name,"
        f"SOURCE:.spec.{plugin.field}'"
    )
