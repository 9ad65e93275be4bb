"""The container runtime that each node tells of itself in the API."""

from __future__ import annotations

import re
from typing import NamedTuple

from kubepreflight.objects import Node
from kubepreflight.version import Minor, Version

_TOLD = re.compile(r"([a-z-]{1,40})://(\S{1,120})")


class NodeRuntime(NamedTuple):
    """`containerd`, `cri-o` or `docker` and its version, which is None when what it calls itself is none."""

    name: str
    version: Version | None


def node_runtime(node: Node) -> NodeRuntime | None:
    """The runtime in `status.nodeInfo`, None when the node tells none; `containerd://Unknown` has no version."""
    match = _TOLD.fullmatch(node.status.node_info.container_runtime_version)
    return None if match is None else NodeRuntime(match[1], Version.try_parse(match[2]))


def kubelet_minor(node: Node) -> Minor | None:
    """The minor of the node's kubelet; None when it is no version."""
    version = Version.try_parse(node.status.node_info.kubelet_version)
    return None if version is None else version.minor_version
