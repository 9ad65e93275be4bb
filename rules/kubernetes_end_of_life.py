"""Upstream's support of the Kubernetes that runs, and of the one that is to come."""

from collections.abc import Iterator

from kubepreflight.finding import NOTE, WARNING, Finding, Gap, Subject, cannot_check, finding
from kubepreflight.knowledge.versions import SupportWindow, SupportWindows
from kubepreflight.rule import rule
from kubepreflight.upgrade import Upgrade


@rule(severity=WARNING, area="versions", phase="after")
def kubernetes_end_of_life(upgrade: Upgrade, windows: SupportWindows) -> Iterator[Finding | Gap]:
    """The Kubernetes that runs, or the one that the upgrade goes to, is out of support on the planned date.

    Why: upstream mends each minor for fourteen months: it lives while two newer ones are out, and a little longer.
    After its end no security hole in it is closed, and its package repository gets nothing any more.

    What happens: an upgrade to a minor that has ended is work that has to be done again at once, and until then a
    hole that becomes known stays open: that is a warning, also for one that ends before the planned work does. That
    the running minor has ended is a note: this upgrade mends it.

    When it stays silent: the target is supported beyond the planned work, and the running minor on its first day.
    Longer support by a vendor is not known here. A minor whose end is not in the table is not judged, and a gap
    says so.

    How to see it yourself: kubectl version, beside https://kubernetes.io/releases/patch-releases/

    References:
        https://kubernetes.io/releases/patch-releases/
        https://kubernetes.io/releases/version-skew-policy/#supported-versions

    """
    target = windows.find(upgrade.target.minor_version)
    running = windows.find(upgrade.current.minor_version) if upgrade.current else None
    if target is None:
        yield cannot_check(
            "support of Kubernetes",
            f"when the support of {upgrade.target.minor_version} ends is not known here",
            how="see https://kubernetes.io/releases/patch-releases/",
        )
    elif target.end_of_life < upgrade.end.date():
        yield _target(target, running, upgrade, windows)
        return
    if running is not None and running.end_of_life < upgrade.start.date():
        yield _running(running, target)


def _target(target: SupportWindow, running: SupportWindow | None, upgrade: Upgrade, windows: SupportWindows) -> Finding:
    supported = [one.minor for one in windows.windows if one.end_of_life >= upgrade.end.date()]
    later = max(supported, default=None)
    ended = target.end_of_life < upgrade.start.date()
    return finding(
        _subject(target),
        f"Upstream {'ended' if ended else 'ends'} its support of {target.minor} on {target.end_of_life}, before "
        f"{'the planned start' if ended else 'the planned work is done'}: no security hole in it is closed after that.",
        remedy=f"Plan on to {later} in the same work:\nkubepreflight scan --target {later}"
        if later
        else "Plan on to a minor that is supported: https://kubernetes.io/releases/",
        evidence={"end of life": str(target.end_of_life), **_told(running)},
        hop=upgrade.hops[-1],
        references=_references(target),
    )


def _told(running: SupportWindow | None) -> dict[str, str]:
    return {f"end of life of the running {running.minor}": str(running.end_of_life)} if running else {}


def _running(running: SupportWindow, target: SupportWindow | None) -> Finding:
    lasts = f" {target.minor}, where it goes, is supported until {target.end_of_life}." if target else ""
    return finding(
        _subject(running),
        f"The cluster runs {running.minor}, whose support upstream ended on {running.end_of_life}: no security hole in "
        f"it was closed since.{lasts}",
        remedy="This upgrade mends it: do not put it off.",
        severity=NOTE,
        phase="before",
        evidence={"end of life": str(running.end_of_life)},
        references=_references(running),
    )


def _subject(window: SupportWindow) -> Subject:
    return Subject(kind="Kubernetes", name=str(window.minor))


def _references(window: SupportWindow) -> tuple[str, ...]:
    return (window.source,) if window.source.startswith("https://") else ()
