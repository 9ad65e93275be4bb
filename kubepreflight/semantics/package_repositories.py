"""Which of a host's package sources hold Kubernetes, and how they are switched to another minor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from shlex import quote

from kubepreflight.finding import Subject
from kubepreflight.host import Host, Missing, OnHost, Repository
from kubepreflight.knowledge.packages import Family, PackageSources
from kubepreflight.version import Minor


class KubernetesRepositories(OnHost, frozen=True):
    """The sources of one host that hold Kubernetes: Google's old ones, and the community's by their minor."""

    legacy: tuple[Repository, ...] = ()
    community: tuple[tuple[Minor, Repository], ...] = ()

    @property
    def minors(self) -> tuple[Minor, ...]:
        """The minors that the community's sources offer, oldest first."""
        return tuple(sorted({minor for minor, _ in self.community}))

    def places(self, repositories: Iterable[Repository]) -> list[Subject]:
        """Where some of the sources are written down."""
        return [Subject(node=self.host.name, file=one.file, line=one.line) for one in repositories]


def kubernetes_repositories(host: Host, sources: PackageSources) -> KubernetesRepositories | Missing:
    """The sources of a host that hold Kubernetes; Missing when its sources are not known."""
    if isinstance(host.repositories, Missing):
        return host.repositories
    legacy, community = [], []
    for one in host.repositories:
        recognised = sources.recognise(one.url, one.suite)
        if recognised is not None and recognised.minor is not None:
            community.append((recognised.minor, one))
        elif recognised is not None:
            legacy.append(one)
    return KubernetesRepositories(host, tuple(legacy), tuple(community))


def families(hosts: Sequence[Host]) -> tuple[Family, ...]:
    """The package families of some hosts, `deb` where it is not known."""
    found: set[Family] = {"rpm" if host.package_family == "rpm" else "deb" for host in hosts}
    return tuple(sorted(found))


def switch_to(minor: Minor, hosts: Sequence[Host], sources: PackageSources) -> str:
    """The commands that point these hosts at the repository of `minor`; why not, when there is none."""
    texts = []
    for family in families(hosts):
        url = sources.community.url_for(minor, family)
        if url is None:
            return (
                f"No public repository holds {minor} any more (the community's begin with {sources.community.since}): "
                "the packages have to come from a copy of your own."
            )
        texts.append(_deb(url) if family == "deb" else _rpm(url))
    return "\n".join(texts)


def step_to(minor: Minor, found: Sequence[KubernetesRepositories]) -> str:
    """The commands that move the community's sources of these hosts to `minor`, in the files in which they stand."""
    old = {one.file: before for each in found for before, one in each.community}
    edits = [f"sed -i 's|/v{before}/|/v{minor}/|' {quote(file)}" for file, before in sorted(old.items())]
    refresh = [
        "apt-get update" if family == "deb" else "dnf makecache" for family in families([one.host for one in found])
    ]
    return "\n".join((*edits, *refresh))


def _deb(url: str) -> str:
    keyring = "/etc/apt/keyrings/kubernetes-apt-keyring.gpg"
    return (
        f"curl -fsSL {url}Release.key | gpg --dearmor --yes -o {keyring}\n"
        f"echo 'deb [signed-by={keyring}] {url} /' > /etc/apt/sources.list.d/kubernetes.list\n"
        "apt-get update"
    )


def _rpm(url: str) -> str:
    return (
        f"sed -i -e 's|^baseurl=.*|baseurl={url}|' -e 's|^gpgkey=.*|gpgkey={url}repodata/repomd.xml.key|' "
        "/etc/yum.repos.d/kubernetes.repo\ndnf makecache --repo kubernetes"
    )
