"""What objects remember of those who wrote them in a version that goes away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Self

import msgspec

from kubepreflight.finding import BLOCKER, NOTE, WARNING, Severity
from kubepreflight.knowledge.api_lifecycle import ApiKind, ApiLifecycle
from kubepreflight.knowledge.api_requests import ApiRequestKnowledge, Role
from kubepreflight.objects import KubernetesObject
from kubepreflight.semantics.api_uses import ELSEWHERE, GIVEN, LATELY, ApiUse, ApiUses, Basis
from kubepreflight.semantics.applied_manifests import AppliedManifest, ManagedFields
from kubepreflight.semantics.helm_releases import HelmReleases
from kubepreflight.semantics.kustomizations import Kustomizations
from kubepreflight.semantics.object_names import Identity, ObjectNames
from kubepreflight.snapshot import ManifestHeaders
from kubepreflight.upgrade import Upgrade

_OF_MANIFESTS = (Role.KUBECTL, Role.APPLIER, Role.ONCE)


class WrittenUses(ApiUses, frozen=True):
    """Objects that were written in such a version: their manifest lies somewhere, or a program writes them so."""

    @classmethod
    def provide(
        cls,
        *,
        lifecycle: ApiLifecycle,
        known: ApiRequestKnowledge,
        upgrade: Upgrade,
        objects: list[AppliedManifest],
        kustomizations: Kustomizations,
        headers: ManifestHeaders | None = None,
        releases: HelmReleases | None = None,
    ) -> Self:
        """From the last `kubectl apply` and from managedFields.

        Of an object whose manifest is given, or the record of its Helm release, that says by itself in which version it
        is applied next: what the object remembers of the same version speaks for it, and of another counts no more.
        """
        given = _Given(headers, kustomizations, releases)
        since = upgrade.start - timedelta(days=known.recent_days)
        uses: list[ApiUse] = []
        for one in objects:
            reading = _Reading(one, lifecycle, known, since)
            uses += given.left_of(one, reading.manifests())
            uses += reading.programs()
        return cls(tuple(uses))


class _Given:
    """The objects whose manifests are at hand, but those that the kustomization beside them leaves out."""

    def __init__(
        self, headers: ManifestHeaders | None, kustomizations: Kustomizations, releases: HelmReleases | None
    ) -> None:
        found: dict[str, set[Identity]] = {}
        for header in headers.all if headers else ():
            if not kustomizations.leaves_out(header.origin.file):
                found.setdefault(header.api_version, set()).add((header.kind, header.namespace, header.name))
        released = {
            (one.kind, one.namespace or release.namespace, one.name)
            for release in (releases.releases if releases else ())
            for one in (release.current.record.manifests if release.current else ())
        }
        self._all = ObjectNames(released.union(*found.values()))
        self._in_version = {version: ObjectNames(named) for version, named in found.items()}

    def left_of(self, one: KubernetesObject, uses: Iterable[ApiUse]) -> Iterator[ApiUse]:
        """What an object remembers of its manifest, as far as the one that is given does not say otherwise."""
        identity = one.kind, one.namespace, one.name
        if identity not in self._all:
            yield from uses
            return
        for use in uses:
            if identity in self._in_version.get(use.row.api_version, ()):
                # How bad it is, the manifest tells.
                yield msgspec.structs.replace(use, cause=GIVEN, severity=NOTE)


class _Reading(msgspec.Struct, frozen=True):
    """One object, and since when a write counts as recent."""

    object: AppliedManifest
    lifecycle: ApiLifecycle
    known: ApiRequestKnowledge
    since: datetime

    def manifests(self) -> Iterator[ApiUse]:
        """That it was written from a manifest which is kept somewhere else."""
        head = self.object.applied
        applied = self.lifecycle.find_going(head.api_version, head.kind) if head else None
        by_row = {} if applied is None else {applied: [*self._writers(applied, _OF_MANIFESTS)]}
        for one in self.object.metadata.managed_fields or ():
            row = self.lifecycle.find_going(one.api_version, self.object.kind)
            if row is not None:
                by_row[row] = [*self._writers(row, _OF_MANIFESTS)]
        for row, writers in by_row.items():
            worst = min((self._grade(one, NOTE) for one in writers), key=lambda one: one.rank, default=NOTE)
            cause = LATELY if worst is BLOCKER else ELSEWHERE
            if row is applied:
                severity = worst if worst is BLOCKER else None
                yield ApiUse(
                    row=row, place=self.object.subject, basis=Basis.LAST_APPLIED, cause=cause, severity=severity
                )
            for one in writers:
                yield self._use(row, one, cause, self._grade(one, NOTE))

    def programs(self) -> Iterator[ApiUse]:
        """That a program of which nothing is known wrote it so."""
        for entry in self.object.metadata.managed_fields or ():
            row = self.lifecycle.find_going(entry.api_version, self.object.kind)
            if row is not None and self.known.role(entry.manager) is Role.UNKNOWN:
                use = self._use(row, entry, f"client {entry.manager}", self._grade(entry, NOTE))
                yield msgspec.structs.replace(use, client=entry.manager)

    def _writers(self, row: ApiKind, roles: tuple[Role, ...]) -> Iterator[ManagedFields]:
        for one in self.object.metadata.managed_fields or ():
            if one.api_version == row.api_version and self.known.role(one.manager) in roles:
                yield one

    def _grade(self, entry: ManagedFields, old: Severity) -> Severity:
        """An entry stays until its manager writes something else: an old one proves nothing, not that it has ended."""
        if entry.time is None or entry.time < self.since:
            return old
        return WARNING if self.known.role(entry.manager) is Role.ONCE else BLOCKER

    def _use(self, row: ApiKind, entry: ManagedFields, cause: str, severity: Severity) -> ApiUse:
        when = f" on {entry.time:%Y-%m-%d}" if entry.time else ""
        evidence = {"written": f"by {entry.manager} ({entry.operation}){when}"}
        return ApiUse(
            row=row,
            place=self.object.subject,
            basis=Basis.MANAGED_FIELDS,
            cause=cause,
            severity=severity,
            last=entry.time,
            evidence=evidence,
        )
