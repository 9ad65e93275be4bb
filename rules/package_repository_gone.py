"""Package repositories that are frozen, or gone."""

from collections.abc import Iterator
from enum import Enum
from shlex import quote

from kubepreflight.finding import BLOCKER, WARNING, Finding, Gap, finding
from kubepreflight.host import Host, Missing
from kubepreflight.knowledge.packages import PackageSources
from kubepreflight.rule import rule
from kubepreflight.semantics.package_repositories import KubernetesRepositories, kubernetes_repositories, switch_to
from kubepreflight.semantics.several import common_subject, listed
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Minor, Version


class State(Enum):
    """What is wrong with a host's old repository at the planned date; the value is the finding's field."""

    GONE = "old package repository, gone"
    LEFT_BEHIND = "old package repository, left behind"
    LACKS_TARGET = "old package repository, without the target"
    FROZEN = "old package repository, frozen"


@rule(severity=BLOCKER, area="packages", phase="before")
def package_repository_gone(hosts: list[Host], upgrade: Upgrade, sources: PackageSources) -> Iterator[Finding | Gap]:
    """A node takes its packages from Google's old repository, which is frozen or gone.

    Why: Kubernetes' packages lay at apt.kubernetes.io and packages.cloud.google.com, one repository for all versions.
    It got its last packages on 2023-09-13 and went away on 2024-03-04. They are at pkgs.k8s.io now, in one repository
    for each minor version. What counts is the planned date, not today.

    What happens: `apt-get update` fails on the node, and neither kubeadm nor the kubelet of the next version can be
    installed. The upgrade ends before it begins.

    When it stays silent: the planned work is over before the old repository was frozen; or nothing but the
    community's repositories (or a copy of them) is configured; or it is frozen and the right one stands beside it.
    Sources that are not known to hold Kubernetes are not judged here.

    How to see it yourself: grep -rn -e apt.kubernetes.io -e packages.cloud.google.com /etc/apt /etc/yum.repos.d

    References:
        https://kubernetes.io/blog/2023/08/31/legacy-package-repository-deprecation/
        https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/change-package-repository/

    """
    found: dict[State, list[KubernetesRepositories]] = {}
    for host in hosts:
        repositories = kubernetes_repositories(host, sources)
        if isinstance(repositories, Missing):
            yield host.cannot_check("repositories", repositories)
        elif (state := _state(repositories, upgrade, sources)) is not None:
            found.setdefault(state, []).append(repositories)
    for state, same in found.items():
        yield _finding(state, same, upgrade, sources)


def _state(repositories: KubernetesRepositories, upgrade: Upgrade, sources: PackageSources) -> State | None:
    day = upgrade.end.date()
    if not repositories.legacy or day < sources.legacy.frozen:
        return None
    if day >= sources.legacy.gone:
        return State.LEFT_BEHIND if repositories.community else State.GONE
    if repositories.community:
        return None
    return State.LACKS_TARGET if upgrade.target.minor_version > _last(sources) else State.FROZEN


def _last(sources: PackageSources) -> Minor:
    return max(Version.parse(one).minor_version for one in sources.legacy.last)


def _finding(state: State, found: list[KubernetesRepositories], upgrade: Upgrade, sources: PackageSources) -> Finding:
    legacy, hosts, hop = sources.legacy, [one.host for one in found], upgrade.first_hop
    names = listed(host.name for host in hosts)
    if state is State.LACKS_TARGET:
        hop = next(one for one in upgrade.hops if one.end > _last(sources))
    texts = {
        State.GONE: f"{names} would take Kubernetes' packages from Google's repository, which went away on "
        f"{legacy.gone}: nothing can be installed from it, and `apt-get update` fails.",
        State.LEFT_BEHIND: f"Google's repository is still configured beside the right one on {names}. It went away on "
        f"{legacy.gone}: `apt-get update` ends with an error, and so does what relies on it.",
        State.LACKS_TARGET: f"{names} would take Kubernetes' packages from Google's repository. It got its last "
        f"packages on {legacy.frozen}, and {hop.end} is not among them.",
        State.FROZEN: f"{names} would take Kubernetes' packages from Google's repository. It gets no packages since "
        f"{legacy.frozen}, so no patch of {hop.end} after {legacy.last_of(hop.end) or 'its last there'}, and goes away "
        f"on {legacy.gone}.",
    }
    if state is State.LEFT_BEHIND:
        remedy = (
            "Take the old source out, on each of these nodes:\n"
            + "\n".join(dict.fromkeys(f"rm {quote(one.file)}" for each in found for one in each.legacy))
            + "\nIf the file holds other sources too, delete just its line."
        )
    else:
        remedy = "Before anything else, on each of these nodes:\n" + switch_to(hop.end, hosts, sources)
    return finding(
        common_subject(hosts, state.value),
        texts[state],
        remedy=remedy,
        places=[place for one in found for place in one.places(one.legacy)],
        evidence={"sources": sorted({f"{one.url} {one.suite}".strip() for each in found for one in each.legacy})},
        severity=BLOCKER if state in (State.GONE, State.LACKS_TARGET) else WARNING,
        hop=hop,
    )
