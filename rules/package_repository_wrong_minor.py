"""Package repositories of another minor version than the next step needs."""

from collections.abc import Iterator, Sequence

from kubepreflight.finding import NOTE, WARNING, Finding, Gap, Severity, finding
from kubepreflight.host import Host, Missing
from kubepreflight.knowledge.packages import PackageSources
from kubepreflight.rule import rule
from kubepreflight.semantics.installed import Foreign, read_version
from kubepreflight.semantics.package_offers import offered
from kubepreflight.semantics.package_repositories import (
    KubernetesRepositories,
    kubernetes_repositories,
    step_to,
    switch_to,
)
from kubepreflight.semantics.several import common_subject, grouped, listed
from kubepreflight.upgrade import Upgrade


@rule(severity=WARNING, area="packages", phase="before")
def package_repository_wrong_minor(
    hosts: list[Host], upgrade: Upgrade, sources: PackageSources
) -> Iterator[Finding | Gap]:
    """The nodes' package repository is not the one of the next version.

    Why: at pkgs.k8s.io each minor version has a repository of its own. Before kubeadm of the next version can be
    installed, the source on the node has to be switched to it, on every node and for every step.

    What happens: without it, the next kubeadm is not found. With two minor versions configured at once, or with a
    later one than the next step's, a plain upgrade of the node takes what is not held to the newest of them, past the
    control plane.

    When it stays silent: every node has the repository of the next step and no other. Where each has the one before,
    that is a plain step of the work and a note, as it is for the nodes that are left of a half-done upgrade. Nodes
    that only have Google's old repository are told by package-repository-gone; of a source that is not known to hold
    Kubernetes, kubeadm-cannot-make-this-hop tells when what it offers does not do.

    How to see it yourself: grep -rn core: /etc/apt/sources.list.d /etc/yum.repos.d

    References:
        https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/change-package-repository/

    """
    known = []
    for host in hosts:
        found = kubernetes_repositories(host, sources)
        if isinstance(found, Missing):
            yield host.cannot_check("repositories", found)
        elif found.community:
            known.append(found)
        elif not found.legacy and _has_packages(host, sources) and isinstance(offered(host, "kubeadm"), Missing):
            why = Missing("Kubernetes is installed from packages, and no source is one that is known to hold them")
            yield host.cannot_check("repositories", why, how="apt-cache policy kubelet", asked=False)
    end = upgrade.first_hop.end
    single = [one for one in known if len(one.minors) == 1]
    if several := [one for one in known if len(one.minors) > 1]:
        yield _several(several, upgrade, sources)
    if ahead := [one for one in single if one.minors[0] > end]:
        yield _ahead(ahead, upgrade)
    fitting = [one for one in single if one.minors[0] <= end]
    if behind := [one for one in fitting if one.minors[0] < end]:
        yield _behind(behind, fitting, upgrade)


def _has_packages(host: Host, sources: PackageSources) -> bool:
    packages = {} if isinstance(host.packages, Missing) else host.packages
    own = (packages[name] for name in sources.packages.held if name in packages)
    return any(not isinstance(read_version(one.name, one.version), Foreign) for one in own)


def _told(found: Sequence[KubernetesRepositories]) -> str:
    by_minor: dict[object, list[object]] = {}
    for one in found:
        by_minor.setdefault(" and ".join(map(str, one.minors)), []).append(one.host.name)
    return grouped(by_minor)


def _make(
    found: Sequence[KubernetesRepositories],
    upgrade: Upgrade,
    *,
    field: str,
    message: str,
    remedy: str,
    severity: Severity = WARNING,
) -> Finding:
    return finding(
        common_subject(found, field),
        message,
        remedy=remedy,
        places=[place for one in found for place in one.places(each for _, each in one.community)],
        evidence={"minors": [f"{one.host.name}: {' and '.join(map(str, one.minors))}" for one in found]},
        severity=severity,
        hop=upgrade.first_hop,
    )


def _several(found: list[KubernetesRepositories], upgrade: Upgrade, sources: PackageSources) -> Finding:
    today = upgrade.first_hop.start
    return _make(
        found,
        upgrade,
        field="package repositories of two minor versions",
        message=f"Package repositories of two minor versions are configured at once: {_told(found)}. A plain upgrade "
        "of such a node takes the newest of whatever is not held, past the control plane.",
        remedy=f"Leave one on each of these nodes, that of {today} until its turn comes. Find them:\n"
        "grep -rn core: /etc/apt/sources.list.d /etc/yum.repos.d\n"
        f"Delete them, and write the one anew:\n{switch_to(today, [one.host for one in found], sources)}",
    )


def _ahead(found: list[KubernetesRepositories], upgrade: Upgrade) -> Finding:
    end = upgrade.first_hop.end
    return _make(
        found,
        upgrade,
        field="package repository of a later version",
        message=f"The package repository on {listed(one.host.name for one in found)} is of a later version than the "
        f"next step, {end}: {_told(found)}. kubeadm from there refuses this step, and a plain upgrade takes "
        "whatever is not held past the control plane.",
        remedy=f"Set it to {end}, on each of these nodes:\n{step_to(end, found)}",
    )


def _behind(behind: list[KubernetesRepositories], fitting: list[KubernetesRepositories], upgrade: Upgrade) -> Finding:
    end = upgrade.first_hop.end
    differ = len({one.minors for one in fitting}) > 1 and not upgrade.half_upgraded
    if differ:
        message = (
            f"The nodes' package repositories are of different versions: {_told(fitting)}. A plain upgrade brings what "
            f"is not held to different versions, on some nodes past the control plane. {end} is the next step's."
        )
    else:
        message = (
            f"The package repository has to be switched to {end}, to get its kubeadm and kubelet. It is now that of "
            f"{_told(behind)}."
        )
    again = " It comes again before each later step." if len(upgrade.hops) > 1 else ""
    return _make(
        behind,
        upgrade,
        field="package repository of an earlier version",
        message=message + again,
        remedy=f"On each node when its turn comes:\n{step_to(end, behind)}",
        severity=WARNING if differ else NOTE,
    )
