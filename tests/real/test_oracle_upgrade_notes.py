"""What urgent-upgrade-note says that programs refuse, the programs refuse, from the minor on that the table names."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from kubepreflight.knowledge.upgrade_notes import UpgradeNotes
from kubepreflight.version import Minor, Version
from tests.real.machine import Machine
from tests.real.tables import VERSIONS

ENDS: Mapping[str, tuple[str, ...]] = {
    # With these each program looks at all its flags and gates, and ends before it does anything else.
    "kube-apiserver": ("--etcd-servers=http://127.0.0.1:1", "--cert-dir=/tmp"),
    "kube-controller-manager": ("--kubeconfig=/none",),
    "kube-scheduler": ("--kubeconfig=/none",),
    "kube-proxy": ("--kubeconfig=/none",),
    "kubelet": ("--kubeconfig=/none", "--fail-cgroupv1=false"),
}


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return Machine(tmp_path_factory.mktemp("empty-"))


def refusing(machine: Machine, program: str, argument: str, word: str) -> set[str]:
    """The versions that end because of an argument, in these words."""
    said = {version: machine.run(program, version, argument, *ENDS[program]).stderr for version in VERSIONS}
    return {version for version in VERSIONS if word in said[version]}


def from_on(minor: Minor) -> set[str]:
    return {version for version in VERSIONS if Version.parse(version).minor_version >= minor}


@pytest.mark.parametrize("program", ENDS)
def test_all_alpha(program: str, machine: Machine) -> None:
    (note,) = (one for one in UpgradeNotes.provide().notes if one.name == "all-alpha")
    words = "depends on features that are disabled"
    assert refusing(machine, program, "--feature-gates=AllAlpha=true", words) == from_on(note.at)
    assert refusing(machine, program, "--feature-gates=AllAlpha=true,AllBeta=true", words) == set()
