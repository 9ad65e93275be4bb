"""Images unpacked once: the folder of a containerd that has them all, from which each node gets its own in a moment."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tools.lab import cgroups
from tools.lab.images import Image, write
from tools.lab.plan import LabError

_SHARED = ("io.containerd.content.v1.content/blobs", "io.containerd.snapshotter.v1.overlayfs/snapshots")
"""What containerd writes once and never changes, so that hard links to it are as good as copies."""
KEPT = 3
"""Stores that are kept; the one used longest ago goes first."""


def store(images: Sequence[Image], home: Path, scratch: Path, group: list[Path]) -> Path:
    """The folder of a containerd with all `images`, made in `home` unless it is there.

    What is run for that is in the control groups `group`, what is unfinished in the folder `scratch` of the same file
    system. Raises LabError when the images cannot be imported.
    """
    target = home / f"images-{_key(images)}"
    if not target.exists():
        scratch.mkdir()
        _fill(scratch, images, group)
        try:
            (scratch / "root").rename(target)
        except OSError:
            if not target.exists():  # else another lab was quicker
                raise
        shutil.rmtree(scratch)
    os.utime(target)
    for old in sorted(home.glob("images-*"), key=lambda path: path.stat().st_mtime)[:-KEPT]:
        shutil.rmtree(old)
    return target


def copy(source: Path, target: Path) -> None:
    """Give a node the store `source` as its containerd's folder `target`, on the same file system."""

    def link_or_copy(path: str, to: str) -> str:
        if any(f"/{shared}/" in path for shared in _SHARED):
            os.link(path, to, follow_symlinks=False)
            return to
        return shutil.copy2(path, to, follow_symlinks=False)

    shutil.copytree(source, target, symlinks=True, copy_function=link_or_copy, dirs_exist_ok=True)


def _key(images: Sequence[Image]) -> str:
    """A digest of names, files and their state: a program that was built anew makes another store."""
    described = [
        (image.name, image.entrypoint, image.user, path, source if isinstance(source, str) else _state(source))
        for image in images
        for path, source in sorted(image.files.items())
    ]
    return hashlib.sha256(json.dumps(described).encode()).hexdigest()[:12]


def _state(path: Path) -> list[str | int]:
    status = path.stat()
    return [str(path), status.st_size, status.st_mtime_ns]


def _fill(folder: Path, images: Sequence[Image], group: list[Path]) -> None:
    with _containerd(folder, group) as control, (folder / "import.log").open("w+") as log:
        command = [*control, "images", "import", "-"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log) as running:
            assert running.stdin
            try:
                write(images, running.stdin, folder)
            except BrokenPipeError:
                running.kill()  # what it says of the reason comes below
            running.stdin.close()
        if running.returncode:
            log.seek(0)
            raise LabError(f"containerd does not import the images: {log.read()[-2000:].strip()}")


@contextmanager
def _containerd(folder: Path, group: list[Path]) -> Iterator[list[str]]:
    """A containerd that lives in `folder`, ready; yields the command that talks to it."""
    socket = folder / "containerd.sock"
    configuration = folder / "config.toml"
    # Its plug-ins for Kubernetes would look for networks.
    configuration.write_text('version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n', encoding="utf-8")
    command = ["containerd", "--config", str(configuration), "--address", str(socket)]
    command += ["--root", str(folder / "root"), "--state", str(folder / "state")]
    control = ["ctr", "--address", str(socket), "--namespace", "k8s.io"]
    with (folder / "containerd.log").open("w+") as log:
        running = subprocess.Popen(cgroups.inside(group, command), stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + 30
            while subprocess.run([*control, "version"], capture_output=True, check=False).returncode:
                if running.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    raise LabError(f"containerd does not start: {log.read()[-2000:].strip()}")
                time.sleep(0.1)
            yield control
        finally:
            running.terminate()
            running.wait()
