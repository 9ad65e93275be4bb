"""An upgrade of the control plane that was begun and not finished."""

from collections.abc import Iterator

from kubepreflight.finding import BLOCKER, NOTE, WARNING, Finding, Gap, Severity, Subject, cannot_check, finding
from kubepreflight.knowledge.versions import SkewPolicy
from kubepreflight.objects import Node
from kubepreflight.rule import rule
from kubepreflight.semantics import skew
from kubepreflight.semantics.api_servers import VisibleApiServers
from kubepreflight.semantics.components import CONTROL_PLANE, Components, Instance
from kubepreflight.semantics.several import common_subject, listed
from kubepreflight.semantics.work import install_kubeadm
from kubepreflight.version import Version


@rule(severity=BLOCKER, area="versions", phase="control-plane-upgrade")
def control_plane_half_upgraded(
    servers: VisibleApiServers, components: Components, policy: SkewPolicy, nodes: list[Node] | None = None
) -> Iterator[Finding | Gap]:
    """The control-plane nodes run different versions: an upgrade was begun and not finished.

    Why: `kubeadm upgrade apply` upgrades the first control-plane node, `kubeadm upgrade node` each of the others.
    Between the two the cluster works with API servers of two versions, which may be one minor version apart and no
    more. The state is meant to last minutes.

    What happens: a new field or API is there or not, depending on which API server answers. The certificates of the
    nodes that are left were not renewed either, and may end before anybody comes back to them. kube-proxy and CoreDNS
    wait for the last control-plane node. The next upgrade cannot begin.

    When it stays silent: every API server that is visible runs the same version, and beside it the same
    controller-manager and scheduler. It is a note when only patches differ, a blocker when minor versions are more
    than one apart. Where no static pod is visible (a managed control plane) it is not checked.

    How to see it yourself: kubectl -n kube-system get pods -l tier=control-plane
    -o custom-columns=NODE:.spec.nodeName,IMAGE:.spec.containers[0].image

    References:
        https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-upgrade/
        https://kubernetes.io/releases/version-skew-policy/#kube-apiserver

    """
    yield from servers.gaps
    yield from _unseen(servers, nodes or [])
    if not servers.by_node:
        return
    newest = max(servers.by_node.values())
    left = {node: version for node, version in sorted(servers.by_node.items()) if version != newest}
    if left:
        yield _left_behind(left, newest, servers, policy)
    for node, version in sorted(servers.by_node.items()):
        others = [
            one for one in components.of(*CONTROL_PLANE) if one.node == node and one.version not in (None, version)
        ]
        if others:
            yield _stopped_on(node, version, others)


def _unseen(servers: VisibleApiServers, nodes: list[Node]) -> Iterator[Gap]:
    how = "kubectl -n kube-system get pods -l component=kube-apiserver -o wide"
    known = servers.by_node.keys() | servers.unreadable
    if not known:
        yield cannot_check("API servers", f"only {servers.told()} is visible, and no static pod", how=how)
    for node in nodes:
        if known and node.is_control_plane and node.name not in known:
            yield cannot_check("API servers", "no API server is visible on this node", subject=node.name, how=how)
    if servers.by_node and servers.reached is not None and servers.reached not in servers.by_node.values():
        yield cannot_check("API servers", f"one of {servers.reached} answered the scan, and no pod shows it", how=how)


def _left_behind(left: dict[str, Version], newest: Version, servers: VisibleApiServers, policy: SkewPolicy) -> Finding:
    oldest = min(left.values())
    too_far = skew.api_server_skew([one.minor_version for one in servers.by_node.values()], policy)
    done = sorted(node for node, one in servers.by_node.items() if one == newest)
    if too_far is not None:
        remedy = (
            "kubeadm has no supported step from there. Take the nodes that are left out of the cluster and join them "
            "again, one after the other:\nkubeadm reset\nkubeadm join --control-plane"
        )
    else:
        remedy = (
            f"Finish it before anything else: {', then '.join(left)}. On each, one after the other:\n"
            f"{install_kubeadm(newest)}\nkubeadm upgrade node\n"
            "Then the kubelets, of the control-plane nodes first, then worker by worker."
        )
    apart = f": {too_far}" if too_far is not None else ""
    return finding(
        common_subject([_node(one) for one in left], "control plane not upgraded"),
        f"The upgrade of the control plane to {newest} was begun on {listed(done)} and not finished: "
        f"{listed(left)} {'is' if len(left) == 1 else 'are'} left ({servers.told()}){apart}. What is new is there or "
        "not, depending on which API server answers, and certificates on the nodes that are left were not renewed.",
        remedy=remedy,
        places=[_node(one) for one in left],
        evidence={"apiServers": [f"{node}: {version}" for node, version in sorted(servers.by_node.items())]},
        severity=_severity(oldest, newest) if too_far is None else BLOCKER,
    )


def _stopped_on(node: str, version: Version, others: list[Instance]) -> Finding:
    what = listed(f"{one.component} {one.version}" for one in others)
    return finding(
        _node(node),
        f"On {node} runs {what} beside an API server of {version}: kubeadm stopped half-way on this node, or somebody "
        "edited its static pods.",
        remedy=f"Run kubeadm on {node} again, which brings all of them to one version. On the first control-plane node "
        f"of an upgrade:\nkubeadm upgrade apply v{version}\nOn any other:\nkubeadm upgrade node",
        field="static pods of different versions",
        places=[one.subject for one in others],
        severity=max((_severity(one.version, version) for one in others if one.version), key=lambda one: -one.rank),
    )


def _severity(one: Version, other: Version) -> Severity:
    return NOTE if one.minor_version == other.minor_version else WARNING


def _node(name: str) -> Subject:
    return Subject(kind="Node", name=name, node=name)
