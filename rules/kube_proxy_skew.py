"""kube-proxy beside the API servers, and beside the kubelet of its node."""

from collections.abc import Iterator
from shlex import quote

from kubepreflight.finding import BLOCKER, WARNING, Finding, Gap, Subject, finding
from kubepreflight.knowledge.versions import KubeadmPolicy, SkewPolicy
from kubepreflight.rule import rule
from kubepreflight.semantics import skew
from kubepreflight.semantics.api_servers import VisibleApiServers
from kubepreflight.semantics.components import Components, Instance
from kubepreflight.semantics.kubelets import Kubelets
from kubepreflight.semantics.several import grouped, listed
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Minor

Groups = dict[tuple[Subject, Minor], list[Instance]]
MANAGED_BY_KUBEADM = "kube-proxy"
"""The DaemonSet that `kubeadm upgrade` replaces; one for Windows nodes has another name, and nobody replaces it."""


@rule(severity=BLOCKER, area="versions", phase="control-plane-upgrade")
def kube_proxy_skew(
    *,
    components: Components,
    servers: VisibleApiServers,
    kubelets: Kubelets,
    upgrade: Upgrade,
    policy: SkewPolicy,
    kubeadm: KubeadmPolicy,
) -> Iterator[Finding | Gap]:
    """kube-proxy is too far from the API server, or from the kubelet of its node.

    Why: kube-proxy must never be newer than an API server, and neither too far behind it nor too far from the kubelet
    that it shares a node with. How far depends on its own version. kubeadm looks at none of this; it replaces the
    DaemonSet `kube-proxy` at the end of the control plane's upgrade, whatever version it has.

    What happens: kube-proxy may ask for an API that the API server does not serve. It then learns of no change any
    more: Services lead to pods that are gone.

    When it stays silent: kube-proxy is within the limits today, and would be with the control plane of the first step.
    There is no kube-proxy in kube-system (another network plugin does its work, or the distribution hides it). It is
    a warning where kubeadm itself brings the state about and ends it again, and a blocker where it would last.

    How to see it yourself: kubectl -n kube-system get pods -l k8s-app=kube-proxy
    -o custom-columns=NODE:.spec.nodeName,IMAGE:.spec.containers[0].image

    References:
        https://kubernetes.io/releases/version-skew-policy/#kube-proxy

    """
    yield from components.unknown("kube-proxy")
    proxies = [one for one in components.of("kube-proxy") if one.version is not None]
    if not proxies:
        return
    yield from servers.gaps
    for (owner, minor), same in _groups(proxies).items():
        oldest, newest = servers.oldest.minor_version, servers.newest.minor_version
        today = skew.kube_proxy_skew(minor, oldest, newest, policy)
        if today is not None and today.newer:
            yield _newer(owner, minor, same, servers, kubeadm)
            continue
        end = upgrade.first_hop.end
        after = skew.kube_proxy_skew(minor, end, end, policy)
        if after is not None and not after.newer:
            yield _older(owner, minor, same, upgrade, after)
    yield from _beside_kubelets(proxies, kubelets, policy)


def _groups(proxies: list[Instance]) -> Groups:
    groups: Groups = {}
    for one in proxies:
        if one.version is not None:
            groups.setdefault((one.owner, one.version.minor_version), []).append(one)
    return groups


def _newer(
    owner: Subject, minor: Minor, proxies: list[Instance], servers: VisibleApiServers, kubeadm: KubeadmPolicy
) -> Finding:
    newest = servers.newest.minor_version
    passing = minor <= newest and not kubeadm.addons_wait_for_all(newest)
    left = listed(sorted(node for node, one in servers.by_node.items() if one.minor_version < minor))
    if passing:
        why = f"kubeadm {newest} itself moves it with the first control-plane node. It lasts until {left} follows too."
        remedy = f"Finish the control plane. On {left}, with kubeadm {newest} installed:\nkubeadm upgrade node"
    else:
        why = "Somebody moved it by hand, or moved the control plane back."
        remedy = f"Set its image back to the API server's version:\n{_set_image(owner, proxies[0], servers.oldest)}"
    return finding(
        owner,
        f"kube-proxy is {minor} on {listed(one.node for one in proxies)}, and the oldest API server is "
        f"{servers.where(servers.oldest)}. kube-proxy must not be newer: what it asks for may not be served, and then "
        f"Services stop following their pods. {why}",
        remedy=remedy,
        field="newer than the API server",
        places=[one.subject for one in proxies],
        severity=WARNING if passing else BLOCKER,
        phase="before",
    )


def _older(owner: Subject, minor: Minor, proxies: list[Instance], upgrade: Upgrade, after: skew.Skew) -> Finding:
    hop = upgrade.first_hop
    replaced = owner.name == MANAGED_BY_KUBEADM
    why = (
        "kubeadm replaces it when the control plane is done; until then Services may not follow their pods."
        if replaced
        else f"kubeadm does not replace {owner.kind} {owner.name}: Services may stop following their pods on its nodes."
    )
    return finding(
        owner,
        f"kube-proxy is still {minor} on {listed(one.node for one in proxies)}. Once the control plane runs {hop.end} "
        f"that is unsupported: {after}. {why}",
        remedy=f"Bring kube-proxy to {hop.start} before the upgrade:\n"
        + _set_image(owner, proxies[0], upgrade.current or f"{hop.start}.0"),
        field="older than the API server",
        places=[one.subject for one in proxies],
        severity=WARNING if replaced else BLOCKER,
        hop=hop,
    )


def _set_image(owner: Subject, one: Instance, version: object) -> str:
    image = one.image.partition("@")[0].removesuffix(f":{one.version.text}" if one.version else "")
    owned = quote(f"{owner.kind.lower()}/{owner.name}")
    return f"kubectl -n {quote(owner.namespace)} set image {owned} {quote(f'kube-proxy={image}:v{version}')}"


def _beside_kubelets(proxies: list[Instance], kubelets: Kubelets, policy: SkewPolicy) -> Iterator[Finding]:
    on_node = {one.node: one.version.minor_version for one in kubelets.known}
    groups: dict[tuple[Subject, Minor, Minor], list[Instance]] = {}
    for one in proxies:
        kubelet = on_node.get(one.node)
        if one.version is not None and kubelet is not None:
            minor = one.version.minor_version
            if skew.kube_proxy_skew_on_node(minor, kubelet, policy) is not None:
                groups.setdefault((one.owner, minor, kubelet), []).append(one)
    for (owner, minor, kubelet), same in groups.items():
        wrong = skew.kube_proxy_skew_on_node(minor, kubelet, policy)
        yield finding(
            owner,
            f"On {listed(one.node for one in same)} kube-proxy and the kubelet are too far apart: {wrong}. Upstream "
            "does not support them on one node.",
            remedy="Bring the older of the two up, before the control plane moves on.",
            field=f"beside a kubelet of {kubelet}",
            places=[one.subject for one in same],
            evidence={"versions": grouped({f"kube-proxy {minor}, kubelet {kubelet}": [one.node for one in same]})},
            severity=WARNING,
            phase="before",
        )
