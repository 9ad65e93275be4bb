"""What a plain upgrade of a node's system would do to Kubernetes' packages, and what that means in its cluster."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from kubepreflight.host import Change, Host, Missing
from kubepreflight.semantics.api_servers import VisibleApiServers
from kubepreflight.semantics.installed import read_version
from kubepreflight.semantics.several import listed
from kubepreflight.version import Version

Versions = Mapping[str, str]
"""The version to which a package would go, by its name."""


class Moves(msgspec.Struct, frozen=True):
    """What would become of some packages of a host.

    `plain` and `removed` are what `apt upgrade` or `dnf upgrade` does, `full` and `fully_removed` what only
    `apt full-upgrade` does.
    """

    plain: Versions
    removed: tuple[str, ...]
    full: Versions
    fully_removed: tuple[str, ...]

    def kubelet(self) -> Version | None:
        """The version to which a plain upgrade takes the kubelet; None when it does not."""
        version = read_version("kubelet", self.plain.get("kubelet", ""))
        return version if isinstance(version, Version) else None


def moves(host: Host, names: Collection[str]) -> Moves | Missing:
    """What a plain upgrade of today's would do to the packages `names` of a host; Missing where that is not known."""
    if isinstance(host.plain_upgrade, Missing):
        return host.plain_upgrade
    if isinstance(host.plain_upgrade.upgrade, Missing):
        return host.plain_upgrade.upgrade
    if isinstance(host.plain_upgrade.full_upgrade, Missing):
        return host.plain_upgrade.full_upgrade
    plain = [one for one in host.plain_upgrade.upgrade if one.name in names]
    known = {one.name for one in plain}
    full = [one for one in host.plain_upgrade.full_upgrade if one.name in names and one.name not in known]
    return Moves(_versions(plain), _removed(plain), _versions(full), _removed(full))


def _versions(changes: Collection[Change]) -> Versions:
    return {one.name: one.candidate for one in changes if one.candidate}


def _removed(changes: Collection[Change]) -> tuple[str, ...]:
    return tuple(one.name for one in changes if not one.candidate)


def told(versions: Versions) -> str:
    """Where packages would go, for a sentence: `kubelet to 1.37.2`, `kubeadm and kubelet to 1.37.2`."""
    by_version: dict[str, list[str]] = {}
    for name, text in versions.items():
        version = read_version(name, text)
        by_version.setdefault(str(version) if isinstance(version, Version) else text, []).append(name)
    return ", ".join(f"{listed(names)} to {version}" for version, names in by_version.items())


def is_past(kubelet: Version | None, servers: VisibleApiServers | None) -> bool:
    """Whether a kubelet of that version is newer than some API server of the cluster allows."""
    return kubelet is not None and servers is not None and kubelet.minor_version > servers.oldest.minor_version


def what_breaks(servers: VisibleApiServers) -> str:
    """What it means that the kubelet goes past the API server."""
    return (
        f"That is past the API server, {servers.where(servers.oldest)}: no kubelet may be newer, kubeadm does not "
        "look at it, and from the kubelet's next restart, by a reboot or a crash, the node may be NotReady."
    )
