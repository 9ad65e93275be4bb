"""The flags of the static pods, as the next ones will have them; and what files say that somebody keeps for kubeadm.

kubeadm renders the static pods anew from kubeadm-config at each upgrade: what only stands in a static pod is not met by
the next version (static-pod-edited-by-hand tells of it). Static pods count where kubeadm-config is not known. Source:
cmd/kubeadm/app/phases/upgrade/staticpods.go in 1.37.2.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Self

import msgspec

from kubepreflight.finding import Gap
from kubepreflight.inputs import Unavailable
from kubepreflight.knowledge.static_pods import StaticPodRendering
from kubepreflight.objects import Desired
from kubepreflight.semantics.kubeadm_config import KubeadmConfig
from kubepreflight.semantics.kubeadm_files import (
    ClusterConfiguration,
    InitConfiguration,
    JoinConfiguration,
    KubeletConfiguration,
    KubeProxyConfiguration,
    KubeSchedulerConfiguration,
    StaticPodManifest,
)
from kubepreflight.semantics.setting import API_SERVER, STATIC_COMPONENTS, Document, Place, Setting, Where
from kubepreflight.semantics.settings_of_kubeadm import (
    by_hand,
    documents_in_files,
    of_cluster_configuration,
    of_files,
    of_static_pod,
)
from kubepreflight.semantics.static_pods import NodePod, StaticPods, undecoded
from kubepreflight.static_pod import StaticPodSpec

Found = Setting | Document


class ControlPlaneSettings(msgspec.Struct, frozen=True):
    """The settings of the static pods, and kubeadm's own."""

    found: tuple[Found, ...]
    gaps: tuple[Gap, ...] = ()

    @classmethod
    def provide(
        cls, rendering: StaticPodRendering, config: KubeadmConfig | None, static_pods: StaticPods | None = None
    ) -> Self:
        """From kubeadm-config, else from the static pods. Raises Unavailable when neither can be had."""
        if config is not None:
            found, gaps = _sorted(of_cluster_configuration(config, Place(Where.KUBEADM_CONFIG, config.subject)))
            return cls(tuple(_pending(found, static_pods, rendering)), gaps)
        if static_pods is None or not static_pods.of(*STATIC_COMPONENTS):
            raise Unavailable()
        return cls(*_sorted(_of_static_pods(static_pods, rendering)))


class FileSettings(msgspec.Struct, frozen=True):
    """What files say that somebody keeps for kubeadm and the nodes."""

    found: tuple[Found, ...]
    gaps: tuple[Gap, ...] = ()

    @classmethod
    def provide(
        cls,
        rendering: StaticPodRendering,
        *,
        clusters: Desired[ClusterConfiguration],
        inits: Desired[InitConfiguration],
        joins: Desired[JoinConfiguration],
        pods: Desired[StaticPodManifest],
        kubelets: Desired[KubeletConfiguration],
        proxies: Desired[KubeProxyConfiguration],
        schedulers: Desired[KubeSchedulerConfiguration],
    ) -> Self:
        """Read them."""
        found, gaps = _sorted(of_files(clusters, (*inits, *joins), pods, rendering))
        return cls((*found, *documents_in_files((*kubelets, *proxies, *schedulers))), gaps)


class ApiServerFlags(msgspec.Struct, frozen=True):
    """The flags of the next API servers, and those in files."""

    all: tuple[Setting, ...]
    gaps: tuple[Gap, ...] = ()

    @classmethod
    def provide(cls, control_plane: ControlPlaneSettings | None, files: FileSettings | None = None) -> Self:
        """From both. Raises Unavailable when neither was given."""
        told = files if files and (files.found or files.gaps) else None
        given = [one for one in (control_plane, told) if one is not None]
        if not given:
            raise Unavailable()
        flags = [one for side in given for one in side.found if isinstance(one, Setting)]
        gaps = tuple(gap for side in given for gap in side.gaps)
        return cls(tuple(one for one in flags if one.component == API_SERVER), gaps)

    def named(self, *names: str) -> tuple[Setting, ...]:
        """Those of some names."""
        return tuple(one for one in self.all if one.name in names)


class _Running:
    """The static pods of one component, as they run."""

    def __init__(self) -> None:
        self.flags: set[tuple[str, str]] = set()
        self._pods: list[tuple[set[tuple[str, str]], set[tuple[str, str]]]] = []

    def add(self, pod: NodePod, spec: StaticPodSpec, rendering: StaticPodRendering) -> None:
        """One more."""
        place = Place(Where.STATIC_POD, pod.place)
        flags = _values(of_static_pod(pod.name, spec, place))
        self.flags |= flags
        self._pods.append((flags, _values(by_hand(pod.name, spec, place, rendering))))

    def does_otherwise(self, told: set[tuple[str, str]]) -> bool:
        """Whether none has all that is told, and else only what kubeadm renders by itself."""
        return not any(told <= flags and ours <= told for flags, ours in self._pods)


def _values(flags: Iterable[Setting]) -> set[tuple[str, str]]:
    return {(one.name, one.value) for one in flags}


def _pending(found: Sequence[Found], static_pods: StaticPods | None, rendering: StaticPodRendering) -> Iterator[Found]:
    """Each flag, told whether any static pod runs with it, and so; or that none is seen."""
    running: dict[str, _Running] = defaultdict(_Running)
    for pod in static_pods.of(*STATIC_COMPONENTS) if static_pods else ():
        if pod.spec is not None:
            running[pod.name].add(pod, pod.spec, rendering)
    flags = [one for one in found if isinstance(one, Setting)]
    otherwise = {
        component
        for component, pods in running.items()
        if pods.does_otherwise(_values(one for one in flags if one.component == component))
    }
    for one in found:
        if not isinstance(one, Setting):
            yield one
            continue
        known = running[one.component].flags if one.component in running else set()
        place = msgspec.structs.replace(
            one.place,
            is_pending=bool(known) and (one.name, one.value) not in known,
            runs_otherwise=one.component in otherwise,
            is_unseen=not known,
        )
        yield msgspec.structs.replace(one, place=place)


def _of_static_pods(static_pods: StaticPods, rendering: StaticPodRendering) -> Iterator[Setting | Gap]:
    """The flags of static pods that kubeadm does not render by itself."""
    yield from static_pods.gaps
    for pod in static_pods.of(*STATIC_COMPONENTS):
        if pod.spec is None:
            yield undecoded(pod)
            continue
        yield from by_hand(pod.name, pod.spec, Place(Where.STATIC_POD, pod.place), rendering)


def _sorted(found: Iterator[Found | Gap]) -> tuple[tuple[Found, ...], tuple[Gap, ...]]:
    both = list(found)
    kept = tuple(one for one in both if not isinstance(one, Gap))
    return kept, tuple(one for one in both if isinstance(one, Gap))
