"""Client certificates in kubeconfigs: the scan's own, and those on the nodes that kubeadm does not renew."""

from collections.abc import Iterator
from shlex import quote
from typing import Self

import msgspec

from kubepreflight.finding import BLOCKER, WARNING, Finding, Gap, cannot_check, finding
from kubepreflight.host import Certificate, Host, Missing
from kubepreflight.inputs import Unavailable
from kubepreflight.knowledge.certificates import CertificateInventory
from kubepreflight.rule import rule
from kubepreflight.semantics.credential import ScanCredential
from kubepreflight.semantics.moments import against_start, exact, moment
from kubepreflight.upgrade import Upgrade


class Kubeconfigs(msgspec.Struct, frozen=True):
    """The hosts whose kubeconfigs may be looked at, and the scan's own credential; one of the two is there at least."""

    hosts: tuple[Host, ...]
    credential: ScanCredential | None

    @classmethod
    def provide(cls, hosts: list[Host] | None, credential: ScanCredential | None = None) -> Self:
        """From whichever there is. Raises Unavailable when there is neither."""
        if hosts is None and credential is None:
            raise Unavailable
        return cls(tuple(hosts or ()), credential)


@rule(severity=BLOCKER, area="certificates", phase="control-plane-upgrade")
def kubeconfig_credential_expires(
    kubeconfigs: Kubeconfigs, inventory: CertificateInventory, upgrade: Upgrade
) -> Iterator[Finding | Gap]:
    """The client certificate in a kubeconfig ends in the window.

    Why: an administrator's kubeconfig is usually a copy of a node's admin.conf. kubeadm renews the one on the node,
    never the copy.

    What happens: in the middle of the work `kubectl drain` and `kubectl uncordon` answer "You must be logged in to the
    server (Unauthorized)", without a word of a certificate. For the kubeconfig that this scan used it is a blocker, for
    others that lie on the nodes a warning.

    When it stays silent: the certificate ends after the window; the user proves itself with a token or a program; the
    file is one of those that kubeadm and the kubelet keep (see certificate-expires-in-window and
    kubelet-client-certificate-stuck); a file on a node, other than the scan's own, whose certificate has ended before
    the planned start, because nobody works with it any more.

    How to see it yourself: kubectl config view --raw -o jsonpath='{.users[*].user.client-certificate-data}' |
    base64 -d | openssl x509 -noout -enddate

    References:
        https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-certs/
        https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/

    """
    if kubeconfigs.credential is not None:
        yield from _own(kubeconfigs.credential, upgrade, inventory)
    for host in kubeconfigs.hosts:
        yield from _on_host(host, upgrade, inventory)


def _own(credential: ScanCredential, upgrade: Upgrade, inventory: CertificateInventory) -> Iterator[Finding | Gap]:
    if credential.kind != "certificate":
        return
    certificate = next((one for one in credential.certificates if not one.is_authority), None)
    if certificate is None:
        yield cannot_check(
            "own kubeconfig", "its client certificate cannot be read", subject=credential.context, asked=True
        )
    elif certificate.not_after <= upgrade.end:
        yield finding(
            credential,
            f"The certificate with which the context {credential.context} proves its user ({certificate.subject}) ends "
            f"{_end(certificate, upgrade)}: kubectl with it is Unauthorized from then on, and the work is not done.",
            remedy="Have whoever gave you this kubeconfig make a new one; or renew admin.conf on a control-plane node, "
            "as root, and take a copy of it:\n"
            f"{inventory.renewal(upgrade.hops[0].start).renew_command.removesuffix('all')}admin.conf\n"
            "cp /etc/kubernetes/admin.conf ~/.kube/config",
            evidence={"ends": exact(certificate.not_after)},
            phase="before" if certificate.not_after <= upgrade.start else None,
        )


def _on_host(host: Host, upgrade: Upgrade, inventory: CertificateInventory) -> Iterator[Finding | Gap]:
    if isinstance(host.kubeconfigs, Missing):
        yield host.cannot_check("kubeconfigs", host.kubeconfigs)
        return
    if isinstance(host.certificates, Missing):
        yield host.cannot_check("certificates", host.certificates)
        return
    by_path = {one.client_certificate or one.path: one for one in host.kubeconfigs}
    for certificate in host.certificates:
        kubeconfig = by_path.get(certificate.path)
        kept = kubeconfig is None or certificate.is_authority or inventory.at(certificate.path) is not None
        if kubeconfig is not None and not kept and upgrade.start < certificate.not_after <= upgrade.end:
            yield finding(
                host.at(kubeconfig.path, certificate.entry or kubeconfig.user),
                f"The client certificate in {kubeconfig.path} on {host.name} ({certificate.subject}) ends "
                f"{_end(certificate, upgrade)}. kubeadm does not renew it; whatever uses this file is refused then.",
                remedy="See what uses the file, and make a new one (`kubeadm alpha kubeconfig user` where kubeadm does "
                "not know this command):\n"
                f"kubeadm kubeconfig user --client-name {quote(certificate.common_name or 'NAME')}",
                place=host.at(kubeconfig.path),
                evidence={"ends": exact(certificate.not_after)},
                severity=WARNING,
            )


def _end(certificate: Certificate, upgrade: Upgrade) -> str:
    return f"at {moment(certificate.not_after)}, {against_start(certificate.not_after, upgrade.start)}"
