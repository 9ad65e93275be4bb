"""A root with busybox and nothing else: an image, or a node's whole user land."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tools.packages.base import LOGIN, base

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def busybox_root(folder: Path) -> Path:
    """Make it in `folder`, with every applet that this busybox has."""
    program = base(*LOGIN) / "bin/busybox"
    for name in ("bin", "dev", "host", "proc", "tmp"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    shutil.copy(program, folder / "bin/busybox")
    listed = subprocess.run([program, "--list"], capture_output=True, text=True, check=True)
    for applet in listed.stdout.split():
        if applet != "busybox":
            (folder / "bin" / applet).symlink_to("busybox")
    return folder
