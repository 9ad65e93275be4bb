"""Which kubelet runs on each node, as far as it is a kubelet of Kubernetes and its version can be read."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote
from typing import Self

import msgspec

from kubepreflight.finding import Gap, Subject, cannot_check
from kubepreflight.objects import Node
from kubepreflight.semantics.several import listed
from kubepreflight.version import Version

VIRTUAL_TYPES = ("virtual-kubelet", "kwok")
"""Values of the label `type` on nodes behind which no machine is."""

_VIRTUAL_PREFIX = "virtual-kubelet.io/"
_VIRTUAL_BUILD = "vk-"


class Kubelet(msgspec.Struct, frozen=True, kw_only=True):
    """One node's kubelet."""

    node: str
    version: Version
    is_windows: bool
    subject: Subject


class Kubelets(msgspec.Struct, frozen=True):
    """The kubelets whose versions are known, by node name, and a gap for each of the others."""

    known: tuple[Kubelet, ...]
    gaps: tuple[Gap, ...]

    @classmethod
    def provide(cls, nodes: list[Node]) -> Self:
        """From what the nodes tell of themselves."""
        known, gaps = [], []
        for node in sorted(nodes, key=lambda one: one.name):
            text = node.status.node_info.kubelet_version
            version = Version.try_parse(text)
            if is_virtual(node):
                gaps.append(_gap(node, f"a virtual node: it runs no kubelet of its own, its {text!r} says nothing"))
            elif version is None:
                gaps.append(_gap(node, f"its kubelet calls itself {text[:60]!r}, which is no version", asked=True))
            else:
                known.append(
                    Kubelet(
                        node=node.name,
                        version=version,
                        is_windows=node.status.node_info.operating_system == "windows",
                        subject=node.subject,
                    )
                )
        return cls(tuple(known), tuple(gaps))


def who_runs(kubelets: Sequence[Kubelet]) -> str:
    """How a sentence about their version begins: `The kubelet on w1 is`, `The kubelets on w1 and w2 are`."""
    nodes = listed(one.node for one in kubelets)
    return f"The kubelet on {nodes} is" if len(kubelets) == 1 else f"The kubelets on {nodes} are"


def is_virtual(node: Node) -> bool:
    """Whether a node is a program that plays one: virtual-kubelet and what builds on it, KWOK."""
    if node.labels.get("type") in VIRTUAL_TYPES or any(key.startswith(_VIRTUAL_PREFIX) for key in node.labels):
        return True
    if any(taint.key.startswith(_VIRTUAL_PREFIX) for taint in node.spec.taints or ()):
        return True
    version = Version.try_parse(node.status.node_info.kubelet_version)
    return version is not None and version.build.startswith(_VIRTUAL_BUILD)


def _gap(node: Node, reason: str, *, asked: bool = False) -> Gap:
    how = f"kubectl get node {quote(node.name)} -o jsonpath='{{.status.nodeInfo.kubeletVersion}}'"
    return cannot_check("kubelet version", reason, subject=node.name, how=how, asked=asked)
