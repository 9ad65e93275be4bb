"""What follows from a report: the verdict, what is required, what is excluded, the exit status."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from enum import IntEnum

import msgspec

from kubepreflight.finding import Gap, Severity
from kubepreflight.report import CoverageStatus, Report, ReportFinding, RuleCoverage, Verdict

REQUIRABLE = {
    "api": "what the cluster holds",
    "hosts": "facts from every node",
    "manifests": "what will be applied",
}


class ExitStatus(IntEnum):
    """What `kubepreflight scan` ends with."""

    NOTHING = 0
    FOUND = 1
    COULD_NOT_RUN = 2
    INCOMPLETE = 3
    INTERRUPTED = 130
    TERMINATED = 143


def required_gaps(required: Sequence[str], *, api: bool, hosts: bool, manifests: bool) -> tuple[Gap, ...]:
    """A gap that was asked for, for every required input (`REQUIRABLE`) of which nothing was given at all."""
    given = {"api": api, "hosts": hosts, "manifests": manifests}
    return tuple(
        Gap(
            input=name,
            reason=f"--require {name}: {REQUIRABLE[name]} is required and was not given",
            how="give it, or do not require it",
            asked=True,
        )
        for name in required
        if not given[name]
    )


def hosts_alone(coverage: Sequence[RuleCoverage], *, api: bool, hosts: bool, manifests: bool) -> tuple[Gap, ...]:
    """A gap that was asked for, where nodes' disks are all that was given and some rule needs more than that."""
    if api or manifests or not hosts or all(one.status is not CoverageStatus.NOT_CHECKED for one in coverage):
        return ()
    how = "scan the live cluster beside it: kubepreflight scan --live hosts/, or give a dump or a snapshot of it"
    reason = "nodes' disks alone were given, and they tell little of what the cluster runs"
    return (Gap(input="the cluster", reason=reason, how=how, asked=True),)


def require(coverage: RuleCoverage, required: Sequence[str], resources: Collection[str]) -> RuleCoverage:
    """Mark the gaps of the required inputs as asked for, those about `resources` where the API is required.

    What must be opted in to is no part of them, nor what a rule misses of something else: a table, a repository.
    """
    if not required:
        return coverage

    def asked(gap: Gap) -> Gap:
        what = gap.input.partition(" ")[0].rstrip(",")
        name = "api" if what in resources else {"host": "hosts"}.get(what, what)
        return msgspec.structs.replace(gap, asked=True) if name in required else gap

    return msgspec.structs.replace(coverage, gaps=tuple(asked(gap) for gap in coverage.gaps))


def verdict(findings: Iterable[ReportFinding], coverage: Sequence[RuleCoverage], gaps: Iterable[Gap]) -> Verdict:
    """Go or no-go: a blocker is `no-go`; something that was asked for and not seen, a crashed rule, or no rule checked
    in full while others were not checked at all is `incomplete`."""
    severities = {one.severity for one in findings if one.waiver is None}
    if Severity.BLOCKER in severities:
        return Verdict.NO_GO
    enabled = [one for one in coverage if one.status is not CoverageStatus.DISABLED]
    seen = {one.status for one in enabled}
    blind = (
        CoverageStatus.CRASHED in seen
        or any(gap.asked for one in enabled for gap in one.gaps)
        or any(gap.asked for gap in gaps)
        or not seen
        or (CoverageStatus.NOT_CHECKED in seen and CoverageStatus.CHECKED not in seen)
    )
    if blind:
        return Verdict.INCOMPLETE
    return Verdict.GO_WITH_WARNINGS if Severity.WARNING in severities else Verdict.GO


def exit_status(report: Report, fail_on: Severity | None, *, allow_incomplete: bool) -> ExitStatus:
    """0, 1 or 3: 1 when something is at or above `fail_on` (None for never), whatever else was missed."""
    worst = min((one.severity.rank for one in report.findings if one.waiver is None), default=99)
    if fail_on is not None and worst <= fail_on.rank:
        return ExitStatus.FOUND
    incomplete = report.verdict is Verdict.INCOMPLETE and not allow_incomplete
    return ExitStatus.INCOMPLETE if incomplete else ExitStatus.NOTHING
