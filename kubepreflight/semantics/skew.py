"""Whether the versions of two components may meet, as upstream's skew policy has it.

Where API servers of different versions run side by side, a component must suit both: not newer than the oldest (but for
what it may be ahead) and not too far behind the newest.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from kubepreflight.knowledge.versions import Component, SkewLimit, SkewPolicy
from kubepreflight.version import Minor


class Skew(msgspec.Struct, frozen=True, kw_only=True):
    """A pair of versions that must not meet.

    `lowest` and `highest` are the minors of `component` that would be allowed there. `newer` tells which end is
    passed. The text is a sentence: "1.30 is 1 minor version newer than the API server, 1.29; none newer is allowed".
    """

    component: Component
    version: Minor
    lowest: Minor
    highest: Minor
    newer: bool
    text: str
    source: str

    def __str__(self) -> str:
        return self.text


def kubelet_skew(kubelet: Minor, oldest: Minor, newest: Minor, policy: SkewPolicy) -> Skew | None:
    """What is wrong with a kubelet under API servers from `oldest` to `newest`; None when nothing is.

    For a hop, give the minor that it reaches as both: that is what the kubelet meets when the control plane is done.
    """
    return _against_api_servers("kubelet", kubelet, oldest, newest, policy)


def kube_proxy_skew(kube_proxy: Minor, oldest: Minor, newest: Minor, policy: SkewPolicy) -> Skew | None:
    """The same for kube-proxy against the API servers."""
    return _against_api_servers("kube-proxy", kube_proxy, oldest, newest, policy)


def kube_proxy_skew_on_node(kube_proxy: Minor, kubelet: Minor, policy: SkewPolicy) -> Skew | None:
    """What is wrong with a kube-proxy beside the kubelet of its own node; None when nothing is."""
    limit = policy.limit("kube-proxy", kube_proxy, "kubelet")
    whose = "the node's kubelet,"
    return _skew(limit, kube_proxy, oldest=kubelet, newest=kubelet, whose=(whose, whose))


def controller_skew(
    component: Component, version: Minor, oldest: Minor, newest: Minor, policy: SkewPolicy
) -> Skew | None:
    """The same for a controller-manager, scheduler or cloud-controller-manager against the API servers it may meet."""
    return _against_api_servers(component, version, oldest, newest, policy)


def client_skew(kubectl: Minor, oldest: Minor, newest: Minor, policy: SkewPolicy) -> Skew | None:
    """The same for kubectl."""
    return _against_api_servers("kubectl", kubectl, oldest, newest, policy)


def api_server_skew(versions: Collection[Minor], policy: SkewPolicy) -> Skew | None:
    """What is wrong with the oldest of several API servers beside the newest; None when nothing is."""
    if not versions:
        return None
    oldest, newest = min(versions), max(versions)
    return _against_api_servers("kube-apiserver", oldest, newest, newest, policy)


def _against_api_servers(
    component: Component, version: Minor, oldest: Minor, newest: Minor, policy: SkewPolicy
) -> Skew | None:
    mixed = oldest != newest
    whose = ("the oldest API server,", "the newest API server,") if mixed else ("the API server,",) * 2
    return _skew(policy.limit(component, version), version, oldest=oldest, newest=newest, whose=whose)


def _skew(limit: SkewLimit, version: Minor, *, oldest: Minor, newest: Minor, whose: tuple[str, str]) -> Skew | None:
    lowest, highest = newest.plus(-limit.behind), oldest.plus(limit.ahead)
    if lowest <= version <= highest:
        return None
    newer = version > highest
    direction, other, bound = ("newer", oldest, limit.ahead) if newer else ("older", newest, limit.behind)
    distance = abs(version.distance(other))
    minors = "minor version" if distance == 1 else "minor versions"
    text = f"{version} is {distance} {minors} {direction} than {whose[not newer]} {other}"
    allowed = f"at most {bound} {'is' if bound == 1 else 'are'}" if bound else "none newer is"
    return Skew(
        component=limit.component,
        version=version,
        lowest=lowest,
        highest=highest,
        newer=newer,
        text=f"{text}; {allowed} allowed",
        source=limit.source,
    )
