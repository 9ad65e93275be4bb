"""The member of etcd on a node, its database on the disk, and snapshots of it."""

from __future__ import annotations

from datetime import datetime

import msgspec

from kubepreflight.host.missing import Missing


class EtcdListed(msgspec.Struct, frozen=True, kw_only=True):
    """One member as etcd knows it; `name` is empty when it was added and never started."""

    id: int
    name: str = ""
    is_learner: bool = False


class EtcdStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What the member of etcd on a node says of itself, and whom it knows.

    `errors` are its own words: alarms of any member (`memberID:1 alarm:NOSPACE`), the lack of a leader. `size`, that of
    its database, `size_in_use`, without what only a defragmentation would give back, and `quota`, which it tells since
    3.6, are in bytes; 0 where it does not say.
    """

    member_id: int
    cluster_id: int
    version: str = ""
    size: int = 0
    size_in_use: int = 0
    quota: int = 0
    errors: tuple[str, ...] = ()
    members: tuple[EtcdListed, ...] | Missing = Missing("not collected")


class EtcdSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A file on a node that is a snapshot of etcd by its name: its size in bytes, and when it was written.

    `is_whole` says whether its size is one that `etcdctl snapshot save` gives; of a packed one that is not known.
    """

    path: str
    size: int
    modified: datetime
    is_whole: bool = True


class KubeadmCopy(msgspec.Struct, frozen=True, kw_only=True):
    """A folder that an earlier upgrade left in /etc/kubernetes/tmp, and its size in KiB."""

    name: str
    size: int


class EtcdData(msgspec.Struct, frozen=True, kw_only=True):
    """What lies on a node's disk of etcd, and of what was copied from it.

    `database` is the size in bytes of the database's file, which grows by steps of 16 MiB; 0 when there is none.
    `snapshots` are those in the usual places, the youngest first; `not_looked` are such places that could not be
    searched whole. `schedules` are crontabs, timers and their scripts that speak of saving etcd; that none was found
    proves nothing. `kubeadm_copies` are what earlier upgrades left; kubeadm never deletes it.
    """

    database: int | Missing = Missing("not collected")
    snapshots: tuple[EtcdSnapshot, ...] | Missing = Missing("not collected")
    not_looked: tuple[str, ...] = ()
    schedules: tuple[str, ...] = ()
    kubeadm_copies: tuple[KubeadmCopy, ...] | Missing = Missing("not collected")
