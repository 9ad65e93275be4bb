"""What the collector takes of the system, run for real: a disk that hangs, a command line that holds a secret."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from kubepreflight.host import Machine, Missing
from kubepreflight.sources.host.archive import read_host
from kubepreflight.sources.host.script import collect_script
from tests.collecting import lines, members, program, run

HANGS = 'case "$*" in */var/lib/containerd*) exec sleep 5 ;; *) exec {df} "$@" ;; esac'
BOOTED = "quiet pass=PLANTED systemd.unified_cgroup_hierarchy=0 cgroup_disable=memory noswapPLANTED zram=PLANTED/x\n"


def machine(root: Path, *options: str, tools: Path | None = None) -> Machine:
    return read_host(members(run(root, *options, tools=tools).stdout), "", "").machine


@pytest.mark.parametrize("has_timeout", [True, False])
def test_a_disk_that_hangs_costs_its_own_answer_only(has_timeout: bool, tmp_path: Path) -> None:
    for folder in ("var/lib/containerd", "var/lib/kubelet", "etc/kubernetes"):
        (tmp_path / "node" / folder).mkdir(parents=True)
    program(tmp_path / "tools", "df", HANGS.format(df=shutil.which("df")))
    if not has_timeout:
        program(tmp_path / "tools", "timeout", "exit 125")
    found = machine(tmp_path / "node", "--seconds", "2", tools=tmp_path / "tools").file_systems
    assert not isinstance(found, Missing)
    assert [one.path for one in found] == ["/", "/etc/kubernetes", "/var", "/var/lib/kubelet"]


def test_the_data_of_etcd_and_the_images_are_sought_where_they_are(tmp_path: Path) -> None:
    manifest = "kind: Pod\nspec:\n  containers:\n  - command:\n    - etcd\n    - --data-dir=/srv/etcd\n"
    for path, text in {
        "etc/kubernetes/manifests/etcd.yaml": manifest,
        "etc/containerd/config.toml": 'version = 2\nroot = "/srv/images"\n',
        "srv/etcd/member/snap/db": "x" * 300_000,
        "srv/images/x": "",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    ours = machine(tmp_path)
    assert not isinstance(ours.file_systems, Missing)
    assert {"/srv/etcd", "/srv/images"} <= {one.path for one in ours.file_systems}
    assert ours.image_store == "/srv/images"
    assert isinstance(ours.etcd_size, int)
    assert ours.etcd_size >= 292


def test_of_fstab_only_swap_comes(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/fstab").write_text(
        "//nas/x /x cifs password=PLANTED 0 0\n/swapfile\tnone\tswap\tsw,password=no\t0 0\n"
    )
    archive = members(run(tmp_path).stdout)
    assert lines(archive, "files/etc/fstab") == ["/swapfile\tnone\tswap\tsw,password=no\t0 0"]


def test_of_the_boots_command_line_only_what_concerns_us_comes(tmp_path: Path) -> None:
    (tmp_path / "cmdline").write_text(BOOTED)
    (tmp_path / "node").mkdir()
    inside = 'mount --bind "$0" /proc/cmdline && exec sh -s -- --root "$1"'
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", inside, str(tmp_path / "cmdline")]
    if subprocess.run([*command[:3], "true"], capture_output=True, check=False).returncode:
        pytest.skip("no mount namespaces here")
    done = subprocess.run(
        [*command, str(tmp_path / "node")], input=collect_script().encode(), capture_output=True, check=True
    )
    words = lines(members(done.stdout), "commands/boot-options/stdout")
    assert words == ["systemd.unified_cgroup_hierarchy=0", "cgroup_disable=memory"]
