"""The upgrade that is planned: where the cluster is, where it goes, in which hops, and when."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import msgspec

from kubepreflight.errors import UsageError
from kubepreflight.finding import Gap, Hop
from kubepreflight.objects import Node, Pod
from kubepreflight.version import Minor, Version

FARTHEST = 25
"""A plan of more minors than this is a slip of the finger."""


class ScanOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What the user said of the upgrade; `target` None for the next minor. Times are in UTC."""

    start: datetime
    window: timedelta
    target: Version | None = None
    newest_known: Minor


class ServerVersion(msgspec.Struct, frozen=True):
    """What the API server that was reached says of itself at `/version`."""

    version: Version


class ApiServers(msgspec.Struct, frozen=True):
    """The version of every API server that can be seen: by node, from its static pod's image.

    `reached` is what `/version` said; empty `by_node` means that no static pod is visible (a managed cluster).
    """

    by_node: dict[str, Version]
    reached: Version | None

    @classmethod
    def provide(cls, pods: list[Pod] | None, server: ServerVersion | None = None) -> ApiServers:
        """From the pods of kube-system and from `/version`, as far as either is there."""
        by_node = {}
        for pod in pods or ():
            if pod.namespace == "kube-system" and pod.labels.get("component") == "kube-apiserver":
                version = image_version(pod, "kube-apiserver")
                if version is not None and pod.spec.node_name:
                    by_node[pod.spec.node_name] = version
        return cls(by_node, server.version if server else None)

    @property
    def all(self) -> tuple[Version, ...]:
        """Every version that some API server runs, oldest first."""
        reached = (self.reached,) if self.reached else ()
        return tuple(sorted({*self.by_node.values(), *reached}))


def image_version(pod: Pod, container: str) -> Version | None:
    """The version in the image tag of one container of a pod; None when it has none that can be read."""
    for one in pod.spec.containers or ():
        if one.name == container:
            return Version.try_parse((one.image or "").partition("@")[0].rpartition(":")[2])
    return None


class Upgrade(msgspec.Struct, frozen=True, kw_only=True):
    """The plan. `current` is the oldest API server; None when nothing tells it, and `assumed` then says what was taken.

    `gaps` is what was asked for and the plan leaves out. `hops` go one minor at a time and the kubelets move with each;
    `start` and `end` bound the planned work, in UTC.
    """

    current: Version | None
    target: Version
    hops: tuple[Hop, ...]
    start: datetime
    end: datetime
    half_upgraded: bool = False
    assumed: str = ""
    gaps: tuple[Gap, ...] = ()

    @classmethod
    def provide(cls, options: ScanOptions, servers: ApiServers, nodes: list[Node] | None) -> Upgrade:
        """Plan it. Raises UsageError for a target that is below the cluster, equal to it, or absurdly far."""
        kubelets = [Version.try_parse(node.status.node_info.kubelet_version) for node in nodes or ()]
        known = sorted(one for one in kubelets if one is not None)
        running, assumed = servers.all, ""
        if not running and known:
            running, assumed = (known[-1],), "no API server's version is visible: taken from the newest kubelet"
        if not running:
            return _without_cluster(options)
        oldest, newest = running[0], running[-1]
        target = options.target or _default_target(oldest, newest, options.newest_known)
        hops = _hops(oldest, target, _default_target(oldest, newest, options.newest_known))
        half = oldest.minor_version < newest.minor_version
        gaps: tuple[Gap, ...] = ()
        if options.target is None and hops[0].start == hops[0].end:
            unknown = f"no minor after {hops[0].end} is known to this version: a patch of it is judged"
            assumed = "; ".join(part for part in (assumed, unknown) if part)
            gaps = (_unknown_step(target),)
        return cls(
            current=oldest,
            target=target,
            hops=hops,
            start=options.start,
            end=options.start + options.window,
            half_upgraded=half,
            assumed=assumed,
            gaps=gaps,
        )

    @property
    def first_hop(self) -> Hop:
        """The hop that comes next."""
        return self.hops[0]

    def version_after(self, hop: Hop) -> Version:
        """The version that a hop arrives at: the target itself where it does, else a minor, for its newest patch."""
        return self.target if hop.end == self.target.minor_version else Version(*hop.end)

    def hop_to(self, minor: Minor) -> Hop | None:
        """The hop that arrives at a minor: the first for one already behind, None for one beyond the target."""
        return next((hop for hop in self.hops if hop.end >= minor), None)

    def hop_that_brings(self, minor: Minor) -> Hop | None:
        """The hop with which the cluster comes to a minor; None when it is there already, or will not come there."""
        return None if minor <= self.first_hop.start else self.hop_to(minor)


def _default_target(oldest: Version, newest: Version, newest_known: Minor) -> Version:
    if oldest.minor_version < newest.minor_version:
        return Version(*newest.minor_version)
    if newest.minor_version == newest_known:
        return Version(newest.major, newest.minor, (newest.patch or 0) + 1)
    return Version(*oldest.minor_version.plus(1))


def _unknown_step(patch: Version) -> Gap:
    minor = patch.minor_version
    return Gap(
        input=f"the minor after {minor}",
        reason="it is not known to this version: what was judged is a patch of "
        f"{minor}, and nothing is said of {minor.plus(1)}",
        how=f"use a later kubepreflight; when it is a patch that you plan, name it: --target {patch}",
        asked=True,
    )


def _hops(current: Version, target: Version, default: Version) -> tuple[Hop, ...]:
    start, end = current.minor_version, target.minor_version
    distance = end.distance(start)
    if distance < 0 or (distance == 0 and (target.patch is None or target <= current)):
        raise UsageError(
            f"the cluster runs {current}: {target} is no upgrade. "
            f"Give a later one with --target, or leave it out for {default}."
        )
    if end.major != start.major:
        raise UsageError(f"--target {target}: the cluster runs {current}, of another major: is it what you mean?")
    if distance > FARTHEST:
        raise UsageError(f"--target {target} is {distance} minors above the cluster's {current}: is it what you mean?")
    if distance == 0:
        return (Hop(start, end),)
    return tuple(Hop(one, after) for one, after in pairwise(start.plus(step) for step in range(distance + 1)))


def _without_cluster(options: ScanOptions) -> Upgrade:
    target = options.target or Version(*options.newest_known)
    minor = target.minor_version
    chosen = "" if options.target else f", and {minor} for its target, the newest that is known"
    return Upgrade(
        current=None,
        target=target,
        hops=(Hop(minor.plus(-1), minor),),
        start=options.start,
        end=options.start + options.window,
        assumed=f"no cluster was read: {minor.plus(-1)} is taken for where it is{chosen}",
    )
