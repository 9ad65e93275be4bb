"""The certificates that servers show in a TLS handshake, and where each of them lies on the node's disk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar, Literal

import msgspec

from kubepreflight.finding import Gap, Subject
from kubepreflight.host import Certificate, Host, Missing
from kubepreflight.inputs import Unavailable
from kubepreflight.knowledge.certificates import CertificateInventory
from kubepreflight.semantics.kubelet_certificates import configured_serving
from kubepreflight.semantics.several import listed

OPT_IN = "served-certificates"
Server = Literal["kube-apiserver", "etcd", "etcd-peer", "kubelet"]
NAMES: Mapping[Server, tuple[str, ...]] = {
    "kube-apiserver": ("apiserver",),
    "etcd": ("etcd-server",),
    "etcd-peer": ("etcd-peer",),
    "kubelet": ("kubelet-serving", "kubelet-serving-self-signed"),
}
"""By server: what kubeadm calls its certificate. A kubelet has one of two, the signed one if it is there."""
_FLAGS = {
    "kube-apiserver": ("kube-apiserver", "tls-cert-file"),
    "etcd": ("etcd", "cert-file"),
    "etcd-peer": ("etcd", "peer-cert-file"),
}


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What one server showed. `address` is where it was asked (`10.0.0.1:6443`)."""

    node: str
    server: Server
    address: str
    certificate: Certificate

    @property
    def place(self) -> Subject:
        """Where it was seen."""
        return Subject(kind="Node", name=self.node, node=self.node, field=f"{self.server} at {self.address}")


class Handshakes(msgspec.Struct, frozen=True):
    """What a live scan saw, and which servers did not answer; a source supplies it when it is opted in to."""

    shown: tuple[Shown, ...] = ()
    gaps: tuple[Gap, ...] = ()


class ServedCertificates(msgspec.Struct, frozen=True):
    """What the control plane's servers show to whoever connects."""

    opt_in: ClassVar[str] = OPT_IN
    shown: tuple[Shown, ...]
    gaps: tuple[Gap, ...]

    @classmethod
    def provide(cls, handshakes: Handshakes | None = None) -> ServedCertificates:
        """From the handshakes. Raises Unavailable when none were made."""
        if handshakes is None:
            raise Unavailable(
                Gap(
                    input=f"opt-in {OPT_IN}",
                    reason="servers are only connected to, for the certificates that they show, when asked for",
                    how=f"kubepreflight scan --opt-in {OPT_IN}",
                )
            )
        return cls(handshakes.shown, handshakes.gaps)


def on_disk(
    shown: Shown, host: Host, inventory: CertificateInventory, directory: str
) -> tuple[Certificate, ...] | Missing:
    """The certificates in the file from which a server serves, leaf first; Missing where it is not known which."""
    if isinstance(host.certificates, Missing):
        return host.certificates
    paths = list(_paths(shown.server, host, inventory, directory))
    for path in paths:
        found = tuple(one for one in host.certificates if one.path == path)
        if found:
            return found
    return Missing(f"{listed(paths, 'or')} is not among the certificates that were collected")


def _paths(server: Server, host: Host, inventory: CertificateInventory, directory: str) -> Iterable[str]:
    named = configured_serving(host) if server == "kubelet" else _flag(host, *_FLAGS[server])
    if named:
        return (named,)
    return (inventory.get(name).path_under(directory) for name in NAMES[server])


def _flag(host: Host, pod: str, flag: str) -> str:
    pods = () if isinstance(host.static_pods, Missing) else host.static_pods
    return next((one.flag(flag) or "" for one in pods if one.name.startswith(pod)), "")
