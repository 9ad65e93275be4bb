"""One example as a whole: from its facts to the objects of its API server and the archives of its hosts."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sources.budgets import give_addresses, settle_budgets
from sources.cluster import Cluster
from sources.controllers import apply
from sources.documents import read_documents
from sources.hosts import Node, Software, archive
from sources.nodes import add_images, add_nodes
from sources.stamps import later
from sources.static_pods import add_mirror_pods, manifests
from sources.trust import Issued, Trust

HELD = ("kubeadm", "kubectl", "kubelet")


@dataclass(frozen=True)
class Example:
    """The facts of one example.

    `folders` hold its source documents, `values` what stands for `$(key)` in them, `authorities` the PEMs of others
    than kubeadm's. `issued` says by node when its certificates were made, `forgotten` which packages are not held
    there. `upgraded` is when the first control-plane node got its version, `each_took` the seconds until the next did.
    """

    cluster: Cluster
    trust: Trust
    software: Software
    folders: tuple[Path, ...]
    static_pods: Path
    etcd: str
    issued: Mapping[str, Issued]
    upgraded: str
    collected: str
    node_annotations: Mapping[str, str]
    values: Mapping[str, str]
    authorities: Mapping[str, str]
    cri_socket: str = ""
    each_took: int = 420
    forgotten: Mapping[str, tuple[str, ...]] | None = None

    def fill(self) -> None:
        """Put every object into the cluster."""
        cluster = self.cluster
        add_nodes(cluster, dict(self.node_annotations), self.cri_socket)
        for position, machine in enumerate(one for one in cluster.machines if one.control_plane):
            made = manifests(cluster, machine, self.static_pods, self.etcd)
            add_mirror_pods(cluster, machine, made, later(self.upgraded, self.each_took * position))
        for document in read_documents(self.folders, self._values()):
            apply(cluster, document)
        settle_budgets(cluster)
        give_addresses(cluster)
        add_images(cluster)

    def archives(self) -> dict[str, dict[str, str]]:
        """The members of each node's archive, by the node's name."""
        forgotten = self.forgotten or {}
        return {
            machine.name: archive(
                self.cluster,
                self.trust,
                self.software,
                Node(
                    machine,
                    self.issued[machine.name],
                    tuple(name for name in HELD if name not in forgotten.get(machine.name, ())),
                    later(self.collected, 3 * position),
                    manifests(self.cluster, machine, self.static_pods, self.etcd) if machine.control_plane else {},
                ),
            )
            for position, machine in enumerate(self.cluster.machines)
        }

    def _values(self) -> dict[str, str]:
        values = dict(self.values)
        for name, pem in {**self.trust.authorities(), **self.authorities}.items():
            values[f"pem {name}"] = pem
            values[f"authority {name}"] = base64.b64encode(pem.encode()).decode()
        return values
