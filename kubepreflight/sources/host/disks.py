"""Room on the node's file systems, as df says it."""

from __future__ import annotations

import re

from kubepreflight.host import FileSystem, Missing
from kubepreflight.sources.host.host_files import HostFiles, first_line

# The asked path, a tab, df's own line: the device may hold blanks, and so may the mount point.
_ROW = re.compile(
    r"(?P<path>/[^\t]*)\t(?P<device>.*?)\s+(?P<total>[0-9]{1,18}|-)\s+(?P<used>[0-9]{1,18}|-)\s+(?P<free>-?[0-9]{1,18}|-)"
    r"\s+(?:[0-9]+%|-)\s+(?P<mounted>/.*)"
)

_CONTAINERD_ROOT = re.compile(r"""^root[ ]*=[ ]*["'](/[^"'\s]*)""", re.MULTILINE)
STORES = ("/var/lib/containerd", "/var/lib/containers", "/var/lib/docker")
"""Where containerd, CRI-O and Docker keep their images."""


def read_file_systems(node: HostFiles) -> tuple[FileSystem, ...] | Missing:
    """One for each path that was asked and is there, sorted; those of which df gave no answer are gaps."""
    space = node.said("disk-space", partly=True)
    if isinstance(space, Missing):
        return space
    found, inodes = _rows(space), _rows(node.command_output("disk-inodes"))
    command = node.command("disk-space")
    if command is not None and command.status == 124:
        node.gap("commands/disk-space", "a file system there did not answer in time", what="disks")
    elif not found:
        return Missing(f"df said {first_line(space)!r}" if space.strip() else "df said nothing")
    return tuple(
        FileSystem(
            path=path,
            device=row["device"][:200],
            mounted_on=row["mounted"][:200],
            size=_number(row["total"]),
            available=_number(row["free"]),
            inodes=_number(inodes[path]["total"]) if path in inodes else Missing("df gave no answer"),
            inodes_free=_number(inodes[path]["free"]) if path in inodes else Missing("df gave no answer"),
        )
        for path, row in sorted(found.items())
    )


def _rows(said: str) -> dict[str, re.Match[str]]:
    matches = (_ROW.fullmatch(line) for line in said.splitlines()[:50] if len(line) < 1000)
    return {match["path"]: match for match in matches if match}


def _number(text: str) -> int:
    return max(0, int(text)) if text != "-" else 0


def image_store(node: HostFiles, file_systems: tuple[FileSystem, ...] | Missing) -> str:
    """Where the container runtime keeps its images: containerd's own word, else the first of the usual places."""
    paths = [] if isinstance(file_systems, Missing) else [one.path for one in file_systems]
    said = _CONTAINERD_ROOT.search(node.text_of("/etc/containerd/config.toml") or "")
    return next((one for one in (*(said.groups() if said else ()), *STORES) if one in paths), "")


def read_etcd_size(node: HostFiles) -> int | Missing:
    """The KiB that etcd's data directory takes, as du says; 0 when the node has none."""
    command = node.command("etcd-size")
    if command is None:
        collected = node.command("disk-space") is not None
        return node.missing("commands/etcd-size") or (0 if collected else Missing("not collected"))
    found = re.match(r"([0-9]{1,18})\s", command.stdout)
    return int(found[1]) if found else Missing(command.failure)
