"""Certificates on the nodes that end while the upgrade is under way, before their node's turn."""

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
    names,
    when,
    who_is_safe,
)
from kubepreflight.semantics.kubeadm_config import KubeadmConfig
from kubepreflight.semantics.kubelet_words import KubeletConfigMap, by_cause, while_it_is_valid
from kubepreflight.semantics.moments import duration, moment
from kubepreflight.semantics.renewal import Renewer
from kubepreflight.semantics.several import listed
from kubepreflight.upgrade import Upgrade


@rule(severity=BLOCKER, area="certificates", phase="control-plane-upgrade")
def certificate_expires_in_window(
    timeline: CertificateTimeline,
    upgrade: Upgrade,
    kubelet_config: KubeletConfigMap,
    config: KubeadmConfig | None = None,
) -> Iterator[Finding | Gap]:
    """A certificate ends between the planned start and the end of the window, and nothing renews it before.

    Why: kubeadm renews a node's certificates when it upgrades that node, and only then. They live one year, and four
    minors take a year: the upgrade falls on the days on which they end. One control-plane node is upgraded today, the
    others tomorrow; overnight their certificates end.

    What happens: the cluster looks well through the node that was upgraded: nodes are Ready, pods are Running. On the
    others the API server refuses everybody, their admin.conf is Unauthorized, etcd's members lose each other one
    reconnection at a time, and `kubeadm upgrade node`, the next planned step, says nothing for a minute and ends with
    "failed to get config map: Unauthorized". In the middle of an upgrade nobody thinks of certificates, and the search
    for the cause breaks what still worked.

    When it stays silent: the certificate ends after the window; the node is the first to be upgraded, and the end comes
    later than half an hour after the planned start; the kubelet rotates it by itself; it is an authority (see
    certificate-authority-expires) or the kubelet's serving certificate (see kubelet-serving-certificate-expires). The
    order is taken to be: nodes that are at the target already, then the others by name, the first at the planned start
    and the rest at any time in the window. Renewal is taken to be on unless an UpgradeConfiguration among the manifests
    switches it off. Of a node without facts only that is known which its servers show, with `--opt-in
    served-certificates`. For a certificate that no part of kubeadm needs it is a warning.

    How to see it yourself: kubeadm certs check-expiration

    References:
        https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-certs/
        https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-upgrade/
        https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/troubleshooting-kubeadm/

    """
    yield from timeline.gaps
    assumed, of_kubelets = False, list[HostCertificate]()
    for node, certificates in timeline.leaves().items():
        ending = [one for one in certificates if upgrade.start < one.ends <= upgrade.end]
        assumed = assumed or any(one.renewer is Renewer.UPGRADE for one in ending)
        late = [one for one in ending if not one.renewed_in_time]
        yield from _on_node(node, [one for one in late if not one.is_kubelets], timeline)
        of_kubelets += [one for one in late if one.is_kubelets]
    yield from _of_kubelets(of_kubelets, upgrade, kubelet_config)
    yield from _too_short(timeline, upgrade, config)
    if assumed:
        yield from timeline.keys_unknown


def _on_node(node: str, late: list[HostCertificate], timeline: CertificateTimeline) -> Iterable[Finding]:
    if not late:
        return
    upgrade = timeline.plan.upgrade
    waits = {one.renewer for one in late} & {Renewer.UPGRADE, Renewer.NOT_BY_NODE}
    verb = "ends" if len(late) == 1 else "end"
    sentences = [
        f"On {node}, {counted(late)} {verb} {when(late, upgrade.start)}.",
        *_why_not_before(node, late, upgrade),
        consequences(late),
        who_is_safe(timeline, node) if waits else "",
    ]
    remedy = how_to_renew(node, late, timeline.plan)
    if waits:
        told = " with `kubeadm upgrade node --certificate-renewal=true`" if Renewer.NOT_BY_NODE in waits else ""
        remedy += f"\nOr be done with the upgrade of {node}{told} before {moment(min(one.ends for one in late))}."
    yield finding(
        Subject(kind="Node", name=node, node=node),
        " ".join(filter(None, sentences)),
        remedy=remedy,
        field=NODE_FIELD,
        places=[one.place for one in late],
        evidence=evidence(late),
        severity=WARNING if all(one.known is None or one.known.optional for one in late) else BLOCKER,
    )


def _why_not_before(node: str, late: list[HostCertificate], upgrade: Upgrade) -> Iterable[str]:
    by_renewer: dict[Renewer, list[HostCertificate]] = {}
    for one in late:
        by_renewer.setdefault(one.renewer, []).append(one)
    for renewer, certificates in by_renewer.items():
        which = "them" if len(by_renewer) == 1 else names(certificates)
        if renewer is not Renewer.UPGRADE:
            yield f"Nothing renews {which} before: {renewer}."
        elif certificates[0].at is not None:
            yield f"{node} is taken to be upgraded first, but its turn comes hardly before they end."
        else:
            yield (
                f"The upgrade renews {which} only at the turn of {node}, which is some time before "
                f"{moment(upgrade.end)}: if they end first, that step is stuck."
            )


def _of_kubelets(late: list[HostCertificate], upgrade: Upgrade, config: KubeletConfigMap) -> Iterable[Finding]:
    for subject, certificates in by_cause(late, config).items():
        one = len(certificates) == 1
        what, which = (
            ("kubelet's client certificate ends", "it") if one else ("kubelets' client certificates end", "them")
        )
        yield finding(
            subject,
            f"On {listed(one.node for one in certificates)}, the {what} "
            f"{when(certificates, upgrade.start)}, and the upgrade does not renew {which}: {certificates[0].renewer}. "
            f"{consequences(certificates)}",
            remedy=while_it_is_valid(certificates, config),
            places=[one.place for one in certificates],
            evidence=evidence(certificates),
            phase="node-upgrade",
        )


def _too_short(timeline: CertificateTimeline, upgrade: Upgrade, config: KubeadmConfig | None) -> Iterable[Finding]:
    validity, first = timeline.validity, timeline.plan.order.first
    if config is None or validity is None or timeline.switched_off_by or upgrade.start + validity > upgrade.end:
        return
    if first is not None:
        again = moment(upgrade.start + validity)
        end = f"those that it renews on {first.node} at the planned start end again at {again}"
    else:
        end = "those that it renews early in the window end again before the window does"
    yield finding(
        config,
        f"The upgrade makes certificates that live {duration(validity)}, less than the planned window: {end}.",
        remedy="Give certificateValidityPeriod a longer time, or take it out for the default of one year:\n"
        "kubectl -n kube-system edit configmap kubeadm-config",
        field="certificateValidityPeriod",
        evidence={"certificateValidityPeriod": str(config.document.get("certificateValidityPeriod"))},
        severity=BLOCKER if first is not None else WARNING,
    )
