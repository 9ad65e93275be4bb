"""Pods that can run on one node only, or that leave their data behind on it."""

from collections.abc import Iterator, Mapping
from shlex import quote

import msgspec

from kubepreflight.finding import NOTE, WARNING, Finding, Subject, finding
from kubepreflight.objects import Api, KubernetesObject, Pod, group_of
from kubepreflight.parts import HostPath, NodeSelector, Part, Volume
from kubepreflight.rule import rule
from kubepreflight.semantics.ceph import is_rooks
from kubepreflight.semantics.host_paths import holds_data
from kubepreflight.semantics.placement import Placement
from kubepreflight.semantics.several import listed, of_its_pods
from kubepreflight.semantics.work import DrainCommand
from kubepreflight.semantics.workloads import Workload, Workloads


class VolumeNodeAffinity(Part, frozen=True):
    """The nodes from which a volume can be reached."""

    required: NodeSelector | None = None


class ClaimReference(Part, frozen=True):
    """The claim that has a volume."""

    namespace: str = ""
    name: str = ""


class PersistentVolumeSpec(Part, frozen=True):
    """A volume's spec."""

    claim_ref: ClaimReference | None = None
    node_affinity: VolumeNodeAffinity | None = None
    host_path: HostPath | None = None


class PersistentVolume(KubernetesObject):
    """A PersistentVolume."""

    api = Api("", "PersistentVolume", "persistentvolumes", namespaced=False)
    spec: PersistentVolumeSpec = PersistentVolumeSpec()


class Tie(msgspec.Struct, frozen=True):
    """What ties a pod to its node: of which `sort`, and its name."""

    sort: str
    name: str


MADE_FOR_NODES = ("longhorn.io",)
"""API groups whose operators make a pod for each node, and no other pod for what lies in its directories."""

VOLUME, DEVICE, SELECTOR, DIRECTORY = "volume", "device", "selector", "directory"

WORDS = {
    VOLUME: (
        "the volume of claim {} can be reached from no other",
        "the volumes of claims {} can be reached from no other",
    ),
    DEVICE: ("no other has {}", "no other has {}"),
    SELECTOR: ("its {} admits no other", "its {} admits no other"),
    DIRECTORY: ("there is data in the hostPath {}", "there is data in the hostPaths {}"),
}
"""How a tie is told: one of its sort, or several."""


@rule(severity=WARNING, area="drain", phase="node-upgrade")
def pod_tied_to_node(
    workloads: Workloads, placement: Placement, drain: DrainCommand, volumes: list[PersistentVolume] | None
) -> Iterator[Finding]:
    """A pod can run on one node only, or its data stays behind on the node.

    Why: `kubectl drain` looks at no volume but emptyDir, and asks nobody where an evicted pod could go. It evicts a
    pod whose PersistentVolume lies on this node's disk, that insists on this node by its node selector or affinity, or
    that needs a device (a GPU) which no other node has.

    What happens: the new pod stays Pending until the node is back and uncordoned, and what it serves is away so long.
    When the node is replaced instead of upgraded, the data is gone. A pod with a hostPath and nothing that binds it to
    the node is worse off: it starts on another node at once, and finds an empty directory, or other data, there.

    When it stays silent: the cluster has a single node; DaemonSets' pods, static pods, finished pods and pods without
    a controller (nothing replaces those); nodes whose kubelet is at the target already; a volume or selector that some
    other node satisfies too. A hostPath counts when it can hold data of its own: not sockets, devices and single files,
    not what belongs to the system and the kubelet (/dev, /etc, /lib, /proc, /run, /sys, /tmp, /usr, /var/log, /var/run,
    /var/lib/kubelet and the like), not the root. Rook's daemons wait for their node on purpose, Ceph holds copies of
    what they keep: for them it is a note. Longhorn's are made for their node and leave nothing behind.

    How to see it yourself: kubectl get persistentvolumes
    -o custom-columns=CLAIM:.spec.claimRef.name,NODES:.spec.nodeAffinity.required, and kubectl get pods --all-namespaces
    -o custom-columns=NAME:.metadata.name,NODE:.spec.nodeName,SELECTOR:.spec.nodeSelector

    References:
        https://kubernetes.io/docs/concepts/storage/persistent-volumes/#node-affinity
        https://kubernetes.io/docs/concepts/storage/volumes/#hostpath
        https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/

    """
    if len(placement.names) < 2:
        return
    claimed = {}
    for one in volumes or ():
        if one.spec.claim_ref is not None:
            claimed[one.spec.claim_ref.namespace, one.spec.claim_ref.name] = one
    for subject, members in workloads.by_subject().items():
        pods = (pod for member in members for pod in member.pods)
        ties = [(pod, found) for pod in pods if (found := set(_ties(pod, placement, claimed)))]
        waiting = [(pod, found) for pod, found in ties if any(one.sort != DIRECTORY for one in found)]
        straying = [(pod, found) for pod, found in ties if all(one.sort == DIRECTORY for one in found)]
        total = sum(one.replicas for one in members)
        if waiting and is_rooks(subject):
            yield _is_meant_to_wait(subject, total, waiting, drain)
        elif waiting:
            yield _waits(subject, total, waiting, drain)
        elif straying and not is_rooks(subject) and group_of(subject.api_version) not in MADE_FOR_NODES:
            yield _strays(subject, members, straying)


Claimed = Mapping[tuple[str, str], PersistentVolume]


def _ties(pod: Pod, placement: Placement, claimed: Claimed) -> Iterator[Tie]:
    here = {pod.spec.node_name}
    if (pod.spec.node_selector or pod.spec.affinity) and placement.for_pod(pod) == here:
        yield Tie(SELECTOR, "node selector or affinity")
    for container in (*(pod.spec.containers or ()), *(pod.spec.init_containers or ())):
        for device in container.resources.extended if container.resources else ():
            if placement.with_device(device) == here:
                yield Tie(DEVICE, device)
    for volume in pod.spec.volumes or ():
        if volume.host_path is not None and holds_data(volume.host_path):
            yield Tie(DIRECTORY, volume.host_path.path)
        claim = _claim(pod, volume)
        held = claimed.get((pod.namespace, claim)) if claim else None
        if held is None:
            continue
        required = held.spec.node_affinity.required if held.spec.node_affinity else None
        if required is not None and placement.for_selector(required) == here:
            yield Tie(VOLUME, claim)
        elif required is None and held.spec.host_path is not None and holds_data(held.spec.host_path):
            yield Tie(DIRECTORY, held.spec.host_path.path)


def _claim(pod: Pod, volume: Volume) -> str:
    if volume.ephemeral is not None:
        return f"{pod.name}-{volume.name}"
    return volume.persistent_volume_claim.claim_name if volume.persistent_volume_claim else ""


Tied = list[tuple[Pod, set[Tie]]]


def _waits(subject: Subject, total: int, tied: Tied, drain: DrainCommand) -> Finding:
    pods, ties, nodes = _all(tied)
    node = nodes[0] if len(nodes) == 1 else "NODE"
    if len(nodes) > 1:
        after = "each stays Pending until its node is back and uncordoned, and what it serves"
    elif len(pods) > 1:
        after = f"they stay Pending until {node} is back and uncordoned, and what they serve"
    else:
        after = f"it stays Pending until {node} is back and uncordoned, and what it serves"
    return finding(
        subject,
        f"{_who(pods, nodes, total)}: {_told(ties)}. After a drain {after} is away so long.{_lost(ties)}",
        remedy="Plan for the outage, or first move it to what other nodes have too. Keep the drain short, one node at "
        f"a time:\n{drain.on(node)}\nUpgrade the node, and bring it back:\nkubectl uncordon {quote(node)}",
        places=pods,
        evidence=_evidence(ties, nodes),
    )


def _is_meant_to_wait(subject: Subject, total: int, tied: Tied, drain: DrainCommand) -> Finding:
    pods, ties, nodes = _all(tied)
    which = f"-n {quote(subject.namespace)} get cephcluster"
    return finding(
        subject,
        f"{_who(pods, nodes, total)}: {_told(ties)}. That is as it should be: Ceph holds copies elsewhere. It must be "
        "healthy before a node goes, and again before the next one does.",
        remedy=f"Drain one node at a time:\n{drain.on()}\n"
        f"Before each, and after it is back, this must say HEALTH_OK:\nkubectl {which}",
        places=pods,
        evidence=_evidence(ties, nodes),
        severity=NOTE,
    )


def _strays(subject: Subject, members: list[Workload], tied: Tied) -> Finding:
    pods, ties, nodes = _all(tied)
    controller, total = members[0].controller, sum(one.replicas for one in members)
    patch = f'{{"spec":{{"template":{{"spec":{{"nodeSelector":{{"kubernetes.io/hostname":"{nodes[0]}"}}}}}}}}}}'
    namespace, name = quote(controller.namespace), quote(controller.name)
    bind = (
        "or bind it to its node, so that it waits for it (this starts it anew):\n"
        f"kubectl -n {namespace} patch {controller.kind.lower()} {name} --type merge -p {quote(patch)}"
        if len(nodes) == 1 and len(members) == 1 and controller.kind in ("Deployment", "StatefulSet")
        else "or bind each pod to its node, so that it waits for it."
    )
    unbound, after = (
        ("the pod to that node", "it starts on another one")
        if len(pods) == 1
        else ("the pods to their nodes", "each may start on another one")
    )
    return finding(
        subject,
        f"{of_its_pods(len(pods), total)} on {listed(nodes)} may leave data behind: {_told(ties)}, and nothing binds "
        f"{unbound}. After a drain {after}, where the directory is empty or holds something else.",
        remedy=f"Put the data on a claim, {bind}",
        places=pods,
        evidence=_evidence(ties, nodes),
    )


def _all(tied: Tied) -> tuple[list[Pod], set[Tie], list[str]]:
    pods = [pod for pod, _ in tied]
    return pods, {one for _, found in tied for one in found}, sorted({pod.spec.node_name or "" for pod in pods})


def _who(pods: list[Pod], nodes: list[str], total: int) -> str:
    alone = "can run on no other node" if len(nodes) == 1 else "can each run on its own node only"
    return f"{of_its_pods(len(pods), total)} on {listed(nodes)} {alone}"


def _told(ties: set[Tie]) -> str:
    names = {sort: sorted(one.name for one in ties if one.sort == sort) for sort in WORDS}
    return "; ".join(
        (one if len(names[sort]) == 1 else several).format(listed(names[sort]))
        for sort, (one, several) in WORDS.items()
        if names[sort]
    )


def _lost(ties: set[Tie]) -> str:
    holds = any(one.sort in (VOLUME, DIRECTORY) for one in ties)
    return " If the node is replaced instead of upgraded, the data is gone." if holds else ""


def _evidence(ties: set[Tie], nodes: list[str]) -> dict[str, list[str]]:
    return {"tiedBy": sorted({f"{one.sort}: {one.name}" for one in ties}), "nodes": nodes}
