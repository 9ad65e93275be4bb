"""How much room etcd's database has: within its quota, and for the copy that kubeadm makes of it.

Sources: https://github.com/etcd-io/etcd/blob/v3.7.0/server/storage/quota.go, and performEtcdStaticPodUpgrade in
cmd/kubeadm/app/phases/upgrade/staticpods.go of Kubernetes 1.33 to 1.37.
"""

from __future__ import annotations

from typing import NamedTuple

from kubepreflight.host import EtcdStatus, FileSystem, Host, Machine, Missing, StaticPod

DEFAULT_QUOTA = 2 << 30
"""In bytes, where the flag is not set, or 0."""

BACKUPS = "/etc/kubernetes/tmp"
"""Where kubeadm copies the data directory of a local etcd to before it upgrades it; nobody deletes the copies."""


class DatabaseRoom(NamedTuple):
    """The size of a member's database and its quota, in bytes; of the size, what is in use, 0 where that is not known.

    `is_full` says that etcd has raised its alarm about it.
    """

    size: int
    quota: int
    in_use: int
    is_full: bool


class CopyRoom(NamedTuple):
    """What kubeadm's copy of etcd's data takes, and what is free where it goes, in bytes."""

    needed: int
    free: int
    mounted_on: str


def database_room(host: Host, etcd: StaticPod) -> DatabaseRoom | Missing | None:
    """From what etcd says, else from its file and its manifest; None where there is no quota."""
    said = host.etcd if isinstance(host.etcd, EtcdStatus) else None
    size: int | Missing = said.size if said and said.size else host.etcd_data.database
    if isinstance(size, Missing):
        return size
    if not size:
        return Missing("the database of its etcd was not found")
    quota: int | Missing = said.quota if said and said.quota else _quota_in(etcd)
    if isinstance(quota, Missing):
        return quota
    if quota < 0:
        return None
    is_full = said is not None and any("NOSPACE" in error for error in said.errors)
    return DatabaseRoom(size, quota, said.size_in_use if said else 0, is_full)


def _quota_in(etcd: StaticPod) -> int | Missing:
    value = etcd.flag("quota-backend-bytes")
    if value is None:
        containers = etcd.spec.all_containers if etcd.spec else ()
        if any(one.name == "ETCD_QUOTA_BACKEND_BYTES" for container in containers for one in container.env or ()):
            return Missing("the quota of its etcd stands in an environment variable, which is not collected")
        return DEFAULT_QUOTA
    try:
        return int(value, 0) or DEFAULT_QUOTA
    except ValueError:
        return Missing(f"the quota of its etcd is {value[:60]!r}")


def copy_room(machine: Machine) -> CopyRoom | Missing:
    """What kubeadm's copy needs and has."""
    if isinstance(machine.etcd_size, Missing):
        return machine.etcd_size
    if isinstance(machine.file_systems, Missing):
        return machine.file_systems
    below = [one for one in machine.file_systems if f"{BACKUPS}/".startswith(f"{one.path.rstrip('/')}/")]
    if not below:
        return Missing(f"df said nothing of {BACKUPS}")
    holding: FileSystem = max(below, key=lambda one: len(one.path))
    return CopyRoom(machine.etcd_size << 10, holding.available << 10, holding.mounted_on)
