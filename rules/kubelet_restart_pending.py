"""A kubelet that was installed and never started."""

from collections.abc import Iterator

from kubepreflight.finding import WARNING, Finding, Gap, finding
from kubepreflight.host import Host, Missing, OnHost
from kubepreflight.rule import rule
from kubepreflight.semantics.api_servers import VisibleApiServers
from kubepreflight.semantics.installed import installed_version
from kubepreflight.semantics.kubelets import Kubelets
from kubepreflight.semantics.package_commands import install
from kubepreflight.semantics.several import common_subject, listed
from kubepreflight.version import Version


class Pending(OnHost, frozen=True):
    """One node on which the next start of the kubelet runs something else."""

    running: Version
    installed: Version

    @property
    def node(self) -> str:
        """Its name."""
        return self.host.name


@rule(severity=WARNING, area="versions", phase="before")
def kubelet_restart_pending(
    hosts: list[Host], kubelets: Kubelets, servers: VisibleApiServers | None = None
) -> Iterator[Finding | Gap]:
    """The kubelet that is installed is not the one that runs.

    Why: a package brings a new kubelet to the disk; the old one runs on until the service is restarted. Nobody sees it
    in `kubectl get nodes`, which shows the running one.

    What happens: the change comes with the next restart, at a moment that nobody chose: a reboot, a crash, the upgrade
    of another package. When the installed kubelet is newer than the API server, that restart makes the very state that
    must never be.

    When it stays silent: package and running kubelet are the same version. Package revisions are not compared. A node
    whose host facts are older than its kubelet's restart looks as if it were pending: collect it again.

    How to see it yourself: kubectl get node NODE, beside dpkg -l kubelet (or rpm -q kubelet) on the node

    References:
        https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-upgrade/#upgrade-kubelet-and-kubectl
        https://kubernetes.io/releases/version-skew-policy/#kubelet

    """
    running = {one.node: one for one in kubelets.known}
    pending = []
    for host in hosts:
        kubelet, installed = running.get(host.name), installed_version(host, "kubelet")
        if isinstance(installed, Missing):
            yield host.cannot_check("packages", installed)
        elif kubelet is not None and installed is not None and installed != kubelet.version:
            pending.append(Pending(host, kubelet.version, installed))
    yield from (gap for gap in kubelets.gaps if gap.subject in {host.name for host in hosts})
    newer = [one for one in pending if one.installed > one.running]
    if newer:
        yield _waiting(newer, servers)
    if older := [one for one in pending if one.installed < one.running]:
        yield _behind(older)


def _told(pending: list[Pending]) -> str:
    return listed(f"{one.node} ({one.running} runs, {one.installed} is installed)" for one in pending)


def _waiting(pending: list[Pending], servers: VisibleApiServers | None) -> Finding:
    text = f"A newer kubelet waits for its restart on {_told(pending)}."
    ahead = [one for one in pending if servers and one.installed.minor_version > servers.oldest.minor_version]
    if ahead and servers:
        text += (
            f" On {listed(one.node for one in ahead)} it is newer than the API server {servers.where(servers.oldest)}: "
            "from the next restart, by a reboot or a crash, the node may be NotReady."
        )
        remedy = (
            "Do not reboot these nodes. Bring the control plane up first, or put the running version back:\n"
            f"{_put_back(ahead)}"
        )
    else:
        text += " It starts at a moment that nobody chose."
        remedy = (
            "Restart it now, one node after the other, and look that it comes back:\n"
            "systemctl daemon-reload && systemctl restart kubelet\nkubectl get nodes"
        )
    return finding(
        common_subject(pending, "kubelet installed and not started"),
        text,
        remedy=remedy,
        places=pending,
        evidence={"kubelets": [f"{one.node}: {one.running} runs, {one.installed} installed" for one in pending]},
    )


def _put_back(ahead: list[Pending]) -> str:
    by_version: dict[Version, list[Pending]] = {}
    for one in ahead:
        by_version.setdefault(one.running, []).append(one)
    commands = []
    for version, same in by_version.items():
        command = install(["kubelet"], version, [one.host for one in same], downgrade=True)
        commands.append(f"On {listed(one.node for one in same)}:\n{command}" if len(by_version) > 1 else command)
    return "\n".join(commands)


def _behind(pending: list[Pending]) -> Finding:
    return finding(
        common_subject(pending, "kubelet older than the one that runs"),
        f"The kubelet that runs is newer than the installed one on {_told(pending)}: the package was put back, it runs "
        "from elsewhere, or the host facts are older than its last restart. The next restart would bring the old one "
        "back.",
        remedy="Collect the host facts again, and see which file runs:\nsystemctl cat kubelet\nkubelet --version",
        places=pending,
        evidence={"kubelets": [f"{one.node}: {one.running} runs, {one.installed} installed" for one in pending]},
    )
