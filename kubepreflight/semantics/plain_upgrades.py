"""What a plain upgrade of a node's system would do to Kubernetes' packages, and what that means in its cluster."""

from __future__ import annotations

from collections.abc import Collection
from fnmatch import fnmatchcase

import msgspec

from kubepreflight.finding import Gap, cannot_check
from kubepreflight.host import Change, Host, Missing
from kubepreflight.semantics.api_servers import VisibleApiServers
from kubepreflight.semantics.installed import read_version
from kubepreflight.semantics.several import listed
from kubepreflight.version import Version

Versions = tuple[tuple[str, str], ...]
"""Packages, each with the version to which it would go."""


class Moves(msgspec.Struct, frozen=True):
    """What would become of some packages of a host.

    `plain` and `removed` are what `apt upgrade` or `dnf upgrade` does, `full` and `fully_removed` what only
    `apt full-upgrade` does.
    """

    plain: Versions
    removed: tuple[str, ...]
    full: Versions
    fully_removed: tuple[str, ...]


def moves(host: Host, names: Collection[str]) -> Moves | Missing:
    """What a plain upgrade of today's would do to the packages `names` of a host; Missing where that is not known."""
    if isinstance(host.plain_upgrade, Missing):
        return _by_offers(host, names) if host.package_family == "rpm" else host.plain_upgrade
    if isinstance(host.plain_upgrade.upgrade, Missing):
        return host.plain_upgrade.upgrade
    if isinstance(host.plain_upgrade.full_upgrade, Missing):
        return host.plain_upgrade.full_upgrade
    plain = [one for one in host.plain_upgrade.upgrade if one.name in names]
    known = {one.name for one in plain}
    full = [one for one in host.plain_upgrade.full_upgrade if one.name in names and one.name not in known]
    return Moves(_versions(plain), _removed(plain), _versions(full), _removed(full))


def _by_offers(host: Host, names: Collection[str]) -> Moves | Missing:
    """The same by what dnf has in its cache: dnf itself, when asked, would write its logs and caches anew."""
    known = (host.packages, host.repositories, host.supply.offers)
    if isinstance(host.packages, Missing) or isinstance(host.repositories, Missing):
        return next(one for one in known if isinstance(one, Missing))
    if isinstance(host.supply.offers, Missing):
        return host.supply.offers
    excludes = {one.name: one.excludes for one in host.repositories if one.family == "rpm"}
    newest: list[tuple[str, str]] = []
    for name in (name for name in names if name in host.packages):
        held = host.packages[name].held
        if isinstance(held, Missing):
            return held
        offered = [
            one.version
            for one in host.supply.offers
            if one.package == name
            and any(source in excludes and not _excluded(name, excludes[source]) for source in one.sources)
        ]
        best = max([host.packages[name].version, *offered], key=lambda text: _sorted(name, text))
        if not held and _sorted(name, best) > _sorted(name, host.packages[name].version):
            newest.append((name, best))
    return Moves(tuple(newest), (), (), ())


def _excluded(name: str, patterns: Collection[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _sorted(name: str, text: str) -> Version:
    """How versions of Kubernetes follow each other; what is none of them comes first. Revisions are equal."""
    version = read_version(name, text)
    return version if isinstance(version, Version) else Version(0, 0)


def _versions(changes: Collection[Change]) -> Versions:
    return tuple((one.name, one.candidate) for one in changes if one.candidate)


def _removed(changes: Collection[Change]) -> tuple[str, ...]:
    return tuple(one.name for one in changes if not one.candidate)


def told(versions: Versions) -> str:
    """Where packages would go, for a sentence: `kubelet to 1.37.2`, `kubeadm and kubelet to 1.37.2`."""
    by_version: dict[str, list[str]] = {}
    for name, text in versions:
        version = read_version(name, text)
        by_version.setdefault(str(version) if isinstance(version, Version) else text, []).append(name)
    return ", ".join(f"{listed(names)} to {version}" for version, names in by_version.items())


def kubelet_in(versions: Versions) -> Version | None:
    """The version to which the kubelet would go; None when it would not, or to no version of Kubernetes."""
    version = read_version("kubelet", dict(versions).get("kubelet", ""))
    return version if isinstance(version, Version) else None


def no_server_known(host: Host, kubelet: Version) -> Gap:
    """Whether that kubelet would be past the API server cannot be told."""
    return cannot_check(
        "API servers",
        f"a plain upgrade takes its kubelet to {kubelet}, and no API server tells its version",
        subject=host.name,
        how="scan the live cluster, or add: kubectl -n kube-system get pods -o json",
    )


def is_past(kubelet: Version | None, servers: VisibleApiServers | None) -> bool:
    """Whether a kubelet of that version is newer than some API server of the cluster allows."""
    return kubelet is not None and servers is not None and kubelet.minor_version > servers.oldest.minor_version


def what_breaks(servers: VisibleApiServers) -> str:
    """What it means that the kubelet goes past the API server."""
    return (
        f"That is past the API server, {servers.where(servers.oldest)}: no kubelet may be newer, kubeadm does not "
        "look at it, and from the kubelet's next restart, by a reboot or a crash, the node may be NotReady."
    )
