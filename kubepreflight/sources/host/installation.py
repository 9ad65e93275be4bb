"""Which Kubernetes a machine has, by what only that one leaves on the disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain

from kubepreflight.host import Installation, Missing
from kubepreflight.host.installation import KUBEADM
from kubepreflight.sources.host.host_files import HostFiles

_FOLDERS = ("/etc/kubernetes", "/var/lib/kubelet")
_JOINED = ("/etc/kubernetes/kubelet.conf", "/etc/kubernetes/admin.conf", "/var/lib/kubelet/config.yaml")
_PROGRAMS = ("kubelet", "kubeadm")
_DISTRIBUTIONS = {
    "etc/rancher/k3s": "k3s",
    "var/lib/rancher/k3s": "k3s",
    "etc/rancher/rke2": "RKE2",
    "var/lib/rancher/rke2": "RKE2",
    "var/snap/microk8s": "MicroK8s",
    "etc/k0s": "k0s",
    "var/lib/k0s": "k0s",
}


def read_installation(node: HostFiles, versions: Mapping[str, str] | Missing) -> Installation | Missing:
    """What kubeadm left behind counts before anything else: another distribution may have been tried and taken away.

    That there is no Kubernetes is only said of an archive that could look everywhere.
    """
    told = next(chain(_joined(node), _distributions(node), _traces(node)), None)
    if told is not None:
        return told
    asked = all(node.command(f"{program}-version") for program in _PROGRAMS)
    unknown = node.missing(*_FOLDERS)
    if unknown is not None:
        return unknown
    if isinstance(versions, Missing) or not asked:
        return Missing("not collected")
    return Installation(manager="", found="Docker" if "docker" in versions else "")


def _joined(node: HostFiles) -> Iterator[Installation]:
    for path in _JOINED:
        if f"files{path}" in node.members or path in node.unread:
            yield Installation(manager=KUBEADM, found=path)


def _distributions(node: HostFiles) -> Iterator[Installation]:
    """Their directories that are there, as the collector listed them."""
    command = node.command("distributions")
    there = command.stdout.split() if command is not None else []
    for path, name in _DISTRIBUTIONS.items():
        if path in there:
            yield Installation(manager=name, found=f"/{path}")


def _traces(node: HostFiles) -> Iterator[Installation]:
    for path in node.below(*_FOLDERS):
        yield Installation(manager=KUBEADM, found=path)
    for program in _PROGRAMS:
        command = node.command(f"{program}-version")
        if command is not None and command.installed:
            yield Installation(manager=KUBEADM, found=program)
