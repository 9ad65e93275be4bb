"""Kubelets that will not renew their client certificate."""

from collections.abc import Iterator

from kubepreflight.finding import WARNING, Finding, Gap, finding
from kubepreflight.host import Host, Missing
from kubepreflight.rule import rule
from kubepreflight.semantics.certificate_timeline import CertificateTimeline, HostCertificate
from kubepreflight.semantics.certificate_words import consequences, evidence
from kubepreflight.semantics.kubelet_certificates import KUBELET_CONF, rotates_client
from kubepreflight.semantics.kubelet_words import FIELD, KubeletConfigMap, by_cause, while_it_is_valid
from kubepreflight.semantics.moments import span
from kubepreflight.semantics.renewal import Renewer
from kubepreflight.semantics.several import listed
from kubepreflight.upgrade import Upgrade

REASONS = {
    Renewer.ROTATION_OFF: "is not told to rotate its client certificate (rotateCertificates)",
    Renewer.ROTATION_STUCK: "should have rotated its client certificate at 90 % of its life at the latest, and has not",
    Renewer.EMBEDDED: "has its client certificate within kubelet.conf, where it is never renewed: when the kubelet "
    "restarts after its end, as every upgrade does, it does not come up",
}
ROTATION_OFF_ON_SEVERAL = "are not told to rotate their client certificates (rotateCertificates)"
"""The one reason that is one cause on several nodes."""


@rule(severity=WARNING, area="certificates", phase="node-upgrade")
def kubelet_client_certificate_stuck(
    timeline: CertificateTimeline, hosts: list[Host], upgrade: Upgrade, config: KubeletConfigMap
) -> Iterator[Finding | Gap]:
    """A kubelet does not renew its client certificate.

    Why: kubeadm leaves the kubelet's client certificate to the kubelet, which has a new one signed somewhere between
    70 and 90 % of the old one's life. It does so only when it is told to, and when requests are approved and signed. A
    node made by an old `kubeadm init` has the certificate within kubelet.conf, and that copy never changes.

    What happens: on the day when the certificate ends the node goes NotReady and its pods are evicted; the kubelet
    cannot ask for a new one any more. With a copy within kubelet.conf the running kubelet goes on, and fails when it is
    restarted, in the upgrade.

    When it stays silent: rotation is on, the certificate is younger than 90 % of its life, and kubelet.conf names the
    file that rotates. The age counts at the moment when the node's facts were collected, or at the planned start where
    that is not known. A certificate that ends in the window or before it is certificate-expires-in-window's or
    certificate-expired's.

    How to see it yourself: openssl x509 -noout -dates -in /var/lib/kubelet/pki/kubelet-client-current.pem

    References:
        https://kubernetes.io/docs/tasks/tls/certificate-rotation/
        https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/troubleshooting-kubeadm/#kubelet-client-cert

    """
    yield from timeline.gaps
    leaves = timeline.leaves()
    kubelets = {node: [one for one in found if one.is_kubelets] for node, found in leaves.items()}
    for host in hosts:
        yield from _unseen(host, kubelets.get(host.name, []))
    late = (one for found in kubelets.values() for one in found if one.renewer in REASONS and one.ends > upgrade.end)
    for subject, certificates in by_cause(late, config).items():
        nodes, ends = listed(one.node for one in certificates), span(one.ends for one in certificates)
        message = f"The kubelet of {nodes} {REASONS[certificates[0].renewer]}. The certificate ends {ends}."
        if len(certificates) > 1:
            message = f"The kubelets of {nodes} {ROTATION_OFF_ON_SEVERAL}. They end {ends}."
        yield finding(
            subject,
            f"{message} {consequences(certificates)}",
            remedy=while_it_is_valid(certificates, config),
            places=[one.place for one in certificates],
            evidence=evidence(certificates),
        )


def _unseen(host: Host, certificates: list[HostCertificate]) -> Iterator[Finding | Gap]:
    rotates = rotates_client(host)
    if isinstance(rotates, Missing) and certificates:
        yield host.cannot_check("kubelet configuration", rotates)
    kubeconfigs = () if isinstance(host.kubeconfigs, Missing) else host.kubeconfigs
    embedded = any(one.path == KUBELET_CONF and one.embedded for one in kubeconfigs)
    if embedded and not any(one.renewer is Renewer.EMBEDDED for one in certificates):
        yield finding(
            host,
            f"The kubelet of {host.name} {REASONS[Renewer.EMBEDDED]}. When it ends could not be read.",
            remedy=f"openssl x509 -noout -dates -in /var/lib/kubelet/pki/kubelet-client-current.pem\n"
            f"When that is valid, let {KUBELET_CONF} name it, as the second reference says.",
            field=FIELD,
            place=host.at(KUBELET_CONF),
        )
