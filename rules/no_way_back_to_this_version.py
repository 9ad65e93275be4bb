"""Nodes on which the running version could not be installed again."""

from collections.abc import Iterator, Sequence

from kubepreflight.finding import WARNING, Finding, Gap, cannot_check, finding
from kubepreflight.host import Host, Missing
from kubepreflight.knowledge.packages import PackageSources
from kubepreflight.rule import rule
from kubepreflight.semantics.installed import package_version
from kubepreflight.semantics.package_offers import cached, offered
from kubepreflight.semantics.package_repositories import kubernetes_repositories
from kubepreflight.semantics.several import common_subject, grouped, listed
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Version

NEEDED = ("kubelet", "kubeadm")
"""What a node that does not come back needs in its old version."""


@rule(severity=WARNING, area="packages", phase="node-upgrade")
def no_way_back_to_this_version(
    hosts: list[Host], upgrade: Upgrade, sources: PackageSources
) -> Iterator[Finding | Gap]:
    """The packages that are installed today can be had nowhere once they are replaced.

    Why: a package manager deletes the old programs when it installs the new ones. When the new kubelet does not come up
    on a node, the quickest way out is the old one, which every API server of the step still accepts.

    What happens: without the old package the node stays down until the fault itself is found.

    When it stays silent: the installed version is among what the repositories offer, or its file lies in the package
    cache; or the node takes its packages from the community's own repositories, or from Google's before they went
    away, which keep every version: the source is set back to its minor. What was installed without packages is not
    judged. Whether a copy of those repositories elsewhere keeps old versions is said to be unknown, when its list is
    not that of the installed minor.

    How to see it yourself: apt-cache madison kubelet; ls /var/cache/apt/archives

    References:
        https://kubernetes.io/releases/version-skew-policy/#kubelet
        https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/change-package-repository/

    """
    lost: dict[tuple[str, ...], list[Host]] = {}
    for host in hosts:
        if isinstance(host.packages, Missing):
            yield host.cannot_check("packages", host.packages)
            continue
        gone = []
        for name in NEEDED:
            version = package_version(host.packages, name)
            if version is None:
                continue
            back = _way_back(host, name, version, upgrade, sources)
            if isinstance(back, Gap):
                yield back
                break
            if not back:
                gone.append(f"{name} {version}")
        if gone:
            lost.setdefault(tuple(gone), []).append(host)
    if lost:
        yield _finding(lost)


def _way_back(host: Host, name: str, version: Version, upgrade: Upgrade, sources: PackageSources) -> bool | Gap:
    offers, files = offered(host, name), cached(host, name)
    if any(not isinstance(found, Missing) and version in found for found in (offers, files)):
        return True
    repositories = kubernetes_repositories(host, sources)
    if isinstance(repositories, Missing):
        return host.cannot_check("repositories", repositories)
    minor = version.minor_version
    places = sorted(
        {one.url.partition("://")[2].partition("/")[0].rpartition("@")[2] for _, one in repositories.community}
    )
    if (places or repositories.legacy) and set(places) <= set(sources.community.hosts):
        googles = bool(repositories.legacy) and upgrade.end.date() < sources.legacy.gone
        return googles or minor >= sources.community.since
    if isinstance(offers, Missing):
        return host.cannot_check("package candidates", offers)
    if not places or any(one.minor_version == minor for one in offers):
        return False
    return cannot_check(
        "package candidates",
        f"whether {listed(places)} still has {version} is not known: its list of {minor} is not on the node",
        subject=host.name,
        how=f"look whether {listed(places)} keeps the packages of {version}",
    )


def _finding(lost: dict[tuple[str, ...], list[Host]]) -> Finding:
    hosts = [host for same in lost.values() for host in same]
    told = grouped({listed(names): [host.name for host in same] for names, same in lost.items()})
    return finding(
        common_subject(hosts, "no package of the running version"),
        f"The packages of what is installed today are in no repository of these nodes and not in their package cache: "
        f"{told}. If the new kubelet does not come up there, the old one cannot be installed again.",
        remedy=_keep(hosts),
        places=hosts,
        evidence={
            "installed": [f"{listed(names)}: {listed(host.name for host in same)}" for names, same in lost.items()]
        },
    )


def _keep(hosts: Sequence[Host]) -> str:
    nodes = listed(host.name for host in hosts)
    return (
        f"Keep the programs before they are replaced, on {nodes}:\n"
        "mkdir -p /root/before-upgrade && cp -p /usr/bin/kubelet /usr/bin/kubeadm /root/before-upgrade/\n"
        "The way back is then: systemctl stop kubelet; cp -p /root/before-upgrade/* /usr/bin/; systemctl start kubelet"
    )
