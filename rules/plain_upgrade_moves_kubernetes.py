"""What a plain upgrade of the system does to Kubernetes' packages where no forgotten hold explains it."""

from collections.abc import Iterator, Sequence

from kubepreflight.finding import BLOCKER, WARNING, Finding, Gap, finding
from kubepreflight.host import Host, Missing
from kubepreflight.knowledge.packages import PackageSources
from kubepreflight.rule import rule
from kubepreflight.semantics.api_servers import VisibleApiServers
from kubepreflight.semantics.installed import Foreign, read_version
from kubepreflight.semantics.plain_upgrades import (
    Versions,
    is_past,
    kubelet_in,
    moves,
    no_server_known,
    told,
    what_breaks,
)
from kubepreflight.semantics.several import common_subject, listed

COMMANDS = {True: "A plain upgrade of the system", False: "`apt full-upgrade`"}


@rule(severity=BLOCKER, area="packages", phase="before")
def plain_upgrade_moves_kubernetes(
    hosts: list[Host], sources: PackageSources, servers: VisibleApiServers | None = None
) -> Iterator[Finding | Gap]:
    """A plain upgrade of a node's system would move or remove Kubernetes' packages, although nothing seems loose.

    Why: a hold is what keeps `apt upgrade` away from Kubernetes. What it really keeps is told only by apt's own
    simulation, which the collector runs on each node (`apt-get -s upgrade` and `-s dist-upgrade`; nothing is changed).
    A package that is not held may be removed for another's sake, and holds cannot always be read.

    What happens: with the next security updates the kubelet goes past the API server, or it is removed and the node is
    lost. It is a blocker where `apt upgrade` of today's does that. Where only `apt full-upgrade` does, or where
    another of the packages goes, it is a warning.

    When it stays silent: the simulation leaves kubelet, kubeadm and kubectl alone and removes none of Kubernetes'
    packages. What it moves because it is not held is told by package-not-held, with the hold that is missing, and not
    here; what is half-installed, by package-database-broken. kubernetes-cni and cri-tools are not held by custom: that
    they move is nothing. With rpm, where no simulation comes without changes to the node, what dnf has in its cache
    tells; it never removes. Only the package lists that the node has are looked at.

    How to see it yourself: apt-get -s dist-upgrade, or dnf -C check-update

    References:
        https://manpages.debian.org/bookworm/apt/apt-get.8.en.html
        https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/install-kubeadm/

    """
    moving: dict[tuple[bool, Versions, bool], list[Host]] = {}
    removing: dict[tuple[bool, tuple[str, ...]], list[Host]] = {}
    for host in hosts:
        names = _names(host, sources)
        today = moves(host, names) if names else None
        if isinstance(today, Missing):
            yield host.cannot_check("plain upgrade", today)
            continue
        if today is None:
            continue
        for by_plain, versions, gone in ((True, today.plain, today.removed), (False, today.full, today.fully_removed)):
            moved = tuple((name, version) for name, version in versions if _should_stay(host, name, sources))
            kubelet = kubelet_in(moved)
            if kubelet is not None and servers is None:
                yield no_server_known(host, kubelet)
            if moved:
                moving.setdefault((by_plain, moved, is_past(kubelet, servers)), []).append(host)
            if lost := tuple(name for name in gone if not _is_half_installed(host, name)):
                removing.setdefault((by_plain, lost), []).append(host)
    for (by_plain, moved, past), same in moving.items():
        yield _moves(by_plain, moved, same, servers if past else None)
    for (by_plain, lost), same in removing.items():
        yield _removes(by_plain, lost, same)


def _names(host: Host, sources: PackageSources) -> tuple[str, ...]:
    """Kubernetes' packages of a host; where its packages are not known, all that may be there."""
    known = (*sources.packages.held, *sources.packages.also)
    if isinstance(host.packages, Missing):
        return known
    there = [host.packages[name] for name in known if name in host.packages]
    return tuple(one.name for one in there if not isinstance(read_version(one.name, one.version), Foreign))


def _should_stay(host: Host, name: str, sources: PackageSources) -> bool:
    if name not in sources.packages.held:
        return False
    return isinstance(host.packages, Missing) or host.packages[name].held is not False


def _is_half_installed(host: Host, name: str) -> bool:
    """It is told by package-database-broken."""
    return not isinstance(host.packages, Missing) and "half-installed" in host.packages[name].status


def _moves(by_plain: bool, moved: Versions, hosts: Sequence[Host], past: VisibleApiServers | None) -> Finding:
    names = [name for name, _ in moved]
    text = (
        f"{COMMANDS[by_plain]} on {listed(host.name for host in hosts)} would today take {told(moved)}, although "
        f"{'it' if len(names) == 1 else 'they'} should stay."
    )
    return finding(
        common_subject(hosts, f"{listed(names)} would move"),
        f"{text} {what_breaks(past)}" if past else text,
        remedy="Do not upgrade these systems before the hold holds. See what offers the packages and hold them:\n"
        "apt-cache policy kubelet\napt-mark hold kubelet kubeadm kubectl",
        places=hosts,
        severity=BLOCKER if past and by_plain else WARNING,
    )


def _removes(by_plain: bool, names: Sequence[str], hosts: Sequence[Host]) -> Finding:
    lost = "kubelet" in names
    return finding(
        common_subject(hosts, f"{listed(names)} would be removed"),
        f"{COMMANDS[by_plain]} on {listed(host.name for host in hosts)} would today remove {listed(names)}."
        + (" With the kubelet the node is lost." if lost else " Nothing of it is there when the upgrade needs it."),
        remedy="Do not upgrade these systems before it is clear why. It is said by:\n"
        f"apt-get -s {'upgrade' if by_plain else 'dist-upgrade'}\ndpkg --audit",
        places=hosts,
        severity=BLOCKER if lost and by_plain else WARNING,
    )
