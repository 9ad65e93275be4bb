"""Nodes that were taken out of scheduling and not put back."""

from collections.abc import Iterator
from shlex import quote

from kubepreflight.finding import WARNING, Finding, finding
from kubepreflight.objects import Node
from kubepreflight.rule import rule
from kubepreflight.semantics.several import common_subject, listed

CORDONED = "node.kubernetes.io/unschedulable"
LEAVING = ("ToBeDeletedByClusterAutoscaler", "karpenter.sh/disrupted", "karpenter.sh/disruption")
"""Taints of nodes that an autoscaler is about to delete: it cordoned them and will not forget them."""


@rule(severity=WARNING, area="versions", phase="before")
def node_left_cordoned(nodes: list[Node]) -> Iterator[Finding]:
    """A node is cordoned before the work begins.

    Why: `kubectl drain` cordons a node, and `kubectl uncordon` is the last step of its upgrade, easily forgotten. It is
    often the trace of work that was interrupted.

    What happens: nothing new is scheduled there. When the upgrade drains the next node, there is one node less to take
    its pods, and they may stay Pending. `kubectl uncordon` at the end of this upgrade also puts back a node that
    somebody took out for a reason.

    When it stays silent: every node is schedulable, or an autoscaler is about to delete the one that is not.

    How to see it yourself: kubectl get nodes (it says SchedulingDisabled)

    References:
        https://kubernetes.io/docs/tasks/administer-cluster/safely-drain-node/

    """
    cordoned = [node for node in nodes if node.spec.unschedulable and not _is_leaving(node)]
    if cordoned:
        names = [node.name for node in cordoned]
        yield finding(
            common_subject(cordoned, "cordoned"),
            f"{listed(f'{node.name}{_since(node)}' for node in cordoned)} {'is' if len(names) == 1 else 'are'} "
            "cordoned: pods of the nodes that the upgrade drains cannot go there and may find no room.",
            remedy="Find out why, finish what was begun there, and put it back before the upgrade:\n"
            f"kubectl uncordon {' '.join(map(quote, names[:10]))}\n"
            "What is to stay out is better taken out of the cluster.",
            places=cordoned,
        )


def _is_leaving(node: Node) -> bool:
    return any(taint.key in LEAVING for taint in node.spec.taints or ())


def _since(node: Node) -> str:
    moments = [taint.time_added for taint in node.spec.taints or () if taint.key == CORDONED and taint.time_added]
    return f" (since {min(moments):%Y-%m-%d %H:%M})" if moments else ""
