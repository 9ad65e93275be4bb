"""Which gates are on without what they need, and what mends that."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from kubepreflight.knowledge.feature_gate_dependencies import FeatureGateDependencies
from kubepreflight.knowledge.feature_gates import CORE_PROGRAMS, FeatureGates
from kubepreflight.semantics.gates_in_force import GatesInForce
from kubepreflight.version import Minor

GATES, DEPENDENCIES = FeatureGates.provide(), FeatureGateDependencies.provide()
MINORS = [Minor(1, minor) for minor in range(34, DEPENDENCIES.info.end.minor + 1)]


def in_force(minor: Minor, values: Mapping[str, bool], program: str = "kubelet") -> GatesInForce:
    return GatesInForce(GATES, DEPENDENCIES, program, minor, values, minor)


@pytest.mark.parametrize(
    ("minor", "values", "unmet"),
    [
        ("1.34", {"GracefulNodeShutdown": False}, set()),
        ("1.36", {"APIServerIdentity": False}, {("UnknownVersionInteroperabilityProxy", "APIServerIdentity")}),
        ("1.35", {"APIServerIdentity": False}, set()),
        ("1.36", {"APIServerIdentity": False, "UnknownVersionInteroperabilityProxy": False}, set()),
        ("1.36", {"APIServerIdentity": True, "AllBeta": False}, set()),
        ("1.36", {"StorageVersionAPI": True, "AllBeta": False}, {("StorageVersionAPI", "APIServerIdentity")}),
        ("1.37", {"DynamicResourceAllocation": False}, set()),  # it is locked
        ("1.35", {"NoSuchGate": True}, set()),
    ],
)
def test_what_is_unmet(minor: str, values: Mapping[str, bool], unmet: set[tuple[str, str]]) -> None:
    assert {(one.gate, one.needed) for one in in_force(Minor.parse(minor), values).unmet()} == unmet


@pytest.mark.parametrize(
    ("values", "cause"),
    [
        ({"APIServerIdentity": False, "UnknownVersionInteroperabilityProxy": True}, "APIServerIdentity"),
        ({"StorageVersionAPI": True, "AllBeta": False}, "StorageVersionAPI"),
        ({"AllAlpha": True, "AllBeta": False}, "AllAlpha"),
        ({"GangScheduling": True, "GenericWorkload": False}, "GangScheduling"),  # the other one is off anyhow
    ],
)
def test_the_cause_is_what_could_be_taken_out(values: Mapping[str, bool], cause: str) -> None:
    assert {one.cause for one in in_force(Minor(1, 36), values).unmet()} == {cause}


def test_what_must_be_set_likewise_is_found_through_others() -> None:
    gates = in_force(Minor(1, 36), {"WorkloadAwarePreemption": True})
    assert gates.to_set_likewise("WorkloadAwarePreemption") == {"GangScheduling", "GenericWorkload"}


@pytest.mark.parametrize("minor", MINORS, ids=str)
@pytest.mark.parametrize("program", sorted(CORE_PROGRAMS))
def test_each_single_gate_can_be_mended(program: str, minor: Minor) -> None:
    needs = DEPENDENCIES.at(minor)
    assert bool(needs) is (minor >= Minor(1, 35))
    assert list(in_force(minor, {}, program).unmet()) == []
    for gate in {*needs, *(needed for all_needed in needs.values() for needed in all_needed)}:
        assert GATES.state(program, gate, minor) is not None
        for value in (True, False):
            likewise = in_force(minor, {gate: value}, program).to_set_likewise(gate)
            mended = in_force(minor, {gate: value, **dict.fromkeys(likewise, value)}, program)
            assert list(mended.unmet()) == []
