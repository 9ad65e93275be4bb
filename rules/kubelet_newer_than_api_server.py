"""A kubelet that runs ahead of the control plane."""

from collections.abc import Iterator

from kubepreflight.finding import BLOCKER, WARNING, Finding, Gap, finding
from kubepreflight.rule import rule
from kubepreflight.semantics.api_servers import VisibleApiServers
from kubepreflight.semantics.kubelets import Kubelet, Kubelets, who_runs
from kubepreflight.semantics.several import common_subject, listed
from kubepreflight.semantics.work import DrainCommand, move_kubelet_back
from kubepreflight.version import Minor


@rule(severity=BLOCKER, area="versions", phase="before")
def kubelet_newer_than_api_server(
    kubelets: Kubelets, servers: VisibleApiServers, drain: DrainCommand
) -> Iterator[Finding | Gap]:
    """A kubelet is newer than an API server of the cluster.

    Why: the API server must never be older than a kubelet, by not one minor version. Where API servers of two versions
    run side by side, the oldest counts: a kubelet may be handed to any of them. kubeadm does not look at this, neither
    in `kubeadm upgrade plan` nor in `kubeadm upgrade apply`. It is what happens when the hold on the packages is
    forgotten and a plain `apt upgrade` moves the kubelet alone.

    What happens: such a kubelet asks for APIs and fields that the API server does not have. What that costs differs
    from minor to minor, and nobody tests it. Nodes with kubelet 1.17 under an API server 1.16 became NotReady
    ("Failed to initialize CSINodeInfo: … the server could not find the requested resource"); with 1.37 under 1.36 they
    stay Ready and start new pods, and only the log tells what is missing ("Failed to watch … is forbidden"). On a
    control-plane node it is the API server itself that runs on that kubelet. It may go well until the kubelet's next
    restart, in the middle of the upgrade.

    When it stays silent: kubelet and API server are of the same minor version, whatever their patches. Virtual nodes
    (virtual-kubelet, KWOK) run no kubelet and are named as not checked. It is a warning only on a control-plane node
    whose own API server is new enough: there an upgrade is under way, and finishing it is the cure.

    How to see it yourself: kubectl get nodes, and kubectl -n kube-system get pods -l component=kube-apiserver
    -o custom-columns=NODE:.spec.nodeName,IMAGE:.spec.containers[0].image

    References:
        https://kubernetes.io/releases/version-skew-policy/#kubelet
        https://github.com/kubernetes/kubernetes/issues/86094

    """
    yield from kubelets.gaps
    yield from servers.gaps
    newer = [one for one in kubelets.known if one.version.minor_version > servers.oldest.minor_version]
    for minor in sorted({one.version.minor_version for one in newer}):
        same = [one for one in newer if one.version.minor_version == minor]
        passing = [one for one in same if _has_its_own_server(one, servers)]
        if passing:
            yield _under_way(minor, passing, servers)
        if rest := [one for one in same if one not in passing]:
            yield _ahead(minor, rest, servers, drain)


def _has_its_own_server(kubelet: Kubelet, servers: VisibleApiServers) -> bool:
    own = servers.by_node.get(kubelet.node)
    return own is not None and own.minor_version >= kubelet.version.minor_version


def _ahead(minor: Minor, kubelets: list[Kubelet], servers: VisibleApiServers, drain: DrainCommand) -> Finding:
    oldest = servers.oldest
    return finding(
        common_subject(kubelets, f"kubelet {minor}"),
        f"{who_runs(kubelets)} {minor}, and the oldest API server is {servers.where(oldest)}. A kubelet must never be "
        "newer than an API server: it asks for what this one does not have. From minor to minor that differs: the node "
        "may stay Ready while only its log complains, or become NotReady or start no more pods, at the latest when the "
        "kubelet restarts. kubeadm does not look at this.",
        remedy=f"Do not restart these kubelets. Either bring the control plane to {minor} first, or bring them back "
        f"to {oldest.minor_version}.\n"
        + move_kubelet_back(oldest.minor_version, drain, windows=any(one.is_windows for one in kubelets)),
        places=kubelets,
        evidence=_evidence(kubelets, servers),
    )


def _under_way(minor: Minor, kubelets: list[Kubelet], servers: VisibleApiServers) -> Finding:
    left = sorted(node for node, one in servers.by_node.items() if one.minor_version < minor)
    return finding(
        common_subject(kubelets, f"kubelet {minor}, its own API server too"),
        f"{who_runs(kubelets)} {minor} already, as the API server beside it, but the API server on "
        f"{listed(left) if left else 'another node'} is still older ({servers.where(servers.oldest)}). Until that one "
        "is upgraded too, these nodes may lose their pods or become NotReady when they are handed to it.",
        remedy="Finish the control plane before any other kubelet is moved. On each control-plane node that is left, "
        f"with kubeadm {minor} installed:\nkubeadm upgrade node",
        places=kubelets,
        evidence=_evidence(kubelets, servers),
        severity=WARNING,
        phase="control-plane-upgrade",
    )


def _evidence(kubelets: list[Kubelet], servers: VisibleApiServers) -> dict[str, str | list[str]]:
    return {
        "kubelets": [f"{one.node}: {one.version}" for one in kubelets],
        "apiServers": servers.told(),
    }
