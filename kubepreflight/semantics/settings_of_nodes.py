"""The kubelets' settings on the nodes that kubeadm leaves alone: flags wherever they are written, drop-ins, its
instance-config.yaml; and config.yaml itself where it is not known from which ConfigMap it is written anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kubepreflight.finding import Gap, Subject, cannot_check
from kubepreflight.host import Host, KubeletConfigFile, KubeletFlag, Missing
from kubepreflight.semantics.planned_kubelets import CONFIG
from kubepreflight.semantics.setting import KUBELET, Document, Place, Setting, Where
from kubepreflight.semantics.several import listed
from kubepreflight.version import Minor
from kubepreflight.visible import visible

KUBEADM_FLAGS = "/var/lib/kubelet/kubeadm-flags.env"
"""Where kubeadm keeps the flags that it gives a kubelet."""

PATCHES = "/etc/kubernetes/patches"
"""Where patches for kubeadm are kept by custom."""


def of_host(host: Host, running: Minor | None, *, planned: bool) -> Iterator[Setting | Document | Gap]:
    """What the kubelet of one node will be told after its upgrade, as far as the node tells it.

    `running` is its minor, None when nobody knows it. `planned` says that the ConfigMap is known from which kubeadm
    writes its config.yaml anew.
    """
    kubelet = host.kubelet
    flags = kubelet.flags
    if isinstance(flags, Missing) and not isinstance(kubelet.running, Missing):
        flags = kubelet.running or flags
    if isinstance(flags, Missing):
        yield host.cannot_check("kubelet settings", flags)
    else:
        yield from (_flag(host, one, running) for one in flags)
    if kubelet.unread:
        yield host.cannot_check("kubelet settings", Missing(kubelet.unread))
    if isinstance(kubelet.files, Missing):
        yield host.cannot_check("kubelet settings", kubelet.files)
        files: tuple[KubeletConfigFile, ...] = ()
    else:
        files = kubelet.files
    if planned and files and files[0].path == CONFIG:
        files = files[1:]
    if host.patches and not isinstance(host.patches, Missing):
        yield cannot_check(
            "patches",
            f"{PATCHES} has {listed(map(visible, host.patches))}, which are not read: what they set is not seen",
            subject=host.name,
            how="on each control-plane node: kubeadm upgrade diff",
        )
    instance = () if kubelet.instance is None else (kubelet.instance,)
    for file in (*files, *instance):
        place = Place(Where.NODE, host.at(file.path), running=running)
        yield Document(component=KUBELET, values=file.values, lines=file.lines, place=place)


def written_by_kubeadm(hosts: Iterable[Host]) -> Iterator[Mapping[str, Any]]:
    """The config.yaml of each node, as the kubelet reads it today."""
    for host in hosts:
        files = host.kubelet.files
        if not isinstance(files, Missing) and files and files[0].path == CONFIG:
            yield files[0].values


def _flag(host: Host, flag: KubeletFlag, running: Minor | None) -> Setting:
    # A process' number says nothing for long; and of a flag that was only seen on its command line nobody knows that it
    # is not from kubeadm's file.
    file = "" if flag.file.startswith("/proc/") else flag.file
    subject = Subject(node=host.name, file=file, line=flag.line, field=f"{KUBELET} --{flag.name}")
    is_kubeadms = file in ("", KUBEADM_FLAGS)
    place = Place(Where.NODE, subject, entry=flag.variable, running=running, is_kubeadms=is_kubeadms)
    return Setting(component=KUBELET, name=flag.name, value=flag.value, place=place)
