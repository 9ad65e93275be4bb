"""A Debian root with a real dpkg and apt: made once by debootstrap from the machine's own mirror, outside the tree.

On a quiet machine it takes a minute.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tools.kubernetes.build import alone, cache, usable
from tools.packages.machine import APART, PackagesError, require

INDEXES = r"$(ORIGIN) $(CODENAME) $(COMPONENT) $(REPO_URI)"
WITHOUT = ("usr/share/doc", "usr/share/info", "usr/share/locale", "usr/share/man", "var/cache/apt", "var/lib/apt/lists")
"""What no test needs, and every copy would copy; the sources go too: a node has those that a test gives it."""
SOURCES = ("etc/apt/sources.list",)
LOGIN = ("busybox-static", "openssh-server", "sudo")
"""What a node has that somebody logs in to; busybox is another one's whole user land."""


def base(*packages: str) -> Path:
    """The folder with the root, made when it is not there, which is said on standard error. Never to be changed.

    `packages` are installed there beyond the least that Debian is. Safe against a second one at the same time and a
    killed first one. Raises PackagesError, and BuildError when the cache cannot be used.
    """
    require()
    system = platform.freedesktop_os_release()
    distribution, codename = system.get("ID", ""), system.get("VERSION_CODENAME", "")
    recipe = hashlib.sha256(repr((WITHOUT, SOURCES, architecture(), *packages)).encode()).hexdigest()[:8]
    target = cache() / "packages" / f"{distribution}-{codename}-{recipe}"
    with alone(usable(target.parent)):
        if not target.exists():
            _make(target, codename, mirror(_indexes(), distribution, codename), packages)
    return target


def architecture() -> str:
    """The architecture of this machine, in dpkg's word."""
    return _said("dpkg", "--print-architecture").strip()


def mirror(indexes: str, distribution: str, codename: str) -> str:
    """The address of the distribution's own main archive, of what apt has on this machine (lines like INDEXES).

    Raises PackagesError when it has none.
    """
    for line in indexes.splitlines():
        origin, *named, address = line.split()
        if origin.lower() == distribution and named == [codename, "main"]:
            return address
    raise PackagesError(f"apt knows no archive of {distribution} {codename} here: apt-get update first")


def _indexes() -> str:
    return _said("apt-get", "indextargets", "--format", INDEXES, "Created-By: Packages")


def _make(target: Path, codename: str, address: str, packages: Sequence[str]) -> None:
    what = ", ".join((f"making a root of {codename} with debootstrap", *packages))
    print(what, end=" … ", file=sys.stderr, flush=True)
    start, unfinished = time.monotonic(), target.with_name(f".{target.name}.unfinished")
    if unfinished.exists():
        shutil.rmtree(unfinished)
    # A tree in which something of the machine is mounted must not be deleted: whatever happens, mounts end with it.
    more = [f"--include={','.join(packages)}"] if packages else []
    _said(*APART, "debootstrap", "--variant=minbase", *more, codename, str(unfinished), address)
    for path in WITHOUT:
        shutil.rmtree(unfinished / path)
    for path in SOURCES:
        (unfinished / path).unlink(missing_ok=True)
    unfinished.rename(target)
    print(f"{time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)


def _said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stdout + done.stderr).strip()[-2000:]
        raise PackagesError(f"`{' '.join(command)}` ended with status {done.returncode}:\n{said}")
    return done.stdout
