"""What to read on a terminal or in a log of a pipeline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from kubepreflight.finding import Severity
from kubepreflight.report import CoverageStatus, KnowledgeRecord, Report, ReportFinding, Verdict
from kubepreflight.reports._groups import Blindness, blindnesses, clusters, is_elsewhere, of_status
from kubepreflight.reports._terminal import Page
from kubepreflight.reports._words import SEVERITIES, VERDICTS, checked, counted, minute, route, span, title, told, when
from kubepreflight.writer import Medium

_COLORS = {Severity.BLOCKER: "red", Severity.WARNING: "yellow", Severity.NOTE: "blue"}
_VERDICT_COLORS = {
    Verdict.NO_GO: "red",
    Verdict.INCOMPLETE: "magenta",
    Verdict.GO_WITH_WARNINGS: "yellow",
    Verdict.GO: "green",
}
_FEW = 6
"""So many places, subjects or lines of evidence are shown; the JSON report has all."""
_IN_FULL = 5
_MANY = 10
"""Of more findings of one rule only the first `_IN_FULL` are told in full."""
_NAMED = 12
"""Of more rules, or tables of facts, only numbers are told."""
_INDENT = 6
_FIELD = 16


def render(report: Report, medium: Medium) -> str:
    """The report for `medium`: the verdict, the findings by severity, then what was not checked, and what was read."""
    page = Page(medium)
    links: set[str] = set()
    _verdict(page, report)
    for severity in Severity:
        _findings(page, report, severity, links)
    _accepted(page, report)
    _not_checked(page, report)
    _basis(page, report)
    return str(page)


def _verdict(page: Page, report: Report) -> None:
    word = VERDICTS[report.verdict].upper()
    page.prose(f"{word}: {report.summary}", bold=True, fg=_VERDICT_COLORS[report.verdict])
    page.blank()
    cluster, upgrade = report.cluster, report.upgrade
    known = (title(report), cluster.server, f"Kubernetes {cluster.version}" if cluster.version else "")
    nodes = counted(cluster.nodes, "node") if cluster.nodes else ""
    page.prose(", ".join(part for part in (*known, nodes) if part), 12, "  cluster")
    if upgrade is not None:
        length = span(upgrade.planned_end - upgrade.planned_start)
        begun = "; already begun: control planes differ" if upgrade.half_upgraded else ""
        page.prose(f"{route(upgrade)}{begun}", 12, "  upgrade")
        page.prose(f"{minute(upgrade.planned_start)} to {minute(upgrade.planned_end)} UTC ({length})", 12, "  planned")
        if upgrade.assumed:
            page.prose(upgrade.assumed, 12, "  assumed")
    page.prose(checked(report), 12, "  checked")


def _findings(page: Page, report: Report, severity: Severity, links: set[str]) -> None:
    findings = report.of(severity)
    if not findings:
        return
    page.heading(f"{SEVERITIES[severity].upper()} ({len(findings):,})", fg=_COLORS[severity])
    number = 0
    for cluster in clusters(findings):
        full = _IN_FULL if len(cluster.findings) > _MANY else _MANY
        for one in cluster.findings[:full]:
            number += 1
            _finding(page, one, f"{severity[0].upper()}{number}", report, links)
        if rest := cluster.findings[full:]:
            page.prose(f"{len(rest):,} more of {cluster.rule}, in full in the HTML and JSON reports:", _INDENT)
            page.listed((f"{one.subject}{_count(one)}" for one in rest), _INDENT + 2)
            page.blank()
            number += len(rest)


def _finding(page: Page, one: ReportFinding, label: str, report: Report, links: set[str]) -> None:
    """One finding in full. `links` are those that were shown; the same link is not shown twice."""
    page.title(str(one.subject) or one.rule, f"{one.rule}, {when(one, report.upgrade)}", _INDENT, label)
    page.prose(one.message, _INDENT)
    if is_elsewhere(one):
        _places(page, one)
    _evidence(page, one)
    page.told(one.remedy, _FIELD, "      remedy")
    page.listed((link for link in one.references if link not in links), _FIELD, "      see")
    links.update(one.references)
    page.blank()


def _places(page: Page, one: ReportFinding) -> None:
    first = [str(place) for place in one.places[:_FEW]]
    if max(map(len, first)) > page.width - _FIELD:
        first = first[: _FEW // 2]
    label = "      places"
    if one.count > len(first):
        page.prose(f"{one.count:,}, the first {len(first)}:", _FIELD, label)
        label = ""
    page.listed(first, _FIELD, label)


def _count(one: ReportFinding) -> str:
    return f" ({counted(one.count, 'place')})" if is_elsewhere(one) else ""


def _evidence(page: Page, one: ReportFinding) -> None:
    label = "      evidence"
    short = {name: ", ".join(told(value, _FEW)) for name, value in one.evidence.items()}
    whole = {name: text for name, text in short.items() if len(name) + len(text) + 2 <= page.width - _FIELD}
    if whole:
        page.listed((f"{name}: {text}" for name, text in whole.items()), _FIELD, label)
        label = ""
    for name, value in one.evidence.items():
        if name not in whole:
            page.prose(f"{name}:", _FIELD, label)
            page.listed(told(value, _FEW), _FIELD + 2)
            label = ""


def _accepted(page: Page, report: Report) -> None:
    waived = [one for one in report.findings if one.waiver is not None]
    if not waived:
        return
    page.heading(f"ACCEPTED ({len(waived):,})")
    for one in waived:
        assert one.waiver is not None
        page.prose(str(one.subject) or one.rule, _INDENT, one.severity[0].upper(), bold=True)
        page.prose(f"{one.rule}: {one.message}", _INDENT)
        said = (one.waiver.reason, one.waiver.owner, f"until {one.waiver.expires}" if one.waiver.expires else "")
        page.prose("; ".join(part for part in said if part), _FIELD, "      because")
        page.blank()


def _not_checked(page: Page, report: Report) -> None:
    blind = blindnesses(report)
    crashed = of_status(report, CoverageStatus.CRASHED)
    disabled = of_status(report, CoverageStatus.DISABLED)
    if not (blind or crashed or disabled):
        return
    number = len(of_status(report, CoverageStatus.NOT_CHECKED))
    page.heading(f"NOT CHECKED ({counted(number, 'rule')})" if number else "NOT CHECKED")
    areas = {one.rule: one.area for one in report.coverage}
    for one in blind:
        _blindness(page, one, areas)
    for coverage in crashed:
        page.prose(f"{coverage.rule} crashed: the rest of the scan went on", 2, bold=True)
        last = (coverage.traceback.strip().splitlines() or [""])[-1]
        page.prose(last, _FIELD, "      error")
        page.blank()
    if disabled:
        page.prose(f"switched off: {_rules(tuple(one.rule for one in disabled), areas)}", 2)


def _blindness(page: Page, one: Blindness, areas: Mapping[str, str]) -> None:
    asked = " (asked for)" if one.asked else ""
    page.prose(f"{_some(one.inputs)}{asked}", 2, bold=True)
    for cause in one.causes[:_FEW]:
        page.prose(f"{_some(cause.subjects)}: {cause.reason}" if cause.subjects else cause.reason, _INDENT)
    if len(one.causes) > _FEW:
        page.prose(f"and {len(one.causes) - _FEW:,} more", _INDENT)
    label = "      to do"
    for how in one.hows[:_FEW]:
        page.told(how, _FIELD, label)
        label = ""
    if len(one.hows) > _FEW:
        page.prose(f"and {len(one.hows) - _FEW:,} more", _FIELD)
    for rules, label in ((one.rules, "      not run"), (one.rules_in_part, "      in part")):
        if rules:
            page.prose(_rules(rules, areas), _FIELD, label)
    page.blank()


def _rules(names: tuple[str, ...], areas: Mapping[str, str]) -> str:
    """The rules by name; many by their areas, for the other formats name them all."""
    if len(names) <= _NAMED:
        return f"{counted(len(names), 'rule')}: {', '.join(names)}"
    numbers = Counter(areas[name] for name in names).most_common()
    return f"{len(names):,} rules: {', '.join(f'{area} {number:,}' for area, number in numbers)} (-o html names them)"


def _some(texts: tuple[str, ...]) -> str:
    more = f" and {len(texts) - _FEW:,} more" if len(texts) > _FEW else ""
    return ", ".join(texts[:_FEW]) + more


def _basis(page: Page, report: Report) -> None:
    page.heading("READ")
    for source in report.sources:
        page.prose(f"{source.name}{f': {source.detail}' if source.detail else ''}", _FIELD, f"  {source.kind}"[:15])
    if report.knowledge:
        page.prose(_tables(report.knowledge), _FIELD, "  knowledge")
    page.prose(f"{report.tool.name} {report.tool.version}, {minute(report.created)} UTC", _FIELD, "  made by")


def _tables(knowledge: Sequence[KnowledgeRecord]) -> str:
    """The tables of facts that were used: those of the commonest range as one, the user's own and the rest by name."""
    usual = Counter((one.start, one.end) for one in knowledge if not one.own).most_common(1)
    start, end = usual[0][0] if usual else ("", "")
    same = [one for one in knowledge if (one.start, one.end) == (start, end) and not one.own]
    many = len(same) > _NAMED
    dates = sorted(one.date for one in same)
    parts = [f"{len(same)} tables ({start} to {end}, {dates[0]} to {dates[-1]})"] if many else []
    parts += [
        f"{one.table} ({', '.join((f'{one.start} to {one.end}', one.date, *one.own))})"
        for one in knowledge
        if not many or one not in same
    ]
    return ", ".join(parts)
