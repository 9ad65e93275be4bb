"""What a replay claims: what the scan says of the trouble, and what the real programs then show. Pure.

A claim pairs the two, and both halves are judged on their own: a scan that is right about something that never showed
is as much a disagreement as trouble of which it said nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Protocol

import msgspec

from kubepreflight.finding import Severity, Subject
from kubepreflight.report import Report, ReportFinding, Verdict

LONGEST = 400
"""Characters of a quotation; a log's line may have thousands."""


class Half(msgspec.Struct, frozen=True):
    """One half of a claim as it turned out: the words, and whether they are those that were claimed."""

    text: str
    holds: bool


class Prediction(Protocol):
    """What is claimed of a scan."""

    @property
    def rule(self) -> str:
        """The rule that has to be there for it; empty when none has."""

    def judge(self, report: Report) -> Half:
        """What the report says of it."""

    def covers(self, finding: ReportFinding) -> bool:
        """Is this finding what was predicted?"""


@dataclass(frozen=True)
class Says:
    """The scan says this: a finding of `rule` about `subject` (a glob), whose message holds `sentence` (a pattern)."""

    rule: str
    severity: Severity
    subject: str = "*"
    sentence: str = ""

    def judge(self, report: Report) -> Half:
        """What the finding says, in its key sentence; or what was said instead."""
        about = _findings(report, self.rule, self.subject)
        for one in about:
            if self.covers(one):
                return Half(f"{one.severity}: {sentence(self.sentence, one.message)}", holds=True)
        instead = "; ".join(f"{one.severity}: {one.message}" for one in about)
        return Half(instead[:LONGEST] or f"nothing about {self.subject}", holds=False)

    def covers(self, finding: ReportFinding) -> bool:
        """Rule, subject, severity and sentence are as predicted."""
        return (
            finding.rule == self.rule
            and finding.severity == self.severity
            and fnmatchcase(named(finding.subject), self.subject)
            and re.search(self.sentence, finding.message) is not None
        )


@dataclass(frozen=True)
class Silent:
    """The scan says nothing by `rule` about `subject` (a glob), and the rule was checked."""

    rule: str
    subject: str = "*"

    def judge(self, report: Report) -> Half:
        """Nothing, or what was said after all."""
        about = _findings(report, self.rule, self.subject)
        status = next((one.status for one in report.coverage if one.rule == self.rule), "not checked")
        if about:
            return Half("; ".join(f"{one.severity}: {one.message}" for one in about)[:LONGEST], holds=False)
        return Half(
            f"silent about {self.subject} ({status})".replace(" about *", ""), holds=status in ("checked", "partial")
        )

    def covers(self, finding: ReportFinding) -> bool:
        """Never: it predicts no finding."""
        del finding
        return False


@dataclass(frozen=True)
class Concludes:
    """The scan ends with one of these verdicts."""

    verdicts: Collection[Verdict]
    rule: str = ""

    def judge(self, report: Report) -> Half:
        """The verdict, in the report's words."""
        return Half(f"{report.verdict}: {report.summary}", holds=report.verdict in self.verdicts)

    def covers(self, finding: ReportFinding) -> bool:
        """Never: it predicts no finding."""
        del finding
        return False


@dataclass(frozen=True)
class Shows:
    """What was seen under the name `observation` holds `pattern`."""

    observation: str
    pattern: str

    def judge(self, seen: Mapping[str, str]) -> Half:
        """The line of it that was claimed; or its last words, when no line is."""
        text = seen.get(self.observation)
        if text is None:
            return Half("never seen", holds=False)
        if re.search(self.pattern, text, re.MULTILINE) is None:
            return Half(" ".join(text.split())[-LONGEST:], holds=False)
        return Half(line(self.pattern, text), holds=True)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a scan says, if it says anything of it, and what then really shows.

    `scan` is the name of the scan that is meant, when a scenario makes several.
    """

    says: Prediction | None = None
    shows: Shows
    scan: str = ""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A claim as it turned out: one line of the table. `agree` is yes, no or waiting (for a rule that is not there)."""

    rule: str
    predicted: str
    observation: str = ""
    happened: str
    agree: str


def compare(
    claims: Collection[Claim], reports: Mapping[str, Report], seen: Mapping[str, str], rules: Collection[str]
) -> list[Row]:
    """Hold each claim against the scans and against what was seen; `rules` are those that the tool has.

    A blocker that no claim of its scan predicts is a row of its own: nothing that happens here makes it true.
    """
    rows = [_row(claim, reports.get(claim.scan), seen, rules) for claim in claims]
    for name, report in reports.items():
        predicted = [claim.says for claim in claims if claim.says is not None and claim.scan == name]
        rows += [
            Row(rule=one.rule, predicted=f"{one.severity}: {one.message[:LONGEST]}", happened="", agree="no")
            for one in report.of(Severity.BLOCKER)
            if not any(says.covers(one) for says in predicted)
        ]
    return rows


def _row(claim: Claim, report: Report | None, seen: Mapping[str, str], rules: Collection[str]) -> Row:
    shown = claim.shows.judge(seen)
    rule = claim.says.rule if claim.says else ""
    if claim.says is None:
        predicted, agree = "", "yes"
    elif rule and rule not in rules:
        predicted, agree = "there is no such rule yet", "waiting"
    else:
        said = claim.says.judge(report) if report else Half("the scan was not made", holds=False)
        predicted, agree = said.text, "yes" if said.holds else "no"
    return Row(
        rule=rule,
        predicted=predicted,
        observation=claim.shows.observation,
        happened=shown.text,
        agree=agree if shown.holds else "no",
    )


def _findings(report: Report, rule: str, subject: str) -> list[ReportFinding]:
    return [one for one in report.findings if one.rule == rule and fnmatchcase(named(one.subject), subject)]


def named(subject: Subject) -> str:
    """The name by which a claim knows a subject: its own, or its node's."""
    return subject.name or subject.node


def sentence(pattern: str, text: str) -> str:
    """The sentence of a message that holds `pattern`, shortened when it is long; all of it for no pattern."""
    return _around(pattern, text, r"(?<=[.]) ") if pattern else _shortened(text)


def line(pattern: str, text: str) -> str:
    """The line of a program's words that holds `pattern`, shortened when it is long."""
    return _around(pattern, text, r"\n")


def _around(pattern: str, text: str, boundary: str) -> str:
    match = re.search(pattern, text, re.MULTILINE)
    if match is None:
        return _shortened(text)
    starts = [found.end() for found in re.finditer(boundary, text) if found.end() <= match.start()]
    ends = [found.start() for found in re.finditer(boundary, text) if found.start() >= match.end()]
    start, end = starts[-1] if starts else 0, ends[0] if ends else len(text)
    if end - start > LONGEST:
        start = max(start, match.start() - LONGEST // 4)
    return _shortened(text[start:end])


def _shortened(text: str) -> str:
    plain = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", text).split())
    return plain if len(plain) <= LONGEST else plain[: LONGEST - 1] + "…"
