"""kubectl on the nodes, before and after a step."""

from collections.abc import Iterator

from kubepreflight.finding import NOTE, Finding, Gap, finding
from kubepreflight.host import Host, Missing
from kubepreflight.knowledge.versions import SkewPolicy
from kubepreflight.rule import rule
from kubepreflight.semantics import skew
from kubepreflight.semantics.api_servers import VisibleApiServers
from kubepreflight.semantics.installed import installed_version, package_version
from kubepreflight.semantics.package_commands import install
from kubepreflight.semantics.several import common_subject, listed
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Minor, Version


@rule(severity=NOTE, area="versions", phase="control-plane-upgrade")
def client_skew(
    hosts: list[Host], upgrade: Upgrade, policy: SkewPolicy, servers: VisibleApiServers | None = None
) -> Iterator[Finding | Gap]:
    """The kubectl on a node is too far from the API server.

    Why: kubectl is supported within one minor version of the API server, to both sides. The upgrade is done with the
    kubectl on the nodes: it drains, cordons and looks.

    What happens: a kubectl outside its range may fail at a command in the middle of the work, or leave out fields that
    it does not know when it writes an object back.

    When it stays silent: every kubectl fits the API servers of today and those of the first step, or the node has
    none. What lies on the administrators' own machines cannot be seen.

    How to see it yourself: kubectl version

    References:
        https://kubernetes.io/releases/version-skew-policy/#kubectl

    """
    found: dict[Minor, list[Host]] = {}
    for host in hosts:
        version = installed_version(host, "kubectl")
        if isinstance(version, Missing):
            yield host.cannot_check("packages", version)
        elif version is not None:
            found.setdefault(version.minor_version, []).append(host)
    end = upgrade.first_hop.end
    for minor, same in sorted(found.items()):
        oldest, newest = (servers.oldest, servers.newest) if servers else (None, None)
        today = (
            skew.client_skew(minor, oldest.minor_version, newest.minor_version, policy) if oldest and newest else None
        )
        after = skew.client_skew(minor, end, end, policy)
        if wrong := today or after:
            when = "" if today else f"Once the control plane runs {end}: "
            yield finding(
                common_subject(same, f"kubectl {minor}"),
                f"kubectl on {listed(one.name for one in same)} does not fit the API server. {when}{wrong}.",
                remedy=_remedy(same, minor, end),
                places=same,
                hop=upgrade.first_hop,
                phase="before" if today else None,
            )


def _remedy(hosts: list[Host], minor: Minor, end: Minor) -> str:
    """One for those that have it from a package, one for the others."""
    packaged = [
        one for one in hosts if not isinstance(one.packages, Missing) and package_version(one.packages, "kubectl")
    ]
    others = [one.name for one in hosts if one not in packaged]
    parts = []
    if packaged:
        commands = install(["kubectl"], Version(*end), packaged, downgrade=minor > end)
        parts.append(f"Move it with the kubelet of its node, or before:\n{commands}")
    if others:
        parts.append(f"On {listed(others)} it is of no package: bring {end} there as it came.")
    return "\n".join(parts)
