"""An etcd whose database is near its quota, or has no room for kubeadm's copy."""

from collections.abc import Iterator, Sequence

from kubepreflight.finding import WARNING, Finding, Gap, finding
from kubepreflight.host import Host, Missing, StaticPod
from kubepreflight.rule import rule
from kubepreflight.semantics.etcd_room import BACKUPS, CopyRoom, DatabaseRoom, copy_room, database_room
from kubepreflight.semantics.several import common_subject, grouped, listed
from kubepreflight.semantics.sizes import size
from kubepreflight.semantics.work import ETCD_ENDPOINT

NEAR = 0.8
"""From this part of the quota on a database is told."""

WASTE = 0.6
"""A database of which less is in use is made small by a defragmentation alone."""

ASK = f"kubectl -n kube-system exec etcd-NODE -- etcdctl {ETCD_ENDPOINT}"


@rule(severity=WARNING, area="control-plane", phase="control-plane-upgrade")
def etcd_database_large(hosts: list[Host]) -> Iterator[Finding | Gap]:
    """The database of etcd is near its quota, or the copy that kubeadm makes of it does not fit on the disk.

    Why: etcd's database has a quota, 2 GiB unless --quota-backend-bytes says otherwise, and an upgrade writes more than
    a usual day: leases and events of restarted nodes and pods, objects stored anew. Before kubeadm touches etcd, it
    copies the whole data directory, with the log, to /etc/kubernetes/tmp, on every control-plane node and in every
    upgrade; it does not look whether there is room, and never deletes the copies.

    What happens: at the quota etcd raises the alarm NOSPACE and takes no more writes: the API server can store nothing,
    in the midst of the upgrade. When the disk is full, kubeadm stops with "failed to back up etcd data"; etcd itself,
    where it is on the same disk, stops too, and the kubelet begins to evict pods.

    When it stays silent: the database takes less than 80 % of its quota on every member, and the data directory fits
    into what is free below /etc/kubernetes/tmp; what else has to fit there is reckoned by disk-too-full. When the alarm
    is raised, etcd-unhealthy tells it. Sizes are those of the time of collection; without etcdctl the size is that of
    the file, which is up to 16 MiB more. An etcd apart from the cluster is not looked at, and kubeadm makes no copy of
    it.

    How to see it yourself: kubectl -n kube-system exec etcd-NODE -- etcdctl --endpoints https://127.0.0.1:2379
    --cacert /etc/kubernetes/pki/etcd/ca.crt --cert /etc/kubernetes/pki/etcd/server.crt
    --key /etc/kubernetes/pki/etcd/server.key endpoint status --cluster -w table; du -sh /var/lib/etcd; df -h
    /etc/kubernetes

    References:
        https://etcd.io/docs/latest/op-guide/maintenance/#space-quota
        https://github.com/kubernetes/kubernetes/blob/master/cmd/kubeadm/app/phases/upgrade/staticpods.go
        https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-upgrade/#recovering-from-a-failure-state

    """
    near: list[tuple[Host, DatabaseRoom]] = []
    crowded: list[tuple[Host, CopyRoom]] = []
    for host in sorted(hosts, key=lambda one: one.name):
        if isinstance(host.static_pods, Missing):
            yield host.cannot_check("static pods", host.static_pods)
            continue
        etcd = _etcd(host.static_pods)
        if etcd is None:
            continue
        database, copy = database_room(host, etcd), copy_room(host.machine)
        if isinstance(database, Missing):
            yield host.cannot_check("etcd", database)
        elif database and database.size >= NEAR * database.quota and not database.is_full:
            near.append((host, database))
        if isinstance(copy, Missing):
            yield host.cannot_check("disks", copy)
        elif copy.needed > copy.free:
            crowded.append((host, copy))
    if near:
        yield _near(near)
    if crowded:
        yield _crowded(crowded)


def _etcd(static_pods: tuple[StaticPod, ...]) -> StaticPod | None:
    return next((one for one in static_pods if one.name.startswith("etcd")), None)


def _near(near: Sequence[tuple[Host, DatabaseRoom]]) -> Finding:
    hosts = [host for host, _ in near]
    sizes: dict[object, list[str]] = {}
    for host, room in near:
        text = f"{size(room.size)} of {size(room.quota)} ({100 * room.size // room.quota} %)"
        sizes.setdefault(text, []).append(host.name)
    wasted = all(0 < room.in_use < WASTE * room.size for _, room in near)
    used = max(room.in_use for _, room in near)
    rest = f" Only {size(used)} of it is in use: the rest is given back by a defragmentation." if wasted else ""
    defragment = (
        "On each member, one after the other, the leader last; it answers nobody while it works:\n"
        f"{ASK} defrag --command-timeout=5m\n"
    )
    grow = (
        "When that does not help, find what fills it (events, Secrets of Helm releases, custom resources), or raise "
        "the quota, up to 8 GiB: in kubeadm-config, for the upgrade to take it from there, and in "
        "/etc/kubernetes/manifests/etcd.yaml on each node when it cannot wait:\n"
        "kubectl -n kube-system edit configmap kubeadm-config    # etcd: local: extraArgs: quota-backend-bytes"
    )
    return finding(
        common_subject(hosts, "database of etcd"),
        f"The database of etcd is near its quota: {grouped(sizes)}. At the quota etcd takes no more writes, and the "
        f"API server can store nothing.{rest}",
        remedy=defragment + grow,
        places=hosts,
        evidence={host.name: f"{room.size} of {room.quota} bytes" for host, room in near},
    )


def _crowded(crowded: Sequence[tuple[Host, CopyRoom]]) -> Finding:
    hosts = [host for host, _ in crowded]
    rooms: dict[object, list[str]] = {}
    copies: list[str] = []
    for host, room in crowded:
        text = f"{size(room.needed)} for {size(room.free)} free on {room.mounted_on}"
        rooms.setdefault(text, []).append(host.name)
        if not isinstance(host.etcd_data.kubeadm_copies, Missing):
            old = sum(one.size for one in host.etcd_data.kubeadm_copies) << 10
            copies += [f"{size(old)} on {host.name}"] if old else []
    earlier = f" Copies of earlier upgrades lie there: {listed(copies)}." if copies else ""
    return finding(
        common_subject(hosts, f"room in {BACKUPS}"),
        f"kubeadm copies etcd's data to {BACKUPS} before it upgrades it, and that does not fit: {grouped(rooms)}. It "
        f'stops there with "failed to back up etcd data", and whatever else needs that disk stops too.{earlier}',
        remedy="Delete what earlier upgrades left, when it is no longer needed, or make room otherwise:\n"
        f"du -sh {BACKUPS}/*\nrm -r {BACKUPS}/kubeadm-backup-etcd-*\n"
        "Or let it lie on a larger disk: mount one there, or make it a link to a directory there.",
        places=hosts,
        evidence={host.name: f"{room.needed} bytes, {room.free} free" for host, room in crowded},
    )
