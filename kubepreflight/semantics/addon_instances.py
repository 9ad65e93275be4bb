"""The add-ons that are there, or will be applied: each installation once, with the release that its image tells.

An installation is a workload with an add-on's main image: each revision of Istio is one, and each copy in another
namespace. What belongs to it and tells no release (webhooks, speakers, gateways) is where it shows, too. Images
that only run in other people's pods (Istio's sidecars) are not looked at, and a CRD proves nothing: it outlives what
brought it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Self

import msgspec

from kubepreflight.finding import Subject
from kubepreflight.inputs import Unavailable
from kubepreflight.knowledge.addons import Addon, AddonMatrix, Detection
from kubepreflight.objects import Api, KubernetesObject, Planned, Pod
from kubepreflight.parts import Part
from kubepreflight.semantics.kustomizations import Kustomizations
from kubepreflight.semantics.owners import owner_of
from kubepreflight.semantics.several import common_subject
from kubepreflight.version import Version


class ImageOnly(Part, frozen=True):
    """A container of a template: its image."""

    image: str | None = None


class ImagesOnly(Part, frozen=True):
    """A template's pod spec."""

    containers: list[ImageOnly] | None = None
    init_containers: list[ImageOnly] | None = None


class TemplateOnly(Part, frozen=True):
    """A template."""

    spec: ImagesOnly | None = None


class TemplateSpec(Part, frozen=True):
    """A controller's spec."""

    template: TemplateOnly | None = None


class Templated(KubernetesObject):
    """A Deployment, DaemonSet or StatefulSet, as far as its images go."""

    spec: TemplateSpec | None = None

    @classmethod
    def apis(cls) -> tuple[Api, ...]:
        """The controllers that add-ons are run by."""
        return (
            Api("apps", "Deployment", "deployments", also=("extensions",)),
            Api("apps", "DaemonSet", "daemonsets", also=("extensions",)),
            Api("apps", "StatefulSet", "statefulsets"),
        )

    @property
    def is_whole(self) -> bool:
        """Whether it has an image: be it a patch, it says which release will run."""
        return next(self.images, None) is not None

    @property
    def images(self) -> Iterator[str]:
        """The images of its containers and init containers."""
        template = self.spec.template if self.spec else None
        spec = template.spec if template else None
        for container in (*(spec.containers or ()), *(spec.init_containers or ())) if spec else ():
            if container.image:
                yield container.image


class AddonInstance(msgspec.Struct, frozen=True):
    """One installation of an add-on.

    `versions` is empty when its image does not tell the release, and holds several when it stands for more than one.
    `image` is the one that tells it, empty when only other parts of the add-on were seen. `runs` says that it was
    seen in a cluster, not only in a manifest. `places` are the workloads that belong to it.
    """

    addon: Addon
    subject: Subject
    image: str
    versions: tuple[Version, ...]
    runs: bool
    places: tuple[Subject, ...]


class _Seen(NamedTuple):
    """An add-on's image in a workload."""

    detection: Detection
    image: str
    workload: Subject
    runs: bool


class AddonInstances(msgspec.Struct, frozen=True):
    """All of them, those of one add-on together."""

    all: tuple[AddonInstance, ...]

    @classmethod
    def provide(
        cls,
        matrix: AddonMatrix,
        kustomizations: Kustomizations,
        templates: Planned[Templated] | None,
        pods: list[Pod] | None = None,
    ) -> Self:
        """From what controllers will run, and from pods whose controller was not given.

        Raises Unavailable when there are neither.
        """
        if templates is None and pods is None:
            raise Unavailable
        known = {(one.kind, one.namespace, one.name) for one in templates or () if not one.is_part}
        seen = [*_in_templates(matrix, kustomizations, templates or ()), *_in_pods(matrix, pods or (), known)]
        by_addon: dict[str, list[_Seen]] = {}
        for one in seen:
            by_addon.setdefault(one.detection.addon.name, []).append(one)
        return cls(tuple(instance for one in by_addon.values() for instance in _instances(one)))


def _in_templates(
    matrix: AddonMatrix, kustomizations: Kustomizations, templates: Iterable[Templated]
) -> Iterator[_Seen]:
    for one in templates:
        runs = bool(one.metadata.uid)
        for written in one.images:
            image = written if runs else kustomizations.image(written)
            detection = matrix.detect(image, kind=one.kind, name=one.name)
            if detection is not None and (runs or not kustomizations.leaves_out(one.origin.file)):
                yield _Seen(detection, image, one.subject, runs)


def _in_pods(matrix: AddonMatrix, pods: Iterable[Pod], known: set[tuple[str, str, str]]) -> Iterator[_Seen]:
    for pod in pods:
        for container in pod.spec.containers or ():
            detection = matrix.detect(container.image) if container.image else None
            if detection is None or detection.role != "main" or not container.image or pod.is_finished:
                continue
            owner = owner_of(pod)
            detection = matrix.detect(container.image, kind=owner.kind, name=owner.name)
            if detection is not None and (owner.kind, owner.namespace, owner.name) not in known:
                subject = msgspec.structs.replace(owner, node="") if owner.kind != "Pod" else owner
                yield _Seen(detection, container.image, subject, runs=True)


def _instances(seen: list[_Seen]) -> Iterator[AddonInstance]:
    """The installations of one add-on; when none of its main images was seen, there is one that tells no release."""
    addon = seen[0].detection.addon
    parts: dict[str, list[Subject]] = {}
    mains: dict[Subject, _Seen] = {}
    for one in seen:
        if one.detection.role == "companion":
            parts.setdefault(one.workload.namespace, []).append(one.workload)
        elif one.workload not in mains or not mains[one.workload].detection.versions:
            mains[one.workload] = one
    for workload, main in mains.items():
        yield AddonInstance(
            addon=addon,
            subject=msgspec.structs.replace(workload, field=addon.title),
            image=main.image,
            versions=main.detection.versions,
            runs=main.runs,
            places=tuple(dict.fromkeys((workload, *parts.get(workload.namespace, ())))),
        )
    if not mains:
        places = list(dict.fromkeys(place for inside in parts.values() for place in inside))
        runs = any(one.runs for one in seen)
        yield AddonInstance(addon, common_subject(places, addon.title), "", (), runs, tuple(places))
