"""The real kubeadm says which files of patches it leaves out, and which it refuses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kubepreflight.knowledge.patches import PatchNames
from kubepreflight.version import Minor
from tests.real.machine import Machine

NAMES = (
    *("kube-apiserver.yaml", "kube-apiserver.yml", "kube-apiserver0+merge.yaml", "kube-apiserver+json.json"),
    *("etcd.json", "apiserver.yaml", "kubeletconfiguration+strategic.yaml", "kubelet-config.yaml", "README.md"),
    *(
        "corednsdeployment.yaml",
        "kubeproxydaemonset.yaml",
        "kube-schedulerX.yaml",
        "kube-scheduler.d.yaml",
        ".etcd.yaml",
    ),
    *("etcd+patch.yaml", "etcd+.yaml", "etcd.x+patch.yaml", "etcd+merge2.yaml"),
)


@pytest.mark.parametrize("version", ["1.36.3", "1.37.2"])
@pytest.mark.parametrize("name", NAMES)
def test_names_are_taken_as_kubeadm_takes_them(name: str, version: str, tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    (tmp_path / "patches").mkdir()
    (tmp_path / "patches" / name).write_text("{}\n")
    phase = ("init", "phase", "control-plane", "scheduler", "--patches=/patches", "--dry-run")
    done = machine.run("kubeadm", version, *phase, f"--kubernetes-version=v{version}")
    known, minor = PatchNames.provide(), Minor.parse(version)
    refused = "unknown or missing patch type" in done.stderr
    left_out = re.search(r"Ignored the following files: \[(.*)\]", done.stdout) is not None
    assert refused or "[patches] Reading patches from path" in done.stdout, done.stderr
    assert (known.is_left_out(name, minor), known.is_refused(name, minor)) == (left_out, refused)
