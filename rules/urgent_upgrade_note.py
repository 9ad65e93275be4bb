"""What upstream's release notes ask to look at before an upgrade, as far as no other rule does."""

from collections.abc import Iterator, Sequence

from kubepreflight.finding import BLOCKER, Finding, Gap, Hop, Subject, cannot_check, finding
from kubepreflight.knowledge.upgrade_notes import UpgradeNote, UpgradeNotes
from kubepreflight.rule import rule
from kubepreflight.semantics.setting import Setting
from kubepreflight.semantics.setting_words import (
    bites,
    consequences,
    edits,
    only_files,
    phase_of,
    severity_of,
    stands,
    subject_of,
)
from kubepreflight.semantics.settings import Settings
from kubepreflight.semantics.several import common_subject, listed
from kubepreflight.semantics.upgrade_signs import UpgradeSigns, is_due
from kubepreflight.upgrade import Upgrade


@rule(severity=BLOCKER, area="apis", phase="control-plane-upgrade")
def urgent_upgrade_note(
    notes: UpgradeNotes, signs: UpgradeSigns, upgrade: Upgrade, settings: Settings | None = None
) -> Iterator[Finding | Gap]:
    """Upstream's release notes ask for something before this upgrade.

    Why: each minor comes with notes that one must read before the upgrade, and they are long. Here those are looked
    at that show in this cluster, and are no other rule's matter. Each has a name of its own, under which it is
    reported.

    What happens: what the note says. A blocker where a program of the target does not start: a lock of leader
    election that is gone, a cloud provider that is no longer built in, AllAlpha without AllBeta. A warning where
    something stops working without a word: flexVolumes without their drivers' folder, alerts on metrics that have
    another name, permissions that no longer suffice, objects of an alpha version that must be deleted before,
    eventRecordQPS 0. A note where something is only deprecated.

    When it stays silent: no hop of the plan comes to the note's minor; or nothing of what it is about is there.
    Dashboards, lists of allowed registries, and whatever is not in the cluster are not looked at; the table
    `upgrade-notes` says of every urgent note since 1.24 which rule looks at it, and why none does.

    How to see it yourself: https://github.com/kubernetes/kubernetes/tree/master/CHANGELOG, "Urgent Upgrade Notes"

    References:
        https://github.com/kubernetes/kubernetes/tree/master/CHANGELOG
        https://kubernetes.io/docs/reference/using-api/deprecation-policy/

    """
    told = [note for note in notes.notes if note.is_setting]
    if settings is not None:
        yield from settings.gaps if any(is_due(note, upgrade) for note in told) else ()
        for note in told:
            yield from _of_settings(note, settings, upgrade)
    elif any(is_due(note, upgrade) for note in told):
        yield cannot_check("settings", "nothing that was given tells how Kubernetes' programs are started")
    for note in notes.notes:
        if signs.found.get(note.name) and is_due(note, upgrade):
            yield _of_objects(note, signs.found[note.name], upgrade)
    for name, label in signs.unseen.items():
        yield cannot_check(label, f"nothing that was given holds {label}: whether the note {name} is due is not known")


def _of_settings(note: UpgradeNote, settings: Settings, upgrade: Upgrade) -> Iterator[Finding]:
    there = [one for one in _named(note, settings) if _is_meant(one, note) and not _is_excepted(one, note, settings)]
    hops = {one: hop for one in there if (hop := bites(one, note.at, upgrade))}
    if hops:
        yield _setting(note, list(hops), min(hops.values()))


def _named(note: UpgradeNote, settings: Settings) -> Iterator[Setting]:
    if note.flag:
        yield from (one for one in settings.flags if one.name == note.flag)
    if note.gate:
        yield from (one for one in settings.gates if one.name == note.gate)
    for document in settings.documents if note.field else ():
        if note.field in document.values:
            value, place = str(document.values[note.field]), document.at(note.field)
            yield Setting(component=document.component, name=note.field, value=value, place=place)


def _is_meant(one: Setting, note: UpgradeNote) -> bool:
    if note.components and one.component not in note.components:
        return False
    return not note.values or one.value in note.values or (one.switch is True and "true" in note.values)


def _is_excepted(one: Setting, note: UpgradeNote, settings: Settings) -> bool:
    but = note.unless
    return but is not None and any(
        (gate.component, gate.name, gate.switch) == (one.component, but.gate, but.value) for gate in settings.gates
    )


def _setting(note: UpgradeNote, there: Sequence[Setting], hop: Hop) -> Finding:
    is_blocker = note.severity is BLOCKER
    told = note.message.replace("{what}", stands(there))
    what = f"--{note.flag}" if note.flag else note.gate or note.field
    return finding(
        subject_of(there, note.name),
        f"{told} {consequences(there, hop)}{only_files(there)}" if is_blocker else told,
        remedy=f"{note.remedy}\n{edits(there, what)}" if note.flag or note.gate else note.remedy,
        places=[one.place.subject for one in there],
        evidence={"values": sorted({one.value for one in there})},
        severity=severity_of(there) if is_blocker else note.severity,
        phase=note.phase or phase_of(there),
        hop=hop,
        references=(note.source,),
    )


def _of_objects(note: UpgradeNote, subjects: Sequence[Subject], upgrade: Upgrade) -> Finding:
    names = listed(f"{one.namespace}/{one.name}" if one.namespace else one.name for one in subjects)
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
