"""Packages that a plain upgrade of the system would move."""

from collections.abc import Iterator, Sequence

from kubepreflight.finding import WARNING, Finding, Gap, finding
from kubepreflight.host import Host, Missing
from kubepreflight.knowledge.packages import Family, PackageSources
from kubepreflight.rule import rule
from kubepreflight.semantics.installed import Foreign, read_version
from kubepreflight.semantics.package_repositories import families, kubernetes_repositories
from kubepreflight.semantics.several import common_subject, listed
from kubepreflight.upgrade import Upgrade

NEWEST = "takes {them} to the newest version that its repositories hold"


@rule(severity=WARNING, area="packages", phase="before")
def package_not_held(hosts: list[Host], upgrade: Upgrade, sources: PackageSources) -> Iterator[Finding | Gap]:
    """The packages kubelet, kubeadm or kubectl of a node are not held.

    Why: kubeadm upgrades the control plane, the package manager the kubelet. A hold keeps a plain `apt upgrade`, or an
    unattended one, from doing it out of turn. Every upgrade takes the hold off and has to put it back, on each node;
    forgetting it is the commonest accident there is. `apt-get install --allow-change-held-packages` takes it off, too.

    What happens: somebody installs security updates, and the kubelet of that node goes to the newest version that its
    repositories hold. Where that is past the control plane, the node may not come back after its next restart.

    When it stays silent: all three are held (apt-mark hold), excluded in the repository's file or in dnf.conf, or
    locked by versionlock. A pin in apt's preferences is no hold, whatever version it names; it is said where there is
    one. A node without these packages got Kubernetes in another way: nothing can move it.

    How to see it yourself: apt-mark showhold, or dnf versionlock list and grep exclude /etc/yum.repos.d/kubernetes.repo

    References:
        https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/install-kubeadm/
        https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-upgrade/

    """
    loose: dict[tuple[tuple[str, ...], bool, tuple[str, ...]], list[Host]] = {}
    for host in hosts:
        if isinstance(host.packages, Missing):
            yield host.cannot_check("packages", host.packages)
            continue
        holds = {name: host.packages[name].held for name in sources.packages.held if name in host.packages}
        unknown = [held for held in holds.values() if isinstance(held, Missing)]
        if unknown:
            yield host.cannot_check("packages", unknown[0])
        free = {name: host.packages[name].version for name, held in holds.items() if held is False}
        foreign = [name for name, text in free.items() if isinstance(read_version(name, text), Foreign)]
        for names in (tuple(name for name in free if name not in foreign), tuple(foreign)):
            if names:
                pins = tuple(sorted({pin for name in names if (pin := host.packages[name].pinned_by)}))
                loose.setdefault((names, names[0] in foreign, pins), []).append(host)
    for (names, is_foreign, pins), same in loose.items():
        if pins:
            moves = f"takes {_them(names)} as far as the pin in {listed(pins)} allows"
        elif is_foreign:
            moves = NEWEST.format(them=_them(names))
        else:
            moves = _would_move(names, same, upgrade, sources)
        yield _finding(names, same, moves)


def _finding(names: tuple[str, ...], hosts: list[Host], moves: str) -> Finding:
    return finding(
        common_subject(hosts, f"{listed(names)} not held"),
        f"{listed(names)} {'is' if len(names) == 1 else 'are'} not held on {listed(host.name for host in hosts)}. "
        f"A plain upgrade of the system there {moves}.",
        remedy="\n".join(_hold(family, names, hosts) for family in families(hosts)),
        places=hosts,
        evidence={"installed": [_installed(host, names) for host in hosts]},
    )


def _them(names: Sequence[str]) -> str:
    return "it" if len(names) == 1 else "them"


def _would_move(names: Sequence[str], hosts: list[Host], upgrade: Upgrade, sources: PackageSources) -> str:
    them = _them(names)
    found = [kubernetes_repositories(host, sources) for host in hosts]
    known = [one for one in found if not isinstance(one, Missing)]
    minors = [minor for one in known for minor in one.minors]
    if any(one.legacy for one in known) and upgrade.end.date() < sources.legacy.gone:
        ahead = ", and so past the API server" if "kubelet" in names else ""
        return f"takes {them} to the newest of all minor versions that Google's repository holds{ahead}"
    if not minors or len(known) < len(found) or not all(one.minors for one in known):
        return NEWEST.format(them=them)
    newest = max(minors)
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
