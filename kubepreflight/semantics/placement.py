"""Which nodes a selector lets in, as the scheduler reads it.

Source: https://github.com/kubernetes/component-helpers/blob/v0.37.2/scheduling/corev1/nodeaffinity/nodeaffinity.go
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec

from kubepreflight.objects import Node, Pod
from kubepreflight.parts import Affinity, NodeSelector, NodeSelectorTerm, SelectorRequirement

Names = frozenset[str]
_NUMBER = re.compile(r"[+-]?[0-9]{1,19}")
"""What Go reads as a whole number of 64 bits, nearly."""


class Placement:
    """The nodes of a cluster by their labels and devices. Equal selectors are worked out once."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        self.names: Names = frozenset()
        self._with: dict[tuple[str, str], set[str]] = {}
        self._having: dict[str, set[str]] = {}
        self._labels: dict[str, dict[str, str]] = {}
        self._devices: dict[str, set[str]] = {}
        self._known: dict[bytes, Names] = {}
        self._of_pods: dict[tuple[frozenset[tuple[str, str]], bytes], Names] = {}
        for node in nodes:
            self._labels[node.name] = node.labels
            for key, value in node.labels.items():
                self._with.setdefault((key, value), set()).add(node.name)
                self._having.setdefault(key, set()).add(node.name)
            for device, count in (node.status.capacity or {}).items():
                if str(count) != "0":
                    self._devices.setdefault(device, set()).add(node.name)
        self.names = frozenset(self._labels)

    @classmethod
    def provide(cls, nodes: list[Node]) -> Placement:
        """From all nodes."""
        return cls(nodes)

    def for_pod(self, pod: Pod) -> Names:
        """The nodes that a pod's nodeSelector and its required node affinity let in."""
        return self.admitted(pod.spec.node_selector, pod.spec.affinity)

    def admitted(self, node_selector: Mapping[str, str] | None, affinity: Affinity | None) -> Names:
        """The nodes that a nodeSelector and a required node affinity let in together."""
        pairs = frozenset((node_selector or {}).items())
        of_nodes = affinity.node_affinity if affinity else None
        required = of_nodes.required_during_scheduling_ignored_during_execution if of_nodes else None
        key = (pairs, b"" if required is None else msgspec.json.encode(required))
        if key not in self._of_pods:
            found = self.names.intersection(*(self._with.get(pair, ()) for pair in pairs))
            self._of_pods[key] = found if required is None else found & self.for_selector(required)
        return self._of_pods[key]

    def with_device(self, device: str) -> Names:
        """The nodes that have any of an extended resource, taken or free."""
        return frozenset(self._devices.get(device, ()))

    def for_selector(self, selector: NodeSelector) -> Names:
        """The nodes that satisfy one of its terms; none when it has no term, or only empty ones."""
        key = msgspec.json.encode(selector)
        if key not in self._known:
            terms = selector.node_selector_terms or ()
            self._known[key] = frozenset[str]().union(*(self._for_term(term) for term in terms))
        return self._known[key]

    def _for_term(self, term: NodeSelectorTerm) -> Names:
        expressions, fields = term.match_expressions or (), term.match_fields or ()
        if not expressions and not fields:
            return frozenset()
        found = self.names
        for one in expressions:
            found = found & self._for_label(one)
        for one in fields:
            found = found & self._for_field(one)
        return found

    def _for_label(self, one: SelectorRequirement) -> Names | set[str]:
        having = self._having.get(one.key, set())
        match one.operator:
            case "In":
                return set[str]().union(*(self._with.get((one.key, value), ()) for value in one.values or ()))
            case "NotIn":
                return self.names.difference(*(self._with.get((one.key, value), ()) for value in one.values or ()))
            case "Exists":
                return having
            case "DoesNotExist":
                return self.names - having
            case "Gt" | "Lt":
                return {name for name in having if _compares(self._labels[name].get(one.key, ""), one)}
        return frozenset()

    def _for_field(self, one: SelectorRequirement) -> Names | set[str]:
        named = set(one.values or ()) if one.key == "metadata.name" else set[str]()
        match one.operator:
            case "In":
                return named
            case "NotIn":
                return self.names - named
        return frozenset()


def _compares(label: str, one: SelectorRequirement) -> bool:
    texts = (label, (one.values or ("",))[0])
    if not all(_NUMBER.fullmatch(text) for text in texts):
        return False
    value, bound = map(int, texts)
    return value > bound if one.operator == "Gt" else value < bound
