"""Disks on which an upgrade does not fit."""

from collections.abc import Iterator

from kubepreflight.finding import BLOCKER, WARNING, Finding, Gap, finding
from kubepreflight.host import Host, Missing
from kubepreflight.knowledge.nodes import NodeNeeds
from kubepreflight.objects import Node
from kubepreflight.rule import rule
from kubepreflight.semantics.etcd_room import BACKUPS
from kubepreflight.semantics.host_roles import is_control_plane
from kubepreflight.semantics.planned_kubelets import PlannedKubelets
from kubepreflight.semantics.room import DELETES, EVICTS, FULL, LATER, Shortage, shortages, thresholds
from kubepreflight.semantics.several import common_subject, listed
from kubepreflight.semantics.sizes import size
from kubepreflight.upgrade import Upgrade

FOLLOWS = {
    FULL: "It does not fit: the pull, the copy or the package manager stops with `no space left on device`.",
    LATER: "The first step fits, not all of them: make room between them, or before.",
    EVICTS: "It fits, and takes the disk below the kubelet's eviction threshold: the node reports DiskPressure and "
    "takes no more pods; the kubelet deletes unused containers and images, and ends pods where that is not enough.",
    DELETES: "It fits, and takes the disk past imageGCHighThresholdPercent: the kubelet deletes images that nobody "
    "uses at the moment, those that were pulled in advance among them.",
}
MAKE_ROOM = (
    "On each of them, as root; look first, then take what is not needed:\n"
    "  df -h; du -xsh /var/lib/containerd /var/lib/etcd /var/log /var/cache\n"
    "  crictl rmi --prune              # images that no container uses, those pulled in advance too\n"
    "  journalctl --vacuum-size=200M\n"
    "  apt-get clean                   # or: dnf clean packages"
)


@rule(severity=BLOCKER, area="nodes", phase="node-upgrade")
def disk_too_full(
    hosts: list[Host],
    upgrade: Upgrade,
    needs: NodeNeeds,
    kubelets: PlannedKubelets,
    nodes: list[Node] | None = None,
) -> Iterator[Finding | Gap]:
    """A node's disk has no room for what the upgrade brings.

    Why: each step brings a control-plane node some 750 MiB of images and a worker some 250, every node about half a
    gigabyte of packages and programs; and kubeadm copies etcd's data whole to /etc/kubernetes/tmp before it touches
    etcd, in each step, and leaves the copy there.

    What happens: without room the pull of an image, the copy or the package manager stops, a blocker; a copy that
    fails ends `kubeadm upgrade apply` before etcd was changed. With just enough room the disk gets below the kubelet's
    eviction threshold (evictionHard; by default 10 % of the file system with the kubelet's directory, 15 % of that with
    the images, 5 % of the inodes), or past the use at which it deletes images (85 %): warnings. All steps of the plan
    are added up; that only the first one fits is a warning.

    When it stays silent: enough is left on each file system for all steps. The sizes are estimates, but for that of
    etcd's data. Network storage, logs and what pods write meanwhile are not reckoned with. A copy of etcd's data that
    does not even fit alone is etcd-database-large's to say, that a node is under pressure today node-not-ready's.

    How to see it yourself: df -h /var/lib/containerd /var/lib/kubelet /etc/kubernetes /usr; du -sh /var/lib/etcd

    References:
        https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/
        https://kubernetes.io/docs/concepts/architecture/garbage-collection/#container-image-lifecycle
        https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-upgrade/

    """
    yield from kubelets.gaps
    by_name = {node.name: node for node in nodes or ()}
    found: dict[tuple[str, bool, tuple[str, ...]], list[Shortage]] = {}
    for host in hosts:
        plane, limits = is_control_plane(host, by_name), thresholds(host, kubelets, needs.eviction)
        machine = host.machine
        if isinstance(machine.file_systems, Missing):
            yield host.cannot_check("disks", machine.file_systems)
            continue
        if plane is True and isinstance(machine.etcd_size, Missing):
            yield host.cannot_check("disks", machine.etcd_size)
        for what, fact in (("static pods", plane), ("kubelet settings", limits)):
            if isinstance(fact, Missing):
                yield host.cannot_check(what, fact)
        known = {} if isinstance(limits, Missing) else limits
        for one in shortages(host, len(upgrade.hops), plane is True, needs.room, known):
            found.setdefault((one.outcome, one.inodes, one.uses), []).append(one)
    for (outcome, inodes, uses), same in sorted(found.items(), key=lambda one: list(FOLLOWS).index(one[0][0])):
        yield _finding(outcome, inodes, uses, same, len(upgrade.hops))


def _finding(outcome: str, inodes: bool, uses: tuple[str, ...], same: list[Shortage], steps: int) -> Finding:
    hosts = [one.host for one in same]
    brings = f"{listed(uses)}{f' of {steps} steps' if steps > 1 else ''}"
    lacks = "inodes" if inodes else "room"
    where = listed(f"{one.host.name} ({_numbers(one)})" for one in same)
    remedy = MAKE_ROOM
    if any("etcd" in use for use in uses):
        remedy += f"\n  ls -lt {BACKUPS}   # copies of earlier upgrades, which kubeadm never removes"
    return finding(
        common_subject(hosts, f"{lacks} for {listed(uses)}{'' if outcome == FULL else ', barely'}"),
        f"There {'are few inodes' if inodes else 'is little room'} for {brings} on {where}. {FOLLOWS[outcome]}",
        remedy=remedy,
        places=hosts,
        severity=BLOCKER if outcome == FULL else WARNING,
        phase="control-plane-upgrade" if any("etcd" in use for use in uses) else None,
    )


def _numbers(one: Shortage) -> str:
    disk = one.file_system
    if one.inodes:
        return f"{disk.mounted_on}: {disk.inodes_free} of {disk.inodes} inodes free"
    free, whole, needs = (size(kib << 10) for kib in (disk.available, disk.size, one.needs))
    return f"{disk.mounted_on}: {free} of {whole} free, {needs} needed"
