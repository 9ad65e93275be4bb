"""Configuration files of Kubernetes' programs, in versions or with fields that the upgrade takes away."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from kubepreflight.finding import BLOCKER, WARNING, Finding, Gap, Hop, Subject, cannot_check, finding
from kubepreflight.host.kubelet import below
from kubepreflight.knowledge.component_config import ComponentConfig, ConfigKind
from kubepreflight.rule import rule
from kubepreflight.semantics.config_files import PROGRAMS, NamedFile, going, named_files
from kubepreflight.semantics.setting import Document, Setting
from kubepreflight.semantics.setting_words import bites, consequences, edits, phase_of, severity_of, stands, subject_of
from kubepreflight.semantics.settings import Settings
from kubepreflight.semantics.several import common_subject, listed
from kubepreflight.snapshot import ManifestHeaders
from kubepreflight.upgrade import Upgrade
from kubepreflight.visible import visible

LONGEST = 200
NO_EFFECT: tuple[Any, ...] = (None, "", "0s", 0, False, [], {})


@rule(severity=BLOCKER, area="configuration", phase="control-plane-upgrade")
def component_config_removed(
    settings: Settings, table: ComponentConfig, upgrade: Upgrade, headers: ManifestHeaders | None = None
) -> Iterator[Finding | Gap]:
    """A configuration file has a version or a field that the target's program does not read.

    Why: the scheduler, the API server, the kubelet and kube-proxy read files of their own, whose versions come and go
    like those of the API; but no server converts them, and kubeadm only moves files of its own.

    What happens: a program that does not know the version of its file does not start (`no kind "…" is registered for
    version "…"`); kubeadm waits in vain for the static pod, and goes back. A field that is gone stops a scheduler
    (`strict decoding error: unknown field`). The kubelet and kube-proxy log that they decode leniently and go on
    without it: what it did, it does no more, which is a warning. So is a file that was only seen in the manifests,
    unless a flag in kubeadm-config names a file of its kind that is called like it.

    When it stays silent: every program on the way reads the version, or today's does not read it already; a field is
    empty, 0 or false, as kubeadm writes those that say nothing. Files that lie on the control-plane nodes are not
    collected: where a flag names one of a kind of which a version goes in this plan, that is a gap. Fields of files in
    manifests are not looked at. kubeadm's own files are not its matter.

    How to see it yourself: kubectl -n kube-system get configmap kubelet-config kube-proxy -o yaml, and on a
    control-plane node: grep -E -- '--[a-z-]*config[a-z-]*=|policy-file=' /etc/kubernetes/manifests/*

    References:
        https://kubernetes.io/docs/reference/scheduling/config/
        https://kubernetes.io/docs/reference/config-api/
        https://kubernetes.io/docs/tasks/administer-cluster/kubelet-config-file/

    """
    yield from settings.gaps
    files = list(named_files(settings.flags))
    in_files: dict[ConfigKind, list[Subject]] = {}
    for header in headers.all if headers else ():
        row = table.find(header.api_version, header.kind)
        if row is not None and row.program in PROGRAMS:
            in_files.setdefault(row, []).append(header.subject)
    for row, subjects in in_files.items():
        hop = upgrade.hop_that_brings(row.removed) if row.removed else None
        if hop:
            yield _version(row, subjects, hop, used=[one for one in files if row.kind in one.kinds])
    fields: dict[tuple[str, str], list[LostField]] = {}
    for lost in _lost(settings.documents, table, upgrade):
        fields.setdefault((lost.setting.component, lost.setting.name), []).append(lost)
    yield from map(_field, fields.values())
    for one in files:
        gone = going(one.kinds, table, upgrade)
        if gone and not any(row.kind in one.kinds and _is_called_alike(one, given) for row, given in in_files.items()):
            yield _not_collected(one, gone)


def _not_collected(file: NamedFile, gone: list[ConfigKind]) -> Gap:
    versions = listed(row.api_version for row in gone)
    return cannot_check(
        "configuration files",
        f"--{file.flag.name} names {visible(file.flag.value)[:LONGEST]}, which is not collected; what goes in this "
        f"plan: {versions}",
        subject=file.flag.component,
        how="give a copy of it, under that name, as a manifest: kubepreflight scan --live FILE",
    )


def _version(row: ConfigKind, places: list[Subject], hop: Hop, *, used: list[NamedFile]) -> Finding:
    named = ""
    if used:
        named = f" {used[0].flag.component} is told to read such a file (--{used[0].flag.name})."
    instead = f"Write apiVersion: {row.replacement_version}" if row.replacement else "Nothing replaces it"
    kind = f" and kind: {row.replacement_kind}" if row.replacement_kind != row.kind else ""
    since = f", which {row.program} reads since {row.replacement_since}" if row.replacement_since else ""
    files = listed(f"{one.file}:{one.line}" if one.line else one.file for one in places)
    return finding(
        common_subject(places, row.api_version),
        f"{files} is a {row.kind} in {row.api_version}, which {row.program} does not read from {row.removed} on: it "
        f'does not start with such a file (`no kind "{row.kind}" is registered for version "{row.api_version}"`).'
        f"{named}",
        remedy=f"{instead}{kind}{since}, in the file and in every copy of it on the nodes, before the hop."
        + (f"\n{row.notes[:1].upper()}{row.notes[1:]}." if row.notes else ""),
        places=places,
        evidence={
            "named by": [f"{one.flag.component} --{one.flag.name}={visible(one.flag.value)[:LONGEST]}" for one in used]
        },
        severity=None if any(_is_called_alike(one, places) for one in used) else WARNING,
        hop=hop,
    )


def _is_called_alike(one: NamedFile, places: list[Subject]) -> bool:
    """Whether one of the files has the name of that which the program shall read; others may be somebody else's."""
    return one.flag.value.rpartition("/")[2] in {place.file.rpartition("/")[2] for place in places}


class LostField(msgspec.Struct, frozen=True):
    """A field that a document sets, the hop whose program does not know it, and the document's kind."""

    setting: Setting
    hop: Hop
    kind: ConfigKind


def _lost(documents: Iterable[Document], table: ComponentConfig, upgrade: Upgrade) -> Iterator[LostField]:
    for one in documents:
        kind = table.find(_text(one.values.get("apiVersion")), _text(one.values.get("kind")))
        if kind is None or kind.program not in PROGRAMS:
            continue
        for field in table.removed_fields(kind.api_version, kind.kind):
            value = below(one.values, field.field)
            if value in NO_EFFECT or field.removed is None:
                continue
            setting = Setting(component=one.component, name=field.field, value=str(value), place=one.at(field.field))
            hop = bites(setting, field.removed, upgrade)
            if hop:
                yield LostField(setting, hop, kind)


def _field(lost: Sequence[LostField]) -> Finding:
    first, there = lost[0], [one.setting for one in lost]
    kind, name, program = first.kind, first.setting.name, first.setting.component
    refused = kind.unknown_fields == "refused"
    what = (
        f"and ends (`strict decoding error: unknown field`). {consequences(there, first.hop)}"
        if refused
        else "logs that it decodes leniently, and goes on without it: what it sets has no effect any more."
    )
    return finding(
        subject_of(there, name),
        f"{program} {first.hop.end} does not know the field {name} of {kind.kind} (in {stands(there)}), {what}",
        remedy=edits(there, name),
        places=[one.place.subject for one in there],
        evidence={"values": sorted({visible(one.value)[:LONGEST] for one in there})},
        severity=severity_of(there) if refused else WARNING,
        phase=phase_of(there),
        hop=first.hop,
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
