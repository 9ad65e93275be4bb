"""The report's own tables: one row per node, one per certificate on a node's disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from kubepreflight.host import Certificate, Host, Missing
from kubepreflight.objects import Api, KubernetesObject, Node
from kubepreflight.report import CertificateRow, NodeRow
from kubepreflight.semantics.certificate_timeline import CertificateTimeline, HostCertificate
from kubepreflight.semantics.control_plane_order import ControlPlaneOrder
from kubepreflight.semantics.node_drains import NodeDrains
from kubepreflight.semantics.renewal import Renewer

KUBERNETES_PACKAGES = ("kubelet", "kubeadm", "kubectl")


class SystemNamespace(KubernetesObject):
    """The namespace kube-system, whose uid is the cluster's identity."""

    api = Api("", "Namespace", "namespaces", namespaced=False, name="kube-system")


class Overview(msgspec.Struct, frozen=True):
    """What the pictures of a report are drawn from."""

    nodes: tuple[NodeRow, ...] = ()
    certificates: tuple[CertificateRow, ...] = ()
    cluster_id: str = ""
    order: ControlPlaneOrder = ControlPlaneOrder(())

    @classmethod
    def provide(
        cls,
        *,
        nodes: list[Node] | None,
        hosts: list[Host] | None,
        namespaces: list[SystemNamespace] | None,
        drains: NodeDrains | None = None,
        timeline: CertificateTimeline | None = None,
        order: ControlPlaneOrder | None = None,
    ) -> Overview:
        """One row for every node that the API or a host archive knows."""
        by_name = {host.name: host for host in hosts or ()}
        known = {node.name: node for node in nodes or ()}
        names = sorted(known | by_name)
        return cls(
            nodes=tuple(_row(name, known.get(name), by_name.get(name), drains) for name in names),
            certificates=tuple(_certificates(hosts or (), timeline)),
            cluster_id=next((one.metadata.uid for one in namespaces or ()), ""),
            order=order or ControlPlaneOrder(()),
        )


def _row(name: str, node: Node | None, host: Host | None, drains: NodeDrains | None) -> NodeRow:
    row = NodeRow(name=name, host_facts=host is not None, drain=drains.by_node.get(name, {}) if drains else {})
    if node is not None:
        info, ready = node.status.node_info, node.condition("Ready")
        row = msgspec.structs.replace(
            row,
            roles=node.roles,
            kubelet=info.kubelet_version,
            runtime=info.container_runtime_version,
            os=info.os_image,
            kernel=info.kernel_version,
            ready=ready is not None and ready.status == "True",
            schedulable=not node.spec.unschedulable,
        )
    if host is None or isinstance(host.packages, Missing):
        return row
    packages = {name: host.packages[name] for name in KUBERNETES_PACKAGES if name in host.packages}
    held = [package.held for package in packages.values()]
    return msgspec.structs.replace(
        row,
        packages={name: package.version for name, package in packages.items()},
        held=None if not held or any(isinstance(one, Missing) for one in held) else all(held),
    )


def _certificates(hosts: Iterable[Host], timeline: CertificateTimeline | None) -> Iterator[CertificateRow]:
    planned = {(one.node, one.certificate): one for one in timeline.certificates} if timeline else {}
    for host in hosts:
        for one in () if isinstance(host.certificates, Missing) else host.certificates:
            found = planned.get((host.name, one))
            # Copies of the authorities that stand within kubeconfigs would only hide what matters.
            if found is not None or not one.is_authority:
                yield _certificate(host.name, one, found)


def _certificate(node: str, one: Certificate, planned: HostCertificate | None) -> CertificateRow:
    return CertificateRow(
        node=node,
        name=planned.name if planned and planned.known else one.common_name or one.subject,
        path=f"{one.path}#{one.entry}" if one.entry else one.path,
        not_before=one.not_before,
        not_after=one.not_after,
        is_authority=one.is_authority,
        renewed_by_upgrade=_renewed(planned) if planned else None,
        renewed_at=planned.at if planned and planned.renewed_in_time else None,
    )


def _renewed(planned: HostCertificate) -> bool | None:
    """None for what the upgrade has nothing to do with: what a kubelet rotates."""
    return None if planned.renewer is Renewer.KUBELET else planned.renewer is Renewer.UPGRADE
