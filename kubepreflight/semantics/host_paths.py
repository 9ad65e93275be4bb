"""Which hostPath volumes hold data, and which only reach into the node's system."""

from __future__ import annotations

import posixpath
import re

from kubepreflight.parts import HostPath

SINGLE_THINGS = ("BlockDevice", "CharDevice", "File", "FileOrCreate", "Socket")
"""Types of hostPath that are no directory."""

SYSTEM = re.compile(
    r"/(bin|boot|dev|etc|lib|lib32|lib64|proc|run|sbin|sys|tmp|usr|var/(cache|lock|log|run|tmp))(/.*)?", re.DOTALL
)
"""Directories of the operating system: what pods read or reach there is on every node, or is no data."""

NODE_SOFTWARE = re.compile(
    r"/(opt/(bin|cni|containerd|nvidia)|var/lib/(calico|cilium|cni|containerd|containers|crio|dbus|docker|etcd|kube-proxy"
    r"|kubelet))(/.*)?",
    re.DOTALL,
)
"""Directories of the node's own container and network software, and of etcd."""


def holds_data(volume: HostPath) -> bool:
    """Whether a hostPath can be a workload's own data, which another node would not have."""
    path = posixpath.normpath("/" + volume.path.lstrip("/"))
    if path == "/" or volume.type in SINGLE_THINGS or path.endswith((".sock", ".socket")):
        return False
    return SYSTEM.fullmatch(path) is None and NODE_SOFTWARE.fullmatch(path) is None
