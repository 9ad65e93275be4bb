"""The collector on a node in trouble: a full scratch directory, none at all, a disk that cannot be written."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kubepreflight.host import Missing
from kubepreflight.sources.host.archive import read_host
from kubepreflight.sources.host.script import collect_script
from tests.collecting import members
from tests.real.busybox import PATH, busybox_root
from tools.packages.base import LOGIN, base
from tools.packages.machine import APART

ENTER = """
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" "$1/root"
cd "$1/root"
mkdir -p run tmp
mount --rbind /dev dev
mount -t proc proc proc
%s
PATH=/tools:$PATH
exec chroot . sh -s
"""
SMALL = "mount -t tmpfs -o size=400k tmpfs tmp; mount -t tmpfs -o ro tmpfs run; mount -t tmpfs"
NO_ROOM = f"{SMALL} -o size=400k tmpfs dev/shm"
ROOM_IN_SHM = f"{SMALL} tmpfs dev/shm"
READ_ONLY = "mount -t tmpfs tmpfs dev/shm; mount -o remount,bind,ro ."
FILLS_UP = "mount -t tmpfs -o size=7m tmpfs tmp; for it in run dev/shm; do mount -t tmpfs -o ro tmpfs $it; done"
"""Somebody else writes there meanwhile."""
FILLER = """#!/bin/sh
for one in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do dd if=/dev/zero of=/tmp/$one bs=1024 count=500 2>/dev/null; done
echo Kubernetes v1.36.3
"""


def collected(tmp_path: Path, system: Path, before: str) -> subprocess.CompletedProcess[bytes]:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return subprocess.run(
        [*APART, "sh", "-ec", ENTER % before, "enter", str(scratch), str(system)],
        input=collect_script().encode(),
        capture_output=True,
        env={"PATH": PATH},
        check=False,
        timeout=120,
    )


@pytest.fixture(params=["debian", "busybox"])
def system(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return base(*LOGIN) if request.param == "debian" else busybox_root(tmp_path / "busybox")


@pytest.mark.parametrize("before", [ROOM_IN_SHM, READ_ONLY], ids=["room-elsewhere", "read-only"])
def test_it_finds_a_place_and_changes_nothing_else(before: str, system: Path, tmp_path: Path) -> None:
    done = collected(tmp_path, system, before)
    assert (done.returncode, done.stderr) == (0, b"")
    assert read_host(members(done.stdout), "", "").complete


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (NO_ROOM, "no place for a scratch directory of 6 MB: set TMPDIR"),
        (FILLS_UP, "what was taken is not whole"),
    ],
    ids=["none", "soon-none"],
)
def test_without_room_nothing_comes_rather_than_half_of_it(
    before: str, said: str, system: Path, tmp_path: Path
) -> None:
    if before == FILLS_UP:
        filled = tmp_path / "tools"
        (filled / "tools").mkdir(parents=True)
        (filled / "tools/kubelet").write_text(FILLER)
        (filled / "tools/kubelet").chmod(0o755)
        system = Path(f"{filled}:{system}")
    done = collected(tmp_path, system, before)
    assert (done.returncode, done.stdout) == (1, b"")
    assert said in done.stderr.decode()


STANZA = """Package: filler-{0}
Status: install ok installed
Maintainer: Nobody <nobody@example.com>
Architecture: all
Version: {0}
Description: one of many

"""


def test_ten_thousand_packages(tmp_path: Path) -> None:
    root = base(*LOGIN)
    database = tmp_path / "many/var/lib/dpkg"
    database.mkdir(parents=True)
    status = (root / "var/lib/dpkg/status").read_text()
    kubelet = STANZA.format("1.36.3-1.1").replace("filler-1.36.3-1.1", "kubelet").replace("ok installed", "ok unpacked")
    (database / "status").write_text(status + "".join(map(STANZA.format, range(10_000))) + kubelet)
    (tmp_path / "many/usr/bin").mkdir(parents=True)
    done = collected(tmp_path, Path(f"{tmp_path / 'many'}:{root}"), ":")
    assert (done.returncode, len(done.stdout) < 2_000_000) == (0, True)
    host = read_host(members(done.stdout), "", "")
    assert host.complete
    assert not isinstance(host.packages, Missing)
    assert host.packages["kubelet"].version == "1.36.3-1.1"
