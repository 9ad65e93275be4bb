"""Packages that a plain upgrade of the system would move."""

from collections.abc import Iterator, Mapping, Sequence

from kubepreflight.finding import BLOCKER, WARNING, Finding, Gap, finding
from kubepreflight.host import Host, Missing, Package
from kubepreflight.knowledge.packages import Family, PackageSources
from kubepreflight.rule import rule
from kubepreflight.semantics.api_servers import VisibleApiServers
from kubepreflight.semantics.installed import Foreign, read_version
from kubepreflight.semantics.package_repositories import families, kubernetes_repositories
from kubepreflight.semantics.plain_upgrades import (
    Moves,
    is_past,
    kubelet_in,
    moves,
    no_server_known,
    told,
    what_breaks,
)
from kubepreflight.semantics.several import common_subject, listed
from kubepreflight.upgrade import Upgrade

WHERE = "\0"


@rule(severity=BLOCKER, area="packages", phase="before")
def package_not_held(
    hosts: list[Host], upgrade: Upgrade, sources: PackageSources, servers: VisibleApiServers | None = None
) -> Iterator[Finding | Gap]:
    """The packages kubelet, kubeadm or kubectl of a node are not held.

    Why: kubeadm upgrades the control plane, the package manager the kubelet. A hold keeps a plain `apt upgrade`, or an
    unattended one, from doing it out of turn. Every upgrade takes the hold off and has to put it back, on each node;
    forgetting it is the commonest accident there is. `apt-get install --allow-change-held-packages` takes it off, too.

    What happens: somebody installs security updates, and the kubelet of that node goes to the newest version that its
    repositories hold. Where that is past the control plane, the node may not come back after its next restart. What a
    plain upgrade would do today is taken from the node's own simulation of it, with the package lists that it has. It
    is a blocker where that takes the kubelet past the API server: then the next `apt upgrade` is the accident.

    When it stays silent: all three are held (apt-mark hold), excluded in the repository's file or in dnf.conf, or
    locked by versionlock. A pin in apt's preferences is no hold, whatever version it names. A node without these
    packages got Kubernetes in another way: nothing can move it. A package of that name which is not Kubernetes' own
    (Google Cloud's kubectl) needs no hold. What a plain upgrade does in spite of the holds is told by
    plain-upgrade-moves-kubernetes.

    How to see it yourself: apt-mark showhold and apt-get -s upgrade, or dnf versionlock list, grep exclude
    /etc/yum.repos.d/kubernetes.repo and dnf check-update

    References:
        https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/install-kubeadm/
        https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-upgrade/

    """
    loose: dict[tuple[tuple[str, ...], bool], dict[str, list[Host]]] = {}
    for host in hosts:
        if isinstance(host.packages, Missing):
            yield host.cannot_check("packages", host.packages)
            continue
        own = [one for name in sources.packages.held if (one := host.packages.get(name)) and not _is_foreign(one)]
        unknown = [one.held for one in own if isinstance(one.held, Missing)]
        if unknown:
            yield host.cannot_check("packages", unknown[0])
        free = [one for one in own if one.held is False]
        if not free:
            continue
        today = moves(host, [one.name for one in free])
        kubelet = None if isinstance(today, Missing) else kubelet_in(today.plain)
        if isinstance(today, Missing):
            yield host.cannot_check("plain upgrade", today)
        elif kubelet is not None and servers is None:
            yield no_server_known(host, kubelet)
        outcomes = loose.setdefault((tuple(one.name for one in free), is_past(kubelet, servers)), {})
        outcomes.setdefault(_outcome(host, free, today, upgrade, sources), []).append(host)
    for (names, past), outcomes in loose.items():
        yield _finding(names, outcomes, servers if past else None)


def _is_foreign(package: Package) -> bool:
    return isinstance(read_version(package.name, package.version), Foreign)


def _outcome(
    host: Host, free: Sequence[Package], today: Moves | Missing, upgrade: Upgrade, sources: PackageSources
) -> str:
    """What a plain upgrade does with them, as a sentence; WHERE stands for the place."""
    names = [one.name for one in free]
    them = "it" if len(names) == 1 else "them"
    pins = sorted({one.pinned_by for one in free if one.pinned_by})
    later = (
        f"takes {them} as far as the pin in {listed(pins)} allows"
        if pins
        else _would_move(names, host, upgrade, sources)
    )
    if isinstance(today, Missing):
        return f"A plain upgrade of the system {WHERE} {later}."
    if today.plain:
        return f"Today a plain upgrade of the system {WHERE} takes {told(today.plain)}."
    if today.full:
        return f"Today `apt upgrade` {WHERE} would leave {them}, but `apt full-upgrade` takes {told(today.full)}."
    return (
        f"Today a plain upgrade of the system {WHERE} would leave {them}: the package lists there hold nothing newer. "
        f"After the next refresh of the lists it {later}."
    )


def _finding(names: tuple[str, ...], outcomes: Mapping[str, list[Host]], past: VisibleApiServers | None) -> Finding:
    hosts = [host for same in outcomes.values() for host in same]
    places = (
        ["there"] if len(outcomes) == 1 else [f"on {listed(host.name for host in same)}" for same in outcomes.values()]
    )
    sentences = [text.replace(WHERE, place) for text, place in zip(outcomes, places, strict=True)]
    if past:
        sentences.append(what_breaks(past))
    return finding(
        common_subject(hosts, f"{listed(names)} not held{', about to pass the API server' if past else ''}"),
        f"{listed(names)} {'is' if len(names) == 1 else 'are'} not held on {listed(host.name for host in hosts)}. "
        + " ".join(sentences),
        remedy="\n".join(_hold(family, names, hosts) for family in families(hosts)),
        places=hosts,
        evidence={"installed": [_installed(host, names) for host in hosts]},
        severity=BLOCKER if past else WARNING,
    )


def _would_move(names: Sequence[str], host: Host, upgrade: Upgrade, sources: PackageSources) -> str:
    them = "it" if len(names) == 1 else "them"
    found = kubernetes_repositories(host, sources)
    if not isinstance(found, Missing) and found.legacy and upgrade.end.date() < sources.legacy.gone:
        ahead = ", and so past the API server" if "kubelet" in names else ""
        return f"takes {them} to the newest of all minor versions that Google's repository holds{ahead}"
    if isinstance(found, Missing) or not found.minors:
        return f"takes {them} to the newest version that its repositories hold"
    newest = found.minors[-1]
    if upgrade.current is None or newest <= upgrade.current.minor_version:
        return f"takes {them} to the newest patch of {newest}, at a moment that nobody chose"
    ahead = ", past the API server" if "kubelet" in names else ""
    return f"takes {them} to {newest}{ahead}: that repository is configured already"


def _hold(family: Family, names: Sequence[str], hosts: list[Host]) -> str:
    nodes = [host.name for host in hosts if family in families([host])]
    where = f"On {'' if len(nodes) == 1 else 'each of '}{listed(nodes)}, as root:"
    command = "apt-mark hold" if family == "deb" else "dnf versionlock add"
    return f"{where}\n{command} {' '.join(names)}"


def _installed(host: Host, names: Sequence[str]) -> str:
    packages = {} if isinstance(host.packages, Missing) else host.packages
    return f"{host.name}: " + ", ".join(f"{name} {packages[name].version}" for name in names)
