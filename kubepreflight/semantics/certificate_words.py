"""What the rules about certificates on nodes say alike: which end when, who would renew them, what to type."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from kubepreflight.finding import Evidence
from kubepreflight.semantics.certificate_timeline import CertificateTimeline, HostCertificate
from kubepreflight.semantics.moments import against_start, exact, span
from kubepreflight.semantics.renewal import RenewalPlan, Renewer
from kubepreflight.semantics.several import listed

NODE_FIELD = "control-plane certificates"

_WORST = ("apiserver", "etcd-peer", "admin.conf")

SAVE_CLUSTER_CONFIGURATION = (
    "kubectl -n kube-system get configmap kubeadm-config -o jsonpath='{.data.ClusterConfiguration}' "
    "> /root/kubeadm.yaml"
)
RESTART = (
    "mkdir -p /etc/kubernetes/manifests-away\n"
    "mv /etc/kubernetes/manifests/*.yaml /etc/kubernetes/manifests-away/ && sleep 20\n"
    "mv /etc/kubernetes/manifests-away/*.yaml /etc/kubernetes/manifests/"
)
"""Restarts every static pod of a node: the kubelet stops those whose manifest is gone."""


def names(certificates: Iterable[HostCertificate]) -> str:
    """All of them, sorted: a certificate that ends must not hide behind `and 3 more`."""
    return ", ".join(sorted(dict.fromkeys(one.name for one in certificates)))


def counted(certificates: Sequence[HostCertificate]) -> str:
    """`the certificate apiserver`, `10 certificates: admin.conf, apiserver, …`."""
    if len(certificates) == 1:
        return f"the certificate {certificates[0].name}"
    return f"{len(certificates)} certificates ({names(certificates)})"


def when(certificates: Iterable[HostCertificate], start: datetime) -> str:
    """`at 2026-11-23 09:36 UTC, 43 minutes after the planned start`: the first end is set against the start."""
    ends = [one.ends for one in certificates]
    return f"{span(ends)}, {against_start(min(ends), start)}"


def consequences(certificates: Iterable[HostCertificate], most: int = 3) -> str:
    """What stops with them, the worst first: `Once they have ended, …`; empty when nothing is known to."""
    found = list(certificates)
    known = [one.known for one in found if one.known]
    known.sort(key=lambda one: _WORST.index(one.name) if one.name in _WORST else len(_WORST))
    text = " ".join(list(dict.fromkeys(one.consequence for one in known))[:most])
    once = "Once it has ended" if len(found) == 1 else "Once they have ended"
    return f"{once}, {text[:1].lower()}{text[1:]}" if text else ""


def evidence(certificates: Iterable[HostCertificate]) -> dict[str, Evidence]:
    """The exact ends, for machines and for those who do not believe it; by node where there are several."""
    found = list(certificates)
    several = len({one.node for one in found}) > 1
    return {"ends": sorted(f"{f'{one.node}: ' if several else ''}{one.name} {exact(one.ends)}" for one in found)}


def how_to_renew(
    node: str, certificates: Sequence[HostCertificate], plan: RenewalPlan, together: Sequence[str] = ()
) -> str:
    """What to type on a node so that these live longer.

    `together` are the nodes, this one among them, whose etcd members have lost each other: all need new certificates
    before one of them is restarted (seen with etcd 3.6: the member stays out until the leader has its new ones).
    """
    by_its_authority = by_external_authority(plan.request_command)
    elsewhere = {
        Renewer.EXTERNAL_AUTHORITY: by_its_authority,
        Renewer.AUTHORITY_UNREADABLE: by_its_authority,
        Renewer.EXTERNAL_ETCD: BY_ETCDS_OWNER,
    }
    parts = dict.fromkeys(elsewhere.get(one.renewer, "") if one.known else BY_ITS_MAKER for one in certificates)
    if "" not in parts:
        return "\n".join(parts)
    restarts = "this restarts its control plane, so do one node at a time:"
    by_kubeadm = f"On {node}, as root; {restarts}\n{plan.command}\n{RESTART}"
    if len(together) > 1 and node in together:
        by_kubeadm = (
            f"On each of {listed(together)}, as root: etcd does not let a member in again that is restarted while its "
            f"leader's certificate has ended.\n{plan.command}\n"
            f"Only when that is done on all of them, on {node}; {restarts}\n{RESTART}"
        )
    return "\n".join([by_kubeadm, *filter(None, parts)])


BY_ETCDS_OWNER = (
    "Have whoever runs etcd issue a new client certificate for the API server, and put it where --etcd-certfile says."
)
BY_ITS_MAKER = "Have whoever made the files that are not kubeadm's make them anew, then restart what reads them."


def by_external_authority(request_command: str) -> str:
    """How certificates are renewed whose authority's key is not on the node; `request_command` is kubeadm's."""
    return (
        "Make new keys and requests in a folder of their own: kubeadm does not write over the keys that are in use.\n"
        f"{SAVE_CLUSTER_CONFIGURATION}\n"
        f"{request_command}\n"
        "Have the external authority sign those that are needed, put keys and certificates in place of the old ones, "
        f"and restart what reads them, one node at a time:\n{RESTART}"
    )


def who_is_safe(timeline: CertificateTimeline, node: str) -> str:
    """What becomes of the other control-plane nodes, for a finding about one that is not safe; empty when unknown."""
    upgrade, order = timeline.plan.upgrade, timeline.plan.order
    first = order.first
    if first is not None and first.node != node:
        managed = _managed(timeline, first.node)
        if not managed or any(one.ends <= upgrade.end and not one.renewed_in_time for one in managed):
            return ""
        if all(one.ends > upgrade.end for one in managed):
            return f"{first.node} is safe: its certificates outlast the window."
        lasts = timeline.validity is None or upgrade.start + timeline.validity > upgrade.end
        safe = "is safe: it " if lasts else ""
        return f"{first.node} {safe}is taken to be upgraded first, at the planned start, and renewed then."
    done = [one for one in order.done if one != node]
    if not done:
        return ""
    ends = [[one.ends for one in _managed(timeline, other)] for other in done]
    lasting = all(each and min(each) > upgrade.end for each in ends)
    rest = ", with certificates that outlast the window" if lasting else ""
    return f"{', '.join(done)} {'has' if len(done) == 1 else 'have'} been upgraded already{rest}."


def _managed(timeline: CertificateTimeline, node: str) -> list[HostCertificate]:
    return [one for one in timeline.certificates if one.node == node and one.known and one.known.renewed_with]
