"""One control-plane node, and what that means for the upgrade."""

from collections.abc import Iterator

from kubepreflight.finding import WARNING, Finding, finding
from kubepreflight.objects import Node
from kubepreflight.rule import rule


@rule(severity=WARNING, area="control-plane", phase="control-plane-upgrade")
def single_control_plane(nodes: list[Node]) -> Iterator[Finding]:
    """The cluster has one control-plane node.

    Why: kubeadm replaces etcd, the API server, the controller-manager and the scheduler one after the other. With one
    control-plane node nothing stands in for them meanwhile, and nothing is left to join a new node to when it fails.

    What happens: the API is away for some minutes while its static pod is replaced; running pods go on, but nothing is
    scheduled, scaled or healed. When the upgrade breaks, the only way home is a restore of etcd's snapshot.

    When it stays silent: there are two or more control-plane nodes, or none is visible (a managed control plane).

    How to see it yourself: kubectl get nodes -l node-role.kubernetes.io/control-plane

    References:
        https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-upgrade/
        https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/high-availability/

    """
    control_planes = [node for node in nodes if node.is_control_plane]
    if len(control_planes) == 1:
        (node,) = control_planes
        yield finding(
            node,
            f"{node.name} is the only control-plane node: the API is away while its components are replaced, and a "
            "broken upgrade can only be undone from a snapshot of etcd. Do not drain it before `kubeadm upgrade "
            "apply`: kubeadm needs the API server that runs on it.",
            remedy="Take a snapshot of etcd and a copy of /etc/kubernetes off the node first:\n"
            "etcdctl --endpoints https://127.0.0.1:2379 --cacert /etc/kubernetes/pki/etcd/ca.crt "
            "--cert /etc/kubernetes/pki/etcd/healthcheck-client.crt "
            "--key /etc/kubernetes/pki/etcd/healthcheck-client.key snapshot save before-upgrade.db\n"
            "tar czf kubernetes-before-upgrade.tar.gz /etc/kubernetes\n"
            "Better: join two more control-plane nodes before the upgrade.",
        )
