"""What lies on a node's disk of etcd: its database, snapshots of it, and what kubeadm left of earlier upgrades."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from kubepreflight.host import EtcdData, EtcdSnapshot, KubeadmCopy, Missing
from kubepreflight.sources.host.host_files import HostFiles

SNAPSHOTS = "etcd-snapshots"
"""The command that every collector runs which knows of this."""

MOST = 100
SMALLEST = 16 << 10
"""Less than the database of a new etcd takes, in bytes."""

_FILE = re.compile(r"(?P<time>[0-9]{1,11})\t(?P<size>[0-9]{1,18})\t(?P<path>/[^\t]{1,1000})")
_PLACE = re.compile(r"(?P<word>looked|partly|unlooked)\t(?P<path>/[^\t]{0,1000})")
_FOLDER = re.compile(r"(?P<size>[0-9]{1,18})\t(?P<name>[^\t]{1,300})")
_PACKED = re.compile(r"\.(tar|tgz|gz|zst|xz|bz2|lz4|zip|enc|gpg|age|aes)$")
_OTHERS = re.compile(r"(^|/)etcd(ctl|utl)?$|\.(sh|py|go|ya?ml|json|log|conf|service|timer|crt|key|pem|txt|md|part)$")
_OTHERS_PLACES = re.compile(r"/(k3s|rke2|rancher)/")


def read_etcd_data(node: HostFiles) -> EtcdData:
    """From `stat`, `du` and `find` on the node; each fact by itself may be a Missing."""
    snapshots, not_looked = _snapshots(node)
    return EtcdData(
        database=_database(node),
        snapshots=snapshots,
        not_looked=not_looked,
        schedules=_schedules(node),
        kubeadm_copies=_kubeadm_copies(node),
    )


def _absent(node: HostFiles, path: str, command: str) -> Missing | None:
    """Why a command that is only run where its subject is there did not come; None when that is not there."""
    for unread, reason in node.unread.items():
        if unread.endswith(path):
            return Missing(f"{unread}: {reason[:200]}")
    missing = node.missing(f"commands/{command}")
    return missing or (None if node.command(SNAPSHOTS) else Missing("not collected"))


def _database(node: HostFiles) -> int | Missing:
    command = node.command("etcd-database")
    if command is None:
        return _absent(node, "/member/snap/db", "etcd-database") or 0
    size = command.stdout.strip()
    return int(size) if re.fullmatch(r"[0-9]{1,18}", size) else Missing(command.failure)


def _kubeadm_copies(node: HostFiles) -> tuple[KubeadmCopy, ...] | Missing:
    command = node.command("kubeadm-copies")
    if command is None:
        return _absent(node, "/etc/kubernetes/tmp", "kubeadm-copies") or ()
    if command.status and not command.stdout:
        return Missing(command.failure)
    rows = (_FOLDER.fullmatch(line) for line in command.stdout.splitlines()[: 10 * MOST])
    kept = (row for row in rows if row and row["name"].isprintable())
    return tuple(KubeadmCopy(name=row["name"], size=int(row["size"])) for row in kept)


def _schedules(node: HostFiles) -> tuple[str, ...]:
    command = node.command("etcd-schedules")
    paths = command.stdout.splitlines() if command else []
    return tuple(sorted({path[:300] for path in paths[:MOST] if path.startswith("/") and path.isprintable()}))


def _snapshots(node: HostFiles) -> tuple[tuple[EtcdSnapshot, ...] | Missing, tuple[str, ...]]:
    command = node.command(SNAPSHOTS)
    if command is None:
        return node.missing(f"commands/{SNAPSHOTS}") or Missing("not collected"), ()
    lines = command.stdout.splitlines()
    places = [match for line in lines if (match := _PLACE.fullmatch(line))]
    if command.status and not places:
        return Missing("the node has no stat" if not command.installed else command.failure), ()
    not_looked = sorted({one["path"] for one in places if one["word"] != "looked"})
    if command.status:
        not_looked.append("places that did not answer in time" if command.status == 124 else command.failure)
    found = sorted(_files(lines), key=lambda one: (one.modified, one.path), reverse=True)
    return tuple(found[:MOST]), tuple(not_looked)


def _files(lines: list[str]) -> Iterator[EtcdSnapshot]:
    for line in lines:
        match = _FILE.fullmatch(line)
        if match is None or not match["path"].isprintable() or _OTHERS_PLACES.search(match["path"]):
            continue
        path, size = match["path"], int(match["size"])
        whole = _is_whole(path.lower(), size)
        if whole is not None:
            modified = datetime.fromtimestamp(int(match["time"]), UTC)
            yield EtcdSnapshot(path=path, size=size, modified=modified, is_whole=whole)


def _is_whole(path: str, size: int) -> bool | None:
    """Whether a file is a whole snapshot, by its name and its size; None when it is something else.

    `etcdctl snapshot save` writes the pages of the database and a SHA-256 of them, and tells a snapshot by that size
    itself: https://github.com/etcd-io/etcd/blob/main/etcdutl/snapshot/v3_snapshot.go
    """
    name = path.rpartition("/")[2]
    if _OTHERS.search(path):
        return None
    if _PACKED.search(name):
        return size > 0 if "etcd" in path or ("snap" in name and ".db" in name) else None
    if size % 512 == 32 and size > SMALLEST:
        return True
    return False if name.endswith(".db") and ("etcd" in path or "snap" in name) else None
