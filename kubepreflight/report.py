"""The report: what a scan found, what it could not see, and the verdict. Its JSON form is the tool's contract.

Times are RFC 3339 in UTC, order is deterministic: the same snapshot gives the same report.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from inspect import cleandoc
from math import isfinite
from typing import Annotated, Any

import msgspec

from kubepreflight.finding import Evidence, Gap, Hop, Phase, Severity, Subject
from kubepreflight.knowledge.table import TableInfo

SCHEMA = "kubepreflight.report/v1"

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A point in time that knows its offset from UTC."""


class Verdict(StrEnum):
    """The answer, worst first."""

    NO_GO = "no-go"
    INCOMPLETE = "incomplete"
    GO_WITH_WARNINGS = "go-with-warnings"
    GO = "go"


class CoverageStatus(StrEnum):
    """How much of a rule's work could be done."""

    CHECKED = "checked"
    PARTIAL = "partial"
    NOT_CHECKED = "not checked"
    CRASHED = "crashed"
    DISABLED = "disabled"


class _Record(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    pass


class ReportHop(_Record, frozen=True):
    """One step of the upgrade; minors as text (`1.36`)."""

    start: str = msgspec.field(name="from")
    end: str = msgspec.field(name="to")

    @classmethod
    def of(cls, hop: Hop) -> ReportHop:
        """The report's form of a hop."""
        return cls(start=str(hop.start), end=str(hop.end))

    def __str__(self) -> str:
        return f"{self.start} → {self.end}"


class ReportUpgrade(_Record, frozen=True):
    """The plan that was judged. `start` is empty and `assumed` says how when the running version is not known.

    `control_planes` are the nodes that are still to be upgraded in the order that was taken, the first at the planned
    start unless `upgraded` names some that are done.
    """

    start: str = msgspec.field(name="from")
    to: str
    hops: tuple[ReportHop, ...]
    planned_start: Moment = msgspec.field(name="start")
    planned_end: Moment = msgspec.field(name="end")
    half_upgraded: bool = False
    assumed: str = ""
    control_planes: tuple[str, ...] = ()
    upgraded: tuple[str, ...] = ()


class ReportWaiver(_Record, frozen=True):
    """Why somebody accepted a finding."""

    reason: str
    owner: str = ""
    expires: str = ""


class ReportFinding(_Record, frozen=True):
    """One finding with what its rule declares. `count` is the number of places."""

    rule: str
    severity: Severity
    area: str
    phase: Phase
    hop: ReportHop | None
    subject: Subject
    places: tuple[Subject, ...]
    count: int
    message: str
    evidence: Mapping[str, Evidence]
    remedy: str
    references: tuple[str, ...]
    fingerprint: str
    waiver: ReportWaiver | None = None


class RuleCoverage(_Record, frozen=True):
    """What became of one rule. `traceback` is there when it crashed."""

    rule: str
    area: str
    status: CoverageStatus
    gaps: tuple[Gap, ...] = ()
    traceback: str = ""


class SourceRecord(_Record, frozen=True):
    """One thing that was read. `kind` is `cluster`, `snapshot`, `files`, `host` or `configuration`."""

    kind: str
    name: str
    detail: str = ""


class KnowledgeRecord(_Record, frozen=True):
    """A table that was used, and the Kubernetes range for which it is verified.

    `own` are the files of the user's (`--knowledge`) that stand in the place of the shipped ones, or beside them.
    """

    table: str
    start: str = msgspec.field(name="from")
    end: str = msgspec.field(name="to")
    date: str
    own: tuple[str, ...] = ()

    @classmethod
    def of(cls, info: TableInfo, own: tuple[str, ...] = ()) -> KnowledgeRecord:
        """The record of a table."""
        return cls(table=info.table, start=str(info.start), end=str(info.end), date=str(info.date), own=own)


class CertificateRow(_Record, frozen=True):
    """One certificate for the timeline: whose, when it ends, and whether the upgrade renews it.

    `renewed_at` is the moment where the plan tells it, and it comes before the end.
    """

    node: str
    name: str
    path: str
    not_before: Moment
    not_after: Moment
    is_authority: bool = False
    renewed_by_upgrade: bool | None = None
    renewed_at: Moment | None = None


class NodeRow(_Record, frozen=True):
    """One line of the table of nodes; `held` is None when it is not known, `drain` counts pods by what drain does."""

    name: str
    roles: tuple[str, ...] = ()
    kubelet: str = ""
    runtime: str = ""
    os: str = ""
    kernel: str = ""
    ready: bool | None = None
    schedulable: bool | None = None
    host_facts: bool = False
    held: bool | None = None
    packages: Mapping[str, str] = {}
    drain: Mapping[str, int] = {}


class Tool(_Record, frozen=True):
    """What made the report."""

    name: str
    version: str


class Cluster(_Record, frozen=True):
    """Which cluster: `name` is the context or what the files call it, `id` the uid of kube-system."""

    name: str = ""
    id: str = ""
    server: str = ""
    version: str = ""
    nodes: int = 0


class Report(_Record, frozen=True):
    """Everything that a writer needs; `tables` of nodes and certificates are for the pictures."""

    schema: str
    cluster: Cluster
    upgrade: ReportUpgrade | None
    verdict: Verdict
    summary: str
    findings: tuple[ReportFinding, ...]
    coverage: tuple[RuleCoverage, ...]
    gaps: tuple[Gap, ...]
    sources: tuple[SourceRecord, ...]
    knowledge: tuple[KnowledgeRecord, ...]
    tool: Tool
    created: Moment
    nodes: tuple[NodeRow, ...] = ()
    certificates: tuple[CertificateRow, ...] = ()

    def of(self, severity: Severity) -> tuple[ReportFinding, ...]:
        """The findings of one severity that nobody waived, in order."""
        return tuple(one for one in self.findings if one.severity == severity and one.waiver is None)


def to_builtins(report: Report) -> Any:
    """The report as plain dicts, lists and strings that every JSON writer can write: times in RFC 3339 UTC, no NaN,
    and no half of a surrogate pair, which is how Python holds a file name that is not UTF-8."""
    return _plain(msgspec.to_builtins(report, builtin_types=(datetime,)))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {_plain(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    return value


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the JSON report; `kubepreflight/report.schema.json` is a copy of it."""
    (reference,), parts = msgspec.json.schema_components((Report,), ref_template="#/$defs/{name}")
    parts["Report"]["properties"]["schema"] = {"const": SCHEMA}
    for part in parts.values():
        if "description" in part:  # from Python 3.13 on docstrings come without their indentation
            part["description"] = cleandoc(part["description"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"The JSON report of kubepreflight, {SCHEMA}",
        **reference,
        "$defs": parts,
    }
