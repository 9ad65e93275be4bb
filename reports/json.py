"""For programs: everything that is known, as `kubepreflight.report/v1`; its JSON Schema is report.schema.json."""

from __future__ import annotations

import json

import msgspec

from kubepreflight.report import Report, to_builtins
from kubepreflight.writer import Medium


def render(report: Report, medium: Medium) -> str:
    """The report as JSON, two spaces a level. What a terminal might act upon is written as an escape."""
    del medium
    lines = msgspec.json.format(msgspec.json.encode(to_builtins(report)), indent=2).decode().split("\n")
    return "\n".join(line if line.isprintable() else _escaped(line) for line in lines) + "\n"


def _escaped(line: str) -> str:
    return "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in line)
