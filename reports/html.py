"""One self-contained page: no network, no script needed to read it, prints, light and dark."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from kubepreflight.finding import Evidence, Phase, Severity
from kubepreflight.report import CoverageStatus, Report, ReportFinding
from kubepreflight.reports import _prose, _words
from kubepreflight.reports._certificates import State, timeline
from kubepreflight.reports._groups import blindnesses, clusters, is_elsewhere, of_status
from kubepreflight.reports._plain import plain, plain_lines
from kubepreflight.writer import Medium

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES = Path(__file__).with_name("templates")
_FEW = 10
_SHORT = 60
"""A list of texts that are together this short stands on one line."""
_MOST_NODES = 300
_MANY_OF_ONE_RULE = 8
"""From so many findings of one rule on, they stand under one line that opens."""
_OPEN_BLOCKERS = 6
"""So few blockers are open from the start."""


class _Card(NamedTuple):
    finding: ReportFinding
    anchor: str


class _Section(NamedTuple):
    severity: Severity
    title: str
    size: int
    groups: list[Sequence[_Card]]


def render(report: Report, medium: Medium) -> str:
    """The page. It has no width and no colour of its own to choose, so `medium` changes nothing."""
    del medium
    style = _asset("style.css") + _filters(len(_areas(report)), len(_phases(report)))
    script = _asset("script.js")
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            style=style,
            script=script,
            policy=_policy(style, script),
            sections=_sections(report),
            accepted=[one for one in report.findings if one.waiver is not None],
            areas=_areas(report),
            phases=_phases(report),
            timeline=timeline(report),
            nodes=report.nodes[:_MOST_NODES],
            blindnesses=blindnesses(report),
            status={status.name.lower(): of_status(report, status) for status in CoverageStatus},
            open_blockers=len(report.of(Severity.BLOCKER)) <= _OPEN_BLOCKERS,
        )
    )


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"link": _link, "value": _value, "few": _few, "lines": _lines}
    environment.globals |= {
        "words": _words,
        "prose": _prose,
        "severities": Severity,
        "is_elsewhere": is_elsewhere,
        "states": State,
    }
    return environment


def _shown(value: Any) -> Any:
    """What every expression of the templates passes through before it is escaped."""
    return value if hasattr(value, "__html__") else plain(str(value))


def _lines(text: str) -> Any:
    from markupsafe import Markup

    return Markup("\n").join(plain_lines(text))


def _link(text: str) -> str:
    """The text when it is a web address that is what it looks like, else nothing."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    return text if parts.scheme in {"http", "https"} and parts.netloc and plain(text) == text else ""


def _value(value: Evidence) -> list[str]:
    lines: list[str] = _words.told(value, _FEW)
    return [", ".join(lines)] if sum(map(len, lines)) <= _SHORT else lines


def _few(texts: Sequence[str], number: int = 3) -> str:
    more = f" and {len(texts) - number:,} more" if len(texts) > number else ""
    return ", ".join(map(plain, texts[:number])) + more


def _sections(report: Report) -> list[_Section]:
    """The findings by severity, those of one rule under one line where they are many."""
    every = [_Card(one, anchor) for one, anchor in zip(report.findings, _anchors(report.findings), strict=True)]
    found = []
    for severity in Severity:
        cards = [card for card in every if card.finding.severity == severity and card.finding.waiver is None]
        groups: list[Sequence[_Card]] = []
        for cluster in clusters(card.finding for card in cards):
            start = sum(map(len, groups))
            same = cards[start : start + len(cluster.findings)]
            groups += [same] if len(same) >= _MANY_OF_ONE_RULE else [[card] for card in same]
        found.append(_Section(severity, _words.SEVERITIES[severity], len(cards), groups))
    return found


def _areas(report: Report) -> list[str]:
    return sorted({one.area for one in report.findings})


def _phases(report: Report) -> list[Phase]:
    return sorted({one.phase for one in report.findings}, key=lambda phase: phase.rank)


def _anchors(findings: Iterable[ReportFinding]) -> Iterator[str]:
    """An id for each finding: made of its fingerprint, so that links stay right from scan to scan."""
    used: set[str] = set()
    for number, one in enumerate(findings):
        mark = one.fingerprint
        usual = mark.isascii() and mark.isalnum() and len(mark) <= 64 and mark not in used
        yield f"finding-{mark}" if usual else f"finding-number-{number}"
        used.add(mark)


def _filters(areas: int, phases: int) -> str:
    """The rules by which the page filters without a script: an area or a phase that is chosen hides the others."""
    rules = []
    for letter, count in (("area", areas), ("phase", phases)):
        for number in range(count):
            chosen = f'main:has(#{letter} option[value="{number}"]:checked)'
            rules.append(f"{chosen} .item:not(.{letter}-{number}), {chosen} .level:not(:has(.{letter}-{number}))")
    return ",\n".join(rules) + " { display: none; }\n" if rules else ""


@cache
def _asset(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """Content Security Policy: this style, this script, and nothing else from anywhere."""
    hashes = {
        name: base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for name, text in (("style", style), ("script", script))
    }
    return (
        f"default-src 'none'; style-src 'sha256-{hashes['style']}'; script-src 'sha256-{hashes['script']}'; "
        "base-uri 'none'; form-action 'none'"
    )
