"""Every urgent note of upstream's has a rule that looks at it, or a reason why none does."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime

import msgspec
import pytest

from kubepreflight.finding import Hop
from kubepreflight.knowledge.default_changes import DefaultChanges
from kubepreflight.knowledge.feature_gates import CORE_PROGRAMS, FeatureGates
from kubepreflight.knowledge.flags import Flags
from kubepreflight.knowledge.upgrade_notes import UpgradeNote, UpgradeNotes
from kubepreflight.knowledge.urgent_notes import UrgentNote, UrgentNotes
from kubepreflight.rule import load_rules
from kubepreflight.semantics.default_signs import DefaultSigns
from kubepreflight.semantics.kubeadm_files import ComponentConfiguration
from kubepreflight.semantics.signs import Signs
from kubepreflight.semantics.upgrade_signs import UpgradeSigns
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Minor, Version

NOTES = UpgradeNotes.provide().notes
URGENT = UrgentNotes.provide().rows
CHANGES = DefaultChanges.provide()
RULES = {rule.name for rule in load_rules()}


@pytest.mark.parametrize("row", URGENT, ids=lambda row: f"{row.at} {row.what}")
def test_no_row_is_dropped_silently(row: UrgentNote) -> None:
    assert bool(row.by) != bool(row.why)
    assert not row.by or row.by in RULES


def test_every_minor_since_1_24_was_looked_through() -> None:
    assert {row.at for row in URGENT} == {Minor(1, minor) for minor in range(24, 39)}


@pytest.mark.parametrize("note", NOTES, ids=lambda note: f"{note.at} {note.name}")
def test_each_note_is_sane(note: UpgradeNote) -> None:
    assert note.source.startswith("https://")
    assert "{" not in note.message.replace("{what}", "")
    assert note.remedy
    assert sum(map(bool, (note.flag, note.gate, note.field, note.metrics))) <= 1
    assert note.is_setting or f'"{note.name}"' in inspect.getsource(UpgradeSigns.provide)
    assert any(row.by == "urgent-upgrade-note" and row.at <= note.at for row in URGENT)


@pytest.mark.parametrize("note", [one for one in NOTES if one.field], ids=lambda note: f"{note.at} {note.name}")
def test_each_field_is_read_of_files_too(note: UpgradeNote) -> None:
    kinds = (one for one in ComponentConfiguration.__subclasses__() if one.component in note.components)
    assert all(note.field in {field.encode_name for field in msgspec.structs.fields(kind)} for kind in kinds)


@pytest.mark.parametrize(
    "change", [one for one in CHANGES.notes if one.switch], ids=lambda change: f"{change.at} {change.name}"
)
def test_each_default_is_switched_by_its_gate_at_that_minor(change: UpgradeNote) -> None:
    assert f'"{change.name}"' in inspect.getsource(DefaultSigns.provide)
    gates = FeatureGates.provide()
    programs = [one for one in CORE_PROGRAMS if gates.state(one, change.switch, change.at) is not None]
    assert programs
    for program in programs:
        before = gates.state(program, change.switch, change.at.plus(-1))
        after = gates.state(program, change.switch, change.at)
        assert after is not None
        assert after.since == change.at
        if before is not None:
            assert before.default != after.default


def test_a_default_without_a_gate_is_that_of_a_flag() -> None:
    flags = Flags.provide()
    for change in (one for one in CHANGES.notes if not one.switch):
        assert change.lacks
        for component in change.components:
            assert all(flags.find(component, name) for name in (change.flag, *change.lacks))


def test_a_note_of_the_users_own_that_nobody_looks_for_is_said_to_be_unseen() -> None:
    own = msgspec.structs.replace(next(one for one in NOTES if not one.is_setting), name="own", at=Minor(1, 37))
    start = datetime(2026, 11, 27, tzinfo=UTC)
    hop = Hop(Minor(1, 36), Minor(1, 37))
    upgrade = Upgrade(current=None, target=Version(1, 37), hops=(hop,), start=start, end=start)
    signs = Signs.of([own], upgrade, {})
    assert (signs.found, signs.unseen) == ({"own": ()}, {"what shows it": ("own",)})
