"""What the collector finds of etcd on a node's disk, and what is made of it."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubepreflight.host import EtcdData, EtcdSnapshot, Missing
from kubepreflight.sources.host.archive import read_host
from kubepreflight.sources.host.host_files import CUT_OFF
from tests.collecting import members, program, run, run_as_nobody

HEAD = b'{"format": "kubepreflight.host/v1", "name": "cp1", "collected_at": "2026-11-27T12:00:05Z", "complete": true}'
WHOLE = 5 * 4096 + 32
WHEN = datetime(2026, 11, 26, 3, tzinfo=UTC)
STAMP = int(WHEN.timestamp())


def put(root: Path, path: str, size: int, when: datetime = WHEN) -> None:
    file = root / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"")
    os.truncate(file, size)
    os.utime(file, (when.timestamp(), when.timestamp()))


def collected(root: Path, *shell: str) -> EtcdData:
    return read_host(members(run(root, shell=list(shell) or None).stdout), "", "").etcd_data


@pytest.mark.parametrize("shell", [["dash"], ["bash", "--posix"], ["busybox", "ash"]], ids=lambda shell: shell[0])
def test_a_control_plane_node(shell: list[str], tmp_path: Path) -> None:
    put(tmp_path, "/var/lib/etcd/member/snap/db", 16801792)
    put(tmp_path, "/var/lib/etcd/member/snap/0001.snap.db", WHOLE)
    put(tmp_path, "/var/lib/etcd/before-upgrade.db", WHOLE)
    put(tmp_path, "/var/lib/etcd-backup/daily/monday at three.db", WHOLE, datetime(2026, 11, 23, 3, tzinfo=UTC))
    put(tmp_path, "/var/backups/dpkg.status.0", WHOLE)
    put(tmp_path, "/root/deep/down/snapshot.db", WHOLE)
    put(tmp_path, "/etc/kubernetes/tmp/kubeadm-backup-etcd-2026-01-01-01-01-01/etcd/member/snap/db", WHOLE)
    found = collected(tmp_path, *shell)
    assert (found.database, found.not_looked) == (16801792, ())
    assert isinstance(found.snapshots, tuple)
    assert [one.path for one in found.snapshots] == [
        "/var/lib/etcd/before-upgrade.db",
        "/var/lib/etcd-backup/daily/monday at three.db",
    ]
    assert found.snapshots[0] == EtcdSnapshot(path="/var/lib/etcd/before-upgrade.db", size=WHOLE, modified=WHEN)
    assert not isinstance(found.kubeadm_copies, Missing)
    assert [one.name for one in found.kubeadm_copies] == ["kubeadm-backup-etcd-2026-01-01-01-01-01"]


def test_etcd_keeps_its_data_where_its_manifest_says(tmp_path: Path) -> None:
    manifest = tmp_path / "etc/kubernetes/manifests/etcd.yaml"
    manifest.parent.mkdir(parents=True)
    manifest.write_text("kind: Pod\nspec:\n  containers:\n  - command:\n    - etcd\n    - --data-dir=/disk/etcd\n")
    put(tmp_path, "/disk/etcd/member/snap/db", 4096)
    put(tmp_path, "/disk/etcd/s.db", WHOLE)
    found = collected(tmp_path)
    assert found.database == 4096
    assert isinstance(found.snapshots, tuple)
    assert [one.path for one in found.snapshots] == ["/disk/etcd/s.db"]


def test_a_worker_has_nothing_of_it(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    assert collected(tmp_path) == EtcdData(database=0, snapshots=(), kubeadm_copies=())


def test_crontabs_and_timers_that_save_etcd_come_by_their_names(tmp_path: Path) -> None:
    scripts = {
        "etc/cron.d/backups": "0 3 * * * root etcdctl --key=/x snapshot save /backup/e.db\n",
        "etc/cron.daily/etcd": "#!/bin/sh\nexec /usr/local/bin/etcd-backup.sh\n",
        "etc/systemd/system/nightly.service": "[Service]\nExecStart=/opt/backup-etcd\n",
        "etc/systemd/system/etcd.service": "[Service]\nExecStart=/usr/bin/etcd --snapshot-count=10000\n",
        "etc/cron.d/other": "0 3 * * * root tar cf /backup/all.tar /srv\n",
        "var/spool/cron/crontabs/root": "@daily etcdutl backup\n",
    }
    for name, text in scripts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert collected(tmp_path).schedules == (
        "/etc/cron.d/backups",
        "/etc/cron.daily/etcd",
        "/etc/systemd/system/nightly.service",
        "/var/spool/cron/crontabs/root",
    )


def test_a_link_out_of_a_mounted_disk_is_not_followed(tmp_path: Path) -> None:
    put(tmp_path, "/elsewhere/etcd.db", WHOLE)
    (tmp_path / "node").mkdir()
    (tmp_path / "node/backup").symlink_to(tmp_path / "elsewhere")
    found = collected(tmp_path / "node")
    assert (found.snapshots, found.not_looked) == ((), ("/backup",))


def test_only_the_youngest_files_of_a_place_come(tmp_path: Path) -> None:
    for number in range(60):
        put(tmp_path, f"/backup/etcd-{number}.db", WHOLE, datetime(2026, 11, 20, 1, number, tzinfo=UTC))
    found = collected(tmp_path).snapshots
    assert isinstance(found, tuple)
    assert [one.path for one in found[:2]] == ["/backup/etcd-59.db", "/backup/etcd-58.db"]
    assert len(found) == 40


def test_a_place_that_hangs_costs_its_own_answer_alone(tmp_path: Path) -> None:
    put(tmp_path / "node", "/root/etcd.db", WHOLE)
    put(tmp_path / "node", "/backup/etcd.db", WHOLE)
    hang = f'case $1 in */backup/) exec sleep 60 ;; esac; exec {shutil.which("find")} "$@"'
    program(tmp_path / "tools", "find", hang)
    done = run(tmp_path / "node", "--seconds", "2", tools=tmp_path / "tools")
    found = read_host(members(done.stdout), "", "").etcd_data
    assert isinstance(found.snapshots, tuple)
    assert [one.path for one in found.snapshots] == ["/root/etcd.db"]
    assert found.not_looked == ("places that did not answer in time",)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_somebody_else_than_root_says_where_he_could_not_look(tmp_path: Path) -> None:
    put(tmp_path, "/var/lib/etcd/member/snap/db", 4096)
    put(tmp_path, "/etc/kubernetes/tmp/kubeadm-backup-etcd-1/db", 1)
    (tmp_path / "root").mkdir()
    for name in ("var/lib/etcd", "etc/kubernetes/tmp", "root"):
        (tmp_path / name).chmod(0o700)
    done = run_as_nobody(tmp_path)
    found = read_host(members(done.stdout), "", "").etcd_data
    assert found.database == Missing("/var/lib/etcd/member/snap/db: permission denied")
    assert (found.snapshots, found.not_looked) == ((), ("/root", "/var/lib/etcd"))
    assert isinstance(found.kubeadm_copies, Missing)


def data(said: str, status: int = 0, **others: tuple[str, int]) -> EtcdData:
    parts = {"host.json": HEAD}
    for name, (stdout, ended) in {"etcd-snapshots": (said, status), **others}.items():
        folder = f"commands/{name.replace('_', '-')}"
        parts |= {f"{folder}/stdout": stdout.encode(), f"{folder}/status": str(ended).encode()}
    return read_host(parts, "", "").etcd_data


@pytest.mark.parametrize(
    ("path", "size", "whole"),
    [
        ("/backup/etcd-20261126.db", WHOLE, True),
        ("/backup/2026.db", WHOLE, True),
        ("/backup/etcd-snapshot-2026-11-26", WHOLE, True),
        ("/backup/etcd.db", WHOLE + 1, False),
        ("/backup/snapshot.db", 0, False),
        ("/backup/etcd-20261126.db.gz", 777, True),
        ("/backup/etcd-20261126.db.gz", 0, False),
        ("/backup/etcd/2026.tar.zst", 777, True),
        ("/backup/snapshot.db.gpg", 777, True),
        ("/backup/snapshots.tar", 777, None),
        ("/backup/thumbs.db", 777, None),
        ("/backup/etcd.yaml", WHOLE, None),
        ("/backup/etcd-backup.sh", 544, None),
        ("/backup/snapshot.db.part", WHOLE, None),
        ("/opt/etcd/etcdctl", WHOLE, None),
        ("/var/lib/rancher/k3s/server/db/snapshots/etcd.db", WHOLE, None),
        ("/backup/snap", 544, None),
    ],
)
def test_what_a_snapshot_is_told_by(path: str, size: int, whole: bool | None) -> None:
    expected = () if whole is None else (EtcdSnapshot(path=path, size=size, modified=WHEN, is_whole=whole),)
    assert data(f"{STAMP}\t{size}\t{path}\nlooked\t/backup\n").snapshots == expected


@pytest.mark.parametrize(
    ("said", "status", "snapshots", "not_looked"),
    [
        ("looked\t/root\n", 0, (), ()),
        ("looked\t/root\nunlooked\t/backup\npartly\t/backups\n", 0, (), ("/backup", "/backups")),
        ("looked\t/root\n", 124, (), ("places that did not answer in time",)),
        ("", 124, Missing, ()),
        ("", 127, Missing("the node has no stat"), ()),
        ("\x00\nlooked\n9999999999999\t1\t/x\n", 0, (), ()),
    ],
)
def test_how_far_it_looked(said: str, status: int, snapshots: object, not_looked: tuple[str, ...]) -> None:
    found = data(said, status)
    assert found.snapshots == snapshots or snapshots is type(found.snapshots)
    assert found.not_looked == not_looked


def test_what_an_earlier_collector_did_not_ask_is_not_collected() -> None:
    assert read_host({"host.json": HEAD}, "", "").etcd_data == EtcdData()


def test_what_failed_and_what_is_cut_off_are_not_known() -> None:
    found = data("looked\t/root\n", etcd_database=("", 1), kubeadm_copies=("", 124))
    assert isinstance(found.database, Missing)
    assert isinstance(found.kubeadm_copies, Missing)
    cut = read_host({"host.json": HEAD, CUT_OFF: b"", "commands/etcd-snapshots/status": b"0\n"}, "", "").etcd_data
    assert (cut.database, cut.snapshots, cut.kubeadm_copies) == (Missing("the archive is cut off"),) * 3


@given(st.text(), st.integers(0, 255))
def test_nothing_that_is_said_raises(said: str, status: int) -> None:
    data(said, status, etcd_database=(said, status), kubeadm_copies=(said, status))
