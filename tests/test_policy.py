"""The verdict and the exit status, row by row."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from kubepreflight.finding import Gap, Phase, Severity, Subject
from kubepreflight.policy import ExitStatus, exit_status, require, required_gaps, verdict
from kubepreflight.report import (
    SCHEMA,
    Cluster,
    CoverageStatus,
    Report,
    ReportFinding,
    ReportWaiver,
    RuleCoverage,
    Tool,
    Verdict,
)

ASKED = Gap(input="pods", reason="403", asked=True)
NEVER_OFFERED = Gap(input="hosts", reason="no node was looked at")
CHECKED = RuleCoverage(rule="a", area="drain", status=CoverageStatus.CHECKED)


def found(severity: str, waived: bool = False) -> ReportFinding:
    return ReportFinding(
        rule="a",
        severity=Severity(severity),
        area="drain",
        phase=Phase.BEFORE,
        hop=None,
        subject=Subject(name="x"),
        places=(),
        count=1,
        message="m",
        evidence={},
        remedy="r",
        references=(),
        fingerprint="f",
        waiver=ReportWaiver(reason="accepted") if waived else None,
    )


def covered(status: str, *gaps: Gap) -> RuleCoverage:
    return RuleCoverage(rule="b", area="drain", status=CoverageStatus(status), gaps=gaps)


def report(
    findings: tuple[ReportFinding, ...], coverage: tuple[RuleCoverage, ...], gaps: tuple[Gap, ...] = ()
) -> Report:
    return Report(
        schema=SCHEMA,
        cluster=Cluster(),
        upgrade=None,
        verdict=verdict(findings, coverage, gaps),
        summary="",
        findings=findings,
        coverage=coverage,
        gaps=gaps,
        sources=(),
        knowledge=(),
        tool=Tool(name="kubepreflight", version="0"),
        created=datetime(2026, 11, 23, tzinfo=UTC),
    )


BLOCKER, WARNING, NOTE = found("blocker"), found("warning"), found("note")


@pytest.mark.parametrize(
    ("findings", "coverage", "gaps", "expected", "statuses"),
    [
        # statuses: with --fail-on blocker, warning, note, never
        ((), (CHECKED,), (), "go", (0, 0, 0, 0)),
        ((NOTE,), (CHECKED,), (), "go", (0, 0, 1, 0)),
        ((WARNING,), (CHECKED,), (), "go-with-warnings", (0, 1, 1, 0)),
        ((BLOCKER,), (CHECKED,), (), "no-go", (1, 1, 1, 0)),
        ((found("blocker", waived=True),), (CHECKED,), (), "go", (0, 0, 0, 0)),
        ((), (CHECKED, covered("not checked", NEVER_OFFERED)), (), "go", (0, 0, 0, 0)),
        ((), (CHECKED, covered("partial", NEVER_OFFERED)), (), "go", (0, 0, 0, 0)),
        ((), (CHECKED, covered("not checked", ASKED)), (), "incomplete", (3, 3, 3, 3)),
        ((WARNING,), (CHECKED, covered("partial", ASKED)), (), "incomplete", (3, 1, 1, 3)),
        ((BLOCKER,), (CHECKED, covered("partial", ASKED)), (), "no-go", (1, 1, 1, 0)),
        ((), (CHECKED, covered("crashed")), (), "incomplete", (3, 3, 3, 3)),
        ((), (CHECKED, covered("disabled", ASKED)), (), "go", (0, 0, 0, 0)),
        ((), (CHECKED,), (ASKED,), "incomplete", (3, 3, 3, 3)),
        ((), (covered("not checked", NEVER_OFFERED),), (), "incomplete", (3, 3, 3, 3)),
        ((), (), (), "incomplete", (3, 3, 3, 3)),
        # Some in part and the rest not at all is too little to say go; only rules that all saw something is not.
        ((), (covered("partial", NEVER_OFFERED), covered("not checked", NEVER_OFFERED)), (), "incomplete", (3,) * 4),
        ((WARNING,), (covered("partial"), covered("not checked", NEVER_OFFERED)), (), "incomplete", (3, 1, 1, 3)),
        ((), (covered("partial", NEVER_OFFERED), covered("partial", NEVER_OFFERED)), (), "go", (0, 0, 0, 0)),
        ((), (covered("partial", NEVER_OFFERED), covered("disabled")), (), "go", (0, 0, 0, 0)),
    ],
)
def test_verdict_and_exit_status(
    findings: tuple[ReportFinding, ...],
    coverage: tuple[RuleCoverage, ...],
    gaps: tuple[Gap, ...],
    expected: str,
    statuses: tuple[int, int, int, int],
) -> None:
    made = report(findings, coverage, gaps)
    assert made.verdict == Verdict(expected)
    levels = (Severity.BLOCKER, Severity.WARNING, Severity.NOTE, None)
    assert tuple(exit_status(made, level, allow_incomplete=False) for level in levels) == statuses
    allowed = tuple(0 if status == ExitStatus.INCOMPLETE else status for status in statuses)
    assert tuple(exit_status(made, level, allow_incomplete=True) for level in levels) == allowed


def test_what_is_required_and_was_never_given() -> None:
    gaps = required_gaps(("api", "hosts"), api=True, hosts=False, manifests=False)
    assert [(gap.input, gap.asked) for gap in gaps] == [("hosts", True)]


PODS = {"pods", "nodes"}


@pytest.mark.parametrize(
    ("gap", "api"),
    [
        ("pods", True),
        ("nodes, pods and leases", True),
        ("packages of 1.37", False),
        ("knowledge: flags", False),
        ("audit log", False),
    ],
)
def test_what_no_api_can_give_is_not_asked_of_it(gap: str, api: bool) -> None:
    partial = covered("partial", Gap(input=gap, reason="it is not known"))
    assert [one.asked for one in require(partial, ("api",), PODS).gaps] == [api]


def test_a_required_input_makes_its_gaps_asked_for() -> None:
    partial = covered("partial", NEVER_OFFERED, msgspec.structs.replace(ASKED, asked=False))
    assert [gap.asked for gap in require(partial, ("hosts",), PODS).gaps] == [True, False]
    assert [gap.asked for gap in require(partial, ("api",), PODS).gaps] == [False, True]
    assert require(partial, (), PODS) == partial
    opt_in = covered("not checked", Gap(input="opt-in secrets", reason="secrets are only read when asked for"))
    assert [gap.asked for gap in require(opt_in, ("api", "hosts", "manifests"), PODS).gaps] == [False]
