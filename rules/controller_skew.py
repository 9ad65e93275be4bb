"""The controllers beside the API servers that they talk to."""

from collections.abc import Iterator
from itertools import chain
from typing import cast

from kubepreflight.finding import BLOCKER, WARNING, Finding, Gap, Subject, finding
from kubepreflight.knowledge.versions import Component, SkewPolicy
from kubepreflight.rule import rule
from kubepreflight.semantics import skew
from kubepreflight.semantics.api_servers import VisibleApiServers
from kubepreflight.semantics.components import CONTROLLERS, Components, Instance
from kubepreflight.semantics.controller_endpoints import KUBECONFIGS, ControllerEndpoints
from kubepreflight.semantics.several import common_subject, listed
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Minor

CLOUD = "cloud-controller-manager"


@rule(severity=BLOCKER, area="versions", phase="control-plane-upgrade")
def controller_skew(
    *,
    components: Components,
    servers: VisibleApiServers,
    endpoints: ControllerEndpoints,
    upgrade: Upgrade,
    policy: SkewPolicy,
) -> Iterator[Finding | Gap]:
    """A controller is newer than an API server that it talks to, or too far behind it.

    Why: controller-manager, scheduler and cloud-controller-manager must not be newer than the API server they talk to,
    and at most one minor version older. kubeadm moves the first two right after the API server of their node; nobody
    moves a cloud-controller-manager. Whether they talk to the API server of their own node or to any of them stands in
    their kubeconfig on the node.

    What happens: a controller that asks an API server for what it does not serve stops working: no replacement for a
    lost pod, nothing scheduled, no load balancer for a new Service.

    When it stays silent: controllers and API servers fit, or the kubeconfig on the node (in the host facts) says that
    the controller only meets an API server that fits. Cloud controllers whose vendor numbers them in another way than
    Kubernetes are named as not checked. No controllers are visible (a managed control plane).

    How to see it yourself: grep server: /etc/kubernetes/controller-manager.conf /etc/kubernetes/scheduler.conf on a
    control-plane node, and kubectl -n kube-system get pods -l tier=control-plane -o wide

    References:
        https://kubernetes.io/releases/version-skew-policy/#kube-controller-manager-kube-scheduler-and-cloud-controller-manager
        https://github.com/kubernetes/kubernetes/pull/94398

    """
    yield from components.unknown(*CONTROLLERS)
    known = [one for one in components.of(*CONTROLLERS) if one.version is not None]
    if known:
        yield from servers.gaps
    local = [one for one in known if one.component in KUBECONFIGS]
    clouds = [one for one in known if one.component == CLOUD]
    yield from chain.from_iterable(_on_its_own_node(one, servers, endpoints, policy) for one in local)
    yield from _on_other_nodes(local, components, servers, endpoints, policy)
    yield from chain.from_iterable(_cloud(one, servers, upgrade, policy) for one in clouds)


def _on_its_own_node(
    one: Instance, servers: VisibleApiServers, endpoints: ControllerEndpoints, policy: SkewPolicy
) -> Iterator[Finding]:
    own = servers.by_node.get(one.node)
    if own is None or not endpoints.met_by(one.component, one.node, [one.node]):
        return
    wrong = _skew(one, own.minor_version, policy)
    if wrong is not None:
        yield finding(
            one.subject,
            f"The {one.component} on {one.node} does not fit the API server beside it: {wrong}. It may stop working at "
            "any moment.",
            remedy="Have kubeadm write all static pods of this node anew, in one version, with that kubeadm "
            f"installed:\nkubeadm upgrade apply v{own}",
            evidence={"controller": str(one.version), "apiServer": str(own)},
            phase="before",
        )


def _on_other_nodes(
    controllers: list[Instance],
    components: Components,
    servers: VisibleApiServers,
    endpoints: ControllerEndpoints,
    policy: SkewPolicy,
) -> Iterator[Finding]:
    newer: list[tuple[Instance, str]] = []
    older: list[tuple[Instance, str]] = []
    for one in controllers:
        for node in sorted(endpoints.met_by(one.component, one.node, servers.by_node.keys() - {one.node})):
            wrong = _skew(one, servers.by_node[node].minor_version, policy)
            if wrong is not None:
                (newer if wrong.newer else older).append((one, node))
    if newer:
        left = {node for _, node in newer}
        behind = [one.subject for one in components.of("kube-apiserver") if one.node in left]
        yield _meeting(newer, servers, common_subject(behind, "older than controllers that it may meet"))
    if older:
        slow = [one.subject for one, _ in older]
        yield _meeting(older, servers, common_subject(slow, "too old for an API server that it may meet"))


def _meeting(pairs: list[tuple[Instance, str]], servers: VisibleApiServers, subject: Subject) -> Finding:
    who = sorted({f"{one.component} {one.version} on {one.node}" for one, _ in pairs})
    met = {servers.by_node[node]: None for _, node in pairs}
    return finding(
        subject,
        f"{listed(who)} may meet the API server {', '.join(servers.where(one) for one in sorted(met))}, which does "
        "not fit: a controller must not be newer than the API server, and at most one minor version older. It may "
        "stop working while the control plane is mixed, unless its kubeconfig names the API server of its own node.",
        remedy="Look at the kubeconfigs on the nodes that are named:\n"
        f"grep server: {' '.join(KUBECONFIGS.values())}\n"
        "If the address is not the node's own, finish the other control-plane nodes without a pause, on each:\n"
        "kubeadm upgrade node",
        places=[one.subject for one, _ in pairs],
        evidence={"controllers": who, "apiServers": servers.told()},
        severity=WARNING,
    )


def _cloud(one: Instance, servers: VisibleApiServers, upgrade: Upgrade, policy: SkewPolicy) -> Iterator[Finding]:
    hop = upgrade.first_hop
    today = _skew(one, servers.oldest.minor_version, policy) or _skew(one, servers.newest.minor_version, policy)
    after = _skew(one, hop.end, policy)
    wrong, when = (today, "") if today is not None else (after, f"Once the control plane runs {hop.end}: ")
    if wrong is not None:
        yield finding(
            one.owner,
            f"The cloud-controller-manager does not fit the API server. {when}{wrong}. It may stop working: new "
            "nodes stay uninitialized, and load balancers stay as they are.",
            remedy=f"Bring it to {hop.start}, the version that fits before and after this step, in the way in which it "
            "was installed. kubeadm does not move it.",
            place=one.subject,
            evidence={"controller": str(one.version), "apiServers": servers.told()},
            severity=WARNING,
            phase="before" if today is not None else None,
        )


def _skew(one: Instance, server: Minor, policy: SkewPolicy) -> skew.Skew | None:
    assert one.version is not None
    component = cast("Component", one.component)
    return skew.controller_skew(component, one.version.minor_version, server, server, policy)
