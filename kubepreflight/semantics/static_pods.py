"""The static pods of every node: from the node's own manifest where its host facts have it, else from the API."""

from __future__ import annotations

from typing import Self

import msgspec

from kubepreflight.finding import Gap, Subject, cannot_check
from kubepreflight.host import Host, Missing
from kubepreflight.inputs import Unavailable
from kubepreflight.objects import MIRROR, Api, KubernetesObject
from kubepreflight.static_pod import StaticPodSpec


class MirrorPod(KubernetesObject):
    """A static pod as the API shows it, with all of its spec that rules about static pods read."""

    api = Api("", "Pod", "pods")
    annotated = MIRROR
    spec: StaticPodSpec = StaticPodSpec()

    @property
    def subject(self) -> Subject:
        """The pod and the node it runs on."""
        return msgspec.structs.replace(super().subject, node=self.spec.node_name or "")


class NodePod(msgspec.Struct, frozen=True, kw_only=True):
    """One static pod on one node: `name` as in its manifest, without the node's; `place` its file, or its mirror.

    `spec` is None when the manifest cannot be decoded.
    """

    node: str
    name: str
    spec: StaticPodSpec | None
    place: Subject


class StaticPods(msgspec.Struct, frozen=True):
    """All that are known, by node and name. `gaps` name hosts whose manifests are not known."""

    pods: tuple[NodePod, ...]
    gaps: tuple[Gap, ...] = ()

    @classmethod
    def provide(cls, mirrors: list[MirrorPod] | None, hosts: list[Host] | None = None) -> Self:
        """From both sides. Raises Unavailable when neither was given.

        What a node's manifest says is what its kubelet reads and what kubeadm replaces, so it goes before the mirror.
        """
        if mirrors is None and hosts is None:
            raise Unavailable()
        found = {(one.node, one.name): one for one in map(_from_mirror, mirrors or ()) if one}
        gaps = []
        for host in hosts or ():
            if isinstance(host.static_pods, Missing):
                gaps.append(host.cannot_check("static pods", host.static_pods))
                continue
            for pod in host.static_pods:
                known = found.get((host.name, pod.name))
                if pod.spec is not None or known is None:
                    place = host.at(pod.path)
                    found[host.name, pod.name] = NodePod(node=host.name, name=pod.name, spec=pod.spec, place=place)
        return cls(tuple(found[key] for key in sorted(found)), tuple(gaps))

    def of(self, *names: str) -> tuple[NodePod, ...]:
        """The pods of these names, on every node."""
        return tuple(one for one in self.pods if one.name in names)


def undecoded(pod: NodePod) -> Gap:
    """The gap for a manifest that cannot be decoded."""
    reason = "its manifest cannot be decoded"
    return cannot_check("static pods", reason, subject=str(pod.place), how=f"mend it: {pod.place.file}", asked=True)


def _from_mirror(mirror: MirrorPod) -> NodePod | None:
    annotations, node = mirror.metadata.annotations, mirror.spec.node_name or ""
    if annotations is None or annotations.mirror is None or mirror.metadata.deletion_timestamp is not None:
        return None
    # The kubelet writes the node's name in lower case behind the pod's.
    name = mirror.name.removesuffix(f"-{node.lower()}")
    return NodePod(node=node, name=name, spec=mirror.spec, place=mirror.subject)
