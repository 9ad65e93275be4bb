"""Nodes of one role that were not installed alike."""

from collections.abc import Iterator, Mapping

from kubepreflight.finding import WARNING, Finding, Gap, Subject, finding
from kubepreflight.host import Host, Missing
from kubepreflight.objects import Node
from kubepreflight.rule import rule
from kubepreflight.semantics.host_roles import is_control_plane
from kubepreflight.semantics.installed import KUBERNETES, Unreadable, installed_version
from kubepreflight.semantics.several import grouped, listed
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Version

PROGRAMS = {
    **{name: (name,) for name in KUBERNETES},
    "containerd": ("containerd", "containerd.io"),
    "cri-o": ("crio", "cri-o"),
    "docker": ("docker", "docker-ce", "docker.io"),
}
"""What is compared, and the names of its packages and programs."""

Versions = Mapping[Version, list[Host]]


@rule(severity=WARNING, area="packages", phase="before")
def package_versions_differ(
    hosts: list[Host], upgrade: Upgrade, nodes: list[Node] | None = None
) -> Iterator[Finding | Gap]:
    """Nodes of one role carry different versions of kubeadm, kubelet, kubectl or the container runtime.

    Why: nodes of one role are meant to be equal. A difference is the trace of an upgrade that was not finished, or of
    a hold that was forgotten; and what went well on one node says little about the next.

    What happens: kubeadm of another version renders other static pods or refuses the step, a runtime of another version
    may not serve the next kubelet. It shows on the last node, when the others are done.

    When it stays silent: the versions are equal, whatever the package revisions. In a half-upgraded cluster the nodes
    that are done and those that are left differ by plan, one minor version. Control-plane nodes and workers are not
    compared with each other, nor are nodes on which something is not installed at all.

    How to see it yourself: dpkg -l kubeadm kubelet kubectl containerd (or rpm -q), on each node

    References:
        https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-upgrade/

    """
    by_name = {node.name: node for node in nodes or ()}
    roles: dict[str, list[Host]] = {}
    for host in hosts:
        role = is_control_plane(host, by_name)
        if isinstance(role, Missing):
            yield host.cannot_check("static pods", role)
        else:
            roles.setdefault("control-plane nodes" if role else "workers", []).append(host)
    blind = [one for one in hosts if isinstance(one.packages, Missing) and isinstance(one.versions, Missing)]
    yield from (host.cannot_check("packages", host.packages) for host in blind if isinstance(host.packages, Missing))
    for host in hosts:
        versions = [installed_version(host, name) for names in PROGRAMS.values() for name in names]
        yield from (host.cannot_check("packages", one) for one in versions if isinstance(one, Unreadable))
    for name, same in sorted(roles.items()):
        found = {program: _versions(same, names) for program, names in PROGRAMS.items()}
        differing = {program: one for program, one in found.items() if _differ(program, one, upgrade)}
        yield from _findings(name, differing)


def _versions(hosts: list[Host], names: tuple[str, ...]) -> Versions:
    found: dict[Version, list[Host]] = {}
    for host in hosts:
        versions = (installed_version(host, name) for name in names)
        version = next((one for one in versions if isinstance(one, Version)), None)
        if version is not None:
            found.setdefault(version, []).append(host)
    return dict(sorted(found.items()))


def _differ(program: str, versions: Versions, upgrade: Upgrade) -> bool:
    if program not in KUBERNETES or not upgrade.half_upgraded:
        return len(versions) > 1
    minors = {one.minor_version for one in versions}
    by_plan = minors <= {upgrade.first_hop.start, upgrade.first_hop.end} and len(minors) == len(versions)
    return len(versions) > 1 and not by_plan


def _findings(role: str, differing: Mapping[str, Versions]) -> Iterator[Finding]:
    """One finding for what divides the nodes in the same way."""
    divisions: dict[tuple[tuple[str, ...], ...], list[str]] = {}
    for program, versions in differing.items():
        division = tuple(tuple(host.name for host in some) for some in versions.values())
        divisions.setdefault(division, []).append(program)
    for programs in divisions.values():
        yield _finding(role, programs, differing)


def _finding(role: str, programs: list[str], differing: Mapping[str, Versions]) -> Finding:
    told = [f"{program}: {_told(differing[program])}" for program in programs]
    *older, newest = differing[programs[0]].values()
    return finding(
        Subject(kind="Package", name=listed(programs), field=role),
        f"The {role} do not carry the same version of {listed(programs)}. {'; '.join(told)}.",
        remedy="Find out why these nodes were left, and bring them to the version of the others before the upgrade "
        f"begins: {listed(host.name for some in older for host in some)} beside "
        f"{listed(host.name for host in newest)}.",
        places=[host for some in older for host in some],
        evidence={"versions": told},
    )


def _told(versions: Versions) -> str:
    return grouped({version: [host.name for host in some] for version, some in versions.items()})
