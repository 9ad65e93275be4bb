"""emptyDir volumes: `kubectl drain` stops at them, and with the flag that lets it go on they are deleted."""

import re
from collections.abc import Iterable, Iterator
from shlex import quote

from kubepreflight.finding import NOTE, WARNING, Finding, Subject, finding
from kubepreflight.objects import Pod
from kubepreflight.rule import rule
from kubepreflight.semantics.ceph import HELPERS, CephCluster, is_rooks, own_data_in_empty_dir
from kubepreflight.semantics.drain import has_local_storage
from kubepreflight.semantics.kubectl import in_namespace
from kubepreflight.semantics.several import listed, of_its_pods
from kubepreflight.semantics.work import DrainCommand
from kubepreflight.semantics.workloads import Workload, Workloads

SCRATCH = re.compile(
    r"(?<![a-z])(caches?|certs?|d?shm|envoy|locks?|logs?|run|scratch|sock(et)?s?|te?mp(fs|dir)?)(?![a-z])"
)
"""A word in a volume's name that says: nobody misses what is in it."""

FILLED_ANEW = frozenset(
    {
        "istio-data",
        "argocd-home",
        "dexconfig",
        "gpg-keyring",
        "helm-working-dir",
        "plugins",
        "plugins-home",
        "static-files",
        "var-files",
    }
)
"""Volumes that Istio's sidecars, Argo CD and Velero fill anew at every start, under names that promise more."""

SHOWN = 50


@rule(severity=WARNING, area="drain", phase="node-upgrade")
def drain_stops_at_local_storage(
    workloads: Workloads, drain: DrainCommand, clusters: list[CephCluster] | None = None
) -> Iterator[Finding]:
    """Pods keep files in emptyDir volumes, and a drain deletes them.

    Why: an emptyDir lies on the node's disk, or in its memory, and ends with its pod. `kubectl drain` therefore stops
    at the first one, unless it is told to delete them.

    What happens: without `--delete-emptydir-data` not one pod leaves the node, whatever else runs there, and the node
    stays cordoned. (An old kubectl calls the flag `--delete-local-data`; what is found names the one that the kubectl
    of the running version knows.) With it, the files are gone. That is a warning where it may hurt: a StatefulSet whose
    pods have no claim beside the emptyDir, so that it seems to hold their data; a single replica, of which nothing else
    has a copy; a Ceph that keeps its own data there, or of which nobody knows whether it is healthy. For all others it
    is a note, one for the whole cluster: passing the flag is a step of the work. A Ceph that tells its health has a
    note of its own: its daemons leave with the node, and it needs time to be whole again before the next.

    When it stays silent: no pod that a drain would remove has an emptyDir. Finished pods, static pods and DaemonSets'
    pods do not count, as for kubectl, nor do nodes whose kubelet is at the target already. It is no more than a note
    when other replicas carry on; when the volume is in memory, or is called like scratch space (tmp, cache, run, log,
    socket, certs and the like); when the pod keeps its data in a claim; for Jobs, which begin again; and for what Rook
    makes anew: its operator's files, and the keys and settings of Ceph's daemons. How Ceph is, ceph-unhealthy says.

    How to see it yourself: kubectl drain NODE --ignore-daemonsets --dry-run=server

    References:
        https://kubernetes.io/docs/concepts/storage/volumes/#emptydir
        https://kubernetes.io/docs/tasks/administer-cluster/safely-drain-node/
        https://kubernetes.io/docs/reference/kubectl/generated/kubectl_drain/

    """
    telling = {(one.namespace, one.name) for one in clusters or () if one.tells_health}
    harmless: list[Workload] = []
    for subject, members in workloads.by_subject().items():
        concerned = [one for one in members if any(map(has_local_storage, one.pods))]
        total = sum(one.replicas for one in members)
        if concerned and is_rooks(subject) and subject.kind == CephCluster.api.kind:
            yield _of_ceph(subject, concerned, total, drain, tells_health=(subject.namespace, subject.name) in telling)
            continue
        concerns = {one: why for one in concerned if (why := _concern(one))}
        if concerns:
            yield _may_hurt(subject, list(concerns), total, drain, " ".join(dict.fromkeys(concerns.values())))
        harmless += [one for one in concerned if one not in concerns]
    bare = [pod for pod in workloads.bare if has_local_storage(pod)]
    if bare or harmless:
        yield _plain_step(bare, harmless, drain)


ONLY_COPY = "It is the only replica: nothing else has a copy, and nothing serves while it starts again."
OWN_DATA = "Its pods have no claim beside it, so it seems to hold their data; node by node, each loses its own."


def _concern(one: Workload) -> str:
    of_rook = is_rooks(one.subject) or one.controller.name in HELPERS
    if of_rook or one.controller.kind == "Job" or not any(map(_holds_data, one.pods)):
        return ""
    if one.replicas <= 1:
        return ONLY_COPY
    return OWN_DATA if one.controller.kind == "StatefulSet" else ""


def _holds_data(pod: Pod) -> bool:
    volumes = pod.spec.volumes or ()
    if any(one.persistent_volume_claim is not None or one.ephemeral is not None for one in volumes):
        return False
    return bool(_data_volumes(pod))


def _data_volumes(pod: Pod) -> list[str]:
    on_disk = (one.name for one in pod.spec.volumes or () if one.empty_dir and one.empty_dir.medium != "Memory")
    return [name for name in on_disk if name not in FILLED_ANEW and not SCRATCH.search(name)]


def _may_hurt(subject: Subject, members: list[Workload], total: int, drain: DrainCommand, why: str) -> Finding:
    pods = [pod for one in members for pod in one.pods if _data_volumes(pod)]
    volumes = sorted({name for pod in pods for name in _data_volumes(pod)})
    nodes = _nodes(pods)
    return finding(
        subject,
        f"{of_its_pods(len(pods), total)} on {listed(nodes)} {_has(pods)} files in the emptyDir {listed(volumes)}. "
        f"{_either_way(drain)} {why}",
        remedy=f"{_save_first(pods[0])}\n{_drain_each(nodes, drain)}",
        places=pods,
        evidence={"volumes": volumes, "nodes": nodes},
    )


def _either_way(drain: DrainCommand) -> str:
    return f"A drain evicts nothing from there without {drain.flag}, and with it they are deleted."


def _save_first(pod: Pod) -> str:
    namespace, name = in_namespace(pod.namespace), quote(pod.name)
    return (
        "See what is in there, and copy what is worth keeping, or move it to a claim, before the drain:\n"
        f"kubectl{namespace} get pod {name} -o jsonpath='{{.spec.containers[*].volumeMounts}}'\n"
        f"kubectl{namespace} cp {name}:MOUNT-PATH ./{name}"
    )


def _drain_each(nodes: list[str], drain: DrainCommand) -> str:
    if len(nodes) == 1:
        return f"Then:\n{drain.on(nodes[0])}"
    return f"Then drain one node at a time, and wait until everything runs again before the next:\n{drain.on()}"


def _of_ceph(
    subject: Subject, members: list[Workload], total: int, drain: DrainCommand, *, tells_health: bool
) -> Finding:
    keeping = [pod for one in members for pod in one.pods if own_data_in_empty_dir(pod)]
    pods = keeping or [pod for one in members for pod in one.pods if has_local_storage(pod)]
    volumes = sorted({name for pod in pods for name in own_data_in_empty_dir(pod) or _volumes(pod)})
    nodes = _nodes(pods)
    who = f"{of_its_pods(len(pods), total)} on {listed(nodes)}"
    health = f"kubectl -n {quote(subject.namespace)} get cephcluster {quote(subject.name)}"
    best = (
        "Best: let Rook keep it on disk (dataDirHostPath in the CephCluster) or in claims first.\n" if keeping else ""
    )
    return finding(
        subject,
        _ceph_keeps(who, pods, volumes, drain)
        if keeping
        else _ceph_makes_anew(who, pods, volumes, drain, tells_health),
        remedy=f"{best}Drain one node at a time:\n{drain.on()}\n"
        f"Before each, and after it is back, this must say HEALTH_OK:\n{health}",
        places=pods,
        evidence={"volumes": volumes, "nodes": nodes},
        severity=NOTE if tells_health and not keeping else WARNING,
    )


def _ceph_keeps(who: str, pods: list[Pod], volumes: list[str], drain: DrainCommand) -> str:
    return (
        f"{who} {'keeps' if len(pods) == 1 else 'keep'} Ceph's own data in the emptyDir {listed(volumes)}. "
        f"{_either_way(drain)} Ceph can restore it only as long as enough of its other daemons have theirs."
    )


def _ceph_makes_anew(who: str, pods: list[Pod], volumes: list[str], drain: DrainCommand, tells_health: bool) -> str:
    what, it = ("an emptyDir", "it") if len(volumes) == 1 else ("emptyDirs", "them")
    after = (
        "With it, Ceph's daemons leave together with the node, and Ceph needs time to be whole again before the next "
        "one goes."
        if tells_health
        else "Whether Ceph can do without a node is not known: its health could not be read."
    )
    return (
        f"{who} {_has(pods)} {what} ({listed(volumes)}) with nothing in {it} but what Rook makes anew. Without "
        f"{drain.flag} a drain stops there and evicts nothing. {after}"
    )


def _plain_step(bare: list[Pod], harmless: list[Workload], drain: DrainCommand) -> Finding:
    pods = bare + [pod for one in harmless for pod in one.pods if has_local_storage(pod)]
    names = sorted({str(one.subject) for one in harmless} | {str(pod.subject) for pod in bare})
    more = [f"and {len(names) - SHOWN} more"] if len(names) > SHOWN else []
    nodes = _nodes(pods)
    return finding(
        Subject(kind="kubectl", name="drain", field="emptyDir volumes"),
        f"{len(pods)} {'pod' if len(pods) == 1 else 'pods'} on {listed(nodes)} {_has(pods)} an emptyDir that may be "
        f"lost: scratch space, or other replicas carry on, or a Job begins again. Without {drain.flag} a drain stops "
        f"there and evicts nothing from {'that node' if len(nodes) == 1 else 'those nodes'}.",
        remedy=f"Pass the flag:\n{drain.on()}",
        places=[Subject(api_version="v1", kind="Node", name=node, node=node) for node in nodes],
        evidence={"pods": len(pods), "owners": names[:SHOWN] + more},
        severity=NOTE,
    )


def _nodes(pods: Iterable[Pod]) -> list[str]:
    return sorted({pod.spec.node_name or "" for pod in pods})


def _has(pods: list[Pod]) -> str:
    return "has" if len(pods) == 1 else "have"


def _volumes(pod: Pod) -> list[str]:
    return [one.name for one in pod.spec.volumes or () if one.empty_dir is not None]
