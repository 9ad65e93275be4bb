"""Nodes that wait for a reboot."""

from collections.abc import Iterator

from kubepreflight.finding import NOTE, WARNING, Finding, Gap, finding
from kubepreflight.host import Host, Missing
from kubepreflight.rule import rule
from kubepreflight.semantics.kernels import modules_are_gone, newer_kernel
from kubepreflight.semantics.several import common_subject, listed


@rule(severity=WARNING, area="nodes", phase="node-upgrade")
def reboot_pending(hosts: list[Host]) -> Iterator[Finding | Gap]:
    """The system of a node waits for a reboot.

    Why: the upgrade drains every node anyway. A reboot while it is empty costs nothing more; one of its own costs
    another drain.

    What happens: nothing, at first: the node runs on with the old kernel or C library. But whatever else the reboot
    will bring, a new kernel, a swap line in fstab, a service that does not start, comes at a later moment, and then
    nobody thinks of the upgrade. Where the running kernel's modules were removed with its package (a warning), whatever
    needs one that is not loaded yet fails, and what the upgrade starts may be the first to need it.

    When it stays silent: Debian's /run/reboot-required is not there; no package that takes effect at a boot (kernel, C
    library, systemd and the like, of rpm) is younger than the last boot; and no kernel in /boot is newer than the one
    of the same flavour that runs. A Debian without update-notifier-common or unattended-upgrades makes no such mark:
    there only the newer kernel is seen.

    How to see it yourself: cat /run/reboot-required.pkgs, or needs-restarting -r

    References:
        https://kubernetes.io/docs/tasks/administer-cluster/safely-drain-node/
        https://dnf-plugins-core.readthedocs.io/en/latest/needs_restarting.html

    """
    waiting: dict[str, tuple[Host, str]] = {}
    for host in hosts:
        machine = host.machine
        newer = newer_kernel(host)
        if isinstance(machine.kernel.with_modules, Missing):
            yield host.cannot_check("system", machine.kernel.with_modules)
        if machine.reboot_required is True:
            packages = f": {listed(machine.reboot_packages)}" if machine.reboot_packages else ""
            waiting[host.name] = (host, f"/run/reboot-required is there{packages}")
        elif not isinstance(machine.installed_since_boot, Missing) and machine.installed_since_boot:
            waiting[host.name] = (host, f"installed since its boot: {listed(machine.installed_since_boot)}")
        elif not isinstance(newer, Missing) and newer:
            waiting[host.name] = (host, f"{host.kernel} runs, {newer} is installed")
        else:
            unknown = (machine.reboot_required, machine.installed_since_boot, newer)
            yield from (host.cannot_check("system", one) for one in unknown if isinstance(one, Missing))
    if gone := [host for host in hosts if modules_are_gone(host)]:
        yield _without_modules(gone)
    if waiting:
        places = [host for host, _ in waiting.values()]
        yield finding(
            common_subject(places, "reboot pending"),
            f"{listed(waiting)} {'waits' if len(waiting) == 1 else 'wait'} for a reboot. The upgrade drains "
            f"{'it' if len(waiting) == 1 else 'them'} anyway: reboot then.",
            remedy="On each of them, between drain and uncordon, after the packages were upgraded:\n  reboot",
            places=places,
            evidence={"why": [f"{name}: {why}" for name, (_, why) in waiting.items()]},
            severity=NOTE,
        )


def _without_modules(hosts: list[Host]) -> Finding:
    alone = len(hosts) == 1
    return finding(
        common_subject(hosts, "modules of the running kernel"),
        f"The modules of the kernel that runs on {listed(host.name for host in hosts)} are gone from the disk. "
        "Whatever needs one that is not loaded yet fails: kube-proxy or a CNI plugin in another mode, a volume's file "
        "system.",
        remedy=f"Reboot {'it' if alone else 'each of them'}, drained, before its kubelet is upgraded:\n  reboot",
        places=hosts,
        evidence={"kernel": [f"{host.name}: {host.kernel}" for host in hosts]},
    )
