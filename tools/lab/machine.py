"""What this machine must have for a lab, and where; each lack is a line that says what to install."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.kubernetes.build import cache, usable
from tools.lab.plan import LabError

PROGRAMS = {
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "ip": "iproute2",
    "iptables": "iptables",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "pivot_root": "util-linux",
}
"""Every program of the machine that the lab runs, with the Debian package that has it."""
PLUGIN_FOLDERS = (Path("/usr/lib/cni"), Path("/opt/cni/bin"), Path("/usr/libexec/cni"))
PLUGINS = ("bridge", "host-local", "loopback")
ROOM = 20
"""Per cent of the disk that must be free: a kubelet deletes images from 85 % full on, and here none comes back."""


class MachineError(LabError):
    """What this machine lacks."""


def home() -> Path:
    """The folder that holds the labs and their images."""
    return cache() / "lab"


def plugins() -> Path:
    """The folder of the CNI plugins. Raises MachineError when there is none."""
    for folder in PLUGIN_FOLDERS:
        if all((folder / name).exists() for name in PLUGINS):
            return folder
    raise MachineError("the CNI plugins are missing: apt-get install containernetworking-plugins")


def require() -> None:
    """Raises MachineError, in one line, when no lab can work here."""
    require_root()
    missing = missing_programs(os.environ.get("PATH", os.defpath))
    if missing:
        packages = " ".join(dict.fromkeys(missing.values()))
        raise MachineError(f"missing: {', '.join(missing)}; apt-get install {packages}")
    plugins()
    _require_disk()


def require_root() -> None:
    """Raises MachineError, in one line, when this is no Linux or not its root."""
    if sys.platform != "linux":
        raise MachineError(f"a lab needs Linux with its namespaces; this is {sys.platform}")
    if os.geteuid() != 0:
        raise MachineError("a lab needs root: namespaces, mounts and control groups are made; try sudo")


def missing_programs(path: str) -> dict[str, str]:
    """Those of PROGRAMS, with their packages, that no folder of `path` has."""
    return {name: package for name, package in PROGRAMS.items() if not shutil.which(name, path=path)}


def _require_disk() -> None:
    folder = usable(home())
    elsewhere = "set KUBEPREFLIGHT_CACHE to a folder on another disk"
    kind = subprocess.run(
        ["stat", "-f", "-c", "%T", folder], capture_output=True, text=True, check=False
    ).stdout.strip()
    if kind == "overlayfs":
        raise MachineError(
            f"{folder} lies on an overlay file system, on which containers cannot be stacked; {elsewhere}"
        )
    usage = shutil.disk_usage(folder)
    if usage.free < usage.total * ROOM / 100:
        raise MachineError(
            f"the disk of {folder} has less than {ROOM} % free, so kubelets would delete their images; {elsewhere}"
        )
