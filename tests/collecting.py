"""Running the collector on a node's disk in a folder, and looking into what it gives."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path

from kubepreflight.sources.host.script import collect_script


def run(
    root: Path, *options: str, shell: list[str] | None = None, tools: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    path = os.environ["PATH"] if tools is None else f"{tools}:{os.environ['PATH']}"
    return subprocess.run(
        [*(shell or ["sh"]), "-s", "--", "--root", str(root), *options],
        input=collect_script().encode(),
        capture_output=True,
        env={**os.environ, "PATH": path},
        check=False,
        timeout=60,
    )


def run_as_nobody(root: Path) -> subprocess.CompletedProcess[bytes]:
    """As somebody who is let through to `root`, and no further than its own files' modes say."""
    for folder in (root, *root.parents):
        if not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)
    return subprocess.run(
        ["sh", "-s", "--", "--root", str(root)],
        input=collect_script().encode(),
        capture_output=True,
        check=True,
        user="nobody",
    )


SH_ON_ANOTHER_DISK = """#!/bin/sh
case $1 in -s) exec /bin/sh "$@" --root "{disk}" ;; *) exec /bin/sh "$@" ;; esac
"""
"""A `sh` with which a node that ssh goes to has an empty folder for its disk: this machine's may be large."""


def members(tar: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        files = [one for one in archive if one.isfile()]
        return {one.name: stream.read() for one in files if (stream := archive.extractfile(one))}


def lines(archive: Mapping[str, bytes], name: str) -> list[str]:
    return archive[name].decode().splitlines()


def files(archive: Mapping[str, bytes]) -> dict[str, bytes]:
    return {name: data for name, data in archive.items() if not name.startswith(("host.json", "commands/"))}


def program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
