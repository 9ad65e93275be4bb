"""Control groups: everything that a lab runs lives below one group, by which it is found and ended.

A process number may be anybody's by the time it is used; a group of that name is the lab's.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

TOP = "kubepreflight-lab"


@dataclass(frozen=True)
class Hierarchy:
    """One mounted hierarchy of control groups; `controllers` is empty for version 2."""

    mount: Path
    kind: str
    controllers: str


def parse_mounts(text: str) -> list[Hierarchy]:
    """The hierarchies in the text of /proc/self/mountinfo (proc(5)), each once, in the order of their mounting."""
    found: dict[tuple[str, str], Hierarchy] = {}
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        if kind not in ("cgroup", "cgroup2"):
            continue
        names = [one for one in options.split(",") if one not in ("rw", "ro", "xattr", "clone_children")]
        controllers = ",".join(one for one in names if not one.startswith("release_agent"))
        if kind == "cgroup2":
            controllers = ""
        found.setdefault((kind, controllers), Hierarchy(Path(before.split(" ")[4]), kind, controllers))
    return list(found.values())


def node_mounts(found: list[Hierarchy]) -> str:
    """What boot.sh mounts for a node, a line each: the type, the options, the folder below /sys/fs/cgroup."""
    first = [one for one in found if one.kind == "cgroup"]
    if not first:
        return "cgroup2 none .\n"
    options = (
        (one, f"none,{one.controllers}" if one.controllers.startswith("name=") else one.controllers) for one in first
    )
    return "".join(f"cgroup {option} {one.mount.name}\n" for one, option in options)


def hierarchies() -> list[Hierarchy]:
    """Those of this machine."""
    return parse_mounts(Path("/proc/self/mountinfo").read_text(encoding="utf-8"))


def make(name: str) -> list[Path]:
    """Make the group `TOP/name` in every hierarchy; returns its folders. It may be there already."""
    folders = []
    for hierarchy in hierarchies():
        folder = hierarchy.mount
        for part in (TOP, *name.split("/")):
            delegate([folder])
            folder /= part
            folder.mkdir(exist_ok=True)
            if "cpuset" in hierarchy.controllers.split(","):
                _inherit_cpuset(folder)
        folders.append(folder)
    return folders


def leaves(folders: list[Path]) -> list[Path]:
    """Where a node's own processes go: in version 2 a group that has controllers below it may hold none itself."""
    found = [folder / "daemons" if (folder / "cgroup.subtree_control").exists() else folder for folder in folders]
    for folder in found:
        folder.mkdir(exist_ok=True)
    return found


def delegate(folders: list[Path]) -> None:
    """Let the groups below have all controllers, where that needs saying: in version 2."""
    for folder in folders:
        if (folder / "cgroup.subtree_control").exists():
            _delegate(folder)


def _delegate(folder: Path) -> None:
    controllers = (folder / "cgroup.controllers").read_text(encoding="ascii").split()
    if controllers:
        wanted = " ".join(f"+{one}" for one in controllers)
        (folder / "cgroup.subtree_control").write_text(wanted, encoding="ascii")


def _inherit_cpuset(folder: Path) -> None:
    """A version 1 cpuset takes no process before it is filled."""
    (folder / "cgroup.clone_children").write_text("1", encoding="ascii")
    for name in ("cpuset.cpus", "cpuset.mems"):
        if not (folder / name).read_text(encoding="ascii").strip():
            (folder / name).write_text((folder.parent / name).read_text(encoding="ascii"), encoding="ascii")


def inside(folders: list[Path], command: list[str]) -> list[str]:
    """`command`, as one that puts itself into the groups before it begins."""
    script = 'while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs" || exit 125; shift; done; shift; exec "$@"'
    return ["sh", "-c", script, "sh", *map(str, folders), "--", *command]


def processes(name: str) -> set[int]:
    """The processes of the group `TOP/name` and of all below it, in any hierarchy."""
    found: set[int] = set()
    for folder in _all_folders(name):
        try:
            found.update(map(int, (folder / "cgroup.procs").read_text(encoding="ascii").split()))
        except OSError:
            continue  # it went away meanwhile, or is threaded
    return found


def end(name: str, seconds: float = 20) -> set[int]:
    """Kill every process of the group until none is left; returns those that would not go within `seconds`."""
    deadline = time.monotonic() + seconds
    while found := processes(name) | _uncollected(name):
        for process in found:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
            with suppress(ChildProcessError):  # this process may have started it
                os.waitpid(process, os.WNOHANG)
        if time.monotonic() > deadline:
            return found
        time.sleep(0.05)
    return set()


def _uncollected(name: str) -> set[int]:
    """Processes that have ended, for whom their parent has not asked yet: they are in no list but are still there."""
    found = set()
    for file in Path("/proc").glob("[0-9]*/cgroup"):
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except OSError:
            continue  # gone meanwhile
        if any(f"{line}/".partition(":/")[2].startswith(f"{TOP}/{name}/") for line in lines):
            found.add(int(file.parent.name))
    return found


def remove(name: str, seconds: float = 10) -> list[Path]:
    """Remove the group, and `TOP` when it is empty then; returns the folders that could not be removed."""
    deadline = time.monotonic() + seconds
    while True:
        left = [folder for folder in _all_folders(name) if not _removed(folder)]
        if not left or time.monotonic() > deadline:
            break
        time.sleep(0.05)
    for hierarchy in hierarchies():
        _removed(hierarchy.mount / TOP)
    return left


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _all_folders(name: str) -> Iterator[Path]:
    """Every folder of the group, those below first."""
    for hierarchy in hierarchies():
        for parent, _, _ in os.walk(hierarchy.mount / TOP / name, topdown=False):
            yield Path(parent)
