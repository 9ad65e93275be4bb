"""What belongs together, so that a person reads it once: gaps with one reason, findings of one rule."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

import msgspec

from kubepreflight.finding import Gap
from kubepreflight.report import CoverageStatus, Report, ReportFinding, RuleCoverage
from kubepreflight.reports._prose import blocks

FEW = 6
_Told = tuple[Gap, RuleCoverage | None]


class Cause(NamedTuple):
    """Why something could not be looked at, and which ones, when they have names."""

    reason: str
    subjects: tuple[str, ...]


class Blindness(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that could not be looked at, and everything that hangs on it, each in order of appearance.

    `inputs` say what it is, `hows` what to do or type (those that differ by their command alone are one), `rules`
    which could not run and `rules_in_part` which ran on the rest.
    """

    inputs: tuple[str, ...]
    causes: tuple[Cause, ...]
    hows: tuple[str, ...]
    asked: bool
    rules: tuple[str, ...]
    rules_in_part: tuple[str, ...]


class Cluster(NamedTuple):
    """Neighbouring findings of one rule that bite at the same moment."""

    rule: str
    findings: tuple[ReportFinding, ...]


def is_elsewhere(one: ReportFinding) -> bool:
    """Whether the places say more than the subject does."""
    subject = one.subject
    return one.places not in {(subject,), (msgspec.structs.replace(subject, field=""),)}


def blindnesses(report: Report) -> list[Blindness]:
    """Every gap of the report, those with the same reason or the same remedy as one; what was asked for comes first.

    A reason that differs only by the thing's own name is the same one.
    """
    gaps = [(gap, coverage) for coverage in report.coverage for gap in coverage.gaps]
    found = [_blindness(group) for group in _joined([*gaps, *((gap, None) for gap in report.gaps)])]
    return sorted(found, key=lambda one: (not one.asked, -len(one.rules), -len(one.rules_in_part)))


def of_status(report: Report, status: CoverageStatus) -> list[RuleCoverage]:
    """The rules with one outcome, in the report's order."""
    return [one for one in report.coverage if one.status == status]


def clusters(findings: Iterable[ReportFinding]) -> Iterator[Cluster]:
    """Put neighbouring findings of the same rule, phase and hop together."""
    for (rule, *_), group in groupby(findings, key=lambda one: (one.rule, one.phase, one.hop)):
        yield Cluster(rule, tuple(group))


def _joined(gaps: Iterable[_Told]) -> list[list[_Told]]:
    groups: dict[str, list[_Told]] = {}
    for gap, coverage in gaps:
        keys = [f"why {_masked(gap.reason, gap)}", *([f"how {_masked(gap.how, gap)}"] if gap.how else [])]
        group, *others = [groups[key] for key in keys if key in groups] or [[]]
        for other in others:
            if other is not group:
                group.extend(other)
                groups.update({key: group for key, value in groups.items() if value is other})
        group.append((gap, coverage))
        groups.update(dict.fromkeys(keys, group))
    return list({id(group): group for group in groups.values()}.values())


def _masked(text: str, gap: Gap) -> str:
    for name in (gap.subject, gap.input):
        if name:
            text = text.replace(name, "…")
    return text


def _blindness(group: list[_Told]) -> Blindness:
    reasons: dict[str, list[Gap]] = {}
    for gap, _ in group:
        reasons.setdefault(_masked(gap.reason, gap), []).append(gap)
    rules = {one.rule: one.status for _, one in group if one is not None}
    return Blindness(
        inputs=_distinct(gap.input for gap, _ in group),
        causes=tuple(Cause(_reason(same), _distinct(gap.subject for gap in same)) for same in reasons.values()),
        hows=_hows(_distinct(gap.how for gap, _ in group)),
        asked=any(gap.asked for gap, _ in group),
        rules=tuple(rule for rule, status in rules.items() if status == CoverageStatus.NOT_CHECKED),
        rules_in_part=tuple(rule for rule, status in rules.items() if status == CoverageStatus.PARTIAL),
    )


def _reason(same: list[Gap]) -> str:
    """The reason of gaps that give the same one, each with its own input's name in it, which they are headed by."""
    first = same[0]
    if len({gap.input for gap in same}) == 1 or all(gap.reason == first.reason for gap in same):
        return first.reason
    return first.reason.replace(first.input, "these")


def _hows(texts: Iterable[str]) -> tuple[str, ...]:
    commands: dict[str, list[str]] = {}
    for text in texts:
        parts = blocks(text)
        prose = "\n".join(part.text for part in parts if not part.is_command)
        commands.setdefault(prose, []).extend(part.text for part in parts if part.is_command)
    return tuple(
        _how(prose, lines)
        for prose, lines in commands.items()
        if lines or not any(other != prose and other.startswith(prose) for other in commands)
    )


def _how(prose: str, commands: list[str]) -> str:
    few = [textwrap.indent(one, "  ") for one in commands[:FEW]]
    more = [f"and {len(commands) - FEW:,} more like these"] if len(commands) > FEW else []
    return "\n".join([*([prose] if prose else []), *few, *more])


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))
