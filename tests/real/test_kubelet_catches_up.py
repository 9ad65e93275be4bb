"""A kubelet that skips minors: what its node needs besides the new package, as kubelet-too-old tells it."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from kubepreflight.knowledge.kubeadm_upgrades import KubeadmUpgrades
from kubepreflight.semantics.work import KUBEADM_FLAGS, DrainCommand, catch_up_kubelet
from kubepreflight.version import Minor
from tests.real.conftest import Clusters
from tests.real.machine import NODE, Machine
from tests.real.objects import node

OLD, NOW = "1.33.9", "1.36.3"
FLAG = "--pod-infra-container-image"
WRITTEN_BY_OLD = f'KUBELET_KUBEADM_ARGS="{FLAG}=registry.k8s.io/pause:3.10 --v=2"\n'
"""As kubeadm writes it until 1.34, but for the socket of a runtime, which is told to newer ones elsewhere."""


@pytest.fixture
def worker(clusters: Clusters, tmp_path: Path) -> Machine:
    """A worker that was left at 1.33 while its cluster went on to 1.36."""
    cluster = clusters(NOW)
    machine = Machine(tmp_path / "disk")
    for name in ("kubelet.conf", "admin.conf"):
        shutil.copy(cluster.control_plane.folder / name, machine.kubernetes)
    (machine.root / "etc/hostname").write_text(NODE)
    (machine.root / "var/lib/kubelet/config.yaml").write_text(
        "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"
    )
    flags_of(machine).write_text(WRITTEN_BY_OLD)
    cluster.holds(node(NODE, OLD))
    return machine


def flags_of(machine: Machine) -> Path:
    return machine.root / KUBEADM_FLAGS.removeprefix("/")


def kubelet(machine: Machine) -> subprocess.CompletedProcess[str]:
    """The kubelet of today with the flags that are there; it reads all of them before it tells its version."""
    (flags,) = re.findall(r'KUBELET_KUBEADM_ARGS="(.*)"', flags_of(machine).read_text(encoding="utf-8"))
    return machine.run("kubelet", NOW, *shlex.split(flags), "--version")


def test_the_remedy_leaves_flags_that_the_new_kubelet_takes(worker: Machine) -> None:
    (left,) = KubeadmUpgrades.provide().passed_over(Minor.parse("1.33"), Minor.parse("1.36"))
    remedy = catch_up_kubelet(Minor.parse("1.36"), Minor.parse("1.36"), DrainCommand(""), [left])
    (by_hand,) = [line for line in remedy.splitlines() if line.startswith("sed ")]

    options = ("--kubeconfig", "/etc/kubernetes/admin.conf", "--ignore-preflight-errors=all")
    upgraded = worker.run("kubeadm", NOW, "upgrade", "node", *options)
    assert upgraded.returncode == 0, upgraded.stdout + upgraded.stderr
    assert f"unknown flag: {FLAG}" in kubelet(worker).stderr
    subprocess.run(["sh", "-c", by_hand.replace(KUBEADM_FLAGS, shlex.quote(str(flags_of(worker))))], check=True)
    done = kubelet(worker)
    assert (done.returncode, done.stdout.strip()) == (0, f"Kubernetes v{NOW}")
