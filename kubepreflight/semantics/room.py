"""Whether what an upgrade brings fits on a node's disks, and what the kubelet does when it barely does.

The kubelet counts what others than root may still take. Its thresholds hold for two file systems, which may be one:
nodefs, that of its own directory, and imagefs, that of the images.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from kubepreflight.host import FileSystem, Host, Missing
from kubepreflight.knowledge.nodes import Eviction, Room
from kubepreflight.semantics.etcd_room import BACKUPS, copy_room
from kubepreflight.semantics.planned_kubelets import PlannedKubelets
from kubepreflight.semantics.quantity import quantity

KUBELET = "/var/lib/kubelet"
FULL, LATER, EVICTS, DELETES = "full", "later", "evicts", "deletes"
"""How it ends: it does not fit; not with all steps; the kubelet evicts pods; it deletes images."""


class Shortage(msgspec.Struct, frozen=True, kw_only=True):
    """A file system that is too small for what comes: `needs` KiB for `uses`; `outcome` is one of the above.

    `inodes` says that it is the inodes that run out.
    """

    host: Host
    file_system: FileSystem
    uses: tuple[str, ...]
    needs: int
    outcome: str
    inodes: bool = False

    @property
    def mount(self) -> tuple[str, str]:
        """What tells its file system from others."""
        return self.file_system.device, self.file_system.mounted_on


def shortages(host: Host, steps: int, control_plane: bool, room: Room, thresholds: Mapping[str, Any]) -> list[Shortage]:
    """The host's file systems that are too small for `steps` steps. `thresholds` are the kubelet's (`thresholds`)."""
    found = _shortages(host, steps, control_plane, room, thresholds)
    first = {one.mount for one in _shortages(host, 1, control_plane, room, thresholds) if one.outcome == FULL}
    return [
        msgspec.structs.replace(one, outcome=LATER) if one.outcome == FULL and one.mount not in first else one
        for one in found
    ]


def _shortages(
    host: Host, steps: int, control_plane: bool, room: Room, thresholds: Mapping[str, Any]
) -> list[Shortage]:
    if isinstance(host.machine.file_systems, Missing):
        return []
    needs: dict[FileSystem, list[tuple[str, int]]] = {}
    by_mount: dict[tuple[str, str], FileSystem] = {}
    for use, path, size in _demands(host, steps, control_plane, room):
        found = _holding(host.machine.file_systems, path)
        if found is not None and found.size:
            one = by_mount.setdefault((found.device, found.mounted_on), found)
            needs.setdefault(one, []).append((use, size))
    node, images = (_mount(host.machine.file_systems, path) for path in (KUBELET, host.machine.image_store or KUBELET))
    result = []
    for one, uses in needs.items():
        mount = (one.device, one.mounted_on)
        names = [name for name, here in (("nodefs", node), ("imagefs", images)) if here == mount]
        total = sum(size for _, size in uses)
        outcome = _outcome(one.available - total, one.size, names, thresholds)
        inodes = outcome != FULL and mount == images and _lacks_inodes(one, room.inodes * steps, names, thresholds)
        if outcome or inodes:
            result.append(
                Shortage(
                    host=host,
                    file_system=one,
                    uses=tuple(use for use, _ in uses),
                    needs=total,
                    outcome=str(inodes or outcome),
                    inodes=bool(inodes),
                )
            )
    return result


def thresholds(host: Host, kubelets: PlannedKubelets, defaults: Eviction) -> dict[str, Any] | Missing:
    """The kubelet's evictionHard by signal, and imageGCHighThresholdPercent, as they hold once it is upgraded."""
    hard = kubelets.value(host, "evictionHard", "eviction-hard")
    images = kubelets.value(host, "imageGCHighThresholdPercent", "image-gc-high-threshold")
    merged = kubelets.configured(host, "mergeDefaultEvictionSettings")
    for one in (hard, images):
        if isinstance(one, Missing):
            return one
    if isinstance(hard, str):
        hard = dict(part.split("<", 1) for part in hard.split(",") if "<" in part)
    if not isinstance(hard, Mapping):
        hard = defaults.hard
    elif merged is True:
        hard = {**defaults.hard, **hard}
    percent = str(defaults.image_gc_high_percent if images is None else images)
    return {**hard, "images": f"{100 - int(percent)}%" if percent.isdigit() and int(percent) < 100 else "0%"}


def _demands(host: Host, steps: int, control_plane: bool, room: Room) -> Iterator[tuple[str, str, int]]:
    images = room.control_plane_images if control_plane else room.worker_images
    yield "images", host.machine.image_store or "/var/lib", images * 1024 * steps
    copy = copy_room(host.machine)
    # One that does not even fit alone is told as such: rules/etcd_database_large.py
    if control_plane and not isinstance(copy, Missing) and 0 < copy.needed <= copy.free:
        yield "kubeadm's copies of etcd's data", BACKUPS, (copy.needed >> 10) * steps
    yield "programs", "/usr", room.programs * 1024
    yield "packages", "/var/cache", room.downloads * 1024


def _holding(file_systems: tuple[FileSystem, ...], path: str) -> FileSystem | None:
    """The file system on which a path lies, or would: that of the nearest directory above it that was asked."""
    by_path = {one.path: one for one in file_systems}
    while path not in by_path and path != "/":
        path = path.rpartition("/")[0] or "/"
    return by_path.get(path)


def _mount(file_systems: tuple[FileSystem, ...], path: str) -> tuple[str, str] | None:
    found = _holding(file_systems, path)
    return (found.device, found.mounted_on) if found else None


def _outcome(left: int, size: int, names: list[str], limits: Mapping[str, Any]) -> str:
    if left < 0:
        return FULL
    if any(left < _amount(limits.get(f"{name}.available"), size) for name in names):
        return EVICTS
    return DELETES if "imagefs" in names and left <= _amount(limits.get("images"), size) else ""


def _lacks_inodes(one: FileSystem, needs: int, names: list[str], limits: Mapping[str, Any]) -> str:
    if isinstance(one.inodes, Missing) or isinstance(one.inodes_free, Missing) or not one.inodes:
        return ""
    left, total = one.inodes_free - needs, one.inodes
    if left < 0:
        return FULL
    return EVICTS if any(left < _count(limits.get(f"{name}.inodesFree"), total) for name in names) else ""


def _amount(limit: Any, size: int) -> float:
    """A threshold in KiB: a share of `size`, or a quantity of bytes; 0 for none, or one that is not understood."""
    return _share(limit, size) if str(limit).endswith("%") else _count(limit, size) / 1024


def _count(limit: Any, total: int) -> float:
    if str(limit).endswith("%"):
        return _share(limit, total)
    try:
        return 0.0 if limit is None else float(quantity(limit))
    except ValueError:
        return 0.0


def _share(limit: Any, total: int) -> float:
    try:
        share = float(str(limit).rstrip("%")) / 100
    except ValueError:
        return 0.0
    return share * total if 0 < share < 1 else 0.0  # the kubelet takes 0% and 100% for none
