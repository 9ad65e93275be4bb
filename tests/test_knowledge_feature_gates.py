"""Which gates a program knows, and what the table's own words are worth."""

from pathlib import Path

import pytest

from kubepreflight.errors import KnowledgeError
from kubepreflight.knowledge.feature_gates import CORE_PROGRAMS, FeatureGates, GateState
from kubepreflight.version import Minor

GATES = FeatureGates.provide()
PROGRAMS = sorted(CORE_PROGRAMS | {"kubeadm"})


@pytest.mark.parametrize(
    ("component", "gate", "minor", "state"),
    [
        ("kubelet", "SidecarContainers", "1.27", None),
        ("kubelet", "SidecarContainers", "1.28", "1.28 alpha off"),
        ("kubelet", "SidecarContainers", "1.32", "1.29 beta on"),
        ("kubelet", "SidecarContainers", "1.36", "1.33 ga on locked"),
        ("kubelet", "SidecarContainers", "1.37", None),
        ("kube-apiserver", "AllAlpha", "1.37", "1.15 alpha off"),
        ("kube-proxy", "ContextualLogging", "1.26", None),
        ("kube-scheduler", "ContextualLogging", "1.26", "1.24 alpha off"),
        ("kube-scheduler", "RootlessControlPlane", "1.37", None),
        ("kubeadm", "RootlessControlPlane", "1.37", "1.22 alpha off"),
        ("kubeadm", "SidecarContainers", "1.30", None),
        ("kubelet", "DRAFractionalCapacityRange", "1.37", "1.37 beta off"),  # on only without compatibility with 1.36
        ("kubelet", "NoSuchGate", "1.30", None),
        ("coredns", "SidecarContainers", "1.30", None),
    ],
)
def test_state(component: str, gate: str, minor: str, state: str | None) -> None:
    found = GATES.state(component, gate, Minor.parse(minor))
    assert (found and words(found)) == state


def words(state: GateState) -> str:
    return f"{state.since} {state.stage} {'on' if state.default else 'off'}{' locked' if state.locked else ''}"


def test_when_a_gate_came_and_went() -> None:
    assert GATES.introduced("kubelet", "SidecarContainers") == (1, 28)
    assert GATES.removed("kubelet", "SidecarContainers") == (1, 37)
    assert GATES.removed("kubelet", "AllAlpha") is None
    assert GATES.introduced("kubelet", "NoSuchGate") is GATES.removed("kubelet", "NoSuchGate") is None


@pytest.mark.parametrize("component", PROGRAMS)
def test_every_history_can_be_read(component: str) -> None:
    newest = GATES.info.end
    for gate in GATES.gates(component):
        introduced, removed = GATES.introduced(component, gate), GATES.removed(component, gate)
        assert introduced is not None
        assert GATES.state(component, gate, introduced) is not None
        assert (GATES.state(component, gate, newest) is None) == (removed is not None)


def test_a_history_that_cannot_be_read_is_no_history(tmp_path: Path) -> None:
    path = tmp_path / "feature_gates.csv"
    head = "# verified: 1.16 to 1.37 on 2026-11-27\ncomponent,gate,history\n"
    path.write_text(head + "core,Odd,1.20 beta perhaps\n", encoding="utf-8")
    with pytest.raises(KnowledgeError, match=r"1\.20 beta perhaps"):
        FeatureGates.load(path).state("kubelet", "Odd", Minor(1, 30))
