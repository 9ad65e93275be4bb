"""The static pods: what the kubelet runs by itself from files."""

from __future__ import annotations

from typing import Any

import msgspec

from kubepreflight.host import KubeletSettings, Missing, StaticPod
from kubepreflight.sources.host.documents import mapping, mappings, read_mapping, text
from kubepreflight.sources.host.host_files import HostFiles
from kubepreflight.static_pod import StaticPodSpec

MANIFESTS = "/etc/kubernetes/manifests"


def read_static_pods(node: HostFiles, kubelet: KubeletSettings) -> tuple[StaticPod, ...] | Missing:
    """The pods in the kubelet's staticPodPath (kubeadm's directory when its configuration is not known), by file.

    The kubelet reads every file there whose name begins with no dot, whatever it ends with; so does this.
    """
    config = kubelet.config
    in_file = "" if isinstance(config, Missing) else text(config.get("staticPodPath"))
    folder = text(kubelet.flag("pod-manifest-path")) or in_file or MANIFESTS
    pods = []
    for path in node.directly_in(folder):
        document = read_mapping(node, path, what="static pods")
        if document is None:
            continue
        if document.get("kind") == "Pod":
            pods.append(_pod(node, path, document))
        else:
            node.gap(path, f"its kind is {str(document.get('kind'))[:80]!r}, not Pod", what="static pods")
    if pods:
        return tuple(pods)
    # A bare copy of /etc/kubernetes without manifests is that of a worker.
    copied = not node.collected and any(True for _ in node.below("/etc/kubernetes"))
    return () if copied else node.missing(folder) or ()


def _pod(node: HostFiles, path: str, document: dict[str, Any]) -> StaticPod:
    try:
        spec = msgspec.convert(document.get("spec") or {}, StaticPodSpec)
    except msgspec.ValidationError as error:
        node.gap(path, f"no kubelet would read it: {error}", what="static pods")
        spec = None
    containers = mappings(mapping(document.get("spec")).get("containers"))
    return StaticPod(
        path=path,
        name=text(mapping(document.get("metadata")).get("name")),
        images=tuple(text(one.get("image")) for one in containers),
        command=tuple(word for one in containers for word in (*_words(one, "command"), *_words(one, "args"))),
        spec=spec,
    )


def _words(container: dict[str, Any], key: str) -> tuple[str, ...]:
    value = container.get(key)
    return tuple(str(word) for word in value) if isinstance(value, list) else ()


def read_patches(node: HostFiles) -> tuple[str, ...] | Missing:
    """The names of the files in /etc/kubernetes/patches, where patches for kubeadm are kept by custom."""
    command = node.command("kubeadm-patches")
    if command is None:
        return node.missing("commands/kubeadm-patches") or Missing("not collected")
    return Missing(command.failure) if command.status else tuple(filter(None, command.stdout.splitlines()))
