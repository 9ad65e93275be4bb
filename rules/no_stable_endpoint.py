"""Several API servers, and no address that leads to all of them."""

from collections.abc import Iterator

from kubepreflight.finding import WARNING, Finding, finding
from kubepreflight.objects import Node, Pod
from kubepreflight.rule import rule
from kubepreflight.semantics.kubeadm_config import KubeadmConfig

LOCAL_PROXIES = ("kube-nginx", "kube-haproxy")
"""What Kubespray and others run on every node as the way to all API servers, by the label k8s-app."""

FIELD = "controlPlaneEndpoint"


@rule(severity=WARNING, area="control-plane", phase="control-plane-upgrade")
def no_stable_endpoint(config: KubeadmConfig, nodes: list[Node], pods: list[Pod] | None = None) -> Iterator[Finding]:
    """There are several control-plane nodes, and the cluster's address leads to one of them only.

    Why: kubelets, kubeadm and kubectl reach the API by controlPlaneEndpoint. When that is the address of one node, the
    API servers of the others are of no use to them.

    What happens: while that node's API server is replaced, or the node is away, every kubelet that goes through it
    loses the API, though others are up; after a while its node counts as lost. `kubeadm upgrade node` on the other
    nodes asks the same address, and fails.

    When it stays silent: there is one control-plane node, or the endpoint is no node's own name or address, or each
    worker runs a proxy to all API servers, as Kubespray sets up. Where a name in DNS leads to cannot be seen.

    How to see it yourself: kubectl -n kube-system get configmap kubeadm-config -o yaml (controlPlaneEndpoint), beside
    kubectl get nodes -o wide

    References:
        https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/high-availability/
        https://github.com/kubernetes/kubeadm/blob/main/docs/ha-considerations.md

    """
    control_planes = [node for node in nodes if node.is_control_plane]
    if len(control_planes) < 2 or _has_local_proxies(nodes, pods or []):
        return
    endpoint = config.control_plane_endpoint
    owner = next((node for node in nodes if config.endpoint_host in _names(node)), None)
    if endpoint and owner is None:
        return
    if owner is not None:
        text = (
            f"controlPlaneEndpoint is {endpoint}, an address of {owner.name} alone. While {owner.name} is being "
            "upgraded or is away, kubelets and kubeadm on the other nodes lose the API, though other API servers are "
            "up."
        )
        first = (
            f"Until then, upgrade {owner.name} at a quiet hour, and do not restart it while another node is being "
            "upgraded."
        )
    else:
        text = (
            f"There are {len(control_planes)} control-plane nodes and no controlPlaneEndpoint: each kubelet knows one "
            "API server only, and loses the API while that one is being upgraded."
        )
        first = "Until then, see which API server each kubelet knows:\ngrep server: /etc/kubernetes/kubelet.conf"
    yield finding(
        config,
        text,
        remedy="Put a load balancer or a virtual IP (kube-vip, or HAProxy with keepalived) in front of all API "
        "servers, add its name to apiServer.certSANs and make it the controlPlaneEndpoint:\n"
        "kubectl -n kube-system edit configmap kubeadm-config\n"
        "Then renew the API servers' certificates, and change the server in the nodes' kubeconfigs, node by node.\n"
        f"{first}",
        field=FIELD,
        places=[owner] if owner is not None else control_planes,
        evidence={FIELD: endpoint, "controlPlanes": [node.name for node in control_planes]},
    )


def _names(node: Node) -> set[str]:
    return {node.name.lower(), *(one.address.lower() for one in node.status.addresses or ())}


def _has_local_proxies(nodes: list[Node], pods: list[Pod]) -> bool:
    workers = {node.name for node in nodes if not node.is_control_plane}
    proxied = {
        pod.spec.node_name
        for pod in pods
        if pod.namespace == "kube-system" and pod.labels.get("k8s-app") in LOCAL_PROXIES
    }
    return bool(workers) and workers <= proxied
