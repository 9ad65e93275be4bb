"""What this machine must have for a root with a real dpkg and apt; each lack is a line that says what to install."""

from __future__ import annotations

import os
import shutil
import sys

PROGRAMS = {
    "apt-get": "apt",
    "chroot": "coreutils",
    "debootstrap": "debootstrap",
    "dpkg-deb": "dpkg",
    "gpg": "gpg",
    "gpg-agent": "gpg-agent",
    "setpriv": "util-linux",
    "unshare": "util-linux",
}
"""Every program of the machine that is run, with the Debian package that has it."""
APART = (
    *("setpriv", "--pdeathsig", "KILL", "--"),
    *("unshare", "--mount-proc", "--propagation=private", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "--"),
)
"""In front of a command: its mounts and its host name are its own, and all that it began ends with it, and with us."""


class PackagesError(Exception):
    """Something that cannot be done here, with what to do; or a command that failed, with what it said."""


def require() -> None:
    """Raises PackagesError, in one line, when no root can be made here."""
    if sys.platform != "linux" or os.geteuid() != 0:
        raise PackagesError("a root with dpkg and apt needs Linux and root: it is mounted and entered; try sudo")
    missing = missing_programs(os.environ.get("PATH", os.defpath))
    if missing:
        packages = " ".join(dict.fromkeys(missing.values()))
        raise PackagesError(f"missing: {', '.join(missing)}; on Debian: apt-get install {packages}")


def missing_programs(path: str) -> dict[str, str]:
    """Those of PROGRAMS, with their packages, that no folder of `path` has."""
    return {name: package for name, package in PROGRAMS.items() if not shutil.which(name, path=path)}
