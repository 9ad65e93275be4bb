"""One control-plane node, and what that means for the upgrade."""

from collections.abc import Iterator

from kubepreflight.finding import WARNING, Finding, finding
from kubepreflight.objects import Node
from kubepreflight.rule import rule
from kubepreflight.semantics.work import save_etcd_snapshot


@rule(severity=WARNING, area="control-plane", phase="control-plane-upgrade")
def single_control_plane(nodes: list[Node]) -> Iterator[Finding]:
    """The cluster has one control-plane node.

    Why: kubeadm replaces etcd, the API server, the controller-manager and the scheduler one after the other. With one
    control-plane node nothing stands in for them meanwhile, and nothing is left to join a new node to when it fails.

    What happens: the API is away for some minutes while its static pod is replaced; running pods go on, but nothing is
    scheduled, scaled or healed. When the upgrade breaks, the only way home is a restore of etcd's snapshot. Drained
    too early, the node leaves no place for its pods, nor for the Job by which kubeadm tests the cluster before it
    begins: kubeadm then skips that test (1.30.0 stopped there).

    When it stays silent: there are two or more control-plane nodes, or none is visible (a managed control plane).

    How to see it yourself: kubectl get nodes -l node-role.kubernetes.io/control-plane

    References:
        https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-upgrade/
        https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/high-availability/
        https://etcd.io/docs/latest/op-guide/recovery/

    """
    control_planes = [node for node in nodes if node.is_control_plane]
    if len(control_planes) != 1:
        return
    (node,) = control_planes
    others = [one for one in nodes if one is not node and not one.spec.unschedulable]
    if others:
        drain = "Drain it after `kubeadm upgrade apply`, for its kubelet, not before: that adds nothing but risk."
    else:
        drain = (
            "Do not drain it before `kubeadm upgrade apply`: there is no other node for its pods, nor for the Job by "
            "which kubeadm tests the cluster first."
        )
    yield finding(
        node,
        f"{node.name} is the only control-plane node: the API is away for some minutes while its components are "
        f"replaced, and a broken upgrade can only be undone from a snapshot of etcd. {drain}",
        remedy="Take a snapshot of etcd and a copy of /etc/kubernetes first, and keep both off the node:\n"
        f"{save_etcd_snapshot(node.name, node.status.node_info.kubelet_version)}\n"
        "With an external etcd, take the snapshot there. Better: join two more control-plane nodes before the upgrade.",
    )
