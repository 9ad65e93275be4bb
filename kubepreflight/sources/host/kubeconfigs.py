"""The kubeconfigs of a node: whom they speak to, as whom, and the certificates within them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any

from kubepreflight.host import Certificate, Kubeconfig, Missing
from kubepreflight.semantics.certificates import parse_certificates
from kubepreflight.sources.host.documents import mapping, mappings, read_mapping, text
from kubepreflight.sources.host.host_files import HostFiles

FOLDER = "/etc/kubernetes"
BACKUPS = "/etc/kubernetes/tmp/"
CUT = "(cut)"

_KIND = re.compile(rb"""^["']?kind["']?\s*:\s*["']?Config["']?\s*$""", re.MULTILINE)


def read_kubeconfigs(node: HostFiles) -> tuple[tuple[Kubeconfig, ...] | Missing, tuple[Certificate, ...]]:
    """The kubeconfigs below /etc/kubernetes, kubeadm's backups apart, and the certificates embedded in them."""
    found: list[Kubeconfig] = []
    certificates: list[Certificate] = []
    for path in node.below(FOLDER):
        if path.startswith(BACKUPS) or not _may_be_kubeconfig(node, path):
            continue
        document = read_mapping(node, path, what="kubeconfigs")
        if document is None or not ("clusters" in document or "users" in document):
            continue
        found.append(_kubeconfig(path, document))
        certificates += _embedded(node, path, document)
    if found:
        return tuple(found), tuple(certificates)
    copied = any(True for _ in node.below(FOLDER))
    return (() if copied and not node.collected else node.missing(FOLDER) or ()), ()


def _may_be_kubeconfig(node: HostFiles, path: str) -> bool:
    return path.endswith((".conf", ".kubeconfig")) or _KIND.search(node.bytes_of(path) or b"") is not None


def _kubeconfig(path: str, document: dict[str, Any]) -> Kubeconfig:
    contexts = {text(one.get("name")): mapping(one.get("context")) for one in mappings(document.get("contexts"))}
    context = contexts.get(text(document.get("current-context")), {})
    user_name = text(context.get("user"))
    cluster = _named(document, "clusters", "cluster", text(context.get("cluster")))
    user = _named(document, "users", "user", user_name)
    # client-go prefers the embedded data to the file that is named.
    embedded = bool(text(user.get("client-certificate-data")))
    return Kubeconfig(
        path=path,
        server=text(cluster.get("server")),
        user=user_name,
        client_certificate="" if embedded else text(user.get("client-certificate")),
        embedded=embedded,
    )


def _named(document: dict[str, Any], plural: str, singular: str, name: str) -> dict[str, Any]:
    for one in mappings(document.get(plural)):
        if one.get("name") == name:
            return mapping(one.get(singular))
    return {}


def _embedded(node: HostFiles, path: str, document: dict[str, Any]) -> Iterator[Certificate]:
    for plural, singular, key in (
        ("clusters", "cluster", "certificate-authority-data"),
        ("users", "user", "client-certificate-data"),
    ):
        for one in mappings(document.get(plural)):
            data, entry = mapping(one.get(singular)).get(key), text(one.get("name"))
            if data is None or data == "":
                continue
            found, problems = _decoded(data, path, entry)
            yield from found
            for problem in problems:
                node.gap(path, f"{key} of {entry[:80]!r}: {problem}", what="certificates")


def _decoded(data: Any, path: str, entry: str) -> tuple[tuple[Certificate, ...], tuple[str, ...]]:
    if data == CUT:
        return (), ("left on the node, because a private key stands in it, or because it is not on one line",)
    try:
        decoded = base64.b64decode("".join(text(data).split()), validate=True)
    except (binascii.Error, ValueError):
        return (), ("not base64",)
    return parse_certificates(decoded, path, entry)
