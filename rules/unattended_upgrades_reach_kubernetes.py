"""Automatic upgrades that reach Kubernetes' packages."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from kubepreflight.finding import WARNING, Finding, Gap, finding
from kubepreflight.host import AutomaticTool, AutomaticUpgrades, Host, Missing, Release
from kubepreflight.knowledge.packages import PackageSources
from kubepreflight.rule import rule
from kubepreflight.semantics.installed import Foreign, read_version
from kubepreflight.semantics.several import common_subject, listed
from kubepreflight.semantics.unattended import begins_like, matches

UNATTENDED = "unattended-upgrades"


class Reach(NamedTuple):
    """A tool that takes some packages, and why it does."""

    tool: str
    because: str
    names: tuple[str, ...]


@rule(severity=WARNING, area="packages", phase="before")
def unattended_upgrades_reach_kubernetes(hosts: list[Host], sources: PackageSources) -> Iterator[Finding | Gap]:
    """Unattended upgrades of a node take Kubernetes' packages with them.

    Why: unattended-upgrades, dnf-automatic and yum-cron install what is new at night, on every node, without anybody
    looking. Their own defaults leave foreign repositories alone (Debian, Ubuntu) or take everything (Fedora, Red Hat);
    one pattern like `origin=*` changes that. A hold stops them, a pin does not.

    What happens: all nodes that are not held get the new kubelet in the same night, also in the days between two steps
    of the upgrade, when the next repository is configured already. It is started at the next restart, without a drain.

    When it stays silent: kubelet, kubeadm and kubectl are held, or the blacklist or a strict whitelist keeps them out;
    no pattern matches the repository from which they come; automatic upgrades are not installed, switched off, or
    their timer is; dnf-automatic takes security updates only, which Kubernetes' repository does not mark. What a
    pattern matches is read from the repositories as apt knows them today.

    How to see it yourself: unattended-upgrade --dry-run -d, and systemctl list-timers 'apt-*' 'dnf*'

    References:
        https://manpages.debian.org/bookworm/unattended-upgrades/unattended-upgrade.8.en.html
        https://wiki.debian.org/UnattendedUpgrades
        https://dnf.readthedocs.io/en/latest/automatic.html

    """
    reached: dict[Reach, list[Host]] = {}
    for host in hosts:
        if isinstance(host.packages, Missing):
            yield host.cannot_check("packages", host.packages)
            continue
        loose = [
            one.name
            for name in sources.packages.held
            if (one := host.packages.get(name)) is not None
            and one.held is not True
            and not isinstance(read_version(one.name, one.version), Foreign)
        ]
        found = _reach(host, host.automatic_upgrades, loose, sources) if loose else None
        if isinstance(found, Missing):
            yield host.cannot_check("automatic upgrades", found)
        elif found is not None:
            reached.setdefault(found, []).append(host)
    yield from (_finding(*reach, same) for reach, same in reached.items())


def _reach(
    host: Host, automatic: AutomaticUpgrades | Missing, loose: Sequence[str], sources: PackageSources
) -> Reach | Missing | None:
    """Which tool takes which of these packages, and why; None when none does, Missing when that is not known."""
    if isinstance(automatic, Missing):
        return automatic
    if isinstance(automatic.tools, Missing):
        return automatic.tools
    for tool in automatic.tools:
        if tool.runs and not tool.only_security:
            if tool.tool != UNATTENDED:
                return Reach(tool.tool, "it installs whatever is new", tuple(loose))
            found = _by_patterns(host, tool, automatic.releases, loose, sources)
            if found is not None:
                return found
    return None


def _by_patterns(
    host: Host,
    tool: AutomaticTool,
    releases: Sequence[Release] | Missing,
    loose: Sequence[str],
    sources: PackageSources,
) -> Reach | Missing | None:
    if not tool.origins or isinstance(releases, Missing):
        return releases if isinstance(releases, Missing) and tool.origins else None
    kubernetes = [one for one in releases if _has_kubernetes(host, one, sources)]
    pattern = next((one for one in tool.origins if any(matches(one, release) for release in kubernetes)), None)
    names = _allowed(tool, loose) if pattern is not None else []
    if isinstance(names, Missing):
        return names
    because = f"its pattern “{pattern}” covers the repository of Kubernetes"
    return Reach(tool.tool, because, tuple(names)) if names else None


def _has_kubernetes(host: Host, release: Release, sources: PackageSources) -> bool:
    if sources.recognise(release.url, release.suite) is not None:
        return True
    offers = () if isinstance(host.supply.offers, Missing) else host.supply.offers
    return any(
        source.startswith(release.url)
        for one in offers
        if one.package in sources.packages.held
        for source in one.sources
    )


def _allowed(tool: AutomaticTool, loose: Sequence[str]) -> list[str] | Missing:
    names = []
    for name in loose:
        listed_out = begins_like(name, tool.blacklist)
        listed_in = begins_like(name, tool.whitelist) if tool.whitelist else True
        if listed_out is None or listed_in is None:
            return Missing(f"a regular expression in the lists of {tool.tool} is not one that is tried here")
        if listed_in and not listed_out:
            names.append(name)
    return names


def _finding(tool: str, because: str, names: Sequence[str], hosts: Sequence[Host]) -> Finding:
    where = listed(host.name for host in hosts)
    if tool == UNATTENDED:
        remedy = (
            f"apt-mark hold {' '.join(names)}\n"
            "echo 'Unattended-Upgrade::Package-Blacklist:: \"kube(let|adm|ctl)$\";' "
            ">/etc/apt/apt.conf.d/52kubernetes-stays"
        )
    else:
        remedy = f"dnf versionlock add {' '.join(names)}"
    return finding(
        common_subject(hosts, f"{tool} reaches {listed(names)}"),
        f"{tool} on {where} takes {listed(names)} with it at night: {because}, and nothing holds "
        f"{'it' if len(names) == 1 else 'them'}. Whatever comes there next is installed without anybody looking.",
        remedy=f"On {where}, as root:\n{remedy}",
        places=hosts,
        evidence={"because": because},
    )
