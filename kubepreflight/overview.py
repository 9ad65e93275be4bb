"""The report's own tables: one row per node, one per certificate on a node's disk."""

from __future__ import annotations

import msgspec

from kubepreflight.host import Host, Missing
from kubepreflight.objects import Api, KubernetesObject, Node
from kubepreflight.report import CertificateRow, NodeRow
from kubepreflight.semantics.node_drains import NodeDrains

KUBERNETES_PACKAGES = ("kubelet", "kubeadm", "kubectl")


class SystemNamespace(KubernetesObject):
    """The namespace kube-system, whose uid is the cluster's identity."""

    api = Api("", "Namespace", "namespaces", namespaced=False, name="kube-system")


class Overview(msgspec.Struct, frozen=True):
    """What the pictures of a report are drawn from."""

    nodes: tuple[NodeRow, ...] = ()
    certificates: tuple[CertificateRow, ...] = ()
    cluster_id: str = ""

    @classmethod
    def provide(
        cls,
        nodes: list[Node] | None,
        hosts: list[Host] | None,
        namespaces: list[SystemNamespace] | None,
        drains: NodeDrains | None = None,
    ) -> Overview:
        """One row for every node that the API or a host archive knows."""
        by_name = {host.name: host for host in hosts or ()}
        known = {node.name: node for node in nodes or ()}
        names = sorted(known | by_name)
        return cls(
            nodes=tuple(_row(name, known.get(name), by_name.get(name), drains) for name in names),
            certificates=tuple(row for host in hosts or () for row in _certificates(host)),
            cluster_id=next((one.metadata.uid for one in namespaces or ()), ""),
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


def _certificates(host: Host) -> list[CertificateRow]:
    if isinstance(host.certificates, Missing):
        return []
    return [
        CertificateRow(
            node=host.name,
            name=one.common_name or one.subject,
            path=f"{one.path}#{one.entry}" if one.entry else one.path,
            not_before=one.not_before,
            not_after=one.not_after,
            is_authority=one.is_authority,
        )
        for one in host.certificates
    ]
