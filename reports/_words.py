"""The words that reports share: what a verdict, a severity, a phase, a moment and a plan are called."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from kubepreflight.finding import Evidence, Phase, Severity
from kubepreflight.report import CoverageStatus, Report, ReportFinding, ReportUpgrade, Verdict

VERDICTS = {
    Verdict.NO_GO: "No-go",
    Verdict.INCOMPLETE: "Incomplete",
    Verdict.GO_WITH_WARNINGS: "Go, with warnings",
    Verdict.GO: "Go",
}
SEVERITIES = {Severity.BLOCKER: "Blockers", Severity.WARNING: "Warnings", Severity.NOTE: "Notes"}
PHASES = {
    Phase.BEFORE: "before the upgrade",
    Phase.CONTROL_PLANE_UPGRADE: "control-plane upgrade",
    Phase.NODE_UPGRADE: "node upgrade",
    Phase.AFTER: "after the upgrade",
}


def title(report: Report) -> str:
    """What the cluster is called: by its name, else by what was read."""
    read = [source.name for source in report.sources if source.kind != "configuration"]
    return report.cluster.name or ", ".join(read[:3]) or "nothing was read"


def counted(number: int, one: str, many: str = "") -> str:
    """`1 rule`, `2 rules`, `3 entries`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def day(moment: datetime) -> str:
    """The date in UTC: `2026-11-23`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d")


def minute(moment: datetime) -> str:
    """Date and time in UTC: `2026-11-23 09:36`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def span(length: timedelta) -> str:
    """A length of time, in the largest unit that tells it: `14 days`, `3 hours`, `40 minutes`."""
    minutes = round(length.total_seconds() / 60)
    if minutes >= 2 * 24 * 60 and minutes % (24 * 60) < 60:
        return counted(minutes // (24 * 60), "day")
    if minutes >= 60:
        return counted(round(minutes / 60), "hour")
    return counted(minutes, "minute")


def route(upgrade: ReportUpgrade) -> str:
    """Where it goes, over which minors: `1.34 → 1.35 → 1.36`."""
    stops = [hop.end for hop in upgrade.hops]
    return " → ".join([upgrade.hops[0].start, *stops]) if stops else f"{upgrade.start or '?'} → {upgrade.to}"


def when(finding: ReportFinding, upgrade: ReportUpgrade | None) -> str:
    """In which phase it bites, and on which hop where there are several."""
    phase = PHASES[finding.phase]
    several = upgrade is None or len(upgrade.hops) > 1
    return f"{phase}, {finding.hop}" if finding.hop is not None and several else phase


def told(value: Evidence, few: int) -> list[str]:
    """A piece of evidence, line by line; of a list the first `few` and how many more there are."""
    if isinstance(value, bool):
        return ["yes" if value else "no"]
    if isinstance(value, (str, int, float)):
        return str(value).splitlines()
    more = [f"and {len(value) - few:,} more"] if len(value) > few else []
    return [*value[:few], *more]


def checked(report: Report) -> str:
    """How many rules could do their work: `58 of 74 rules; 3 in part, 12 not, 1 crashed`."""
    number = {status: sum(1 for one in report.coverage if one.status == status) for status in CoverageStatus}
    words = {
        CoverageStatus.PARTIAL: "in part",
        CoverageStatus.NOT_CHECKED: "not",
        CoverageStatus.CRASHED: "crashed",
        CoverageStatus.DISABLED: "switched off",
    }
    rest = ", ".join(f"{number[status]:,} {word}" for status, word in words.items() if number[status])
    whole = f"{number[CoverageStatus.CHECKED]:,} of {counted(len(report.coverage), 'rule')}"
    return f"{whole}; {rest}" if rest else whole
