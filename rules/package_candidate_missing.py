"""Packages of the next version that the right repository does not offer."""

from collections.abc import Iterator, Sequence

from kubepreflight.finding import WARNING, Finding, Gap, cannot_check, finding
from kubepreflight.host import Host, Missing, OnHost, PackageList
from kubepreflight.knowledge.packages import PackageSources
from kubepreflight.rule import rule
from kubepreflight.semantics.installed import package_version
from kubepreflight.semantics.moments import moment
from kubepreflight.semantics.package_offers import offered, offers_minor, within
from kubepreflight.semantics.package_repositories import KubernetesRepositories, families, kubernetes_repositories
from kubepreflight.semantics.repository_keys import list_of
from kubepreflight.semantics.several import common_subject, grouped, listed
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Version


class Lack(OnHost, frozen=True):
    """What is not offered on one host: the packages, the newest of the minor that is, and the date of the list."""

    packages: tuple[str, ...]
    newest: Version | None
    fetched: str


@rule(severity=WARNING, area="packages", phase="before")
def package_candidate_missing(hosts: list[Host], upgrade: Upgrade, sources: PackageSources) -> Iterator[Finding | Gap]:
    """The package source is that of the next version, and does not offer it.

    Why: what a node can install is in the lists that it fetched last. They may be older than the version that is
    planned, a copy of the repository inside one's own network may lag behind, and a source that was just switched has
    no list before the next `apt-get update`.

    What happens: `apt-get install kubeadm=…` ends with "Version … was not found" in the middle of the work; or kubeadm
    is there and the kubelet is not, when the control plane is through already.

    When it stays silent: what the step needs is offered, or installed already. With a target like 1.37 any patch of it
    will do. Before a node's source is switched it cannot be known what it will offer, which is said and is no fault; so
    it is with all steps after the first.

    How to see it yourself: apt-get update; apt-cache madison kubeadm kubelet kubectl

    References:
        https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/change-package-repository/

    """
    lacking: dict[tuple[str, ...], list[Lack]] = {}
    to_switch = []
    end = upgrade.first_hop.end
    for host in hosts:
        found = kubernetes_repositories(host, sources)
        if isinstance(found, Missing):
            yield host.cannot_check("repositories", found)
        elif isinstance(host.packages, Missing):
            yield host.cannot_check("packages", host.packages)
        elif end in found.minors or offers_minor(host, "kubeadm", end) is True:
            lack = _lack(found, upgrade, sources)
            if isinstance(lack, Missing):
                yield host.cannot_check("package candidates", lack)
            elif lack is not None:
                lacking.setdefault(lack.packages, []).append(lack)
        elif found.community:
            to_switch.append(host.name)
    yield from _unknown(to_switch, upgrade)
    for same in lacking.values():
        yield _finding(same, upgrade)


def _unknown(to_switch: list[str], upgrade: Upgrade) -> Iterator[Gap]:
    later = [str(hop.end) for hop in upgrade.hops[0 if to_switch else 1 :]]
    if later:
        where = f" on {listed(to_switch)}" if to_switch else ""
        yield cannot_check(
            f"packages of {listed(later)}",
            f"what is offered of {listed(later)}{where} is not known until the package sources are switched to it",
            how="scan again after each switch, or look there: apt-get update && apt-cache madison kubeadm kubelet",
        )


def _lack(found: KubernetesRepositories, upgrade: Upgrade, sources: PackageSources) -> Lack | Missing | None:
    host, wanted = found.host, upgrade.version_after(upgrade.first_hop)
    packages = {} if isinstance(host.packages, Missing) else host.packages
    lacking, newest = [], set[Version]()
    for name in sources.packages.held:
        installed = package_version(packages, name)
        if installed is None or within(installed, wanted):
            continue
        offers = offered(host, name)
        if isinstance(offers, Missing):
            return offers
        if not any(within(version, wanted) for version in offers):
            lacking.append(name)
            newest |= {version for version in offers if version.minor_version == wanted.minor_version}
    return Lack(host, tuple(lacking), max(newest, default=None), _fetched(found, upgrade)) if lacking else None


def _fetched(found: KubernetesRepositories, upgrade: Upgrade) -> str:
    """What is known of the list, for a sentence."""
    right = [one for minor, one in found.community if minor == upgrade.first_hop.end and one.family == "deb"]
    if not right:
        return ""
    fetched = list_of(found.host, right[0])
    if fetched is None:
        return "not fetched since the source was switched"
    date = fetched.date if isinstance(fetched, PackageList) else None
    return f"of {moment(date)}" if date else ""


def _finding(same: Sequence[Lack], upgrade: Upgrade) -> Finding:
    first, hosts = same[0], [one.host for one in same]
    wanted, end = upgrade.version_after(upgrade.first_hop), upgrade.first_hop.end
    text = f"The package source on {listed(one.name for one in hosts)} is that of {end}, and it offers no "
    newest = _by_node(same, [str(one.newest or "none") for one in same])
    text += f"{listed(first.packages, 'or')} {wanted}. The newest of {end} there: {newest}."
    if any(one.fetched for one in same):
        text += f" The list there: {_by_node(same, [one.fetched or 'of no known date' for one in same])}."
    best = max((one.newest for one in same if one.newest), default=None)
    refresh, look = [], []
    for family in families(hosts):
        refresh.append("apt-get update" if family == "deb" else "dnf makecache --refresh")
        deb = f"apt-cache madison {' '.join(first.packages)}"
        rpm = f"dnf list --showduplicates --disableexcludes=kubernetes {' '.join(first.packages)}"
        look.append(deb if family == "deb" else rpm)
    if best is None:
        otherwise = "look at the source's address"
    elif upgrade.current is None or best > upgrade.current:
        otherwise = f"plan for what is there: --target {best}"
    else:
        otherwise = f"wait until it is there: {best} is what runs already"
    return finding(
        common_subject(same, f"no {listed(first.packages, 'or')} {wanted}"),
        text,
        remedy="On each of these nodes:\n"
        + "\n".join((*refresh, *look))
        + f"\nIf it still is not there: bring your copy of the repository up to date, or {otherwise}.",
        places=same,
        hop=upgrade.first_hop,
    )


def _by_node(same: Sequence[Lack], told: Sequence[str]) -> str:
    """What is told of each, once where it is the same of all."""
    if len(set(told)) == 1:
        return told[0]
    by_node: dict[object, list[str]] = {}
    for one, text in zip(same, told, strict=True):
        by_node.setdefault(text, []).append(one.host.name)
    return grouped(by_node)
