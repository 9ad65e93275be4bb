"""Pods of kube-system that are unwell before the work begins."""

from collections.abc import Iterator
from shlex import quote

from kubepreflight.finding import BLOCKER, WARNING, Finding, Subject, finding
from kubepreflight.objects import Node, Pod
from kubepreflight.rule import rule
from kubepreflight.semantics.components import CONTROL_PLANE, component_of
from kubepreflight.semantics.last_report import last_report
from kubepreflight.semantics.owners import owner_of
from kubepreflight.semantics.pod_trouble import (
    NOT_YET,
    RESTARTS,
    UNSCHEDULABLE,
    WITHOUT_IMAGE,
    Trouble,
    trouble_of,
)
from kubepreflight.semantics.several import listed

NEEDED_BY_KUBEADM = (*CONTROL_PLANE, "etcd")


@rule(severity=BLOCKER, area="control-plane", phase="before")
def control_plane_pod_unhealthy(pods: list[Pod], nodes: list[Node] | None = None) -> Iterator[Finding]:
    """A pod of kube-system crashes, cannot start or is not ready before the work begins.

    Why: kubeadm replaces the static pods one after the other and waits for each to come back. It looks at etcd before,
    at the others not. What is broken before the upgrade is searched for in the upgrade afterwards.

    What happens: with a control-plane component that does not come up, kubeadm waits for its timeout and rolls back, or
    leaves a node half-upgraded. With a broken kube-proxy, CoreDNS or network plugin, pods of drained nodes do not work
    where they are started anew.

    When it stays silent: every pod of kube-system is ready, or has ended, or is being deleted. Restarts count when
    there were three or more and the last one within a day before the nodes last reported, but not those of a node that
    was itself restarted; Jobs are left out. An etcd that is down or not ready is told by etcd-unhealthy, its restarts
    here. It is a blocker for API server, controller-manager and scheduler when they are down or not ready, and a
    warning for restarts, for those that were ready less than two minutes ago, as after a restart of the API server, and
    for all others.

    How to see it yourself: kubectl -n kube-system get pods -o wide

    References:
        https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-upgrade/
        https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/troubleshooting-kubeadm/

    """
    now = last_report(nodes or ())
    troubled: dict[tuple[Subject, str], list[tuple[Pod, Trouble]]] = {}
    for pod in pods:
        if pod.namespace != "kube-system" or (pod.metadata.controller and pod.metadata.controller.kind == "Job"):
            continue
        trouble = trouble_of(pod, now)
        if trouble is not None and (trouble.reason == RESTARTS or component_of(pod) != "etcd"):
            troubled.setdefault((owner_of(pod), _sort(trouble)), []).append((pod, trouble))
    for (owner, sort), same in troubled.items():
        yield _finding(owner, sort, same)


def _sort(trouble: Trouble) -> str:
    """What stays the same while a pod goes from one reason to the next: crashed, waiting, running, not yet ready."""
    if trouble.reason in WITHOUT_IMAGE:
        return "image"
    return "scheduling" if trouble.reason == UNSCHEDULABLE else "health"


def _finding(owner: Subject, sort: str, troubled: list[tuple[Pod, Trouble]]) -> Finding:
    pod, trouble = min(troubled, key=lambda one: one[1].reason == RESTARTS)
    component = component_of(pod)
    needed = component in NEEDED_BY_KUBEADM
    where = listed(one.spec.node_name or "no node" for one, _ in troubled)
    count = f"{len(troubled)} pods of {owner.kind} {owner.name}" if len(troubled) > 1 else pod.name
    follows = (
        "kubeadm waits for it when it replaces the static pods, and stops half-way when it does not come up."
        if needed
        else "The upgrade takes it away and brings it back on every node: mend it before."
    )
    return finding(
        owner,
        f"{count} on {where}: {trouble.text}. {follows}",
        remedy="Find out why, first:\n"
        f"kubectl -n kube-system describe pod {quote(pod.name)}\n"
        f"kubectl -n kube-system logs {quote(pod.name)} --all-containers --previous --tail=50",
        field=sort,
        places=[one for one, _ in troubled],
        severity=BLOCKER if needed and trouble.reason not in (RESTARTS, NOT_YET) else WARNING,
    )
