"""How a setting that the upgrade does not survive is told: which hop, what breaks, where it stands, the exact edits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from kubepreflight.finding import BLOCKER, WARNING, Hop, Phase, Severity, Subject
from kubepreflight.semantics.kubeadm_config import EDIT as EDIT_KUBEADM
from kubepreflight.semantics.planned_kubelets import edit_kubelets
from kubepreflight.semantics.setting import KUBEADM, KUBELET, PROXY, STATIC_COMPONENTS, Place, Setting, Where
from kubepreflight.semantics.several import common_subject, listed
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Minor
from kubepreflight.visible import visible

EDIT_PROXY = "kubectl -n kube-system edit configmap kube-proxy"
RESTART = "systemctl daemon-reload && systemctl restart kubelet"

_LESS = (Where.STATIC_POD, Where.FILE)
"""What stands there need not reach the upgraded program."""


def bites(setting: Setting, gone: Minor, upgrade: Upgrade) -> Hop | None:
    """The hop with which a program comes that refuses the setting: the first of `gone` or later.

    None when that is beyond the target, and when today's program refuses it already: it cannot be in use, unless it is
    what the upgrade brings.
    """
    if setting.place.is_pending:
        return upgrade.hop_to(gone)
    return None if gone <= running_minor(setting, upgrade) else upgrade.hop_to(gone)


def running_minor(setting: Setting, upgrade: Upgrade) -> Minor:
    """Of which minor the program is today that a setting is for: the control plane's, where nothing else is known."""
    return setting.place.running or upgrade.first_hop.start


def severity_of(settings: Iterable[Setting]) -> Severity:
    """A blocker where the upgraded program will read it; a warning where that needs somebody who brings it there."""
    places = (one.place for one in settings)
    return WARNING if all(one.where in _LESS or one.is_pending_as_it_seems for one in places) else BLOCKER


def phase_of(settings: Iterable[Setting]) -> Phase:
    """When the first of them bites."""
    phases = {Phase.NODE_UPGRADE if one.component == KUBELET else Phase.CONTROL_PLANE_UPGRADE for one in settings}
    return min(phases, key=lambda one: one.rank)


def subject_of(settings: Sequence[Setting], field: str) -> Subject:
    """The thing to change: the one, when there is just one, else what they share."""
    places = list(dict.fromkeys(msgspec.structs.replace(one.place.subject, field="", line=0) for one in settings))
    if len(places) > 1:
        return common_subject(places, field)
    (line, *others) = {one.place.subject.line for one in settings}
    return msgspec.structs.replace(places[0], field=field, line=0 if others else line)


def first_refused(gone: Minor, hop: Hop) -> str:
    """The versions that refuse what went with `gone`, as far as they come: `1.37`, or `1.35 or later`.

    The latter where that is behind the control plane already, and a kubelet is still before it.
    """
    return str(hop.end) if gone > hop.start else f"{gone} or later"


def consequences(settings: Iterable[Setting], hop: Hop, kubelets: str = "") -> str:
    """What happens to each sort of program that does not start; `kubelets` are the versions, if not the hop's end."""
    components = dict.fromkeys(one.component for one in settings)
    static = [one for one in components if one in STATIC_COMPONENTS]
    said = []
    if static:
        etcd = "" if "etcd" in static else " An etcd that it has moved before stays moved."
        said.append(
            f"kubeadm waits in vain for the new {listed(static)}, goes back to the manifests that it had, and ends "
            f"with an error.{etcd}"
        )
    if KUBELET in components:
        said.append(f"The kubelet of {kubelets or hop.end} ends as soon as it is started: its node stays NotReady.")
    if PROXY in components:
        said.append(
            f"The pods of kube-proxy {hop.end} crash: on each node Services stay as they were last, and no new ones "
            "work."
        )
    if KUBEADM in components:
        said.append(f"kubeadm {hop.end} stops before it has changed anything.")
    return " ".join(said)


def only_files(settings: Iterable[Setting]) -> str:
    """What to add where the setting was only seen in files or static pods, or seems unused; empty otherwise."""
    settings = list(settings)
    if all(one.place.is_pending_as_it_seems for one in settings):
        return (
            " Today's programs refuse that, too, and what they are told is not seen: where they run, it is without "
            "that, and the upgrade brings it."
        )
    wheres = {one.place.where for one in settings}
    if wheres == {Where.FILE}:
        return (
            " It was seen in files alone: that happens when somebody gives them to kubeadm, or brings them to a node."
        )
    if wheres <= set(_LESS):
        return (
            " It was seen in static pods, and what kubeadm-config says is not known: when it is not from there, "
            "kubeadm renders the manifests without it."
        )
    return ""


def stands(settings: Iterable[Setting]) -> str:
    """Where it stands, for a sentence: `the ConfigMap kubeadm-config (…)`, `/etc/default/kubelet:1 on w1 and w2`."""
    inner: dict[str, list[str]] = {}
    nodes: set[str] = set()
    for place in sorted((one.place for one in settings), key=lambda one: one.where.rank):
        outer, part = _told(place)
        inner.setdefault(outer, []).append(part)
        if place.where is Where.NODE:
            nodes.add(outer)
    return listed(_joined(outer, parts, on=outer in nodes) for outer, parts in inner.items())


def _joined(outer: str, parts: Iterable[str], *, on: bool) -> str:
    inner = listed(filter(None, parts)) if any(parts) else ""
    if on:
        return f"{outer} on {inner}"
    return f"{outer} ({inner})" if inner else outer


def _told(place: Place) -> tuple[str, str]:
    """A place, and the part of it, or the node that it is on."""
    subject = place.subject
    file = visible(f"{subject.file}:{subject.line}" if subject.line else subject.file)
    match place.where:
        case Where.KUBEADM_CONFIG | Where.KUBELET_CONFIG | Where.PROXY_CONFIG:
            return f"the ConfigMap {subject.name}", place.entry
        case Where.NODE:
            return file or "the kubelet's command line", visible(subject.node)
        case Where.STATIC_POD:
            return (file, visible(subject.node)) if subject.file else (f"the pod {subject.name}", "")
    return file, place.entry


def edits(settings: Sequence[Setting], what: str, new: str = "") -> str:
    """What to type, place by place; `what` is the flag, or the gate; `new` is written for it, or it is taken out."""
    return "\n".join(line for where in Where for line in _edits(where, settings, what, new))


def _edits(where: Where, settings: Sequence[Setting], what: str, new: str) -> Iterator[str]:
    there = [one.place for one in settings if one.place.where is where]
    if not there:
        return
    entries = listed(dict.fromkeys(one.entry for one in there))
    match where:
        case Where.KUBEADM_CONFIG:
            yield f"{_change(what, entries, new)}; the upgrade renders the manifests from there:\n{EDIT_KUBEADM}"
        case Where.KUBELET_CONFIG:
            yield (
                f"{f'Write {new} for {entries}' if new else f'Take {entries} out'}; kubeadm upgrade writes each node's "
                f"config.yaml from there:\n{edit_kubelets(there[0].subject.name)}"
            )
        case Where.PROXY_CONFIG:
            yield f"{_change(entries, 'config.conf', new)}:\n{EDIT_PROXY}"
        case Where.NODE:
            yield from _on_nodes(there, what, new)
        case Where.STATIC_POD:
            then = f"write {new} for it there" if new else "take it out there"
            yield f"See whether kubeadm-config has {what}, and {then}:\n{EDIT_KUBEADM}"
        case Where.FILE:
            yield f"{_change(what, stands(one for one in settings if one.place.where is where), new)}."


def _change(what: str, where: str, new: str) -> str:
    return f"Write {new} for {what} in {where}" if new else f"Take {what} out of {where}"


def _on_nodes(places: Iterable[Place], what: str, new: str) -> Iterator[str]:
    nodes: dict[tuple[str, int, str], list[str]] = {}
    for one in places:
        nodes.setdefault((one.subject.file, one.subject.line, one.entry), []).append(visible(one.subject.node))
    for (file, line, entry), names in nodes.items():
        there = listed(names)
        if not file:
            then = f"write {new} for it" if new else "take it out"
            yield (
                f"On {there} {what} is on the kubelet's command line: {then} where that is made, in "
                "/var/lib/kubelet/kubeadm-flags.env or by what starts the kubelet."
            )
            continue
        field = entry if entry.endswith(f".{what}") else what
        of = f" of {entry}" if entry not in ("", field) else ""
        where = f" (line {line})" if line else ""
        then = f"write {new} for {field}" if new else f"take {field} out"
        yield f"On {there}, as root, {then}{of} in {visible(file)}{where}, then:\n{RESTART}"
