"""What clients ask an API server for in a version that goes away: who, and how much of it means anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Self

import msgspec

from kubepreflight.finding import BLOCKER, NOTE, WARNING, Gap, Severity, Subject
from kubepreflight.inputs import Unavailable
from kubepreflight.knowledge.api_lifecycle import ApiKind, ApiLifecycle
from kubepreflight.knowledge.api_requests import ApiRequestKnowledge, Role
from kubepreflight.objects import group_of
from kubepreflight.semantics.api_requests import (
    INPUT,
    ApiClient,
    ApiServerMetrics,
    AuditLog,
    ServerRequests,
    resource_of,
)
from kubepreflight.semantics.api_uses import COUNTED, ELSEWHERE, LATELY, ApiUse, ApiUses, Basis
from kubepreflight.semantics.replacements import replacements
from kubepreflight.upgrade import ApiServers, Upgrade
from kubepreflight.version import Minor, Version

Rows = Mapping[tuple[str, str], ApiKind]
_NOBODY = (Role.COMPONENT, Role.SCANNER)
_FIRST_REQUEST = timedelta(minutes=1)
"""An API server that was started is ready, and asked for something, by then."""
_OF_MANIFESTS = (Role.KUBECTL, Role.APPLIER)


def rows_by_resource(lifecycle: ApiLifecycle) -> Rows:
    """The versions for which a removal is known, by version and resource (`batch/v1beta1`, `cronjobs`)."""
    return {(row.api_version, resource_of(row.kind)): row for row in lifecycle.going()}


def is_only_one(row: ApiKind, lifecycle: ApiLifecycle, current: Minor) -> bool:
    """Whether a server offers its kind in no newer version of the group: whoever goes by discovery asks for this one,
    as Kubernetes' own garbage collector and namespace controller do."""
    return not any(
        group_of(one.api_version) == group_of(row.api_version) and one.since <= current
        for one in replacements(row, lifecycle)
    )


def _counts(verbs: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {verb}" for verb, count in sorted(verbs.items(), key=lambda one: (-one[1], one[0])))


class AuditedUses(ApiUses, frozen=True):
    """What clients ask for by their audit log. `harmless` are rows that some asked for who need no change.

    `since` is when it begins; None where it may not be whole, or reaches not up to lately.
    """

    harmless: frozenset[ApiKind] = frozenset()
    since: datetime | None = None

    @classmethod
    def provide(cls, lifecycle: ApiLifecycle, known: ApiRequestKnowledge, upgrade: Upgrade, log: AuditLog) -> Self:
        """From the log, without those who come in a new version with the upgrade or who only look for old versions."""
        rows = rows_by_resource(lifecycle)
        since = upgrade.start - timedelta(days=known.recent_days)
        reach = f"{log.first:%Y-%m-%d %H:%M} to {log.last:%Y-%m-%d %H:%M} UTC" if log.first and log.last else ""
        uses: list[ApiUse] = []
        nobody: set[ApiKind] = set()
        gaps = [*log.gaps, *_unknown(log, rows, lifecycle, upgrade)]
        for client in log.clients:
            row = rows.get((client.api_version, client.resource))
            if row is None:
                continue
            role = known.role(client.program)
            if role in _NOBODY:
                nobody.add(row)
                continue
            only = is_only_one(row, lifecycle, upgrade.first_hop.start)
            severity = _grade(client, role, recent=client.last >= since, only=only)
            use = _use(row, client, role, severity, reach)
            uses.append(_by_discovery(use) if only and severity is WARNING else use)
        is_whole = log.last is not None and log.last >= since and not log.gaps
        return cls(tuple(uses), tuple(gaps), frozenset(nobody), log.first if is_whole else None)

    def explains(self, row: ApiKind, counted_since: datetime | None) -> bool:
        """Whether those who need no change are all who can have been counted since then: nobody else is in the log."""
        if row not in self.harmless or self.since is None or counted_since is None:
            return False
        return self.since <= counted_since + _FIRST_REQUEST


def _grade(client: ApiClient, role: Role, *, recent: bool, only: bool) -> Severity:
    """How bad it is that a client asks. What applies manifests, and what only reads, may go by discovery, where that
    offers nothing else: backups and the like list whatever there is."""
    if role in (Role.KUBECTL, Role.ONCE) and client.only_reads:
        return NOTE
    perhaps_by_discovery = only and (role in _OF_MANIFESTS or client.only_reads)
    return WARNING if not recent or role is Role.ONCE or perhaps_by_discovery else BLOCKER


def _by_discovery(use: ApiUse) -> ApiUse:
    told = "the group has no other version: who goes by discovery asks for it too, and then does without"
    return msgspec.structs.replace(use, evidence={**use.evidence, "perhaps": told})


def _use(row: ApiKind, client: ApiClient, role: Role, severity: Severity, reach: str) -> ApiUse:
    """What is to be changed is the client, or the manifest that it applies."""
    cause = f"client {client.program}"
    if role in _OF_MANIFESTS and not client.only_reads:
        cause = LATELY if severity is BLOCKER else ELSEWHERE
    evidence = {
        "requests": _counts(client.verbs),
        "user agent": client.agent,
        "last asked": f"{client.last:%Y-%m-%d %H:%M} UTC",
        "the audit log reaches": reach,
    }
    return ApiUse(
        row=row,
        place=client.subject,
        basis=Basis.AUDIT_LOG,
        cause=cause,
        client=client.program,
        severity=severity,
        last=client.last,
        evidence=evidence,
    )


def _unknown(log: AuditLog, rows: Rows, lifecycle: ApiLifecycle, upgrade: Upgrade) -> Iterator[Gap]:
    """What the server itself says to go with this upgrade, and the table does not know."""
    for api_version, resource, release in sorted(
        {(one.api_version, one.resource, one.removed_release) for one in log.clients if one.deprecated}
    ):
        removed = Version.try_parse(release)
        if (api_version, resource) in rows or removed is None or removed > upgrade.target:
            continue
        yield Gap(
            input="audit log",
            subject=f"{resource} in {api_version}",
            reason=f"its server says that it goes with {release}, and the table of removals, which ends at "
            f"{lifecycle.info.end}, does not know it",
            how="use a later kubepreflight",
            asked=True,
        )


class CountedRequests(msgspec.Struct, frozen=True):
    """What API servers count, and of which of them nothing is known. `of_one`: there is no other, whose log an audit
    log could be."""

    servers: tuple[ServerRequests, ...]
    gaps: tuple[Gap, ...]
    of_one: bool = False

    @classmethod
    def provide(cls, metrics: ApiServerMetrics, known: ApiRequestKnowledge, servers: ApiServers) -> Self:
        """From the metrics of as many API servers as were read."""
        gaps = [*metrics.gaps]
        for server in metrics.servers:
            version = Version.try_parse(server.version)
            if version is not None and version.minor_version < known.metric_since:
                reason = f"{version} does not count who asks for deprecated versions; {known.metric_since} does"
                gaps.append(Gap(input=INPUT, subject=server.name, reason=reason, how="give an audit log"))
        if metrics.servers and len(metrics.servers) < len(servers.by_node):
            reason = f"those of {len(metrics.servers)} of {len(servers.by_node)} were read, and each counts for itself"
            how = (
                "name those of each of the others in the scan as well:\n"
                "kubectl --server https://ADDRESS:6443 get --raw /metrics > metrics-NODE.txt"
            )
            gaps.append(Gap(input=INPUT, reason=reason, how=how))
        return cls(metrics.servers, tuple(gaps), max(len(metrics.servers), len(servers.by_node)) == 1)


class CountedUses(ApiUses, frozen=True):
    """What some client or other has asked for since its API server started."""

    @classmethod
    def provide(
        cls,
        lifecycle: ApiLifecycle,
        upgrade: Upgrade,
        counted: CountedRequests,
        audited: AuditedUses | None = None,
    ) -> Self:
        """From the metrics. Kubernetes itself asks for what has no other version: that is no more than a note."""
        rows = rows_by_resource(lifecycle)
        uses: list[ApiUse] = []
        for server in counted.servers:
            since = f" since its start at {server.since:%Y-%m-%d %H:%M} UTC" if server.since else ""
            for one in server.requested:
                row = rows.get((one.api_version, one.resource))
                if row is None:
                    continue
                explained = counted.of_one and audited is not None and audited.explains(row, server.since)
                quiet = explained or is_only_one(row, lifecycle, upgrade.first_hop.start)
                counts = f": {_counts(one.verbs)}" if one.verbs else ""
                uses.append(
                    ApiUse(
                        row=row,
                        place=Subject(kind="APIServer", name=server.name),
                        basis=Basis.METRIC,
                        cause=COUNTED,
                        severity=NOTE if quiet else WARNING,
                        evidence={"counted": f"by {server.name}{since}{counts}"},
                    )
                )
        return cls(tuple(uses), counted.gaps)


class RequestedUses(ApiUses, frozen=True):
    """What clients ask for, by all that tells of it."""

    @classmethod
    def provide(cls, counted: CountedUses | None, audited: AuditedUses | None = None) -> Self:
        """Both. Raises Unavailable when there is neither."""
        given = [one for one in (audited, counted) if one is not None]
        if not given:
            raise Unavailable
        return cls(tuple(use for one in given for use in one.uses), tuple(gap for one in given for gap in one.gaps))
