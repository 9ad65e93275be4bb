"""What a host is in its cluster."""

from __future__ import annotations

from collections.abc import Mapping

from kubepreflight.host import Host, Missing
from kubepreflight.objects import Node

API_SERVER = "kube-apiserver"


def is_control_plane(host: Host, nodes: Mapping[str, Node]) -> bool | Missing:
    """Whether a host is a control-plane node, by the API's labels (`nodes` by name) or by its own static pods."""
    node = nodes.get(host.name)
    if node is not None:
        return node.is_control_plane
    if isinstance(host.static_pods, Missing):
        return host.static_pods
    return any(one.name.startswith(API_SERVER) for one in host.static_pods)
