"""What is said of notes about an upgrade that show in a cluster: in its objects, or in how its programs are started."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kubepreflight.finding import NOTE, Finding, Gap, Hop, Subject, cannot_check, finding
from kubepreflight.knowledge.upgrade_notes import UpgradeNote
from kubepreflight.semantics.setting import KUBEADM, Setting, Where, told_in
from kubepreflight.semantics.setting_words import bites, edits, phase_of, stands, subject_of
from kubepreflight.semantics.settings import Settings
from kubepreflight.semantics.several import common_subject, full_name, listed
from kubepreflight.semantics.signs import Signs, is_due
from kubepreflight.upgrade import Upgrade


def findings_of(
    notes: Sequence[UpgradeNote], signs: Signs, settings: Settings | None, upgrade: Upgrade
) -> Iterator[Finding | Gap]:
    """A finding for each note that matters here, under its name, and what could not be looked at."""
    asks_settings = any(
        is_due(note, upgrade) and (note.is_setting or (note.switch and signs.found.get(note.name))) for note in notes
    )
    if settings is not None:
        yield from settings.gaps if asks_settings else ()
        for note in notes:
            if note.is_setting:
                yield from _of_settings(note, settings, upgrade)
    elif asks_settings:
        yield cannot_check("settings", "nothing that was given tells how Kubernetes' programs are started")
    for note in notes:
        if signs.found.get(note.name) and not _is_set(note, settings):
            yield _of_objects(note, signs.found[note.name], upgrade)
    for label, names in signs.unseen.items():
        matter = f"{listed(names, 'or')} matters"
        yield cannot_check(label, f"nothing that was given holds {label}: whether {matter} is not known")


def _is_set(note: UpgradeNote, settings: Settings | None) -> bool:
    """Whether the gate of the note is set for any program, so that its default says nothing."""
    return bool(note.switch) and any(one.name == note.switch for one in (settings.gates if settings else ()))


def _of_settings(note: UpgradeNote, settings: Settings, upgrade: Upgrade) -> Iterator[Finding]:
    there = [one for one in _named(note, settings) if _is_meant(one, note)]
    hops = {one: hop for one in there if (hop := bites(one, note.at, upgrade))}
    if note.lacks:
        # Of what comes with the upgrade nobody relies on what was so before.
        hops = {one: hop for one, hop in hops.items() if is_due(note, upgrade) and _lacks(one, note, settings)}
    if hops:
        yield _setting(note, list(hops), min(hops.values()))


def _lacks(one: Setting, note: UpgradeNote, settings: Settings) -> bool:
    """Whether one of the note's flags is not set beside it, for the same program."""
    beside = {flag.name for flag in settings.flags if flag.component == one.component and told_in(flag) == told_in(one)}
    return not beside.issuperset(note.lacks)


def _named(note: UpgradeNote, settings: Settings) -> Iterator[Setting]:
    if note.flag:
        yield from (one for one in settings.flags if one.name == note.flag)
    if note.gate:
        yield from (one for one in settings.gates if one.name == note.gate and not _is_refused(one))
    for document in settings.documents if note.field else ():
        if note.field in document.values:
            value, place = str(document.values[note.field]), document.at(note.field)
            yield Setting(component=document.component, name=note.field, value=value, place=place)


def _is_refused(gate: Setting) -> bool:
    """Whether kubeadm is given a file with a gate of its own, and refuses what it does not know: that has a rule."""
    return gate.component == KUBEADM and gate.place.where is Where.FILE


def _is_meant(one: Setting, note: UpgradeNote) -> bool:
    if note.components and one.component not in note.components:
        return False
    if one.value in note.others_than:
        return False
    return not note.values or one.value in note.values or (one.switch is True and "true" in note.values)


def _setting(note: UpgradeNote, there: Sequence[Setting], hop: Hop) -> Finding:
    what = f"--{note.flag}" if note.flag else note.gate or note.field
    return finding(
        subject_of(there, note.name),
        note.message.replace("{what}", stands(there)),
        # What is worth knowing only needs no edit, and where something lacks nothing is taken out.
        remedy=note.remedy if note.severity is NOTE or note.lacks else f"{note.remedy}\n{edits(there, what)}",
        places=[one.place.subject for one in there],
        evidence={"values": sorted({one.value for one in there})},
        severity=note.severity,
        phase=note.phase or phase_of(there),
        hop=hop,
        references=(note.source,),
    )


def _of_objects(note: UpgradeNote, subjects: Sequence[Subject], upgrade: Upgrade) -> Finding:
    names = listed(full_name(one) for one in subjects)
    kinds = listed(sorted({one.kind for one in subjects}))
    return finding(
        common_subject(subjects, note.name),
        note.message.replace("{what}", f"{kinds} {names}"),
        remedy=note.remedy,
        places=subjects,
        severity=note.severity,
        phase=note.phase,
        hop=upgrade.hop_to(note.at),
        references=(note.source,),
    )
