"""The certificates and the names of the private keys on a node's disk."""

from __future__ import annotations

import re

from kubepreflight.host import Certificate, Missing
from kubepreflight.semantics.certificates import parse_certificates
from kubepreflight.sources.host.host_files import HostFiles
from kubepreflight.sources.host.kubeconfigs import BACKUPS, FOLDER

KUBELET = "/var/lib/kubelet/pki"
CURRENT_CLIENT = f"{KUBELET}/kubelet-client-current.pem"

_SUFFIXES = (".crt", ".cer", ".der", ".pem")
# What the distribution trusts is not the cluster's.
_DISTRIBUTION = ("/etc/ssl/certs/", "/etc/pki/", "/usr/share/")
_PEM = b"-----BEGIN CERTIFICATE-----"
_ROTATED = re.compile(rf"^({KUBELET}/kubelet-(?:client|server))-[0-9][0-9-]*\.pem$")
_NODE = "system:node:"
_LOOKED_INTO = (
    "nothing in it is a certificate that could be told from a key",
    "something in it is no whole certificate, and was left out",
    "a private key, and no certificate",
)
"""What the collector says of a file that it could read, and of which not all came."""


def read_certificates(node: HostFiles) -> tuple[Certificate, ...] | Missing:
    """Every certificate in a file of its own.

    Not those that the distribution trusts, not those in kubeadm's backups, and not what the kubelet left behind when
    it rotated to `…-current.pem`: nothing of the cluster uses them, and they end one after the other.
    """
    found: list[Certificate] = []
    looked = False
    for path in node.below("/"):
        unused = path.startswith((BACKUPS, *_DISTRIBUTION)) or _is_left_behind(node, path)
        if unused or not _may_hold(node, path):
            continue
        looked = True
        data = node.bytes_of(path)
        if data is None or (path in node.unread and not data):
            continue
        certificates, problems = parse_certificates(data, path)
        found += certificates
        for problem in problems:
            node.gap(path, problem, what="certificates")
    if looked:
        return tuple(found)
    return node.missing(FOLDER, KUBELET) or ()


def read_broken(node: HostFiles, certificates: tuple[Certificate, ...] | Missing) -> frozenset[str]:
    """The files below /etc/kubernetes that should hold a certificate, could be read, and hold none."""
    held = set() if isinstance(certificates, Missing) else {one.path for one in certificates}
    came = (path for path in node.below(FOLDER) if path not in node.unread and node.bytes_of(path) is not None)
    left = (path for path, reason in node.unread.items() if path.startswith(f"{FOLDER}/") and reason in _LOOKED_INTO)
    paths = (path for path in (*came, *left) if path.endswith(_SUFFIXES) and not path.startswith(BACKUPS))
    return frozenset(path for path in paths if path not in held)


def _may_hold(node: HostFiles, path: str) -> bool:
    return path.endswith(_SUFFIXES) or (path.startswith((FOLDER, KUBELET)) and _PEM in (node.bytes_of(path) or b""))


def _is_left_behind(node: HostFiles, path: str) -> bool:
    rotated = _ROTATED.match(path)
    return rotated is not None and f"files{rotated[1]}-current.pem" in node.members


def kubelet_name(node: HostFiles) -> str:
    """The Node that the kubelet is, by the certificate with which it speaks to the API server; "" when unknown."""
    certificates, _ = parse_certificates(node.members.get(f"files{CURRENT_CLIENT}", b""), CURRENT_CLIENT)
    name = certificates[0].common_name if certificates else ""
    return name.removeprefix(_NODE) if name.startswith(_NODE) else ""


def read_private_keys(node: HostFiles) -> frozenset[str] | Missing:
    """The paths of the private keys, when every directory that may hold one was looked into to its end."""
    text = node.members.get("private-keys.txt", b"").decode(errors="replace")
    lines = [line.partition(" ")[::2] for line in text.splitlines()]
    for word, path in lines:
        if word == "unreadable":
            return Missing(f"{path[:200]} could not be searched for keys")
    looked = {path for word, path in lines if word in ("looked", "absent")}
    if not looked >= {FOLDER, KUBELET}:
        return node.missing() or Missing("not collected")
    return frozenset(path for word, path in lines if word == "present")
