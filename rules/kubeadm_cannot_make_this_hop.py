"""Nodes whose kubeadm cannot make the next step of the upgrade."""

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from shlex import quote

from kubepreflight.finding import BLOCKER, NOTE, WARNING, Finding, Gap, finding
from kubepreflight.host import Host, Missing, OnHost
from kubepreflight.knowledge.packages import PackageSources
from kubepreflight.knowledge.versions import KubeadmPolicy
from kubepreflight.rule import rule
from kubepreflight.semantics.host_roles import is_control_plane
from kubepreflight.semantics.installed import installed_version
from kubepreflight.semantics.kubeadm_policy import PolicyError, kubeadm_upgrade_verdict
from kubepreflight.semantics.package_commands import install
from kubepreflight.semantics.package_offers import cached, offered
from kubepreflight.semantics.package_repositories import kubernetes_repositories
from kubepreflight.semantics.several import common_subject, grouped, listed
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Version

ABOUT_KUBEADM = {4, 7, 8, 9}
"""The rows of kubeadm's table that another kubeadm passes."""


class Way(Enum):
    """Where the kubeadm for the step comes from."""

    REPOSITORY = "a repository"
    CACHE = "a package file in the node's cache"
    DOWNLOAD = "a download"
    NONE = "nowhere"


class Stuck(OnHost, frozen=True):
    """One host whose kubeadm does not do: the `installed` one (None for none), what it says, and the way to another."""

    installed: Version | None
    says: str
    way: Way
    file: str = ""


@rule(severity=BLOCKER, area="versions", phase="before")
def kubeadm_cannot_make_this_hop(
    hosts: list[Host], upgrade: Upgrade, policy: KubeadmPolicy, sources: PackageSources
) -> Iterator[Finding | Gap]:
    """The kubeadm on a node cannot make the next step: another has to be installed first.

    Why: kubeadm upgrades to its own minor version, and to no patch that is newer than itself. So each step begins with
    its kubeadm, on every node, and the kubelet stays as it is until the node's turn.

    What happens: `kubeadm upgrade apply` stops before it has changed anything, with the words in the evidence. That the
    next kubeadm has to be installed is a plain step of the work and a note. It is a warning where it comes from
    packages and would come from nowhere today: no source on the node is one of Kubernetes' known repositories, and
    neither what its sources offer nor its package cache holds one that does. Where they have a single minor or nothing,
    the source may only have to be switched, or the file be carried there; where one's own source holds several minors,
    and not the next, it is a blocker.

    When it stays silent: the installed kubeadm does the step, as on the nodes of a half-upgraded cluster that are done.
    What must come before kubeadm (another repository, a hold) is told by the rules about packages; when that repository
    is there and does not offer it, package-candidate-missing says so. Workers without kubeadm were joined in another
    way. The steps after the first need it again, each its own kubeadm.

    How to see it yourself: kubeadm version -o short; kubeadm upgrade plan

    References:
        https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-upgrade/
        https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/create-cluster-kubeadm/#version-skew-policy

    """
    stuck: list[Stuck] = []
    for host in hosts:
        installed = installed_version(host, "kubeadm")
        if isinstance(installed, Missing):
            yield host.cannot_check("packages", installed)
            continue
        if installed is None and is_control_plane(host, {}) is not True:
            continue
        errors = _errors(installed, upgrade, policy) if installed else ["there is none"]
        if not errors:
            continue
        way = _way(host, upgrade, policy, sources)
        if isinstance(way, Missing):
            yield host.cannot_check("package candidates", way)
        else:
            stuck.append(Stuck(host, installed, str(errors[0]), *way))
    ends = [one for one in stuck if one.way is Way.NONE]
    for several in (True, False):
        if same := [one for one in ends if _has_several_minors(one.host) is several]:
            yield _nowhere(same, upgrade, several=several)
    going = [one for one in stuck if one.way is not Way.NONE]
    wanted = upgrade.version_after(upgrade.first_hop)
    newer = [one for one in going if one.installed and one.installed.minor_version > wanted.minor_version]
    for some in ([one for one in going if one not in newer], newer):
        if some:
            yield _step(some, upgrade, newer=some is newer)


def _errors(kubeadm: Version, upgrade: Upgrade, policy: KubeadmPolicy) -> list[PolicyError]:
    verdict = kubeadm_upgrade_verdict(
        target=upgrade.version_after(upgrade.first_hop),
        cluster=upgrade.current or Version(*upgrade.first_hop.start),
        kubeadm=kubeadm,
        kubelets=(),
        policy=policy,
    )
    return [error for error in verdict.errors if error.row in ABOUT_KUBEADM]


def _way(host: Host, upgrade: Upgrade, policy: KubeadmPolicy, sources: PackageSources) -> tuple[Way, str] | Missing:
    """Where a kubeadm that does the step comes from, with the file when it is one; Missing when that cannot be told."""
    offers, files = offered(host, "kubeadm"), cached(host, "kubeadm")
    repositories = kubernetes_repositories(host, sources)
    if not isinstance(repositories, Missing) and (repositories.community or repositories.legacy):
        return Way.REPOSITORY, ""
    end = upgrade.first_hop.end
    if not isinstance(offers, Missing) and any(one.minor_version == end for one in offers):
        return Way.REPOSITORY, ""
    if isinstance(host.packages, Missing):
        return host.packages
    if "kubeadm" not in host.packages and "kubelet" not in host.packages:
        return Way.DOWNLOAD, ""
    found = {} if isinstance(files, Missing) else files
    if does := [one for version, one in found.items() if not _errors(version, upgrade, policy)]:
        return Way.CACHE, does[0].file
    unknown = [one for one in (repositories, offers, files) if isinstance(one, Missing)]
    return unknown[0] if unknown else (Way.NONE, "")


def _told(some: Sequence[Stuck]) -> str:
    versions: dict[object, list[str]] = {}
    for one in some:
        versions.setdefault(one.installed or "none", []).append(one.host.name)
    return grouped(versions)


def _step(some: Sequence[Stuck], upgrade: Upgrade, *, newer: bool) -> Finding:
    wanted, hop = upgrade.version_after(upgrade.first_hop), upgrade.first_hop
    article = f"kubeadm {wanted}" if wanted.patch is not None else f"a kubeadm of {wanted}"
    text = f"The step to {hop.end} needs {article} on each node before its turn. Installed is {_told(some)}."
    if newer:
        text = f"kubeadm is newer than the step to {hop.end}, and refuses it: {_told(some)}. It needs {article}."
    if len(upgrade.hops) > 1:
        text += " So does each later step, with its own."
    return finding(
        common_subject(some, f"kubeadm for {hop.end}" if not newer else f"kubeadm newer than {hop.end}"),
        text,
        remedy=_remedy(some, wanted, newer=newer),
        places=some,
        evidence={"kubeadm says": list(dict.fromkeys(one.says for one in some))},
        severity=NOTE,
        hop=hop,
    )


def _remedy(some: Sequence[Stuck], wanted: Version, *, newer: bool) -> str:
    parts: list[str] = []
    for way, same in _by_way(some).items():
        where = f"On {listed(one.host.name for one in same)}"
        if way is Way.REPOSITORY:
            when = f"when its turn comes and the repository is that of {wanted.minor_version}"
            parts.append(
                f"{where}, {when}:\n{install(['kubeadm'], wanted, [one.host for one in same], downgrade=newer)}"
            )
        elif way is Way.CACHE:
            parts += [f"On {one.host.name}, when its turn comes:\n{_from_file(one)}" for one in same]
        else:
            parts.append(
                f"{where}, with what brought it there, for it is of no package; or by hand:\n{_download(wanted)}"
            )
    return "\n".join(parts)


def _download(wanted: Version) -> str:
    release = (
        f"v{wanted}" if wanted.patch is not None else f"$(curl -fsSL https://dl.k8s.io/release/stable-{wanted}.txt)"
    )
    machine = "$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')"
    url = f"https://dl.k8s.io/release/{release}/bin/linux/{machine}/kubeadm"
    # /usr may be read-only, and kubeadm in /opt/bin.
    return (
        "kubeadm=$(command -v kubeadm || echo /usr/local/bin/kubeadm)\n"
        f'curl -fLo "$kubeadm" "{url}" && chmod 755 "$kubeadm"'
    )


def _by_way(some: Sequence[Stuck]) -> Mapping[Way, list[Stuck]]:
    found: dict[Way, list[Stuck]] = {}
    for one in some:
        found.setdefault(one.way, []).append(one)
    return found


def _from_file(one: Stuck) -> str:
    command = "rpm -U --oldpackage" if one.host.package_family == "rpm" else "dpkg -i"
    return f"{command} {quote(one.file)}"


def _has_several_minors(host: Host) -> bool:
    """Whether the sources of a host hold more than one minor, so that they are no source for one of them each."""
    offers = offered(host, "kubeadm")
    return not isinstance(offers, Missing) and len({version.minor_version for version in offers}) > 1


def _nowhere(some: Sequence[Stuck], upgrade: Upgrade, *, several: bool) -> Finding:
    wanted, hop = upgrade.version_after(upgrade.first_hop), upgrade.first_hop
    known = [found for one in some if not isinstance(found := offered(one.host, "kubeadm"), Missing)]
    offers = sorted({version for found in known for version in found})
    what = f"only {listed(offers)}" if offers else "none at all"
    return finding(
        common_subject(some, f"no kubeadm for {hop.end}{' among several minors' if several else ''}"),
        f"kubeadm cannot make the step to {hop.end} on {listed(one.host.name for one in some)}, and what the package "
        f"sources there offer cannot either: {what}. Installed is {_told(some)}.",
        remedy=f"Give these nodes a package source that has kubeadm {wanted}, bring the one that they use up to date, "
        "or carry its package file there. What the source has:\n"
        + "\n".join(dict.fromkeys(_look(one.host) for one in some)),
        places=some,
        evidence={"kubeadm says": list(dict.fromkeys(one.says for one in some))},
        severity=BLOCKER if several else WARNING,
        hop=hop,
    )


def _look(host: Host) -> str:
    if host.package_family == "rpm":
        return "dnf list --showduplicates --disableexcludes=all kubeadm"
    return "apt-get update && apt-cache policy kubeadm"
