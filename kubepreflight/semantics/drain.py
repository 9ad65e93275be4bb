"""What `kubectl drain` does with the pods of a node: its filters, to the letter and in their order.

The first filter that keeps a pod ends it; otherwise the last filter's word stands. One single error, and nothing on
that node is evicted. kubectl looks for the owner of DaemonSet pods only, and at no volume but emptyDir.
Source: https://github.com/kubernetes/kubectl/blob/v0.37.2/pkg/drain/filters.go, the same in v0.36.3
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

from kubepreflight.objects import Api, KubernetesObject, OwnerReference, Pod

DAEMON_SET_KEPT = "ignoring DaemonSet-managed Pods"
DAEMON_SET_REFUSED = "DaemonSet-managed Pods (use --ignore-daemonsets to ignore)"
LOCAL_STORAGE_REFUSED = "Pods with local storage (use --delete-emptydir-data to override)"
BARE_DELETED = "deleting Pods that declare no controller"
BARE_REFUSED = "Pods that declare no controller (use --force to override)"

Name = tuple[str, str]
"""Namespace and name."""


class DaemonSet(KubernetesObject):
    """A DaemonSet, as far as its being there counts."""

    api = Api("apps", "DaemonSet", "daemonsets", also=("extensions",))


class DrainFlags(msgspec.Struct, frozen=True, kw_only=True):
    """The flags of `kubectl drain` that decide about pods; `skip_wait_for_delete_timeout` in seconds, 0 for never."""

    ignore_daemonsets: bool = False
    delete_emptydir_data: bool = False
    force: bool = False
    skip_wait_for_delete_timeout: int = 0


class Reason(StrEnum):
    """How kubectl tells a decision."""

    OKAY = "okay"
    SKIP = "skip"
    WARNING = "warning"
    ERROR = "error"


class Decision(msgspec.Struct, frozen=True):
    """Whether a pod is deleted or evicted, and with what words."""

    delete: bool
    reason: Reason
    message: str = ""


OKAY = Decision(True, Reason.OKAY)
SKIP = Decision(False, Reason.SKIP)


def decide(
    pod: Pod, flags: DrainFlags, daemon_sets: Container[Name] | None = None, now: datetime | None = None
) -> Decision:
    """What kubectl decides about one pod.

    `daemon_sets` are those that exist; None when that is not known: each is then taken to be there. `now` is only
    needed with `skip_wait_for_delete_timeout`.
    """
    if _is_long_deleted(pod, flags, now):
        return SKIP
    owner, is_finished = pod.metadata.controller, pod.is_finished
    if owner is not None and not is_finished and is_daemon_sets(owner):
        said = _daemon_set((pod.namespace, owner.name), flags, daemon_sets)
        if not said.delete:
            return said
    if pod.is_mirror:
        return SKIP
    return OKAY if is_finished else _storage_and_controller(pod, flags)


def _storage_and_controller(pod: Pod, flags: DrainFlags) -> Decision:
    if not flags.delete_emptydir_data and has_local_storage(pod):
        return Decision(False, Reason.ERROR, LOCAL_STORAGE_REFUSED)
    if pod.metadata.controller is not None:
        return OKAY
    return Decision(True, Reason.WARNING, BARE_DELETED) if flags.force else Decision(False, Reason.ERROR, BARE_REFUSED)


def has_local_storage(pod: Pod) -> bool:
    """Whether a pod has an emptyDir, be it on disk or in memory; other local volumes do not count for kubectl."""
    volumes = pod.spec.volumes
    return volumes is not None and any(one.empty_dir is not None for one in volumes)


def is_daemon_sets(controller: OwnerReference | None) -> bool:
    """Whether a pod's controller is a DaemonSet, in kubectl's narrow sense: of `apps/v1` and no other version."""
    return controller is not None and controller.kind == "DaemonSet" and controller.api_version == "apps/v1"


def _is_long_deleted(pod: Pod, flags: DrainFlags, now: datetime | None) -> bool:
    deleted, timeout = pod.metadata.deletion_timestamp, flags.skip_wait_for_delete_timeout
    return timeout > 0 and deleted is not None and now is not None and int((now - deleted).total_seconds()) > timeout


def _daemon_set(name: Name, flags: DrainFlags, daemon_sets: Container[Name] | None) -> Decision:
    if daemon_sets is not None and name not in daemon_sets:
        gone = f'daemonsets.apps "{name[1]}" not found'
        return Decision(flags.force, Reason.WARNING if flags.force else Reason.ERROR, gone)
    if not flags.ignore_daemonsets:
        return Decision(False, Reason.ERROR, DAEMON_SET_REFUSED)
    return Decision(False, Reason.WARNING, DAEMON_SET_KEPT)


class DrainAnswer(msgspec.Struct, frozen=True):
    """What kubectl would say of one node. Pods by message; `evicted` is empty when there is any error."""

    errors: Mapping[str, tuple[Pod, ...]]
    warnings: Mapping[str, tuple[Pod, ...]]
    evicted: tuple[Pod, ...]


def drain(
    pods: Iterable[Pod], flags: DrainFlags, daemon_sets: Container[Name] | None = None, now: datetime | None = None
) -> DrainAnswer:
    """What kubectl would do with all pods of one node, before it asks the eviction API."""
    decided = [(pod, decide(pod, flags, daemon_sets, now)) for pod in pods]
    errors = _by_message(decided, Reason.ERROR)
    evicted = () if errors else tuple(pod for pod, said in decided if said.delete)
    return DrainAnswer(errors, _by_message(decided, Reason.WARNING), evicted)


def _by_message(decided: Iterable[tuple[Pod, Decision]], reason: Reason) -> dict[str, tuple[Pod, ...]]:
    found: dict[str, list[Pod]] = {}
    for pod, said in decided:
        if said.reason is reason:
            found.setdefault(said.message, []).append(pod)
    return {message: tuple(pods) for message, pods in found.items()}
