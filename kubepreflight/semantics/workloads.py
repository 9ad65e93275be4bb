"""From pods to what somebody would change: the workloads that draining every node would touch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from kubepreflight.finding import Subject
from kubepreflight.objects import Api, Deployment, KubernetesObject, Metadata, Node, Pod, StatefulSet, group_of
from kubepreflight.semantics.ceph import GROUP as ROOK
from kubepreflight.semantics.drain import is_daemon_sets
from kubepreflight.semantics.owners import owner_of
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Version

_Key = tuple[str, str, str]
"""Kind, namespace and name."""

_KEEP_PODS = frozenset({"DaemonSet", "Deployment", "Job", "Node", "Pod", "ReplicaSet", "StatefulSet"})
"""Owners that have pods of their own: an operator owns others' workloads so that they are deleted along with it."""


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
        groups: dict[_Key, _Group] = {}
        bare: list[Pod] = []
        for pod in pods:
            owner, node = pod.metadata.controller, pod.spec.node_name
            if not node or pod.is_finished or pod.is_mirror or is_daemon_sets(owner):
                continue
            if owner is None:
                if node not in done:
                    bare.append(pod)
                continue
            key = (owner.kind, pod.metadata.namespace, owner.name)
            group = groups.get(key)
            if group is None:
                group = groups[key] = _Group(owner_of(pod))
            group.count += 1
            if node not in done:
                group.pods.append(pod)
        makers = _Makers(deployments, stateful_sets, jobs)
        return cls(tuple(map(makers.workload, _joined(groups.values()))), tuple(bare))

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


class _Group(msgspec.Struct):
    controller: Subject
    count: int = 0
    pods: list[Pod] = []

    @property
    def key(self) -> _Key:
        return (self.controller.kind, self.controller.namespace, self.controller.name)


def _joined(groups: Iterable[_Group]) -> Iterator[_Group]:
    """Make one of the several ReplicaSets that a Deployment has while it changes."""
    found: dict[_Key, _Group] = {}
    for group in groups:
        one = found.setdefault(group.key, group)
        if one is not group:
            one.count += group.count
            one.pods += group.pods
    return (one for one in found.values() if one.pods)


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
        self._known: dict[_Key, Any] = {
            (kind, one.namespace, one.name): one for kind, objects in known for one in objects
        }

    def workload(self, group: _Group) -> Workload:
        """A group with its maker, and with the number of pods that it should have; when nothing tells, that it has."""
        one = self._known.get(group.key)
        return Workload(
            subject=group.controller if one is None else _maker(group.controller, one.metadata),
            controller=group.controller,
            replicas=getattr(one, "replicas", group.count),
            pods=tuple(group.pods),
        )


def _maker(controller: Subject, metadata: Metadata) -> Subject:
    # Rook did not mark its objects as controllers before 1.6.
    unmarked = (one for one in metadata.owner_references or () if group_of(one.api_version) == ROOK)
    owner = metadata.controller or next(unmarked, None)
    if owner is None or owner.kind in _KEEP_PODS:
        return controller
    return Subject(api_version=owner.api_version, kind=owner.kind, namespace=controller.namespace, name=owner.name)
