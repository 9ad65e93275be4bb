"""Every certificate on the nodes that something works with, when it ends, and whether it is renewed before."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from datetime import datetime, timedelta

import msgspec

from kubepreflight.finding import Gap, Subject
from kubepreflight.host import Certificate, Host, Missing
from kubepreflight.inputs import Unavailable
from kubepreflight.knowledge.certificates import CertificateInventory, KnownCertificate
from kubepreflight.knowledge.component_versions import ComponentVersions
from kubepreflight.objects import Desired, Node
from kubepreflight.semantics.bundles import newest_of_each
from kubepreflight.semantics.control_plane_order import ControlPlaneOrder, image_version_on
from kubepreflight.semantics.kubeadm_config import CERTIFICATES_DIRECTORY, KubeadmConfig
from kubepreflight.semantics.renewal import Circumstances, RenewalPlan, Renewer, absent_keys
from kubepreflight.semantics.served import NAMES, ServedCertificates
from kubepreflight.semantics.upgrade_configuration import UpgradeConfiguration
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Version

LONGEST = timedelta(days=36500)
"""Nothing that lives longer ends in any window; dates have an end, too."""

FIRST_NODE_TAKES = timedelta(minutes=30)
"""The first control-plane node is renewed within this time after the planned start."""


class HostCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """One certificate on one node.

    `known` is None for one that is not kubeadm's and that a static pod works with: `used_by` then names its flag.
    `at` is when the upgrade renews it, None when that is at its node's turn, at some time in the window.
    """

    node: str
    certificate: Certificate
    known: KnownCertificate | None
    renewer: Renewer
    at: datetime | None = None
    used_by: str = ""

    @property
    def name(self) -> str:
        """What kubeadm calls it (`apiserver`, `admin.conf`), or its path."""
        return self.known.name if self.known else self.certificate.path

    @property
    def ends(self) -> datetime:
        """Its end."""
        return self.certificate.not_after

    @property
    def is_authority(self) -> bool:
        """Whether it is one of the cluster's authorities."""
        return self.known is not None and self.known.kind == "authority"

    @property
    def is_kubelets(self) -> bool:
        """Whether the kubelet works with it."""
        return self.known is not None and self.known.every_node

    @property
    def is_serving_kubelets(self) -> bool:
        """Whether the kubelet serves with it."""
        return self.known is not None and self.known.every_node and self.known.kind == "serving"

    @property
    def place(self) -> Subject:
        """Its file on its node."""
        return Subject(node=self.node, file=self.certificate.path, field=self.name if self.known else "")

    @property
    def renewed_in_time(self) -> bool:
        """Whether the plan renews it before its end, whatever its node's turn."""
        if self.renewer is Renewer.UPGRADE:
            return self.at is not None and self.at + FIRST_NODE_TAKES <= self.ends
        return self.renewer is Renewer.KUBELET


class CertificateTimeline(msgspec.Struct, frozen=True, kw_only=True):
    """All of them, by node, and what could not be seen.

    `keys_unknown` are the gaps of control-plane nodes whose keys were not listed: whether an authority is external is
    then not known, and taken for the usual case that it is not. `validity` is how long new ones live, None by default.
    `circumstances` are those of the control-plane nodes whose certificates were collected.
    """

    certificates: tuple[HostCertificate, ...]
    plan: RenewalPlan
    validity: timedelta | None
    gaps: tuple[Gap, ...]
    keys_unknown: tuple[Gap, ...]
    switched_off_by: tuple[Subject, ...] = ()
    circumstances: tuple[Circumstances, ...] = ()

    @classmethod
    def provide(
        cls,
        *,
        hosts: list[Host] | None,
        upgrade: Upgrade,
        order: ControlPlaneOrder,
        inventory: CertificateInventory,
        versions: ComponentVersions,
        config: KubeadmConfig | None = None,
        configurations: Desired[UpgradeConfiguration] | None = None,
        nodes: list[Node] | None = None,
        served: ServedCertificates | None = None,
    ) -> CertificateTimeline:
        """Put it together. What a server shows counts where its node's disk is not known.

        Raises Unavailable when no host has certificates that could be read, and no server showed one.
        """
        readable = [host for host in hosts or () if not isinstance(host.certificates, Missing)]
        missing = [(host, host.certificates) for host in hosts or () if isinstance(host.certificates, Missing)]
        gaps = [host.cannot_check("certificates", why) for host, why in missing]
        directory = config.certificates_directory if config else CERTIFICATES_DIRECTORY
        collected = {host.name for host in readable}
        readable += _only_shown(served, collected, inventory, directory)
        if not readable:
            raise Unavailable(*gaps)
        plan = RenewalPlan(upgrade, order, inventory, versions)
        workers = {node.name for node in nodes or () if not node.is_control_plane}
        found, circumstances = list[HostCertificate](), list[Circumstances]()
        for host in readable:
            around = _circumstances(host, plan, config, directory, configurations or ())
            on_host = list(_on_host(host, plan, around, directory))
            shows_none = not any(one.known and one.known.renewed_with for one in on_host)
            if around.step is not None and host.name in collected:
                (gaps.append(_no_certificates(host, directory)) if shows_none else circumstances.append(around))
            found += on_host if host.name not in workers else [one for one in on_host if _of_every_node(one)]
        return cls(
            certificates=tuple(found),
            plan=plan,
            validity=_validity(config),
            gaps=tuple(gaps),
            keys_unknown=tuple(_keys_unknown(readable, order)),
            switched_off_by=tuple(_setting(one) for one in configurations or () if _switches_off(one)),
            circumstances=tuple(circumstances),
        )

    def leaves(self) -> Mapping[str, tuple[HostCertificate, ...]]:
        """By node, the certificates that something proves itself with: no authorities, nor what the kubelet serves."""
        by_node: dict[str, list[HostCertificate]] = {}
        for one in self.certificates:
            if not one.is_authority and not one.is_serving_kubelets:
                by_node.setdefault(one.node, []).append(one)
        return {node: tuple(found) for node, found in by_node.items()}


def _only_shown(
    served: ServedCertificates | None, known: Container[str], inventory: CertificateInventory, directory: str
) -> Iterator[Host]:
    """Nodes of which nothing is known but what kubeadm's servers on them show, as if it lay where kubeadm has it."""
    by_node: dict[str, list[Certificate]] = {}
    for one in served.shown if served else ():
        names = NAMES[one.server]
        if one.node not in known and len(names) == 1:
            path = inventory.get(names[0]).path_under(directory)
            by_node.setdefault(one.node, []).append(msgspec.structs.replace(one.certificate, path=path))
    return (Host(name=node, file="", certificates=tuple(found)) for node, found in by_node.items())


def _of_every_node(one: HostCertificate) -> bool:
    return one.known is None or one.known.every_node or one.is_authority


def _circumstances(
    host: Host,
    plan: RenewalPlan,
    config: KubeadmConfig | None,
    directory: str,
    configurations: Iterable[UpgradeConfiguration],
) -> Circumstances:
    paths = {one.path: one for one in host.certificates} if not isinstance(host.certificates, Missing) else {}
    keys = host.private_keys
    return Circumstances(
        host=host,
        step=plan.order.of(host.name),
        external_etcd=config.etcd_is_external if config else _runs_no_etcd(host),
        absent_keys=frozenset() if isinstance(keys, Missing) else absent_keys(plan.inventory, keys, paths, directory),
        etcd=image_version_on(host, "etcd"),
        etcd_image_tag=Version.try_parse(config.etcd_image_tag) if config else None,
        apply_renews=not any(one.apply and one.apply.certificate_renewal is False for one in configurations),
        node_renews=not any(one.node and one.node.certificate_renewal is False for one in configurations),
    )


def _validity(config: KubeadmConfig | None) -> timedelta | None:
    validity = config.certificate_validity if config else None
    return min(validity, LONGEST) if validity is not None else None


def _runs_no_etcd(host: Host) -> bool:
    pods = host.static_pods
    return not isinstance(pods, Missing) and bool(pods) and not any(pod.name.startswith("etcd") for pod in pods)


def _on_host(host: Host, plan: RenewalPlan, around: Circumstances, directory: str) -> Iterator[HostCertificate]:
    assert not isinstance(host.certificates, Missing)
    others: dict[str, list[Certificate]] = {}
    first: set[str] = set()
    users = {} if isinstance(host.kubeconfigs, Missing) else {one.path: one.user for one in host.kubeconfigs}
    for one in host.certificates:
        known = plan.inventory.at(one.path, directory)
        if known is None:
            others.setdefault(one.path, []).append(one)
            continue
        if known.kind != "authority":
            # Behind the certificate itself may stand those of the authorities that signed it, and in a kubeconfig other
            # users before the one of its current context.
            if one.is_authority or one.path in first or (users.get(one.path) or one.entry) != one.entry:
                continue
            first.add(one.path)
        renewer, at = plan.renewer(known, one, around)
        yield HostCertificate(node=host.name, certificate=one, known=known, renewer=renewer, at=at)
    for path, used_by in _flags_by_path(host):
        for one in newest_of_each(others.pop(path, ())):
            yield HostCertificate(node=host.name, certificate=one, known=None, renewer=Renewer.NOBODY, used_by=used_by)


def _flags_by_path(host: Host) -> Iterator[tuple[str, str]]:
    if isinstance(host.static_pods, Missing):
        return
    for pod in host.static_pods:
        for argument in pod.command:
            name, _, value = argument.partition("=")
            if value.startswith("/"):
                yield value.split(",")[0], f"{pod.name} {name}"


def _no_certificates(host: Host, directory: str) -> Gap:
    reason = f"none of kubeadm's certificates is among those collected under {directory} and /etc/kubernetes"
    return host.cannot_check("certificates", Missing(reason))


def _keys_unknown(hosts: Iterable[Host], order: ControlPlaneOrder) -> Iterator[Gap]:
    for host in hosts:
        if isinstance(host.private_keys, Missing) and order.of(host.name) is not None:
            reason = f"{host.private_keys.reason}: each authority's key is taken to be on the node"
            yield host.cannot_check("private keys", Missing(reason))


def _setting(one: UpgradeConfiguration) -> Subject:
    return msgspec.structs.replace(one.subject, field="certificateRenewal")


def _switches_off(one: UpgradeConfiguration) -> bool:
    return any(part is not None and part.certificate_renewal is False for part in (one.apply, one.node))
