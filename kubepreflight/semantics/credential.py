"""The credential that the scan itself uses."""

from __future__ import annotations

import msgspec

from kubepreflight.finding import Subject
from kubepreflight.host import Certificate


class ScanCredential(msgspec.Struct, frozen=True, kw_only=True):
    """What the kubeconfig of the scan proves its user with; the cluster source supplies it.

    `kind` is `certificate`, `token`, `in-cluster` or `other` (a password, or nothing); `certificates` are the client
    certificate and what is bundled with it, empty for the other kinds. Never a key or a token.
    """

    context: str
    kind: str
    certificates: tuple[Certificate, ...] = ()

    @property
    def subject(self) -> Subject:
        """The context, as reports name it."""
        return Subject(kind="Kubeconfig", name=self.context, field="client certificate")
