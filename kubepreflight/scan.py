"""The main road: collect once, judge purely, say what could not be seen."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec

from kubepreflight import __version__
from kubepreflight.engine import Resolver, judge, sort_key
from kubepreflight.errors import UsageError
from kubepreflight.finding import Gap, Severity
from kubepreflight.inputs import Parameter, Wanted
from kubepreflight.overview import Overview, SystemNamespace
from kubepreflight.policy import hosts_alone, require, required_gaps, verdict
from kubepreflight.report import (
    SCHEMA,
    Cluster,
    CoverageStatus,
    KnowledgeRecord,
    Report,
    ReportFinding,
    ReportHop,
    ReportUpgrade,
    RuleCoverage,
    Tool,
)
from kubepreflight.rule import Rule
from kubepreflight.semantics.host_identity import HostIdentities
from kubepreflight.snapshot import Collector, Recorder, Snapshot
from kubepreflight.upgrade import ScanOptions, Upgrade

NAMED = 3
"""How many of the things that could not be checked the verdict's line names."""

Read = Callable[[Collector], None]
"""A source: adds to the collector what it can read. Raises SourceError when it can read nothing at all."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be scanned, and how. `disabled` are names of rules, `required` names of `policy.REQUIRABLE`.

    `own_knowledge` are the tables that the user has files of.
    """

    options: ScanOptions
    rules: tuple[Rule, ...]
    sources: tuple[Read, ...]
    disabled: frozenset[str] = frozenset()
    required: tuple[str, ...] = ()
    opted_in: frozenset[str] = frozenset()
    own_knowledge: tuple[KnowledgeRecord, ...] = ()


def wanted_by(rules: Iterable[Rule]) -> Wanted:
    """The fetch plan for these rules and for the report's own tables."""
    own = (Parameter("", None, one, True) for one in (Upgrade, Overview, HostIdentities))
    return Wanted.by((*(one for rule in rules for one in rule.parameters), *own))


def collect(request: Request, recorder: Recorder | None = None) -> Snapshot:
    """Read all sources. Raises SourceError when one can read nothing at all, UsageError when they differ in cluster."""
    collector = Collector(wanted_by(request.rules), recorder, request.opted_in)
    collector.give(request.options)
    for read in request.sources:
        read(collector)
    snapshot = collector.snapshot()
    identities = sorted({one.metadata.uid for one in snapshot.observed.get(SystemNamespace, ()) if one.metadata.uid})
    if len(identities) > 1:
        seen = " and ".join(identities)
        raise UsageError(f"what was given is of several clusters (kube-system has the uids {seen}): scan one at a time")
    return snapshot


def scan(request: Request) -> Report:
    """Collect, judge, and put the report together."""
    with _collector_paused():
        return report_on(collect(request), request)


def report_on(snapshot: Snapshot, request: Request) -> Report:
    """Judge a snapshot with every rule that is not disabled."""
    resolver = Resolver(snapshot)
    upgrade = resolver.get(Upgrade)
    plan: Upgrade | None = upgrade.value if upgrade.available else None
    resources = {api.plural for api in wanted_by(request.rules).apis()}
    findings: list[ReportFinding] = []
    coverage: list[RuleCoverage] = []
    for rule in request.rules:
        if rule.name in request.disabled:
            coverage.append(RuleCoverage(rule=rule.name, area=rule.area, status=CoverageStatus.DISABLED))
            continue
        found, covered = judge(rule, resolver, plan.first_hop if plan else None)
        findings += found
        coverage.append(require(covered, request.required, resources))
    findings.sort(key=sort_key)
    identities = resolver.get(HostIdentities)
    hosts: HostIdentities = identities.value if identities.available else HostIdentities(hosts=())
    unread = hosts.unread
    read = (gap for gap in snapshot.gaps if gap not in unread)
    gaps = (*read, *(plan.gaps if plan else ()), *_not_given(snapshot, request, coverage))
    answer = verdict(findings, coverage, gaps)
    tables = resolver.get(Overview)
    overview: Overview = tables.value if tables.available else Overview()
    return Report(
        schema=SCHEMA,
        cluster=_cluster(snapshot, overview, plan),
        upgrade=_plan(plan, overview),
        verdict=answer,
        summary=summary(findings, coverage, gaps, snapshot),
        findings=tuple(findings),
        coverage=tuple(coverage),
        gaps=gaps,
        sources=(*snapshot.sources, *hosts.records),
        knowledge=_knowledge(resolver, request),
        tool=Tool(name="kubepreflight", version=__version__),
        created=datetime.now(UTC).replace(microsecond=0),
        nodes=overview.nodes,
        certificates=overview.certificates,
    )


def summary(
    findings: Sequence[ReportFinding], coverage: Sequence[RuleCoverage], gaps: Sequence[Gap], snapshot: Snapshot
) -> str:
    """The verdict's line: how many findings of each kind, what could not be read, and what was not looked at."""
    alive = [one for one in findings if one.waiver is None]
    counts = [(sum(one.severity is severity for one in alive), severity.value) for severity in Severity]
    parts = [f"{count} {name}{'' if count == 1 else 's'}" for count, name in counts if count]
    unseen = [
        name
        for name, seen in (
            ("the cluster", bool(snapshot.listed)),
            ("nodes", bool(snapshot.hosts)),
            ("manifests", snapshot.manifests_given),
        )
        if not seen
    ]
    text = ", ".join(parts) or "nothing found"
    asked = [_short(gap) for gap in (*gaps, *(gap for one in coverage for gap in one.gaps)) if gap.asked]
    crashed = [f"the rule {one.rule}" for one in coverage if one.status is CoverageStatus.CRASHED]
    if unread := list(dict.fromkeys((*asked, *crashed))):
        more = f" and {len(unread) - NAMED} more" if len(unread) > NAMED else ""
        text += f"; could not be checked: {', '.join(unread[:NAMED])}{more}"
    statuses = [one.status for one in coverage if one.status is not CoverageStatus.DISABLED]
    if idle := statuses.count(CoverageStatus.NOT_CHECKED):
        in_full = CoverageStatus.CHECKED in statuses or idle == len(statuses)
        text += f"; {idle} of {len(statuses)} rules not checked" + ("" if in_full else ", and no rule checked in full")
    return f"{text} ({', '.join(unseen)} not looked at)" if unseen else text


def _short(gap: Gap) -> str:
    if not gap.subject or gap.input == "files":
        return gap.subject or gap.input
    return f"{gap.subject} ({gap.input})"


def _not_given(snapshot: Snapshot, request: Request, coverage: list[RuleCoverage]) -> tuple[Gap, ...]:
    given = {"api": bool(snapshot.listed), "hosts": bool(snapshot.hosts), "manifests": snapshot.manifests_given}
    return (*required_gaps(request.required, **given), *hosts_alone(coverage, **given))


def _plan(plan: Upgrade | None, overview: Overview) -> ReportUpgrade | None:
    if plan is None:
        return None
    return ReportUpgrade(
        start=str(plan.current) if plan.current else "",
        to=str(plan.target),
        hops=tuple(ReportHop.of(hop) for hop in plan.hops),
        planned_start=plan.start,
        planned_end=plan.end,
        half_upgraded=plan.half_upgraded,
        assumed=plan.assumed,
        control_planes=overview.order.to_do,
        upgraded=overview.order.done,
    )


def _cluster(snapshot: Snapshot, overview: Overview, plan: Upgrade | None) -> Cluster:
    given: Cluster = snapshot.given.get(Cluster, Cluster())
    return msgspec.structs.replace(
        given,
        id=given.id or overview.cluster_id,
        version=str(plan.current) if plan and plan.current else "",
        nodes=len(overview.nodes),
    )


def _knowledge(resolver: Resolver, request: Request) -> tuple[KnowledgeRecord, ...]:
    tables = {one for one in wanted_by(request.rules).others if hasattr(one, "info")}
    values = (resolver.get(table) for table in tables)
    records = {one.value.info.table: KnowledgeRecord.of(one.value.info) for one in values if one.available}
    records |= {one.table: one for one in request.own_knowledge}
    return tuple(sorted(records.values(), key=lambda one: one.table))


@contextmanager
def _collector_paused() -> Any:
    """Reading makes millions of objects and no garbage: with the collector on it takes three times as long."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
