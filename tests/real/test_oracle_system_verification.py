"""What kubeadm and the kubelet say of a machine's kernel and control groups is what the scan foretells.

The real programs look at this machine through a mount namespace in which the kernel's configuration, the control groups
and /proc/swaps are other ones; our collector looks at the same.
"""

from __future__ import annotations

import gzip
import platform
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from kubepreflight.host import Host, Missing
from kubepreflight.knowledge.nodes import NodeNeeds
from kubepreflight.semantics.system_verification import missing_controllers, missing_options
from kubepreflight.sources.host.archive import read_host
from kubepreflight.sources.host.script import collect_script
from kubepreflight.version import Version
from tests.collecting import members
from tests.real.tables import VERSIONS
from tools.kubernetes.programs import program

# An error of our own beside those of the machine: no kubelet gets to work.
WRONG = "imageGCHighThresholdPercent"
KUBELET = {"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", WRONG: 300}
KUBEADM = """\
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
nodeRegistration: {criSocket: "unix:///nothing.sock"}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: %s
"""
CGROUPS = {
    1: "mount -t tmpfs none /sys/fs/cgroup && mkdir /sys/fs/cgroup/memory",
    2: "[ -e /sys/fs/cgroup/cgroup.controllers ] || mount --bind /sys/fs/cgroup/unified /sys/fs/cgroup",
}
INSIDE = """\
set -e
root=$1 cgroups=$2; shift 2
eval "$cgroups"
[ ! -e /proc/config.gz ] || mount --bind "$root/config.gz" /proc/config.gz
mount --bind "$root/swaps" /proc/swaps
mount --bind "$KUBELET" "$root/usr/bin/kubelet"
mount --bind "$KUBEADM" "$root/usr/bin/kubeadm"
mount --rbind /proc "$root/proc"; mount --rbind /sys "$root/sys"; mount --rbind /dev "$root/dev"
exec "$@"
"""
ROWS = NodeNeeds.provide().verifications
WORDS = [names for row in ROWS for names in (*row.built_with, *row.built_with_v1, *row.built_with_v2)]
ALL = {one for names in WORDS for one in names.split("|")}


class Machine:
    """This machine, seen otherwise."""

    def __init__(
        self, root: Path, version: str, cgroups: int, without: tuple[str, ...] = (), swap: bool = False
    ) -> None:
        self.root, self.version, self.cgroups = root, version, cgroups
        for folder in ("usr/bin", "proc", "sys", "dev", "etc", "boot", "tmp"):
            (root / folder).mkdir(parents=True)
        config = "".join(f"CONFIG_{name}=m\n" for name in sorted(ALL - set(without))).encode()
        (root / "config.gz").write_bytes(gzip.compress(config))
        (root / f"boot/config-{platform.release()}").write_bytes(config)
        (root / "swaps").write_text("Filename Type Size Used Priority\n" + ("/swap file 1024 0 -2\n" if swap else ""))
        (root / "kubeadm.yaml").write_text(KUBEADM % f"v{version}")
        for name in ("kubelet", "kubeadm"):
            (root / "usr/bin" / name).touch()

    def run(self, *command: str, text: str = "") -> subprocess.CompletedProcess[bytes]:
        """Run a command in the namespace."""
        programs = {name.upper(): str(program(name, self.version)) for name in ("kubelet", "kubeadm")}
        inside = [
            "unshare",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            INSIDE,
            "sh",
            str(self.root),
            CGROUPS[self.cgroups],
        ]
        return subprocess.run(
            [*inside, *command],
            input=text.encode(),
            capture_output=True,
            check=False,
            timeout=120,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **programs},
        )

    def kubeadm(self) -> dict[str, list[str]]:
        """What `kubeadm init phase preflight` says, by its checks; it is the check of `kubeadm upgrade` too."""
        done = self.run(
            *("chroot", str(self.root), "/usr/bin/kubeadm", "init", "phase", "preflight", "--dry-run"),
            *("--config", "/kubeadm.yaml", "--ignore-preflight-errors=all"),
        )
        said: dict[str, list[str]] = {}
        for name, text in re.findall(
            r"\[(?:ERROR|WARNING) ([\w-]+)\]: (.*)", done.stderr.decode() + done.stdout.decode()
        ):
            said.setdefault(name, []).append(text)
        assert said, done.stderr.decode()
        return said

    def kubelet(self, **settings: object) -> str:
        """How a kubelet with these settings ends."""
        (self.root / "kubelet.yaml").write_text(yaml.safe_dump(KUBELET | settings))
        done = self.run("chroot", str(self.root), "/usr/bin/kubelet", "--config", "/kubelet.yaml")
        said = done.stderr.decode()
        assert done.returncode == 1, said
        assert WRONG in said
        return said

    def host(self) -> Host:
        """What our collector and reader make of it."""
        parts, _, end = collect_script().rpartition("    prepare\n")
        script = f"{parts}    prepare\n    take_system\n    finish\n{end[end.index('}') :]}"
        done = self.run("sh", "-s", "--", "--root", str(self.root), text=script)
        return read_host(members(done.stdout), "", "w1")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("cgroups", [1, 2])
@pytest.mark.parametrize(
    "without",
    [
        (),
        ("MEMCG", "EXT4_FS"),
        ("IP_NF_TARGET_REDIRECT",),
        ("IP_NF_TARGET_REDIRECT", "NETFILTER_XT_TARGET_REDIRECT"),
        ("CGROUP_BPF", "CGROUP_FREEZER"),
        ("CGROUPS", "CGROUP_PIDS", "CGROUP_SCHED"),
    ],
    ids=" ".join,
)
def test_kubeadm_misses_what_we_foretell(version: str, cgroups: int, without: tuple[str, ...], tmp_path: Path) -> None:
    machine = Machine(tmp_path / "root", version, cgroups, without=without)
    said = machine.kubeadm().get("SystemVerification", [])
    host, row = machine.host(), NodeNeeds.provide().verification(Version.parse(version).minor_version)
    assert row is not None
    assert host.machine.cgroup_version == cgroups
    assert any("cgroups v1 support is deprecated" in one for one in said) is (cgroups == 1)
    assert missing_options(host, row) == listed(said, "unexpected kernel config: ")
    assert missing_controllers(host, row) == listed(said, "missing required cgroups: ")


def listed(said: list[str], words: str) -> tuple[str, ...]:
    """What kubeadm lists after these words."""
    return tuple(name for one in said if one.startswith(words) for name in one.removeprefix(words).split())


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("cgroups", [1, 2])
@pytest.mark.parametrize("settings", [{}, {"failCgroupV1": False}, {"failCgroupV1": True}], ids=str)
def test_the_kubelet_refuses_version_1_unless_it_is_told_to(
    version: str, cgroups: int, settings: dict[str, bool], tmp_path: Path
) -> None:
    said = Machine(tmp_path / "root", version, cgroups).kubelet(**settings)
    refused = "kubelet is configured to not run on a host using cgroup v1" in said
    assert refused is (cgroups == 1 and settings != {"failCgroupV1": False})


@pytest.mark.parametrize("swap", [True, False])
def test_kubeadm_sees_the_swap_that_we_see(swap: bool, tmp_path: Path) -> None:
    machine = Machine(tmp_path / "root", VERSIONS[-1], 2, swap=swap)
    assert ("Swap" in machine.kubeadm()) is swap
    swaps = machine.host().machine.swaps
    assert not isinstance(swaps, Missing)
    assert [one.name for one in swaps] == (["/swap"] if swap else [])


@pytest.mark.parametrize("version", VERSIONS)
def test_the_defaults_of_the_kubelet(version: str) -> None:
    done = subprocess.run([program("kubelet", version), "--help"], capture_output=True, text=True, check=True)
    needs = NodeNeeds.provide()
    assert re.search(rf"--image-gc-high-threshold .*\(default {needs.eviction.image_gc_high_percent}\)", done.stdout)
    assert re.search(r"--fail-swap-on .*\(default true\)", done.stdout)
    assert re.search(rf"--{needs.cgroup_v1.flag} .*\(default true\)", done.stdout)
