"""A package that comes with Kubernetes, held below what the next version needs."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from kubepreflight.finding import BLOCKER, Finding, Gap, Hop, finding
from kubepreflight.host import Host, Missing, Package
from kubepreflight.knowledge.package_dependencies import Need, PackageDependencies
from kubepreflight.rule import rule
from kubepreflight.semantics.installed import Unreadable, read_version
from kubepreflight.semantics.package_repositories import families
from kubepreflight.semantics.several import common_subject, grouped, listed
from kubepreflight.upgrade import Upgrade


class Block(NamedTuple):
    """What a held package keeps from being installed, and in which hop."""

    need: Need
    hop: Hop


@rule(severity=BLOCKER, area="packages", phase="node-upgrade")
def held_dependency_blocks_upgrade(
    hosts: list[Host], upgrade: Upgrade, dependencies: PackageDependencies
) -> Iterator[Finding | Gap]:
    """kubernetes-cni or cri-tools is held below the version that the next packages need.

    Why: the kubelet's package needs a certain kubernetes-cni, kubeadm's, up to 1.31, a certain cri-tools. The package
    manager brings them along, unless they are held: a hold on them too is often made once, and forgotten.

    What happens: `apt-get install kubelet=…` ends with "you have held broken packages", on a node that is drained
    already; kubeadm's does in the same way, before its step begins.

    When it stays silent: what is held is new enough for every step, or not held. An exclude in the repository's own
    section is what Kubernetes' documentation has for rpm: the upgrade's commands lift it (--disableexcludes), and it
    blocks nothing. From 1.28 on the kubelet is content with any kubernetes-cni since 1.2.0, and kubeadm from 1.32 on
    needs nothing. What Kubernetes before 1.24 needs is not known: a hold is then named as not checked.

    How to see it yourself: apt-mark showhold, and apt-cache show kubelet=VERSION | grep Depends

    References:
        https://github.com/kubernetes/release/blob/master/cmd/krel/templates/latest/metadata.yaml
        https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-upgrade/

    """
    blocked: dict[Block, list[Host]] = {}
    for host in hosts:
        if isinstance(host.packages, Missing):
            yield host.cannot_check("packages", host.packages)
            continue
        yield from _not_known(host, host.packages, upgrade, dependencies)
        for package in sorted(host.packages.values(), key=lambda one: one.name):
            found = _first_block(host, package, host.packages.keys(), upgrade, dependencies)
            if isinstance(found, Missing):
                yield host.cannot_check("packages", found)
            elif found is not None:
                blocked.setdefault(found, []).append(host)
    for block, same in blocked.items():
        yield _finding(block, same)


def _first_block(
    host: Host, package: Package, there: Collection[str], upgrade: Upgrade, dependencies: PackageDependencies
) -> Block | Missing | None:
    """The first hop in which this package is in the way of one that is there."""
    for hop in upgrade.hops:
        for need in dependencies.of(upgrade.version_after(hop)):
            if need.on == package.name and need.package in there:
                version = read_version(package.name, package.version)
                if isinstance(version, Unreadable):
                    return version
                if version < need.at_least and isinstance(package.held, Missing):
                    return package.held
                if version < need.at_least and package.held and not _is_lifted(host, package.name):
                    return Block(need, hop)
    return None


def _not_known(
    host: Host, packages: Mapping[str, Package], upgrade: Upgrade, dependencies: PackageDependencies
) -> Iterator[Gap]:
    """A gap for each package that is held on the way to versions of which the table does not tell what they need."""
    beyond = [hop.end for hop in upgrade.hops if not dependencies.knows(hop.end)]
    for name in sorted(packages) if beyond else ():
        if packages[name].held is True and dependencies.concerns(name, packages) and not _is_lifted(host, name):
            reason = (
                f"{name} is held, and which one Kubernetes {listed(beyond)} needs is not known: that is so from "
                f"{dependencies.info.start} to {dependencies.info.end}"
            )
            look = "dnf repoquery --requires" if host.package_family == "rpm" else "apt-cache show"
            yield host.cannot_check(
                "packages", Missing(reason), how=f"see what the packages need: {look} kubelet kubeadm"
            )


def _is_lifted(host: Host, name: str) -> bool:
    """Whether the hold is an exclude of a repository's, which the documented commands lift."""
    repositories = () if isinstance(host.repositories, Missing) else host.repositories
    return any(fnmatchcase(name, pattern) for one in repositories if one.family == "rpm" for pattern in one.excludes)


def _finding(block: Block, hosts: Sequence[Host]) -> Finding:
    need, hop = block
    versions: dict[object, list[object]] = {}
    for host in hosts:
        if not isinstance(host.packages, Missing):
            versions.setdefault(host.packages[need.on].version, []).append(host.name)
    where = listed(host.name for host in hosts)
    commands = {
        "deb": f"apt-mark unhold {need.on} && apt-get install -y {need.on} && apt-mark hold {need.on}",
        "rpm": f"dnf versionlock delete {need.on}; dnf install -y {need.on} --disableexcludes=all",
    }
    return finding(
        common_subject(hosts, f"{need.on} held back"),
        f"{need.on} is held at {grouped(versions)}, and {need.package} {hop.end} needs {need.at_least} or later: its "
        f"package cannot be installed there"
        + (", which shows when the node is drained already." if need.package == "kubelet" else "."),
        remedy=f"On {where}, as root, when the repository is that of {hop.end}:\n"
        + "\n".join(commands[family] for family in families(hosts)),
        places=hosts,
        phase="control-plane-upgrade" if need.package == "kubeadm" else None,
        hop=hop,
    )
