"""The container runtime that a node's kubelet talks to."""

from __future__ import annotations

import msgspec

from kubepreflight.host.missing import Missing

NOT_COLLECTED = Missing("not collected")
NO_CRICTL = Missing("the node has no crictl")
SANDBOX_DEFAULTS = {
    "cri-o": Missing("CRI-O's own default counts"),
    "docker": Missing("cri-dockerd's own default counts"),
    "dockershim": Missing("the kubelet's own default counts"),
}
"""Why the pause image of a runtime is not known where nothing sets it; to collect again does not mend that."""
"""Nothing is wrong with that: kubeadm's package asks for cri-tools no more since 1.32."""


class RuntimeImage(msgspec.Struct, frozen=True, kw_only=True):
    """One image on the node: its tags and digests as full references. `pinned` ones are never collected as garbage."""

    tags: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    size: int = 0
    pinned: bool | None = None


class ContainerRuntime(msgspec.Struct, frozen=True, kw_only=True):
    """The runtime behind the kubelet's socket.

    `name` is `containerd`, `cri-o`, `docker` (through cri-dockerd), `dockershim`, or empty for any other; `endpoint`
    the socket's path. `version` is that of the running one. `cgroup_driver` is `systemd` or `cgroupfs`, `cgroup_place`
    the file or the command that tells it; `sandbox_image` and `sandbox_place` alike. `tells_cgroup_driver` says whether
    it answers the CRI's RuntimeConfig. `images` are all on the node.
    """

    name: str = ""
    endpoint: str | Missing = NOT_COLLECTED
    version: str | Missing = NOT_COLLECTED
    cgroup_driver: str | Missing = NOT_COLLECTED
    cgroup_place: str = ""
    sandbox_image: str | Missing = NOT_COLLECTED
    sandbox_place: str = ""
    tells_cgroup_driver: bool | Missing = NOT_COLLECTED
    images: tuple[RuntimeImage, ...] | Missing = NOT_COLLECTED
