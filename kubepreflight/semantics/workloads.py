"""From pods to what somebody would change: the workloads that draining every node would touch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from kubepreflight.finding import Subject
from kubepreflight.objects import Api, Deployment, KubernetesObject, Node, OwnerReference, Pod, StatefulSet
from kubepreflight.semantics.drain import is_bare, is_daemon_sets
from kubepreflight.semantics.owners import owner_of
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Version

_Key = tuple[str, str, str]


class Job(KubernetesObject):
    """A Job, for the way from its pods to a CronJob."""

    api = Api("batch", "Job", "jobs")


class Workload(msgspec.Struct, frozen=True, eq=False):
    """Equal pods and who keeps them.

    `controller` is what replaces a pod (a Deployment, StatefulSet, Job …), `subject` what somebody would change: the
    controller, or the object that in turn makes it (a CronJob, a CephCluster, a Notebook). `replicas` is the number
    of pods that it wants; when nothing tells that, the number that it has. `pods` are those that a drain removes.
    """

    subject: Subject
    controller: Subject
    replicas: int
    pods: tuple[Pod, ...]

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes that its pods are on, sorted."""
        return tuple(sorted({pod.spec.node_name or "" for pod in self.pods}))


class Workloads(msgspec.Struct, frozen=True):
    """All pods that the upgrade's drains remove from some node, by who keeps them.

    Without finished pods (they are deleted and nobody misses them), static pods and DaemonSets' pods (kubectl leaves
    them), pods on no node, and pods on nodes whose kubelet is at the target already. `bare` have nobody.
    """

    all: tuple[Workload, ...]
    bare: tuple[Pod, ...]

    @classmethod
    def provide(
        cls,
        pods: list[Pod],
        nodes: list[Node] | None = None,
        upgrade: Upgrade | None = None,
        *,
        deployments: list[Deployment] | None = None,
        stateful_sets: list[StatefulSet] | None = None,
        jobs: list[Job] | None = None,
    ) -> Workloads:
        """Group the pods, in one pass."""
        done = _done(nodes or (), upgrade)
        controllers: dict[_Key, tuple[Subject, list[Pod]]] = {}
        alive: dict[_Key, int] = {}
        bare: list[Pod] = []
        for pod in pods:
            if pod.is_finished or pod.is_mirror or is_daemon_sets(pod) or not pod.spec.node_name:
                continue
            to_drain = pod.spec.node_name not in done
            if is_bare(pod):
                if to_drain:
                    bare.append(pod)
                continue
            controller = owner_of(pod)
            key = (controller.kind, controller.namespace, controller.name)
            alive[key] = alive.get(key, 0) + 1
            if to_drain:
                controllers.setdefault(key, (controller, []))[1].append(pod)
        makers = _Makers(deployments, stateful_sets, jobs)
        return cls(
            all=tuple(
                Workload(makers.top(controller), controller, makers.replicas(controller, alive[key]), tuple(members))
                for key, (controller, members) in controllers.items()
            ),
            bare=tuple(bare),
        )

    def by_subject(self) -> Mapping[Subject, list[Workload]]:
        """The workloads by what somebody would change: the forty Deployments of one CephCluster are one."""
        found: dict[Subject, list[Workload]] = {}
        for one in self.all:
            found.setdefault(one.subject, []).append(one)
        return found

    def pods(self) -> Iterator[Pod]:
        """All of them, with bare ones."""
        for one in self.all:
            yield from one.pods
        yield from self.bare


def _done(nodes: Iterable[Node], upgrade: Upgrade | None) -> frozenset[str]:
    if upgrade is None:
        return frozenset()
    versions = {node.name: Version.try_parse(node.status.node_info.kubelet_version) for node in nodes}
    return frozenset(name for name, version in versions.items() if version is not None and _is_at(version, upgrade))


def _is_at(version: Version, upgrade: Upgrade) -> bool:
    target = upgrade.target
    if target.patch is None or version.minor_version != target.minor_version:
        return version.minor_version >= target.minor_version
    return version >= target


class _Makers:
    """Finds who made a controller, and how many pods it wants."""

    def __init__(
        self,
        deployments: list[Deployment] | None,
        stateful_sets: list[StatefulSet] | None,
        jobs: list[Job] | None,
    ) -> None:
        known: tuple[tuple[str, Iterable[Any]], ...] = (
            ("Deployment", deployments or ()),
            ("StatefulSet", stateful_sets or ()),
            ("Job", jobs or ()),
        )
        self._known = {(kind, one.namespace, one.name): one for kind, objects in known for one in objects}

    def top(self, controller: Subject) -> Subject:
        """What somebody would change."""
        one = self._known.get((controller.kind, controller.namespace, controller.name))
        if one is None:
            return controller
        owners: list[OwnerReference] = one.metadata.owner_references or []
        owner = one.metadata.controller or (owners[0] if len(owners) == 1 else None)
        if owner is None:
            return controller
        return Subject(api_version=owner.api_version, kind=owner.kind, namespace=controller.namespace, name=owner.name)

    def replicas(self, controller: Subject, count: int) -> int:
        """How many pods it wants; `count` when nothing tells."""
        one = self._known.get((controller.kind, controller.namespace, controller.name))
        return getattr(one, "replicas", count)
