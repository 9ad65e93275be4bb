"""Where pods may run before and after kubeadm 1.24 takes the old label of control-plane nodes away.

Only what changes is looked at: the label and the two taints of control planes. Other taints, and room, are the same
before and after. Source: cmd/kubeadm/app/phases/upgrade/postupgrade.go in 1.24.17.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from kubepreflight.objects import Node, Taint
from kubepreflight.semantics.placement import Names, Placement
from kubepreflight.semantics.pod_templates import TemplatePodSpec, Toleration

OLD, NEW = "node-role.kubernetes.io/master", "node-role.kubernetes.io/control-plane"
EFFECT = "NoSchedule"


class ControlPlaneNodes:
    """The nodes, as they are and as they then will be. `labelled` are those that lose the label."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        now = list(nodes)
        then = [_upgraded(one) for one in now]
        self.labelled = frozenset(one.name for one in now if one.labels.get(OLD) == "")
        self._now, self._then = _State(now), _State(then)

    def now(self, spec: TemplatePodSpec) -> Names:
        """The nodes that such pods may be placed on at present."""
        return self._now.nodes_for(spec)

    def then(self, spec: TemplatePodSpec) -> Names:
        """The nodes that such pods may be placed on afterwards."""
        return self._then.nodes_for(spec)

    def admitted_then(self, spec: TemplatePodSpec) -> Names:
        """The nodes that its selectors let in afterwards, whatever taints they have."""
        return self._then.admitted(spec)


class _State:
    def __init__(self, nodes: list[Node]) -> None:
        self._placement = Placement(nodes)
        self._tainted = {
            key: frozenset(node.name for node in nodes if any(_is(one, key) for one in node.spec.taints or ()))
            for key in (OLD, NEW)
        }

    def admitted(self, spec: TemplatePodSpec) -> Names:
        return self._placement.admitted(spec.node_selector, spec.affinity)

    def nodes_for(self, spec: TemplatePodSpec) -> Names:
        found = self.admitted(spec)
        for key, tainted in self._tainted.items():
            if not bears(spec.tolerations, key):
                found = found - tainted
        return found


def bears(tolerations: Iterable[Toleration] | None, key: str) -> bool:
    """Whether one of them stands for a taint of control planes."""
    return any(one.bears(key, "", EFFECT) for one in tolerations or ())


def _is(taint: Taint, key: str) -> bool:
    return taint.key == key and taint.effect == EFFECT


def _upgraded(node: Node) -> Node:
    if node.labels.get(OLD) != "" and NEW not in node.labels:
        return node
    labels = {key: value for key, value in node.labels.items() if (key, value) != (OLD, "")} | {NEW: ""}
    taints = list(node.spec.taints or ())
    if any(_is(one, OLD) for one in taints) and not any(_is(one, NEW) for one in taints):
        taints.append(Taint(key=NEW, effect=EFFECT))
    return msgspec.structs.replace(
        node,
        metadata=msgspec.structs.replace(node.metadata, labels=labels),
        spec=msgspec.structs.replace(node.spec, taints=taints),
    )
