"""What upstream says of an add-on's installation, hop by hop, and which release would fit both sides of a hop."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from shlex import quote

import msgspec

from kubepreflight.finding import Hop
from kubepreflight.knowledge.addons import Addon
from kubepreflight.knowledge.compatibility import Cause, Judgment, Release, Verdict
from kubepreflight.semantics.addon_instances import AddonInstance
from kubepreflight.semantics.kubectl import in_namespace
from kubepreflight.semantics.several import listed
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Minor, Version


class Prospect(msgspec.Struct, frozen=True):
    """The first hop on which upstream's word of an installation is as bad as `judgment`.

    `before`: it was as bad on the version that the hop leaves. `already`: that is the version that runs, and the
    installation runs on it.
    """

    instance: AddonInstance
    hop: Hop
    judgment: Judgment
    before: bool
    already: bool


def prospects(instance: AddonInstance, upgrade: Upgrade) -> Iterator[Prospect]:
    """Each turn for the worse on the way, starting from what upstream supports or is only known not to have tested.

    What only the shipped manifests do wrong is not in it: the manifests themselves, where they are given, tell that.
    """
    worst = Verdict.UNTESTED.rank
    for hop in upgrade.hops:
        judgment = judged(instance, hop.end)
        if judgment.verdict.rank < worst:
            worst = judgment.verdict.rank
            before = judged(instance, hop.start).verdict.rank <= worst
            already = before and instance.runs and upgrade.current is not None and hop == upgrade.first_hop
            yield Prospect(instance, hop, judgment, before, already)


def judged(instance: AddonInstance, minor: Minor) -> Judgment:
    """What upstream says of it on `minor`.

    Of several releases that its image may be, the mildest answer counts, and none does when that one is good and
    another is not.
    """
    answers = [instance.addon.judge(version, minor, manifest_seen=False) for version in instance.versions]
    if not answers:
        image = f"the image {instance.image} does not tell its release"
        return _unknown(instance, image if instance.image else "only parts of it are seen that tell no release")
    mildest = max(answers, key=lambda one: one.verdict.rank)
    worst = min(answers, key=lambda one: one.verdict.rank)
    good = (Verdict.SUPPORTED, Verdict.UNTESTED)
    if mildest.verdict in good and worst.verdict not in good:
        return _unknown(instance, f"of the releases that its image may be, not all fit: {worst.reason}")
    return mildest


def release_name(instance: AddonInstance) -> str:
    """The add-on with its release, or releases: `Kubeflow 0.7.0`, `Istio`."""
    shown = [_text(instance.addon, version) for version in instance.versions]
    if len(shown) > 1:
        return f"{instance.addon.title} {shown[0]} to {shown[-1]}"
    return " ".join([instance.addon.title, *shown])


def ended(instance: AddonInstance, day: date) -> date | None:
    """The day on which upstream ended its support, if before `day`; None while some release that it may be lives."""
    rows = [instance.addon.release_for(version) for version in instance.versions]
    ends = [row.end_of_life for row in rows if row is not None and row.out_of_support(day)]
    return max((end for end in ends if end), default=None) if len(ends) == len(rows) else None


def notes(instance: AddonInstance) -> tuple[str, ...]:
    """Upstream's further words on its release, or releases."""
    rows = [instance.addon.release_for(version) for version in instance.versions]
    return tuple(dict.fromkeys(row.note for row in rows if row is not None and row.note))


def fitting(instance: AddonInstance, hop: Hop, day: date, *, newer: bool = True) -> list[Release]:
    """The releases that upstream names for both sides of a hop, the nearest first.

    Only newer ones than what is there, or only older ones: an old release that was given no maximum fits nothing of
    today. Of all these those that live on `day`, if there are any.
    """
    here = max(instance.versions, key=lambda version: version.minor_version, default=None)
    releases = instance.addon.releases if newer else tuple(reversed(instance.addon.releases))
    both = [
        row
        for row in releases
        if (here is None or _is_beyond(row, here, newer=newer))
        and _named_for(row, hop.start)
        and _named_for(row, hop.end)
    ]
    return [row for row in both if not row.out_of_support(day)] or both


def _is_beyond(row: Release, here: Version, *, newer: bool) -> bool:
    there, now = Version.parse(row.version).minor_version, here.minor_version
    return there > now if newer else there < now


def _named_for(row: Release, minor: Minor) -> bool:
    # Where no minimum is stated, silence about an old version is no promise.
    stated = row.kubernetes.min is not None or minor in row.tested
    return stated and row.judge(minor, manifest_seen=False).verdict is Verdict.SUPPORTED


def first_fit(instance: AddonInstance, upgrade: Upgrade) -> Hop | None:
    """The first hop that brings the cluster to a version which upstream supports; None when none does."""
    return next((hop for hop in upgrade.hops if judged(instance, hop.end).verdict is Verdict.SUPPORTED), None)


def evidence(prospect: Prospect) -> dict[str, str]:
    """What an answer rests on."""
    instance, judgment = prospect.instance, prospect.judgment
    found = {"image": instance.image or "only parts that tell no release", "upstream": judgment.source}
    if judgment.secondary:
        found["upstream"] += " (read as others quote it)"
    return found


def way_out(instance: AddonInstance, hop: Hop, day: date, *, newer: bool = True) -> str:
    """What to do before a hop that the installation is not made for."""
    addon, known = instance.addon, instance.addon.verified
    title = addon.title
    releases = fitting(instance, hop, day, newer=newer)
    both = f"both {hop.start} and {hop.end}" if hop.start != hop.end else str(hop.end)
    if releases:
        over = " (their support has ended, too)" if all(row.out_of_support(day) for row in releases) else ""
        choice = listed((row.version for row in releases), "or")
        move = f"Move {title} first, to a release that fits {both}: {choice}{over}."
    elif hop.end > known.end:
        move = (
            f"What is known here of {title} is of {known.date} and ends at {known.end}: look for a release that "
            f"upstream has since named for {both}, and move to that first."
        )
    else:
        move = (
            f"No release of {title} is known that fits {both}: plan to be without it between the hop and its own "
            "move, or ask upstream."
        )
    return f"{move} Its documentation ({addon.homepage}) says which steps that takes.\n{show(instance)}"


def show(instance: AddonInstance) -> str:
    """The command that shows what runs, or where to look when it does not run yet."""
    subject = instance.subject
    if not instance.runs:
        return f"Its manifests: {listed(place.file for place in instance.places if place.file)}."
    space = in_namespace(subject.namespace)
    if not subject.name:
        return f"This shows what runs:\nkubectl{space or ' -A'} get deployments,daemonsets,statefulsets -o wide"
    return f"This shows what runs:\nkubectl{space} get {quote(f'{subject.kind.lower()}/{subject.name}')} -o wide"


def _unknown(instance: AddonInstance, reason: str) -> Judgment:
    return Judgment(verdict=Verdict.UNKNOWN, cause=Cause.NO_STATEMENT, reason=reason, source=instance.addon.source)


def _text(addon: Addon, version: Version) -> str:
    """As upstream writes it: `26.03` where a map names the release, and without what packagers add elsewhere."""
    return version.text.strip() if addon.detect.version_map and version.text else str(version)
