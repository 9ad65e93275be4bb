"""What a plain upgrade of the system does to Kubernetes' packages where no forgotten hold explains it."""

from collections.abc import Iterator, Sequence

from kubepreflight.finding import BLOCKER, WARNING, Finding, Gap, finding
from kubepreflight.host import Host, Missing
from kubepreflight.knowledge.packages import PackageSources
from kubepreflight.rule import rule
from kubepreflight.semantics.api_servers import VisibleApiServers
from kubepreflight.semantics.installed import Foreign, read_version
from kubepreflight.semantics.package_repositories import families
from kubepreflight.semantics.plain_upgrades import Moves, Versions, is_past, moves, told, what_breaks
from kubepreflight.semantics.several import common_subject, listed


@rule(severity=BLOCKER, area="packages", phase="before")
def plain_upgrade_moves_kubernetes(
    hosts: list[Host], sources: PackageSources, servers: VisibleApiServers | None = None
) -> Iterator[Finding | Gap]:
    """A plain upgrade of a node's system would move or remove Kubernetes' packages, although nothing seems loose.

    Why: a hold is what keeps `apt upgrade` away from Kubernetes. What it really keeps is told only by apt's own
    simulation, which the collector runs on each node (`apt-get -s upgrade` and `-s dist-upgrade`; nothing is changed).
    A package that is not held may be removed for another's sake, and holds cannot always be read.

    What happens: with the next security updates the kubelet goes past the API server, or it is removed and the node is
    lost. It is a blocker where `apt upgrade` of today's does that. Where only `apt full-upgrade` does,
    or where another of the packages goes, it is a warning.

    When it stays silent: the simulation leaves kubelet, kubeadm and kubectl alone and removes none of Kubernetes'
    packages. What it moves because it is not held is told by package-not-held, with the hold that is missing, and not
    here. kubernetes-cni and cri-tools are not held by custom: that they move is nothing. With rpm, where no simulation
    comes without changes to the node, what dnf has in its cache tells; it never removes. Only the package lists that
    the node has are looked at.

    How to see it yourself: apt-get -s dist-upgrade, or dnf -C check-update

    References:
        https://manpages.debian.org/bookworm/apt/apt-get.8.en.html
        https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/install-kubeadm/

    """
    moving: dict[tuple[str, ...], list[tuple[Host, Moves]]] = {}
    removing: dict[tuple[str, ...], list[tuple[Host, Moves]]] = {}
    for host in hosts:
        names = _names(host, sources)
        today = moves(host, names) if names else None
        if isinstance(today, Missing):
            yield host.cannot_check("plain upgrade", today)
        elif today is not None:
            if moved := tuple(name for name in {**today.plain, **today.full} if _should_stay(host, name, sources)):
                moving.setdefault(moved, []).append((host, today))
            if gone := (*today.removed, *today.fully_removed):
                removing.setdefault(gone, []).append((host, today))
    for names, found in moving.items():
        yield _moves(names, found, servers)
    for names, found in removing.items():
        yield _removes(names, found)


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


def _moves(names: Sequence[str], found: Sequence[tuple[Host, Moves]], servers: VisibleApiServers | None) -> Finding:
    hosts = [host for host, _ in found]
    past = servers if any(is_past(today.kubelet(), servers) for _, today in found) else None
    where = listed(host.name for host in hosts)
    goes = listed(dict.fromkeys(told(_only(names, {**today.full, **today.plain})) for _, today in found), "or")
    command = (
        "A plain upgrade of the system" if any(_only(names, one.plain) for _, one in found) else "`apt full-upgrade`"
    )
    text = f"{command} on {where} would today take {goes}, although {'it' if len(names) == 1 else 'they'} should stay."
    return finding(
        common_subject(hosts, f"{listed(names)} would move"),
        f"{text} {what_breaks(past)}" if past else text,
        remedy="Do not upgrade these systems before the hold holds. See what offers the packages and hold them:\n"
        + "\n".join(
            "apt-cache policy kubelet && apt-mark hold kubelet kubeadm kubectl"
            if family == "deb"
            else "dnf -C --showduplicates list kubelet && dnf versionlock add kubelet kubeadm kubectl"
            for family in families(hosts)
        ),
        places=hosts,
        evidence={"today": [f"{host.name}: {told({**today.plain, **today.full})}" for host, today in found]},
        severity=BLOCKER if past else WARNING,
    )


def _removes(names: Sequence[str], found: Sequence[tuple[Host, Moves]]) -> Finding:
    hosts = [host for host, _ in found]
    by_plain = all(today.removed for _, today in found)
    command = "A plain upgrade of the system" if by_plain else "`apt full-upgrade`"
    lost = "kubelet" in names
    return finding(
        common_subject(hosts, f"{listed(names)} would be removed"),
        f"{command} on {listed(host.name for host in hosts)} would today remove {listed(names)}."
        + (" With the kubelet the node is lost." if lost else " Nothing of it is there when the upgrade needs it."),
        remedy="Do not upgrade these systems before it is clear why. It is said by:\n"
        f"apt-get -s {'upgrade' if by_plain else 'dist-upgrade'}\ndpkg --audit",
        places=hosts,
        severity=BLOCKER if lost and by_plain else WARNING,
    )


def _only(names: Sequence[str], versions: Versions) -> Versions:
    return {name: version for name, version in versions.items() if name in names}
