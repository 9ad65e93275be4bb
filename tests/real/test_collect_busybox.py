"""The collector where busybox is the whole user land of a node: its shell, awk and tar, and no program beside it."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from kubepreflight.host import Missing
from kubepreflight.sources.host.archive import read_host
from kubepreflight.sources.host.script import collect_script
from tests.collecting import files, members, run
from tests.fake_node import CONTAINERD, write_node
from tests.real.busybox import PATH, busybox_root
from tools.packages.machine import APART

ENTER = """
set -e
mount --bind "$0" "$0"  # as the root of a node is a mount
cd "$0"
mount --rbind /dev "$0/dev"
mount -t proc proc "$0/proc"
echo "from-busybox" >"$0/proc/sys/kernel/hostname"
exec chroot "$0" sh -s -- "$@"
"""


def test_busybox_alone_takes_what_others_take(tmp_path: Path) -> None:
    root = busybox_root(tmp_path / "node")
    secrets = write_node(root)
    done = collected(root)
    assert (done.returncode, done.stderr) == (0, b"")
    assert [secret for secret in secrets if secret.encode() in done.stdout] == []
    archive = members(done.stdout)
    assert on_disk(archive) == on_disk(members(run(root).stdout))
    host = read_host(archive, "node.tar", "node")
    assert (host.name, host.complete, host.machine_id) == ("worker-1", True, "0123456789abcdef0123456789abcdef")


def test_busybox_tells_of_the_machine_what_others_tell(tmp_path: Path) -> None:
    root = busybox_root(tmp_path / "node")
    there = read_host(members(collected(root).stdout), "", "").machine
    here = read_host(members(run(root).stdout), "", "").machine
    for fact in ("started", "memory", "swaps", "swaps_at_boot", "reboot_required", "kernel"):
        assert getattr(there, fact) == getattr(here, fact), fact
    assert there.clock.told_by == "the kernel"
    assert not isinstance(there.file_systems, Missing)
    assert not isinstance(here.file_systems, Missing)
    paths = {one.path: (one.size, one.inodes) for one in here.file_systems}
    assert {one.path: (one.size, one.inodes) for one in there.file_systems} == paths
    assert "/tmp" in paths


def on_disk(archive: Mapping[str, bytes]) -> dict[str, bytes]:
    """What lies on the disk, and is not the kernel's."""
    return {name: data for name, data in files(archive).items() if not name.startswith("files/proc/")}


INFO = """{"status": {"conditions": [{"type": "RuntimeReady", "status": true}]}, "config": {"registry": {"configs": {
"r.example.com": {"auth": {"username": "u", "password": "PLANTED-info-password",
"identitytoken": "PLANTED-info-token"}}},
"mirrors": {"r": {"endpoint": ["https://user:PLANTED-info-mirror@mirror"]}}}}}"""
SAYS = {
    "crictl": f"case $* in *info) cat <<'E'\n{INFO}\nE\n;; *) echo 'https://user:PLANTED-crictl@mirror/v2' ;; esac",
    "containerd": f"case $* in *dump) cat <<'E'\n{CONTAINERD}\nE\n;; *) echo containerd v2.1.4 ;; esac",
    "etcdctl": "echo 'https://root:PLANTED-etcd@10.0.0.1'; echo 'dial https://root:PLANTED-dial@10.0.0.1' >&2; exit 1",
    "apt-cache": "echo ' 500 https://user:PLANTED-policy@mirror/deb / Packages'",
    "apt-get": "echo 'W: https://user:PLANTED-apt-error@mirror/deb' >&2; echo 'Inst kubelet'",
    "kubelet": "echo Kubernetes v1.36.3; echo 'proxy http://user:PLANTED-version@proxy' >&2",
}
ETCD = """apiVersion: v1
kind: Pod
metadata: {name: etcd}
spec:
  containers:
  - command:
    - etcd
    - --listen-client-urls=https://127.0.0.1:2379
"""


def test_what_the_nodes_programs_say_has_no_secret_either(tmp_path: Path) -> None:
    root = busybox_root(tmp_path / "node")
    secrets = write_node(root)
    (root / "etc/kubernetes/manifests/etcd.yaml").write_text(ETCD)
    for name, script in SAYS.items():
        (root / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
        (root / "bin" / name).chmod(0o755)
    (root / "var/lib/dpkg").mkdir(parents=True)
    (root / "run/containerd").mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as server, contextlib.chdir(root / "run/containerd"):
        server.bind("containerd.sock")
    done = collected(root)
    assert done.returncode == 0
    archive = members(done.stdout)
    said = {name.split("/")[1] for name in archive if name.startswith("commands/") and name.endswith("/command")}
    assert {"crictl-info", "containerd-config", "etcd-status", "apt-cache-policy", "kubelet-version"} <= said
    assert b"https://(cut)@mirror" in archive["commands/apt-cache-policy/stdout"]
    assert [secret for secret in secrets if secret.encode() in done.stdout] == []


@pytest.mark.parametrize(("options", "status"), [(["--seconds", "1"], 0), (["--deadline", "0"], 3)])
def test_it_is_bounded_there_too(options: list[str], status: int, tmp_path: Path) -> None:
    root = busybox_root(tmp_path / "node")
    (root / "bin/kubelet").write_text("#!/bin/sh\nexec sleep 600\n")
    (root / "bin/kubelet").chmod(0o755)
    done = collected(root, *options)
    host = read_host(members(done.stdout), "", "")
    assert (done.returncode, host.complete) == (status, status == 0)
    if not status:
        assert any("did not end in time" in gap.reason for gap in host.unreadable)


def collected(root: Path, *options: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*APART, "sh", "-c", ENTER, str(root), *options],
        input=collect_script().encode(),
        capture_output=True,
        env={"PATH": PATH},
        check=False,
        timeout=120,
    )
