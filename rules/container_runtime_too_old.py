"""Container runtimes that the next kubelets cannot talk to."""

from collections.abc import Iterator
from typing import NamedTuple

from kubepreflight.finding import BLOCKER, NOTE, WARNING, Finding, Gap, Severity, cannot_check, finding
from kubepreflight.knowledge.runtimes import Runtimes
from kubepreflight.objects import Node
from kubepreflight.rule import rule
from kubepreflight.semantics.kubelets import is_virtual
from kubepreflight.semantics.node_runtimes import NodeRuntime, kubelet_minor, node_runtime
from kubepreflight.semantics.several import common_subject, grouped, listed
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Minor

DOCKERSHIM, MAYBE_DOCKERSHIM = "dockershim", "perhaps dockershim"
CRI_DOCKERD = "cri-dockerd"
LATER = "RuntimeConfig"
SERVICES = {"containerd": "containerd", "cri-o": "crio"}


@rule(severity=BLOCKER, area="nodes", phase="node-upgrade")
def container_runtime_too_old(nodes: list[Node], upgrade: Upgrade, known: Runtimes) -> Iterator[Finding | Gap]:
    """A node's container runtime cannot serve the kubelet of a later version.

    Why: the kubelet speaks to the runtime over the CRI, and drops old versions of it. kubeadm upgrades Kubernetes, not
    the runtime; nothing else does either, unless somebody upgrades its package.

    What happens: the new kubelet asks its runtime at the start, gets no answer that it understands and exits: "validate
    service connection: CRI v1 runtime API is not implemented". The node goes NotReady in the middle of the work. The
    dockershim is gone from 1.24 on. CRI v1 is needed from 1.26 on: containerd 1.6, CRI-O 1.21, cri-dockerd 0.3.
    RuntimeConfig, by which the runtime tells its cgroup driver, will be needed from 1.38 on as it was announced:
    containerd 2.0, CRI-O 1.28; until then kubeadm only warns, and here it is a note.

    When it stays silent: the runtime is new enough for every hop of the plan, or the node's kubelet has made the step
    already. Behind docker:// with a kubelet of 1.24 or later there is cri-dockerd, whose version no node tells: before
    1.26 that is a warning to look. That a runtime is out of support says nothing here. Other runtimes than containerd,
    CRI-O and Docker are not checked.

    How to see it yourself: kubectl get nodes -o wide (CONTAINER-RUNTIME); crictl runtime-config on the node

    References:
        https://kubernetes.io/docs/setup/production-environment/container-runtimes/#cri-versions
        https://kubernetes.io/blog/2022/11/18/upcoming-changes-in-kubernetes-1-26/#cri-api-removal
        https://github.com/kubernetes/enhancements/issues/4033

    """
    found: dict[tuple[str, Minor], list[Node]] = {}
    for node in sorted(nodes, key=lambda one: one.name):
        if is_virtual(node):
            continue
        runtime, kubelet = node_runtime(node), kubelet_minor(node)
        reason = _why_not_judged(node, runtime, kubelet)
        if reason or runtime is None or kubelet is None:
            yield _gap(node, reason)
        elif (cause := _cause(node, runtime, kubelet, upgrade, known)) is not None:
            found.setdefault(cause, []).append(node)
    for (what, since), same in found.items():
        yield _finding(what, since, same, upgrade, known)


def _why_not_judged(node: Node, runtime: NodeRuntime | None, kubelet: Minor | None) -> str:
    told = node.status.node_info.container_runtime_version[:60]
    if kubelet is None:
        return f"its kubelet calls itself {node.status.node_info.kubelet_version[:60]!r}, which is no version"
    if runtime is None or runtime.name not in ("containerd", "cri-o", "docker"):
        return f"its runtime calls itself {told!r}"
    return f"its runtime calls itself {told!r}, which has no version" if runtime.version is None else ""


def _cause(
    node: Node, runtime: NodeRuntime, kubelet: Minor, upgrade: Upgrade, known: Runtimes
) -> tuple[str, Minor] | None:
    """What is in the way, and from which minor on."""
    last, gone = upgrade.target.minor_version, known.file.dockershim_gone
    if runtime.name == "docker" and kubelet < gone <= last:
        socket = node.metadata.annotations.cri_socket if node.metadata.annotations else None
        if socket is None or "dockershim" in socket:
            return (MAYBE_DOCKERSHIM if socket is None else DOCKERSHIM), gone
    if runtime.name == "docker":
        row = next(row for row in known.file.oldest if row.runtime == CRI_DOCKERD)
        return (CRI_DOCKERD, row.since) if kubelet < row.since <= last else None
    version = runtime.version
    if version is None:
        return None
    oldest = known.too_old(runtime.name, version, last)
    if oldest is not None and kubelet < oldest.since:
        return runtime.name, oldest.since
    later = known.file.runtime_config
    if later.warned_of_since <= last and known.tells_cgroup_driver(runtime.name, version) is False:
        return LATER, later.announced_for
    return None


def _finding(what: str, since: Minor, nodes: list[Node], upgrade: Upgrade, known: Runtimes) -> Finding:
    versions: dict[object, list[str]] = {}
    for node in nodes:
        versions.setdefault(node.status.node_info.container_runtime_version, []).append(node.name)
    words = _says(what, since, known)
    return finding(
        common_subject(nodes, f"{what} for {since}"),
        f"{grouped(versions)}: {words.text}",
        remedy=words.remedy,
        places=nodes,
        severity=words.severity,
        hop=upgrade.hop_to(since) or upgrade.hops[-1],
        phase="after" if what is LATER else None,
        evidence={"runtimes": [f"{name}: {listed(names)}" for name, names in versions.items()]},
    )


class Words(NamedTuple):
    """How one cause is told."""

    severity: Severity
    text: str
    remedy: str


def _says(what: str, since: Minor, known: Runtimes) -> Words:
    if what in (DOCKERSHIM, MAYBE_DOCKERSHIM):
        how = "uses" if what == DOCKERSHIM else "may use (no annotation tells the socket)"
        text = f"the kubelet {how} the dockershim, which {since} no longer has: it does not start."
        remedy = (
            f"Before the hop to {since} move the nodes to containerd, or put cri-dockerd before Docker, one drained "
            "node after the other: https://kubernetes.io/docs/tasks/administer-cluster/migrating-from-dockershim/"
        )
        return Words(BLOCKER if what == DOCKERSHIM else WARNING, text, remedy)
    if what == LATER:
        return _later(since, known)
    row = next(one for one in known.file.oldest if one.runtime == what)
    text = f"kubelets of {since} speak only {row.speaks}, which {what} serves from {row.version} on"
    if what == CRI_DOCKERD:
        text += "; no node tells the version of cri-dockerd."
        remedy = f"Look on each node, and bring it to {row.version} before the hop to {since}:\n{what} --version"
        return Words(WARNING, text, remedy)
    remedy = (
        f"Upgrade {what} to {row.version} or later before the hop to {since}, one drained node after the other:\n"
        f"kubectl drain NODE --ignore-daemonsets\n# upgrade the package, then\nsystemctl restart {SERVICES[what]}\n"
        "kubectl uncordon NODE"
    )
    return Words(BLOCKER, f"{text}: the kubelet does not start.", remedy)


def _later(since: Minor, known: Runtimes) -> Words:
    enough = " or ".join(f"{name} {version}" for name, version in known.file.runtime_config.oldest.items())
    text = (
        f"the runtime does not serve RuntimeConfig, which kubelets of {since} will need as it was announced. Until "
        "then all works; kubeadm warns of it in its preflight checks."
    )
    remedy = (
        f"Plan the upgrade to {enough} before {since}, one drained node after the other. containerd 2 has another "
        "version of its config.toml; this shows it:\ncontainerd config migrate"
    )
    return Words(NOTE, text, remedy)


def _gap(node: Node, reason: str) -> Gap:
    return cannot_check("container runtime", reason, subject=node.name, how="look at the node: crictl version")
