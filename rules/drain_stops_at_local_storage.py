"""emptyDir volumes: `kubectl drain` stops at them, and with the flag that lets it go on they are deleted."""

import re
from collections.abc import Iterable, Iterator

import msgspec

from kubepreflight.finding import NOTE, WARNING, Finding, Subject, finding
from kubepreflight.objects import Pod
from kubepreflight.rule import rule
from kubepreflight.semantics.drain import has_local_storage
from kubepreflight.semantics.several import listed
from kubepreflight.semantics.work import DrainCommand
from kubepreflight.semantics.workloads import Workload, Workloads

SCRATCH = re.compile(
    r"(?<![a-z])(caches?|certs?|d?shm|envoy|locks?|logs?|run|scratch|sock(et)?s?|te?mp(fs|dir)?)(?![a-z])"
)
"""A word in a volume's name that says: nobody misses what is in it."""

SIDECARS = frozenset({"istio-data"})
"""Volumes that are injected into other people's pods, under names that promise more than they hold."""

STORAGE = (("ceph.rook.io", "CephCluster"),)
"""Who runs a storage system's daemons: group and kind."""

STORAGE_OPERATORS = frozenset({"rook-ceph-operator"})
"""Deployments that look after a storage system."""

SHOWN = 50


@rule(severity=WARNING, area="drain", phase="node-upgrade")
def drain_stops_at_local_storage(workloads: Workloads, drain: DrainCommand) -> Iterator[Finding]:
    """Pods keep files in emptyDir volumes, and a drain deletes them.

    Why: an emptyDir lies on the node's disk, or in its memory, and ends with its pod. `kubectl drain` therefore stops
    at the first one, unless it is told to delete them.

    What happens: without `--delete-emptydir-data` not one pod leaves the node, whatever else runs there, and the node
    stays cordoned. (An old kubectl calls the flag `--delete-local-data`; what is found names the one that the kubectl
    of the running version knows.) With it, the files are gone. That is a warning where it may hurt: a StatefulSet whose
    pods have no claim beside the emptyDir, so that it seems to hold their data; a single replica, of which nothing else
    has a copy; a storage system and its operator, whose daemons then leave with the node. For all others it is a note,
    one for the whole cluster: passing the flag is a step of the work.

    When it stays silent: no pod that a drain would remove has an emptyDir. Finished pods, static pods and DaemonSets'
    pods do not count, as for kubectl, nor do nodes whose kubelet is at the target already. It is no more than a note
    when other replicas carry on; when the volume is in memory, or is called like scratch space (tmp, cache, run, log,
    socket, certs and the like); when the pod keeps its data in a claim; and for Jobs, which begin again.

    How to see it yourself: kubectl drain NODE --ignore-daemonsets --dry-run=server

    References:
        https://kubernetes.io/docs/concepts/storage/volumes/#emptydir
        https://kubernetes.io/docs/tasks/administer-cluster/safely-drain-node/
        https://kubernetes.io/docs/reference/kubectl/generated/kubectl_drain/

    """
    plain = [pod for pod in workloads.bare if has_local_storage(pod)]
    harmless: list[Workload] = []
    for subject, members in workloads.by_subject().items():
        concerned = [one for one in members if any(map(has_local_storage, one.pods))]
        if not concerned:
            continue
        concern = _concern(subject, concerned)
        if concern is not None:
            yield _may_hurt(subject, concerned, concern, drain)
        else:
            harmless += concerned
    plain += [pod for one in harmless for pod in one.pods if has_local_storage(pod)]
    if plain:
        yield _plain_step(plain, [one.subject for one in harmless], drain)


class Concern(msgspec.Struct, frozen=True):
    """Why it may hurt, and whether there is anything to save."""

    why: str
    is_data: bool


DAEMONS = Concern("They are a storage system's daemons, and leave their node together.", is_data=False)
OPERATOR = Concern("It looks after a storage system: while it moves, nobody does.", is_data=False)
ONLY_COPY = Concern(
    "It is the only replica: nothing else has a copy, and nothing serves while it starts again.", is_data=True
)
OWN_DATA = Concern(
    "Its pods have no claim beside it, so it seems to hold their data; node by node, each loses its own.", is_data=True
)


def _concern(subject: Subject, members: list[Workload]) -> Concern | None:
    if (subject.api_version.partition("/")[0], subject.kind) in STORAGE:
        return DAEMONS
    if any(one.controller.name in STORAGE_OPERATORS for one in members):
        return OPERATOR
    for one in members:
        if one.controller.kind == "Job" or not any(map(_holds_data, one.pods)):
            continue
        if one.replicas <= 1:
            return ONLY_COPY
        if one.controller.kind == "StatefulSet":
            return OWN_DATA
    return None


def _holds_data(pod: Pod) -> bool:
    volumes = pod.spec.volumes or ()
    if any(one.persistent_volume_claim is not None or one.ephemeral is not None for one in volumes):
        return False
    return bool(_data_volumes(pod))


def _data_volumes(pod: Pod) -> list[str]:
    on_disk = (one.name for one in pod.spec.volumes or () if one.empty_dir and one.empty_dir.medium != "Memory")
    return [name for name in on_disk if name not in SIDECARS and not SCRATCH.search(name)]


def _may_hurt(subject: Subject, members: list[Workload], concern: Concern, drain: DrainCommand) -> Finding:
    pods = [pod for one in members for pod in one.pods if has_local_storage(pod)]
    volumes = sorted({name for pod in pods for name in _data_volumes(pod)}) or _volumes(pods)
    nodes = sorted({pod.spec.node_name or "" for pod in pods})
    whose = "Its pod" if len(pods) == 1 else f"{len(pods)} of its pods"
    return finding(
        subject,
        f"{whose} on {listed(nodes)} {'has' if len(pods) == 1 else 'have'} files in the emptyDir {listed(volumes)}. A "
        f"drain evicts nothing from there without {drain.flag}, and with it they are deleted. "
        f"{concern.why}",
        remedy=(_save_first(pods[0]) if concern.is_data else _WAIT_FOR_STORAGE) + f"\n{drain.on()}",
        places=pods,
        evidence={"volumes": volumes, "nodes": nodes},
    )


_WAIT_FOR_STORAGE = (
    "Nothing in there needs saving, but the storage needs time: drain one node at a time, and wait until it is healthy "
    "and whole again before the next."
)


def _save_first(pod: Pod) -> str:
    namespace = f" -n {pod.namespace}" if pod.namespace else ""
    return (
        "Look what is in there, and copy what is worth keeping, or move it to a claim, before the first drain:\n"
        f"kubectl{namespace} get pod {pod.name} -o jsonpath='{{.spec.containers[*].volumeMounts}}'\n"
        f"kubectl{namespace} cp {pod.name}:MOUNT-PATH ./{pod.name}\n"
        "Then drain one node at a time, and wait until everything runs again before the next:"
    )


def _plain_step(pods: list[Pod], owners: Iterable[Subject], drain: DrainCommand) -> Finding:
    names = sorted({str(one) for one in owners} | {str(pod.subject) for pod in pods if pod.metadata.controller is None})
    more = [f"and {len(names) - SHOWN} more"] if len(names) > SHOWN else []
    nodes = sorted({pod.spec.node_name or "" for pod in pods})
    return finding(
        Subject(kind="kubectl", name="drain", field="emptyDir volumes"),
        f"{len(pods)} {'pod' if len(pods) == 1 else 'pods'} on {listed(nodes)} "
        f"{'has' if len(pods) == 1 else 'have'} an emptyDir that may be lost: scratch space, or other replicas carry "
        f"on, or a Job begins again. Without {drain.flag} a drain stops there and evicts nothing from that node.",
        remedy=f"Pass the flag:\n{drain.on()}",
        places=[Subject(api_version="v1", kind="Node", name=node, node=node) for node in nodes],
        evidence={"pods": len(pods), "owners": names[:SHOWN] + more},
        severity=NOTE,
    )


def _volumes(pods: Iterable[Pod]) -> list[str]:
    return sorted({one.name for pod in pods for one in pod.spec.volumes or () if one.empty_dir is not None})
