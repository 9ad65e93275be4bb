"""Which API server the controllers of a control-plane node talk to: its own, or any.

kubeadm writes the address of the node's own API server into their kubeconfigs, and did write the shared endpoint until
https://github.com/kubernetes/kubernetes/pull/94398 (1.20, and 1.19.1). An upgrade keeps what is there, so only the
file on the node tells.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Self
from urllib.parse import urlsplit

import msgspec

from kubepreflight.host import Host, Missing
from kubepreflight.objects import Node

KUBECONFIGS = {
    "kube-controller-manager": "/etc/kubernetes/controller-manager.conf",
    "kube-scheduler": "/etc/kubernetes/scheduler.conf",
}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class ControllerEndpoints(msgspec.Struct, frozen=True):
    """`nodes` maps a controller and the node it runs on to the one node whose API server it talks to.

    A controller that is not in it may meet any: its kubeconfig names a shared endpoint, or nobody looked at it.
    """

    nodes: Mapping[tuple[str, str], str]

    @classmethod
    def provide(cls, nodes: list[Node] | None = None, hosts: list[Host] | None = None) -> Self:
        """From the controllers' kubeconfigs on the hosts, and from the nodes' addresses."""
        by_address = {address: name for name, addresses in _addresses(nodes, hosts).items() for address in addresses}
        found = {}
        for host in hosts or ():
            kubeconfigs = () if isinstance(host.kubeconfigs, Missing) else host.kubeconfigs
            servers = {one.path: one.server for one in kubeconfigs}
            for controller, path in KUBECONFIGS.items():
                address = _host_of(servers.get(path, ""))
                node = host.name if address in _LOOPBACK else by_address.get(address)
                if node is not None:
                    found[controller, host.name] = node
        return cls(found)

    def met_by(self, controller: str, node: str, servers: Collection[str]) -> frozenset[str]:
        """Which of the API servers on these nodes a controller on `node` may meet."""
        only = self.nodes.get((controller, node))
        return frozenset(servers) if only is None else frozenset({only} & set(servers))


def _addresses(nodes: list[Node] | None, hosts: list[Host] | None) -> dict[str, set[str]]:
    addresses: dict[str, set[str]] = {}
    for node in nodes or ():
        addresses.setdefault(node.name, {node.name}).update(one.address for one in node.status.addresses or ())
    for host in hosts or ():
        addresses.setdefault(host.name, {host.name}).update(host.addresses)
    return {name: {one.lower() for one in some} for name, some in addresses.items()}


def _host_of(server: str) -> str:
    try:
        return urlsplit(server).hostname or ""
    except ValueError:
        return ""
