"""The table of feature gates against what the programs say."""

from __future__ import annotations

import re
from itertools import cycle

import pytest

from kubepreflight.knowledge.feature_gates import FeatureGates, GateState
from kubepreflight.version import Minor
from tests.real.machine import Machine
from tests.real.tables import PROGRAMS, VERSIONS, Question, differing, minor, said

GATES = FeatureGates.provide()
IN_HELP = re.compile(r"(?:kube:)?(\w+)=true\|false \((\w+) - default=(true|false)\)")
STOPS = {"kube-proxy": "--proxy-mode=nope", "kubelet": "--max-pods=-1"}
"""With these the others read their gates and end: a version that is asked for comes before them."""

RECENT = Minor(1, 30)
"""What went before is refused as well, but nobody needs to see it of every gate."""


def known(program: str, version: str) -> dict[str, GateState]:
    states = ((gate, GATES.state(program, gate, minor(version))) for gate in GATES.gates(program))
    return {gate: state for gate, state in states if state is not None}


def of_gates(machine: Machine, program: str, version: str, *settings: str) -> str:
    """What the program says of these settings of its gates."""
    return said(machine, program, version, f"--feature-gates={','.join(settings)}", STOPS.get(program, "--version"))


def setting(gate: str, value: bool) -> str:
    return f"{gate}={str(value).lower()}"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("program", [*PROGRAMS, "kubeadm"])
def test_help_shows_the_gates_that_may_change(program: str, version: str, machine: Machine) -> None:
    arguments = ("init", "--help") if program == "kubeadm" else ("--help",)
    # Behind what a gate is there may stand what it would be with another --min-compatibility-version.
    shown = {
        gate: (stage.lower(), default == "true")
        for gate, stage, default in reversed(IN_HELP.findall(said(machine, program, version, *arguments)))
    }
    expected = {gate: (state.stage, state.default) for gate, state in known(program, version).items()}
    stages = {"alpha", "beta", "deprecated"} if program == "kubeadm" else {"alpha", "beta"}
    assert shown == {gate: state for gate, state in expected.items() if state[0] in stages}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_each_program_takes_every_gate_that_it_knows(program: str, version: str, machine: Machine) -> None:
    gates = {gate: state for gate, state in known(program, version).items() if gate not in {"AllAlpha", "AllBeta"}}
    told = of_gates(machine, program, version, *(setting(gate, state.default) for gate, state in gates.items()))
    assert "unrecognized feature gate" not in told
    assert "is locked to" not in told
    assert "setting GA feature gate" in told  # it came so far


@pytest.mark.parametrize("version", VERSIONS)
def test_what_the_table_says_to_be_gone_is_refused(version: str, machine: Machine) -> None:
    # One table of gates is linked into all programs: each gate is asked of one of them, in turn.
    gone = {
        (program, gate)
        for program, gate in zip(cycle(PROGRAMS), sorted(set(GATES.gates("kubelet"))), strict=False)
        if (removed := GATES.removed(program, gate)) and RECENT <= removed <= minor(version)
    }

    def is_refused(question: Question) -> bool:
        program, gate = question
        return f"unrecognized feature gate: {gate}" in of_gates(machine, program, version, f"{gate}=true")

    assert len(gone) > 80
    assert differing(gone, is_refused) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_a_locked_gate_is_refused_its_other_value(version: str, machine: Machine) -> None:
    locked = {
        (program, gate) for program in PROGRAMS for gate, state in known(program, version).items() if state.locked
    }
    asked = {one for number, one in enumerate(sorted(locked)) if number % len(PROGRAMS) == 0}

    def is_refused(question: Question) -> bool:
        program, gate = question
        default = known(program, version)[gate].default
        words = f"cannot set feature gate {setting(gate, not default).replace('=', ' to ')}, feature is locked to"
        return words in of_gates(machine, program, version, setting(gate, not default))

    assert len(asked) > 50
    assert differing(asked, is_refused) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_a_gate_that_is_not_locked_takes_both_values(version: str, machine: Machine) -> None:
    free = [gate for gate, state in known("kubelet", version).items() if state.stage == "ga" and not state.locked]
    for gate in free:
        told = of_gates(machine, "kubelet", version, setting(gate, value=False))
        assert (gate, "is locked to" in told) == (gate, False)
