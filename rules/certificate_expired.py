"""Certificates on the nodes that are past their end when the upgrade begins."""

from collections.abc import Iterable, Iterator

from kubepreflight.finding import BLOCKER, WARNING, Finding, Gap, Subject, finding
from kubepreflight.rule import rule
from kubepreflight.semantics.certificate_timeline import CertificateTimeline, HostCertificate
from kubepreflight.semantics.certificate_words import (
    NODE_FIELD,
    consequences,
    counted,
    evidence,
    how_to_renew,
    when,
)
from kubepreflight.semantics.kubelet_words import KubeletConfigMap, after_its_end, by_cause
from kubepreflight.semantics.renewal import Renewer
from kubepreflight.semantics.several import listed
from kubepreflight.upgrade import Upgrade


@rule(severity=BLOCKER, area="certificates", phase="before")
def certificate_expired(
    timeline: CertificateTimeline, upgrade: Upgrade, kubelet_config: KubeletConfigMap
) -> Iterator[Finding | Gap]:
    """A certificate on a node has ended by the planned start.

    Why: the parts of Kubernetes know each other by certificates. kubeadm makes them for one year, and renews them when
    it upgrades. A cluster that was not upgraded for a year has none left that are valid.

    What happens: what the certificate was for has stopped working, often without saying so: through another node the
    cluster looks well, and kubectl with the ended admin.conf says "You must be logged in to the server (Unauthorized)".
    `kubeadm upgrade` needs a valid admin.conf, API server and etcd: on such a node it says nothing for a minute, and
    then fails ("failed to get config map: Unauthorized"). Where those of several etcd members have ended, one that is
    renewed and restarted stays out until the leader is renewed, too.

    When it stays silent: the certificate ends later (see certificate-expires-in-window); it is an authority (see
    certificate-authority-expires) or the kubelet's serving certificate (see kubelet-serving-certificate-expires);
    the kubelet's client certificate was in the middle of its life when it was looked at, and rotates; the file is one
    that nothing reads. Of a node without facts only that is known which its servers show, with
    `--opt-in served-certificates`. For a certificate that no part of kubeadm needs (super-admin.conf, or a file named
    by a flag that somebody added) it is a warning.

    How to see it yourself: kubeadm certs check-expiration

    References:
        https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-certs/
        https://kubernetes.io/docs/setup/best-practices/certificates/
        https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/troubleshooting-kubeadm/

    """
    yield from timeline.gaps
    ended = {
        node: [one for one in certificates if one.ends <= upgrade.start and one.renewer is not Renewer.KUBELET]
        for node, certificates in timeline.leaves().items()
    }
    peers = [node for node, found in ended.items() if any(one.known and one.known.name == "etcd-peer" for one in found)]
    for node, found in ended.items():
        yield from _on_node(node, [one for one in found if not one.is_kubelets], timeline, upgrade, peers)
    of_kubelets = [one for found in ended.values() for one in found if one.is_kubelets]
    yield from _of_kubelets(of_kubelets, upgrade, kubelet_config)


def _on_node(
    node: str, ended: list[HostCertificate], timeline: CertificateTimeline, upgrade: Upgrade, peers: list[str]
) -> Iterable[Finding]:
    if ended:
        dispensable = all(one.known is None or one.known.optional for one in ended)
        yield finding(
            Subject(kind="Node", name=node, node=node),
            f"On {node}, {counted(ended)} {'ends' if len(ended) == 1 else 'end'} before the work begins, "
            f"{when(ended, upgrade.start)}. {consequences(ended)}".strip(),
            remedy=how_to_renew(node, ended, timeline.plan, peers),
            field=NODE_FIELD,
            places=[one.place for one in ended],
            evidence=evidence(ended),
            severity=WARNING if dispensable else BLOCKER,
        )


def _of_kubelets(ended: list[HostCertificate], upgrade: Upgrade, config: KubeletConfigMap) -> Iterable[Finding]:
    for subject, certificates in by_cause(ended, config).items():
        nodes = [one.node for one in certificates]
        what = "kubelet's client certificate ends" if len(nodes) == 1 else "kubelets' client certificates end"
        yield finding(
            subject,
            f"On {listed(nodes)}, the {what} before the work begins, "
            f"{when(certificates, upgrade.start)}: {certificates[0].renewer}. {consequences(certificates)}",
            remedy=after_its_end(nodes[0]) + (DO_THE_SAME if len(nodes) > 1 else ""),
            places=[one.place for one in certificates],
            evidence=evidence(certificates),
        )


DO_THE_SAME = "\nThen do the same for each of the other nodes."
