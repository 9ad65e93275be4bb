"""Certificates in TLS Secrets, and cert-manager's Certificates, that end in the window and are not renewed."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from shlex import quote
from typing import Self

import msgspec

from kubepreflight.finding import WARNING, Finding, Gap, cannot_check, finding
from kubepreflight.host import Certificate
from kubepreflight.inputs import Unavailable
from kubepreflight.objects import Api, Condition, KubernetesObject, OwnerReference
from kubepreflight.parts import Timestamp
from kubepreflight.rule import rule
from kubepreflight.semantics.bundles import Bundle
from kubepreflight.semantics.kubelet_certificates import share_of_life
from kubepreflight.semantics.moments import against_start, exact, moment
from kubepreflight.upgrade import Upgrade

LATE = 0.75
"""What is renewed by a machine is renewed before this share of its life; cert-manager does so at two thirds."""

TLS = "kubernetes.io/tls"


class PublicPart(msgspec.Struct, frozen=True):
    """The certificate of a TLS Secret. Its key is never decoded."""

    certificate: str | None = msgspec.field(name="tls.crt", default=None)


class TlsSecret(KubernetesObject):
    """A Secret, of which only `tls.crt` is read."""

    api = Api("", "Secret", "secrets", selector=f"type={TLS}")
    opt_in = "tls-secrets"

    type: str | None = None
    data: PublicPart | None = None


class CertificateSpec(msgspec.Struct, rename="camel", frozen=True):
    """Where cert-manager puts it."""

    secret_name: str | None = None


class CertificateStatus(msgspec.Struct, rename="camel", frozen=True):
    """How it stands."""

    conditions: list[Condition] | None = None
    not_after: Timestamp | None = None
    last_failure_time: Timestamp | None = None


class ManagedCertificate(KubernetesObject):
    """A Certificate of cert-manager."""

    api = Api("cert-manager.io", "Certificate", "certificates")
    spec: CertificateSpec = CertificateSpec()
    status: CertificateStatus = CertificateStatus()

    @property
    def failing(self) -> str:
        """Why it is not ready, or was not renewed the last time; empty when all is well, or nothing is said."""
        conditions = {one.type: one for one in self.status.conditions or ()}
        ready, issuing = conditions.get("Ready"), conditions.get("Issuing")
        if ready and ready.status == "False":
            return ready.message or ready.reason or "it is not ready"
        if self.status.last_failure_time is None:
            return ""
        return (issuing and issuing.message) or f"it failed at {moment(self.status.last_failure_time)}"


class Secrets(msgspec.Struct, frozen=True):
    """The TLS Secrets, where they may be read, and cert-manager's Certificates; at least one of the two is there."""

    secrets: tuple[TlsSecret, ...]
    certificates: tuple[ManagedCertificate, ...]

    @classmethod
    def provide(cls, secrets: list[TlsSecret] | None, certificates: list[ManagedCertificate] | None) -> Self:
        """From whichever there is. Raises Unavailable when there is neither."""
        if secrets is None and certificates is None:
            raise Unavailable
        return cls(tuple(one for one in secrets or () if one.type == TLS), tuple(certificates or ()))


@rule(severity=WARNING, area="certificates", phase="after")
def tls_secret_expires(found: Secrets, upgrade: Upgrade) -> Iterator[Finding | Gap]:
    """A TLS certificate of a workload ends in the window, and nothing seems to renew it.

    Why: in the days of an upgrade everybody suspects the upgrade. A certificate of an Ingress that ends then costs
    hours of search in the wrong place.

    What happens: browsers and clients refuse the workload from that moment. It has nothing to do with the upgrade.

    When it stays silent: the certificate ends after the window, or is over before it begins; a cert-manager Certificate
    stands behind the Secret and is ready, with no failed renewal; another object owns the Secret; less than three
    quarters of the certificate's life are over, so that a renewal is still to come. TLS Secrets are only read when
    asked for (--opt-in tls-secrets), and then only `tls.crt`; cert-manager's Certificates are always looked at.

    How to see it yourself: kubectl get certificates --all-namespaces

    References:
        https://kubernetes.io/docs/concepts/configuration/secret/#tls-secrets
        https://cert-manager.io/docs/usage/certificate/

    """
    managed = {(one.namespace, one.spec.secret_name) for one in found.certificates}
    for one in found.certificates:
        yield from _managed(one, upgrade)
    for secret in found.secrets:
        if (secret.namespace, secret.name) not in managed and not _owners(secret):
            yield from _by_hand(secret, upgrade)


def _owners(secret: TlsSecret) -> list[OwnerReference]:
    return secret.metadata.owner_references or []


def _managed(one: ManagedCertificate, upgrade: Upgrade) -> Iterable[Finding]:
    end = one.status.not_after
    if end is not None and upgrade.start < end <= upgrade.end and one.failing:
        yield finding(
            one,
            f"The certificate {one.namespace}/{one.name} ends {_end(end, upgrade)}, and cert-manager does not renew "
            f"it: {one.failing.rstrip('.')}.",
            remedy=f"kubectl -n {quote(one.namespace)} describe certificate {quote(one.name)}\n"
            f"kubectl -n {quote(one.namespace)} get certificaterequests,orders,challenges",
            evidence={"ends": exact(end)},
        )


def _by_hand(secret: TlsSecret, upgrade: Upgrade) -> Iterable[Finding | Gap]:
    bundle = Bundle.decode((secret.data and secret.data.certificate) or "")
    if bundle.problem:
        yield cannot_check(
            "tls.crt",
            bundle.problem,
            subject=str(secret.subject),
            how=f"kubectl -n {quote(secret.namespace)} get secret {quote(secret.name)}",
            asked=True,
        )
        return
    leaf: Certificate = bundle.certificates[0]
    if upgrade.start < leaf.not_after <= upgrade.end and share_of_life(leaf, upgrade.start) >= LATE:
        yield finding(
            secret,
            f"The certificate in the Secret {secret.namespace}/{secret.name} ({leaf.subject}) ends "
            f"{_end(leaf.not_after, upgrade)}, and nothing in the cluster renews it.",
            remedy="Have a new one made, and put it there before the upgrade:\n"
            f"kubectl -n {quote(secret.namespace)} create secret tls {quote(secret.name)} --cert=FILE --key=FILE "
            "--dry-run=client -o yaml | kubectl apply -f -",
            field="tls.crt",
            evidence={"ends": exact(leaf.not_after)},
        )


def _end(end: datetime, upgrade: Upgrade) -> str:
    return f"at {moment(end)}, {against_start(end, upgrade.start)}"
