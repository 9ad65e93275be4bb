"""Certificates and kubeconfigs on a node's disk."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """One X.509 certificate. Times are in UTC.

    `path` is the file on the node (`/etc/kubernetes/pki/apiserver.crt`); `entry` the user or cluster within a
    kubeconfig, or the number within a bundle from 1, else empty. `subject_key` and `authority_key` are the key
    identifiers in hex, empty where the certificate has none; `sha256` is the fingerprint of the DER in hex.
    """

    path: str
    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime
    is_authority: bool
    serial: str
    sha256: str
    common_name: str = ""
    organizations: tuple[str, ...] = ()
    entry: str = ""
    subject_key: str = ""
    authority_key: str = ""
    names: tuple[str, ...] = ()


class Kubeconfig(msgspec.Struct, frozen=True, kw_only=True):
    """One kubeconfig on the node, without its secrets: `server` of the current context.

    `client_certificate` is the path that it names, empty when the certificate is embedded (it is then among the
    host's certificates under this path) or when the credential is something else.
    """

    path: str
    server: str = ""
    user: str = ""
    client_certificate: str = ""
    embedded: bool = False
