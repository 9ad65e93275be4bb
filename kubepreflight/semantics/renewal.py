"""Who renews each certificate that lies on the nodes, and when, if anybody does before it ends.

kubeadm renews when it upgrades a control-plane node, component by component; kubelets rotate their own. Source:
cmd/kubeadm/app/phases/upgrade/staticpods.go and phases/certs/renewal/manager.go of Kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

from kubepreflight.finding import Hop
from kubepreflight.host import Certificate, Host
from kubepreflight.knowledge.certificates import CertificateInventory, KnownCertificate, Renewal
from kubepreflight.knowledge.component_versions import ComponentVersions
from kubepreflight.semantics.control_plane_order import ControlPlaneOrder, ControlPlaneStep
from kubepreflight.semantics.kubelet_certificates import rotates_client, seen, share_of_life
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Version


class Renewer(StrEnum):
    """Who renews a certificate next; from `DONE` on: why nobody does."""

    UPGRADE = "the upgrade of its node"
    KUBELET = "the kubelet"
    DONE = "the node is at the target already"
    SWITCHED_OFF = "renewal is switched off"
    NOT_BY_NODE = "this kubeadm's `upgrade node` does not renew unless it is told to"
    EXTERNAL_ETCD = "etcd is not kubeadm's"
    EXTERNAL_AUTHORITY = "the authority's key is not on the node"
    AUTHORITY_UNREADABLE = "the authority's key is not on the node, and this kubeadm stops there"
    SAME_ETCD = "etcd stays the same"
    ROTATION_OFF = "the kubelet is not told to rotate it"
    ROTATION_STUCK = "the kubelet should have rotated it and has not"
    EMBEDDED = "it stands within kubelet.conf"
    NOBODY = "it is not kubeadm's"


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """What decides about renewal on one host.

    `absent_keys` names the authorities whose key is not on the node; what is not known is taken as usual: the key is
    there. `etcd` is the running version, None when it is not known. `etcd_image_tag` is one fixed in kubeadm-config.
    """

    host: Host
    step: ControlPlaneStep | None
    external_etcd: bool
    absent_keys: frozenset[str]
    etcd: Version | None
    etcd_image_tag: Version | None = None
    apply_renews: bool = True
    node_renews: bool = True


class RenewalPlan(msgspec.Struct, frozen=True):
    """The plan and the knowledge that it is judged by."""

    upgrade: Upgrade
    order: ControlPlaneOrder
    inventory: CertificateInventory
    versions: ComponentVersions

    def renewer(
        self, known: KnownCertificate, certificate: Certificate, around: Circumstances
    ) -> tuple[Renewer, datetime | None]:
        """Who renews a certificate of the inventory, and the moment where the plan tells it."""
        if known.every_node:
            return self._on_kubelet(known, certificate, around.host), None
        return self.by_kubeadm(known, around)

    def by_kubeadm(self, known: KnownCertificate, around: Circumstances) -> tuple[Renewer, datetime | None]:
        """The same for one that is no kubelet's, which may be absent or broken."""
        if not known.renewed_with or around.step is None:
            return Renewer.NOBODY, None
        reasons = dict(self._by_hop(known, around, around.step))
        if Renewer.UPGRADE in reasons:
            hop = reasons[Renewer.UPGRADE]
            return Renewer.UPGRADE, around.step.at if hop == self.upgrade.hops[0] else None
        return next(iter(reasons), Renewer.DONE), None

    def _on_kubelet(self, known: KnownCertificate, certificate: Certificate, host: Host) -> Renewer:
        if known.kind == "kubeconfig":
            return Renewer.EMBEDDED
        if known.managed_by != "kubelet":
            return Renewer.NOBODY
        if known.kind == "client" and rotates_client(host) is False:
            return Renewer.ROTATION_OFF
        late = share_of_life(certificate, seen(host, self.upgrade.start)) >= self.inventory.lifetimes.rotation_ends
        return Renewer.ROTATION_STUCK if late else Renewer.KUBELET

    def _by_hop(
        self, known: KnownCertificate, around: Circumstances, step: ControlPlaneStep
    ) -> Iterator[tuple[Renewer, Hop]]:
        etcd, seen_reasons = around.etcd, set()
        for hop in step.hops:
            rules = self.inventory.renewal(hop.end)
            wanted = around.etcd_image_tag or self.versions.etcd(self.upgrade.version_after(hop))
            reason = self._in_hop(known, around, rules, self.order.applies(step, hop))
            if reason is Renewer.UPGRADE and known.renewed_with == "etcd" and not _etcd_restarts(rules, etcd, wanted):
                reason = Renewer.SAME_ETCD
            if reason not in seen_reasons:
                seen_reasons.add(reason)
                yield reason, hop
            etcd = max(etcd, wanted) if etcd and wanted else etcd

    def _in_hop(self, known: KnownCertificate, around: Circumstances, rules: Renewal, applies: bool) -> Renewer:
        if not (around.apply_renews if applies else around.node_renews):
            return Renewer.SWITCHED_OFF
        if not applies and not rules.node_renews_by_default:
            return Renewer.NOT_BY_NODE
        if known.local_etcd_only and around.external_etcd:
            return Renewer.EXTERNAL_ETCD
        if known.authority not in around.absent_keys:
            return Renewer.UPGRADE
        of_etcd = self.inventory.get(known.authority).local_etcd_only
        recognised = rules.external_etcd_authority_skipped or not of_etcd
        return Renewer.EXTERNAL_AUTHORITY if recognised else Renewer.AUTHORITY_UNREADABLE

    @property
    def command(self) -> str:
        """The command with which the kubeadm that is on the nodes now renews everything it manages."""
        return self.inventory.renewal(self.upgrade.hops[0].start).renew_command

    @property
    def request_command(self) -> str:
        """The command with which that kubeadm makes new keys, and requests for an authority whose key is elsewhere."""
        return self.inventory.renewal(self.upgrade.hops[0].start).request_command


def _etcd_restarts(rules: Renewal, running: Version | None, wanted: Version | None) -> bool:
    if rules.etcd_renewed_when == "api-server-changes" or running is None or wanted is None:
        return True
    return running < wanted


def key_path(known: KnownCertificate, directory: str) -> str:
    """Where the key of an authority lies beside its certificate."""
    return known.path_under(directory).removesuffix(".crt") + ".key"


def absent_keys(
    inventory: CertificateInventory, keys: frozenset[str], certificates: Mapping[str, object], directory: str
) -> frozenset[str]:
    """The authorities whose certificate is on a host and whose key is not."""
    authorities = (one for one in inventory.certificates if one.kind == "authority")
    return frozenset(
        one.name
        for one in authorities
        if one.path_under(directory) in certificates and key_path(one, directory) not in keys
    )
