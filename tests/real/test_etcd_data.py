"""What the collector finds of a real etcd is what the real etcdctl says of it, and a real snapshot is known as one."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from kubepreflight.host import EtcdStatus, Host
from kubepreflight.semantics.etcd_room import DEFAULT_QUOTA, DatabaseRoom, database_room
from kubepreflight.sources.host.archive import read_host
from tests.collecting import members, run
from tools.kubernetes.process import Process, free_ports
from tools.kubernetes.programs import program
from tools.waiting import until

PARTS = resources.files("kubepreflight.sources.host")
HEAD = b'{"format": "kubepreflight.host/v1", "name": "cp1", "complete": true}'
MIB = 1 << 20


class Etcd:
    """One member, whose data lie where they would on a node whose disk is `root`."""

    def __init__(self, root: Path, version: str, quota: int) -> None:
        self.root, self.version = root, version
        client, peer = (f"http://127.0.0.1:{port}" for port in free_ports(2))
        self.flags = ["--data-dir=/var/lib/etcd", f"--listen-client-urls={client}"]
        self.flags += [f"--quota-backend-bytes={quota}"] if quota else []
        (root / "var/lib").mkdir(parents=True)
        here = [flag.replace("=/var", f"={root}/var") for flag in self.flags]
        others = [f"--advertise-client-urls={client}", f"--listen-peer-urls={peer}"]
        self.process = Process([program("etcd", version), *here, *others], root / "etcd.log")
        self.client = client
        assert until(self.answers, seconds=30), self.process.last_words()

    def ctl(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        command = [str(program("etcdctl", self.version)), "--endpoints", self.client, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, **options)

    def answers(self) -> bool:
        return self.ctl("endpoint", "health", "--command-timeout=2s").returncode == 0

    def fill(self, count: int) -> str:
        """Values of a mebibyte; what etcd says of the last one."""
        for number in range(count):
            said = self.ctl("put", f"key-{number}", input="x" * MIB).stderr
        return said

    def status(self) -> dict[str, Any]:
        """What it says of itself once it says the same twice: it writes in batches."""
        said: list[dict[str, Any]] = [{}]

        def settled() -> bool:
            (one,) = json.loads(self.ctl("endpoint", "status", "-w", "json").stdout)
            said.append(one["Status"])
            return said[-1] == said[-2]

        assert until(settled, pause=0.3)
        return said[-1]

    def asked(self) -> Host:
        """The host that comes of the collector's own question to it."""
        manifest = self.root / "files/etc/kubernetes/manifests/etcd.yaml"
        manifest.parent.mkdir(parents=True, exist_ok=True)
        words = "".join(f"    - {flag}\n" for flag in self.flags)
        manifest.write_text(
            f"kind: Pod\nmetadata: {{name: etcd}}\nspec:\n  containers:\n  - command:\n    - etcd\n{words}"
        )
        parts = "".join((PARTS / name).read_text() for name in ("stage.sh", "etcd.sh"))
        script = f'{parts}\nprepare\nARCHIVE=$1\nmkdir -p "$ARCHIVE/commands"\nask_etcd "$2"\n'
        path = f"{program('etcdctl', self.version).parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["sh", "-s", "--", str(self.root), str(manifest)],
            input=script,
            env={"PATH": path, "TMPDIR": str(self.root)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
        found = {str(one.relative_to(self.root)): one.read_bytes() for one in self.root.glob("commands/*/*")}
        files = {f"files{path}": manifest.read_bytes() for path in ("/etc/kubernetes/manifests/etcd.yaml",)}
        return read_host({"host.json": HEAD, **found, **files}, "", "cp1")

    def room(self) -> DatabaseRoom:
        host = self.asked()
        assert isinstance(host.static_pods, tuple)
        found = database_room(host, host.static_pods[0])
        assert isinstance(found, DatabaseRoom)
        return found


@pytest.fixture(params=["1.36.3", "1.37.2"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def etcd(version: str, tmp_path: Path) -> Iterator[Etcd]:
    one = Etcd(tmp_path, version, 24 * MIB)
    yield one
    one.process.stop()


def test_size_and_quota_are_those_that_etcd_has(etcd: Etcd) -> None:
    etcd.fill(8)
    said, room = etcd.status(), etcd.room()
    assert room == DatabaseRoom(said["dbSize"], 24 * MIB, said["dbSizeInUse"], False)
    assert 8 * MIB < room.size < 24 * MIB
    file = read_host(members(run(etcd.root).stdout), "", "").etcd_data.database
    assert isinstance(file, int)
    # bbolt lets its file grow by 16 MiB beyond the page that it needs next.
    assert room.size <= file < room.size + 17 * MIB


def test_at_its_quota_it_takes_no_more(etcd: Etcd) -> None:
    assert "database space exceeded" in etcd.fill(25)
    room = etcd.room()
    assert room.is_full
    assert room.size >= 0.8 * room.quota


def test_what_is_deleted_and_compacted_is_no_longer_in_use(etcd: Etcd) -> None:
    etcd.fill(12)
    etcd.ctl("del", "key-", "--prefix")
    revision = etcd.status()["header"]["revision"]
    etcd.ctl("compact", str(revision), "--physical")
    before = etcd.room()
    assert before.in_use < 0.6 * before.size
    etcd.ctl("defrag")
    assert etcd.room().size < before.size


def test_without_the_flag_the_quota_is_the_default(version: str, tmp_path: Path) -> None:
    one = Etcd(tmp_path, version, 0)
    try:
        assert one.room().quota == one.status()["dbSizeQuota"] == DEFAULT_QUOTA
        host = one.asked()
        silent = Host(name="cp1", file="", etcd=EtcdStatus(member_id=1, cluster_id=1, size=1))
        assert isinstance(host.static_pods, tuple)
        assert database_room(silent, host.static_pods[0]) == DatabaseRoom(1, DEFAULT_QUOTA, 0, False)
    finally:
        one.process.stop()


def test_a_snapshot_is_known_by_its_name_and_size(etcd: Etcd) -> None:
    etcd.fill(1)
    backups = etcd.root / "var/backups/etcd"
    backups.mkdir(parents=True)
    saved = backups / "2026-11-27.db"
    etcd.ctl("snapshot", "save", str(saved))
    etcd.ctl("snapshot", "save", str(etcd.root / "var/lib/etcd/before-upgrade.db"))
    (backups / "packed.db.gz").write_bytes(gzip.compress(saved.read_bytes()))
    (backups / "cut.db").write_bytes(saved.read_bytes()[: MIB + 7])
    (backups / "copied.db").write_bytes((etcd.root / "var/lib/etcd/member/snap/db").read_bytes())
    found = read_host(members(run(etcd.root).stdout), "", "").etcd_data.snapshots
    assert isinstance(found, tuple)
    assert {one.path: one.is_whole for one in found} == {
        "/var/backups/etcd/2026-11-27.db": True,
        "/var/backups/etcd/packed.db.gz": True,
        "/var/backups/etcd/cut.db": False,
        "/var/backups/etcd/copied.db": False,
        "/var/lib/etcd/before-upgrade.db": True,
    }
    assert next(one.size for one in found if one.path.endswith("27.db")) == saved.stat().st_size
