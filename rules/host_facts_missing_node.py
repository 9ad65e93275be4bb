"""Nodes on which nobody looked."""

from collections.abc import Iterator
from shlex import quote

from kubepreflight.finding import NOTE, Finding, finding
from kubepreflight.host import Host
from kubepreflight.objects import Node
from kubepreflight.rule import rule
from kubepreflight.semantics.host_identity import HostIdentities
from kubepreflight.semantics.several import common_subject, listed


@rule(severity=NOTE, area="nodes", phase="before")
def host_facts_missing_node(hosts: list[Host], identities: HostIdentities, nodes: list[Node]) -> Iterator[Finding]:
    """Of some nodes nothing is known but what the API says.

    Why: kubeadm does not manage the kubelet, the node's package manager does. Whether a package is held, where it comes
    from, and when a certificate ends lies on the node's disk, and the API shows none of it.

    What happens: the node that nobody looked at is the one on which the hold was forgotten.

    When it stays silent: there are facts of every node, or of none at all, which the verdict's line says already.
    Windows and virtual nodes are passed over: the collector cannot run there.

    How to see it yourself: kubectl get nodes, beside the list of archives

    References:
        https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-upgrade/

    """
    seen = {host.name for host in (*hosts, *identities.set_aside)}
    missing = sorted((node for node in nodes if node.name not in seen), key=lambda node: node.name)
    missing = [node for node in missing if node.has_collectable_disk]
    if missing:
        names = [node.name for node in missing]
        control_planes = [node.name for node in missing if node.is_control_plane]
        among = f" ({listed(control_planes)} of the control plane)" if control_planes else ""
        yield finding(
            common_subject(missing, "no facts from its disk" if len(missing) == 1 else "no facts from their disks"),
            f"No facts came from {listed(names)}, {len(missing)} of {len(nodes)} nodes{among}: packages, holds, "
            "certificates and settings there are not judged.",
            remedy=f"kubepreflight collect --ssh {quote(','.join(names))} --to hosts/",
            places=missing,
        )
