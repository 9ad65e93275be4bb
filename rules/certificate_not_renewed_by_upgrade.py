"""Certificates that end within a year, and that neither the upgrade nor anything else renews."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import NamedTuple

from kubepreflight.finding import BLOCKER, WARNING, Finding, Gap, Subject, finding
from kubepreflight.rule import rule
from kubepreflight.semantics.certificate_timeline import CertificateTimeline, HostCertificate
from kubepreflight.semantics.certificate_words import (
    BY_ETCDS_OWNER,
    BY_ITS_MAKER,
    RESTART,
    by_external_authority,
    evidence,
    names,
)
from kubepreflight.semantics.moments import span
from kubepreflight.semantics.renewal import RenewalPlan, Renewer
from kubepreflight.semantics.several import listed
from kubepreflight.upgrade import Upgrade

YEAR = timedelta(days=365)


class Words(NamedTuple):
    """What is said of one reason, and what to type."""

    message: str
    remedy: str


REASONS = {
    Renewer.SWITCHED_OFF: Words(
        "Renewal is switched off for this upgrade, so it does not renew {names} on {nodes}.",
        f"Take certificateRenewal: false out of that file, or renew by hand on each node:\n{{command}}\n{RESTART}",
    ),
    Renewer.NOT_BY_NODE: Words(
        "`kubeadm upgrade node` of this version renews only when it is told to: it leaves {names} on {nodes}.",
        "On each of these nodes:\nkubeadm upgrade node --certificate-renewal=true",
    ),
    Renewer.EXTERNAL_ETCD: Words(
        "etcd is not kubeadm's, so the upgrade does not renew {names} on {nodes}.",
        BY_ETCDS_OWNER,
    ),
    Renewer.EXTERNAL_AUTHORITY: Words(
        "The key of the authority {authority} is not on {nodes}, so the upgrade passes over what it signed: {names}.",
        "Plan it for a day before that. {by_authority}",
    ),
    Renewer.AUTHORITY_UNREADABLE: Words(
        "The key of the authority {authority} is not on {nodes}. This kubeadm does not recognise that: it tries to "
        "renew {names}, and the upgrade stops with an error.",
        "Put the authority's key on the node for the time of the upgrade, or upgrade without renewal:\n"
        "kubeadm upgrade apply --certificate-renewal=false",
    ),
    Renewer.SAME_ETCD: Words(
        "etcd keeps its version, and this kubeadm renews {names} only when etcd is replaced: they stay as they are on "
        "{nodes}.",
        f"On each of these nodes, one at a time, after its upgrade:\n{{each}}\n{RESTART}",
    ),
    Renewer.NOBODY: Words(
        "{used_by} reads {names} on {nodes}, which is not kubeadm's: the upgrade does not renew it.",
        BY_ITS_MAKER,
    ),
}


@rule(severity=BLOCKER, area="certificates", phase="after")
def certificate_not_renewed_by_upgrade(timeline: CertificateTimeline, upgrade: Upgrade) -> Iterator[Finding | Gap]:
    """A certificate ends within a year, and neither the upgrade nor anything else renews it.

    Why: who upgrades often enough never thinks of certificates, because kubeadm renews them along the way. It does not
    renew all of them: not those of an authority whose key is not on the node, not those of an etcd that is not its own,
    not when it is told not to, and an old kubeadm not when etcd stays the same.

    What happens: the upgrade succeeds, and months later, on a day when nobody touched anything, the certificate ends
    and what it was for stops. It is a warning, because there is time to plan its renewal; it is a blocker only where
    the kubeadm of this upgrade does not recognise that the key of etcd's authority is absent, and stops there.

    When it stays silent: the upgrade or the kubelet renews it; it ends more than a year after the planned start, or in
    the window already (see certificate-expires-in-window); its node is at the target already and was renewed then; it
    is an authority or the kubelet's, which have rules of their own. Where the node's keys were not listed, each
    authority's key is taken to be there, and the rule says so.

    How to see it yourself: kubeadm certs check-expiration says EXTERNALLY MANAGED beside what it does not renew

    References:
        https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-certs/#automatic-certificate-renewal
        https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-certs/#external-ca-mode

    """
    yield from timeline.gaps
    yield from timeline.keys_unknown
    causes: dict[Subject, list[HostCertificate]] = {}
    for certificates in timeline.leaves().values():
        for one in certificates:
            soon = upgrade.end < one.ends <= upgrade.start + YEAR
            if one.renewer in REASONS and not one.is_kubelets and (soon or _stops_the_upgrade(one)):
                causes.setdefault(_cause(one, timeline), []).append(one)
    for cause, together in causes.items():
        yield _about(cause, together, timeline.plan)


def _stops_the_upgrade(one: HostCertificate) -> bool:
    return one.renewer is Renewer.AUTHORITY_UNREADABLE


def _cause(one: HostCertificate, timeline: CertificateTimeline) -> Subject:
    match one.renewer:
        case Renewer.SWITCHED_OFF:
            return timeline.switched_off_by[0]
        case Renewer.NOT_BY_NODE:
            return Subject(kind="Command", name="kubeadm upgrade node", field="--certificate-renewal")
        case Renewer.EXTERNAL_ETCD:
            return Subject(kind="ConfigMap", namespace="kube-system", name="kubeadm-config", field="etcd.external")
        case Renewer.SAME_ETCD:
            return Subject(kind="StaticPod", name="etcd", field="certificates")
    return Subject(kind="CertificateAuthority", name=one.known.authority) if one.known else one.place


def _about(cause: Subject, certificates: Sequence[HostCertificate], plan: RenewalPlan) -> Finding:
    first = certificates[0]
    words = REASONS[first.renewer]
    each = (f"{plan.command.removesuffix('all')}{name}" for name in names(certificates).split(", "))
    message = words.message.format(
        names=names(certificates),
        nodes=listed(one.node for one in certificates),
        authority=first.known.authority if first.known else "",
        used_by=first.used_by,
    )
    ends = f" {'It ends' if len(certificates) == 1 else 'They end'} {span(one.ends for one in certificates)}."
    return finding(
        cause,
        message if _stops_the_upgrade(first) else message + ends,
        remedy=words.remedy.format(
            command=plan.command, each="\n".join(each), by_authority=by_external_authority(plan.request_command)
        ),
        places=[one.place for one in certificates],
        evidence=evidence(certificates),
        severity=BLOCKER if _stops_the_upgrade(first) else WARNING,
        phase="control-plane-upgrade" if _stops_the_upgrade(first) else None,
    )
