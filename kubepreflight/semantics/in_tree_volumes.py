"""What of a cluster needs a volume plugin that is part of Kubernetes, and when the upgrade takes that plugin away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self, TypeVar

import msgspec

from kubepreflight.finding import Hop, Subject
from kubepreflight.knowledge.in_tree_volumes import InTreePlugin, InTreePlugins
from kubepreflight.objects import Api, Desired, KubernetesObject, Pod
from kubepreflight.parts import IN_TREE, Part
from kubepreflight.semantics.control_plane_settings import ControlPlaneSettings
from kubepreflight.semantics.csi_drivers import CsiDrivers
from kubepreflight.semantics.pod_templates import Makers, PodTemplates
from kubepreflight.semantics.settings import Settings
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Minor

K = TypeVar("K", bound=KubernetesObject)


class VolumeStatus(Part, frozen=True):
    """Whether some claim has it."""

    phase: str | None = None


class InTreeVolume(KubernetesObject):
    """A PersistentVolume, as far as it is one of a plugin of Kubernetes' own."""

    api = Api("", "PersistentVolume", "persistentvolumes", namespaced=False)
    spec: dict[str, Any] = msgspec.field(default_factory=dict)
    status: VolumeStatus = VolumeStatus()

    def __post_init__(self) -> None:
        """Keep what is read: which plugin it is."""
        self.spec = {name: True for name in IN_TREE if self.spec.get(name) is not None}

    @property
    def in_tree(self) -> str:
        """The field of the plugin, as the API has it; empty where there is none."""
        return next(iter(self.spec), "")


class StorageClass(KubernetesObject):
    """Who makes the volumes of a class."""

    api = Api("storage.k8s.io", "StorageClass", "storageclasses", namespaced=False)
    provisioner: str = ""


class Use(msgspec.Struct, frozen=True):
    """What has a volume; `works` says that something is seen to use it today."""

    subject: Subject
    works: bool


class PluginUse(msgspec.Struct, frozen=True):
    """What has volumes of one plugin, and the StorageClasses of which it makes them."""

    plugin: InTreePlugin
    uses: tuple[Use, ...]
    classes: tuple[Subject, ...]

    @property
    def works(self) -> bool:
        """Whether any volume is seen to be used today."""
        return any(one.works for one in self.uses)

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """All of them."""
        return (*(one.subject for one in self.uses), *self.classes)


class InTreeVolumes(msgspec.Struct, frozen=True):
    """The plugins that this upgrade matters to, as far as they are used; `unseen` is what nothing given holds.

    A PersistentVolume and a StorageClass keep their plugin whatever a manifest says: the API server refuses to change
    it.
    """

    all: tuple[PluginUse, ...]
    unseen: tuple[str, ...] = ()

    @classmethod
    def provide(
        cls,
        *,
        plugins: InTreePlugins,
        upgrade: Upgrade,
        pods: list[Pod] | None = None,
        templates: PodTemplates | None = None,
        volumes: list[InTreeVolume] | None = None,
        new_volumes: Desired[InTreeVolume] | None = None,
        classes: list[StorageClass] | None = None,
        new_classes: Desired[StorageClass] | None = None,
    ) -> Self:
        """Look for those plugins, and for nothing else."""
        due = [one for one in plugins.all if _is_due(one, upgrade)]
        if not due:
            return cls(())
        given = {
            "pods": pods,
            "workloads": templates,
            "persistentvolumes": new_volumes if volumes is None else volumes,
            "storageclasses": new_classes if classes is None else classes,
        }
        uses: dict[str, list[Use]] = {}
        for field, use in (*_of_pods(pods or (), templates), *_of_volumes(_with(volumes, new_volumes))):
            uses.setdefault(field, []).append(use)
        provisioners: dict[str, list[Subject]] = {}
        for each in _with(classes, new_classes):
            provisioners.setdefault(each.provisioner, []).append(each.subject)
        found = (
            PluginUse(one, _once(uses.get(one.field, ())), tuple(provisioners.get(one.provisioner, ()))) for one in due
        )
        return cls(
            tuple(one for one in found if one.subjects),
            tuple(label for label, some in given.items() if some is None),
        )


def _is_due(plugin: InTreePlugin, upgrade: Upgrade) -> bool:
    bringing = (plugin.removed, plugin.migrated, plugin.locked)
    return is_deprecated(plugin, upgrade) or any(one and upgrade.hop_that_brings(one) for one in bringing)


def is_deprecated(plugin: InTreePlugin, upgrade: Upgrade) -> bool:
    """Whether the target still has it, and a later minor is known to have it no more."""
    if plugin.deprecated is None or plugin.removed is None:
        return False
    return plugin.deprecated <= upgrade.target.minor_version < plugin.removed


def migration(
    plugin: InTreePlugin,
    plugins: InTreePlugins,
    csi: CsiDrivers,
    settings: ControlPlaneSettings | None,
    upgrade: Upgrade,
) -> Hop | None:
    """The hop that hands the plugin's volumes to its driver; None when that is so already, or not within the plan.

    What a kubelet says of itself counts before what is known of the gates' defaults.
    """
    if plugin.migrated is None or plugin.locked is None or plugin.provisioner in (csi.migrated or ()):
        return None
    gates = Settings.of(settings.found).gates if settings else ()
    off = {one.name for one in gates if one.switch is False}
    at: Minor = plugin.migrated
    if plugin.gate in off or (at <= upgrade.first_hop.start and csi.migrated is not None):
        at = max(at, plugin.locked)
    elif plugins.common.gate in off:
        at = max(at, plugins.common.locked)
    return upgrade.hop_that_brings(at)


def _with(observed: Sequence[K] | None, desired: Sequence[K] | None) -> Iterator[K]:
    """What is there, and what will be besides."""
    there = {one.name for one in observed or ()}
    yield from observed or ()
    yield from (one for one in desired or () if one.name not in there)


def _of_pods(pods: Iterable[Pod], templates: PodTemplates | None) -> Iterator[tuple[str, Use]]:
    makers = templates.makers if templates else Makers()
    running: set[tuple[str, Subject]] = set()
    for pod in pods:
        for volume in pod.spec.volumes or ():
            if (field := volume.in_tree) and not pod.is_finished:
                maker = makers.maker_of(pod)
                replacing = makers.replacing(pod)
                if maker is not None:
                    yield field, Use(maker, works=True)
                elif replacing is not None:
                    running.add((field, replacing.subject))
    for one in templates.all if templates else ():
        for volume in one.spec.volumes or ():
            if field := volume.in_tree:
                yield field, Use(one.subject, works=one.is_applied or (field, one.subject) in running)


def _of_volumes(volumes: Iterable[InTreeVolume]) -> Iterator[tuple[str, Use]]:
    for one in volumes:
        if one.in_tree:
            yield one.in_tree, Use(one.subject, works=one.status.phase == "Bound")


def _once(uses: Iterable[Use]) -> tuple[Use, ...]:
    """Each subject once, sorted."""
    works: dict[Subject, bool] = {}
    for one in uses:
        works[one.subject] = works.get(one.subject, False) or one.works
    return tuple(Use(subject, works[subject]) for subject in sorted(works, key=str))
