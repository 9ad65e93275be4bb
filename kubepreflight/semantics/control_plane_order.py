"""In which order the control-plane nodes are upgraded, and what each of them still has before it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from kubepreflight.finding import Hop
from kubepreflight.host import Host, Missing
from kubepreflight.image import parse_image, version_of_tag
from kubepreflight.objects import Node
from kubepreflight.upgrade import ApiServers, Upgrade
from kubepreflight.version import Version

_SERVING = "/etc/kubernetes/pki/apiserver.crt"


class ControlPlaneStep(msgspec.Struct, frozen=True, kw_only=True):
    """One control-plane node and its turn.

    `hops` are those that it still has to make, none when it is at the target already; `version` is its API server's,
    None when that cannot be seen. `at` is the moment of its first hop where the plan tells it, which it does for the
    first node alone: the turns of all others lie somewhere in the window.
    """

    node: str
    version: Version | None
    hops: tuple[Hop, ...]
    at: datetime | None = None


class ControlPlaneOrder(msgspec.Struct, frozen=True):
    """The planned order: nodes at the target first, because they are done, then the others by name.

    On the first of a hop runs `kubeadm upgrade apply`, on the others `kubeadm upgrade node`.
    """

    steps: tuple[ControlPlaneStep, ...]

    @classmethod
    def provide(
        cls, upgrade: Upgrade, servers: ApiServers, nodes: list[Node] | None = None, hosts: list[Host] | None = None
    ) -> ControlPlaneOrder:
        """From the nodes' labels, the API servers' pods, and what hosts show that the API does not know as nodes."""
        on_hosts = {host.name: image_version_on(host, "kube-apiserver") for host in hosts or () if _serves(host)}
        labelled = {node.name for node in nodes or () if node.is_control_plane}
        names = labelled | servers.by_node.keys() | (on_hosts.keys() - {node.name for node in nodes or ()})
        steps = [_step(name, servers.by_node.get(name, on_hosts.get(name)), upgrade) for name in names]
        steps.sort(key=lambda step: (len(step.hops), step.node))
        if steps and all(len(step.hops) == len(upgrade.hops) for step in steps):
            steps[0] = msgspec.structs.replace(steps[0], at=upgrade.start)
        return cls(tuple(steps))

    @property
    def first(self) -> ControlPlaneStep | None:
        """The node whose turn is at the planned start; None when the first one is done already, or none is known."""
        return next((step for step in self.steps if step.at is not None), None)

    @property
    def done(self) -> tuple[str, ...]:
        """The nodes that are at the target already."""
        return tuple(step.node for step in self.steps if not step.hops)

    @property
    def to_do(self) -> tuple[str, ...]:
        """The nodes that are not, in their order."""
        return tuple(step.node for step in self.steps if step.hops)

    def of(self, node: str) -> ControlPlaneStep | None:
        """The turn of a node; None for one that is no control-plane node."""
        return next((step for step in self.steps if step.node == node), None)

    def applies(self, step: ControlPlaneStep, hop: Hop) -> bool:
        """Whether `kubeadm upgrade apply` makes this hop on this node, and not `kubeadm upgrade node`."""
        return not any(hop not in other.hops for other in self.steps) and step == self._first_of(hop)

    def _first_of(self, hop: Hop) -> ControlPlaneStep | None:
        return next((step for step in self.steps if hop in step.hops), None)


def _step(name: str, version: Version | None, upgrade: Upgrade) -> ControlPlaneStep:
    return ControlPlaneStep(node=name, version=version, hops=tuple(_left(version, upgrade)))


def _left(version: Version | None, upgrade: Upgrade) -> Iterable[Hop]:
    for hop in upgrade.hops:
        is_patch = hop.start == hop.end
        if version is None or version.minor_version < hop.end or (is_patch and version < upgrade.target):
            yield hop


def _serves(host: Host) -> bool:
    certificates = () if isinstance(host.certificates, Missing) else host.certificates
    return image_version_on(host, "kube-apiserver") is not None or any(one.path == _SERVING for one in certificates)


def image_version_on(host: Host, component: str) -> Version | None:
    """The version in the image tag of a component's static pod on a host; None where that cannot be seen."""
    if isinstance(host.static_pods, Missing):
        return None
    images = (parse_image(image) for pod in host.static_pods for image in pod.images)
    tags = (image.tag for image in images if image is not None and image.repository.rpartition("/")[2] == component)
    return next((version for tag in tags if (version := version_of_tag(tag)) is not None), None)
