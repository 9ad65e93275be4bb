"""Nodes that are unwell before the work begins."""

from collections.abc import Iterator
from datetime import datetime
from shlex import quote

from kubepreflight.finding import BLOCKER, WARNING, Finding, finding
from kubepreflight.objects import Condition, Node, NodeCondition
from kubepreflight.rule import rule
from kubepreflight.semantics.several import common_subject, listed

TROUBLES = {
    "MemoryPressure": "the kubelet evicts pods, and those that the drain of other nodes sends here do not start",
    "DiskPressure": "the kubelet evicts pods and deletes images, and the new images do not fit",
    "PIDPressure": "the kubelet evicts pods, and new ones do not start",
    "NetworkUnavailable": "pods there have no network",
}
"""Conditions that must not be true, and what follows when they are."""

NEVER_REPORTED = NodeCondition(reason="NeverReported", message="it has no Ready condition")


@rule(severity=BLOCKER, area="versions", phase="before")
def node_not_ready(nodes: list[Node]) -> Iterator[Finding]:
    """A node is not Ready, or under pressure, before the work begins.

    Why: an upgrade takes nodes away one after the other, and the rest has to carry everything. kubeadm itself looks
    at the control-plane nodes only.

    What happens: with a control-plane node that is not Ready, `kubeadm upgrade apply` refuses to begin
    (ControlPlaneNodesReady). A worker that is not Ready cannot be drained: nobody ends its pods; and its pods count as
    unhealthy, so that disruption budgets forbid the eviction of others.

    When it stays silent: every node's Ready condition is True, and none of MemoryPressure, DiskPressure, PIDPressure
    and NetworkUnavailable is. Workers with the same trouble are one finding.

    How to see it yourself: kubectl get nodes, then kubectl describe node NODE

    References:
        https://kubernetes.io/docs/reference/node/node-status/#condition
        https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-upgrade/

    """
    workers: dict[str, list[Node]] = {}
    for node in nodes:
        ready = node.condition("Ready") or NEVER_REPORTED
        if ready.status == "True":
            continue
        if node.is_control_plane:
            yield _control_plane(node, ready)
        else:
            workers.setdefault(ready.reason or "NotReady", []).append(node)
    for reason, same in workers.items():
        yield _workers(reason, same)
    for trouble in TROUBLES:
        troubled = [node for node in nodes if _status(node, trouble) == "True"]
        if troubled:
            yield _pressure(trouble, troubled)


def _status(node: Node, trouble: str) -> str:
    condition = node.condition(trouble)
    return condition.status if condition else ""


def _control_plane(node: Node, ready: Condition) -> Finding:
    return finding(
        node,
        f"The control-plane node {node.name} is not Ready{_since(ready.last_transition_time)}: {_why(ready)}. "
        "`kubeadm upgrade apply` refuses to begin while it is so.",
        remedy=_look([node]),
        evidence={"reason": ready.reason or "", "message": ready.message or ""},
    )


def _workers(reason: str, nodes: list[Node]) -> Finding:
    ready = nodes[0].condition("Ready") or NEVER_REPORTED
    return finding(
        common_subject(nodes, f"not Ready: {reason}"),
        f"{listed(node.name for node in nodes)} {'is' if len(nodes) == 1 else 'are'} not Ready: {_why(ready)}. Such a "
        "node cannot be drained or upgraded, and its pods count as unhealthy, so that budgets may forbid the eviction "
        "of others.",
        remedy=f"{_look(nodes)}\nA node that will not come back is better taken out before the upgrade:\n"
        "kubectl delete node NODE",
        places=nodes,
        evidence={"since": [f"{one.name}:{_since(_changed(one, 'Ready')) or ' unknown'}" for one in nodes]},
        severity=WARNING,
    )


def _pressure(trouble: str, nodes: list[Node]) -> Finding:
    return finding(
        common_subject(nodes, trouble),
        f"{listed(node.name for node in nodes)} {'reports' if len(nodes) == 1 else 'report'} {trouble}: "
        f"{TROUBLES[trouble]}.",
        remedy=_look(nodes),
        places=nodes,
        evidence={"since": [f"{one.name}:{_since(_changed(one, trouble)) or ' unknown'}" for one in nodes]},
        severity=WARNING,
    )


def _changed(node: Node, kind: str) -> datetime | None:
    condition = node.condition(kind)
    return condition.last_transition_time if condition else None


def _since(moment: datetime | None) -> str:
    return f" since {moment:%Y-%m-%d %H:%M}" if moment else ""


def _why(ready: Condition) -> str:
    return " ".join((ready.message or ready.reason or "its kubelet gives no reason").split()).rstrip(".")[:300]


def _look(nodes: list[Node]) -> str:
    names = " ".join(quote(node.name) for node in nodes[:5])
    return f"Find out why, first:\nkubectl describe node {names}\nOn the node:\njournalctl -u kubelet --since -1h"
