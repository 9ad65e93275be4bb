"""What the table of gates that need others says to be refused, the programs refuse, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import cycle

import pytest
import yaml

from kubepreflight.finding import Hop, Subject
from kubepreflight.knowledge.feature_gate_dependencies import FeatureGateDependencies
from kubepreflight.knowledge.feature_gates import FeatureGates
from kubepreflight.semantics.gate_conflicts import GateConflicts
from kubepreflight.semantics.gates_in_force import GatesInForce
from kubepreflight.semantics.setting import Place, Setting, Where
from kubepreflight.semantics.settings import Settings
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Version
from tests.real.machine import Machine
from tests.real.tables import ENDS, PROGRAMS, VERSIONS, differing, minor, said

GATES, DEPENDENCIES = FeatureGates.provide(), FeatureGateDependencies.provide()
TOLD = re.compile(r"(\w+) is enabled, but depends on features that are disabled: \[([\w ]+)\]")
GROUPS = ("AllAlpha=true", "AllAlpha=true,AllBeta=true", "AllAlpha=true,AllBeta=false", "AllBeta=false", "AllBeta=true")

Values = Mapping[str, bool]
Lacking = Mapping[str, set[str]]
"""The gates that are on, each with those that it needs and that are off."""


def in_force(program: str, version: str, values: Values, behind: int = 0) -> GatesInForce:
    return GatesInForce(GATES, DEPENDENCIES, program, minor(version), values, minor(version).plus(-behind))


def expected(gates: GatesInForce) -> Lacking:
    found: dict[str, set[str]] = {}
    for one in gates.unmet():
        found.setdefault(one.gate, set()).add(one.needed)
    return found


def told(machine: Machine, program: str, version: str, *arguments: str) -> Lacking:
    words = said(machine, program, version, *arguments, *ENDS[program])
    return {gate: set(needed.split()) for gate, needed in TOLD.findall(words)}


def text_of(values: Values) -> str:
    return ",".join(f"{gate}={str(value).lower()}" for gate, value in values.items())


def values_of(text: str) -> Values:
    return {gate: value == "true" for gate, _, value in (item.partition("=") for item in text.split(","))}


def each_against_its_default(version: str) -> Iterator[tuple[str, str]]:
    """Every gate that needs another or is needed, asked of one program, in turn; and with what must be set likewise."""
    needs = DEPENDENCIES.at(minor(version))
    named = sorted({*needs, *(needed for all_needed in needs.values() for needed in all_needed)})
    for program, gate in zip(cycle(PROGRAMS), named, strict=False):
        state = GATES.state(program, gate, minor(version))
        if state is not None and not state.locked:
            values = {gate: not state.default}
            yield program, text_of(values)
            likewise = in_force(program, version, values).to_set_likewise(gate)
            yield program, text_of(values | dict.fromkeys(sorted(likewise), not state.default))


@pytest.mark.parametrize("version", VERSIONS)
def test_each_gate_and_those_of_a_stage(version: str, machine: Machine) -> None:
    asked = {*each_against_its_default(version), *((program, group) for program in PROGRAMS for group in GROUPS)}
    refused = {one for one in asked if expected(in_force(one[0], version, values_of(one[1])))}
    assert len(asked) > 80
    assert 10 < len(refused) < len(asked) / 2

    def agrees(question: tuple[str, str]) -> bool:
        program, gates = question
        found = told(machine, program, version, f"--feature-gates={gates}")
        return found == expected(in_force(program, version, values_of(gates)))

    assert differing(asked, agrees) == []


@pytest.mark.parametrize("behind", [1, 2])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_program_that_behaves_as_an_older_one(version: str, behind: int, machine: Machine) -> None:
    program = "kube-scheduler"
    gates = {gates for one, gates in each_against_its_default(version) if "," not in gates and one == program}
    # No AllAlpha: a newer program calls gates alpha in the older one that this did not know yet.
    gates |= {"APIServerIdentity=false", "GracefulNodeShutdown=false", "ClusterTrustBundle=false", "AllBeta=false"}
    emulated = f"--emulated-version={minor(version).plus(-behind)}"

    def agrees(question: tuple[str, str]) -> bool:
        values = values_of(question[1])
        found = told(machine, program, version, f"--feature-gates={question[1]}", emulated)
        return found == expected(in_force(program, version, values, behind))

    assert differing({(program, one) for one in gates}, agrees) == []


ON, OFF = {"APIServerIdentity": True}, {"APIServerIdentity": False}
OTHER_OFF = {"UnknownVersionInteroperabilityProxy": False}
"""The gate that needs the former."""


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("config", "drop_in", "flags"),
    [
        (OFF, {}, {}),
        ({}, OFF, {}),
        ({}, {}, OFF),
        (OFF, {}, OTHER_OFF),
        (OTHER_OFF, {}, OFF),
        (OFF, OTHER_OFF, {}),
        (OTHER_OFF, OFF, {}),
        (OFF, ON, {}),
        (OFF, {}, ON),
        (OFF, ON, OTHER_OFF),
        ({**OFF, **OTHER_OFF}, {}, {"UnknownVersionInteroperabilityProxy": True}),
        (OTHER_OFF, OFF, OTHER_OFF),
    ],
)
def test_a_kubelet_looks_several_times(
    config: Values, drop_in: Values, flags: Values, version: str, machine: Machine
) -> None:
    kind = {"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration"}
    paths = {"/kubelet.yaml": config, "/kubelet.d/1.conf": drop_in}
    for path, values in paths.items():
        file = machine.root / path.lstrip("/")
        file.parent.mkdir(exist_ok=True)
        file.write_text(yaml.safe_dump({**kind, "featureGates": dict(values)}))
    given = [f"--feature-gates={text_of(flags)}"] if flags else []
    given += ["--config=/kubelet.yaml", "--config-dir=/kubelet.d"]
    settings = [
        *(setting(gate, value, "featureGates." + gate, "/kubelet.yaml") for gate, value in config.items()),
        *(setting(gate, value, "featureGates." + gate, "/kubelet.d/1.conf") for gate, value in drop_in.items()),
        *(setting(gate, value, "--feature-gates", "") for gate, value in flags.items()),
    ]
    start = minor(version).plus(-1)
    day = datetime(2026, 11, 27, tzinfo=UTC)
    plan = Upgrade(current=None, target=Version.parse(version), hops=(Hop(start, minor(version)),), start=day, end=day)
    pending = Settings(flags=(), gates=tuple(settings), documents=())
    judged = GateConflicts.provide(pending, GATES, DEPENDENCIES, plan)
    assert bool(told(machine, "kubelet", version, *given)) is bool(judged.all)


def setting(gate: str, value: bool, entry: str, file: str) -> Setting:
    place = Place(Where.NODE, Subject(node="w1", file=file), entry=entry, is_pending=True)
    return Setting(component="kubelet", name=gate, value=str(value).lower(), place=place)
