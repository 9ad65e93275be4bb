"""Who still says an API version that Kubernetes drops: the evidence, joined by what there is to change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Self

import msgspec

from kubepreflight.finding import BLOCKER, NOTE, WARNING, Evidence, Severity, Subject
from kubepreflight.inputs import Unavailable
from kubepreflight.knowledge.api_lifecycle import ApiKind, ApiLifecycle
from kubepreflight.semantics.applied_manifests import AppliedManifest
from kubepreflight.semantics.folders import folders
from kubepreflight.semantics.kustomizations import Kustomizations
from kubepreflight.snapshot import ManifestHeaders


class Basis(StrEnum):
    """On what it is said that a version is in use, the surest first."""

    MANIFEST = "manifest"
    LEFT_OUT = "manifest that no kustomization names"
    LAST_APPLIED = "last applied"


SEVERITY: Mapping[Basis, Severity] = {
    Basis.MANIFEST: BLOCKER,
    Basis.LEFT_OUT: NOTE,
    Basis.LAST_APPLIED: WARNING,
}
"""How bad it is on its own that a version which goes in the plan is in use."""


class ApiUse(msgspec.Struct, frozen=True, kw_only=True):
    """One sign that a version which goes away is in use; `place` is the file, the object, the release or the client.

    Uses of one `row`, `basis` and `cause` are one thing to change. `severity` is that of its basis unless it is given.
    """

    row: ApiKind
    place: Subject
    basis: Basis
    cause: str = ""
    severity: Severity | None = None

    @property
    def grade(self) -> Severity:
        """How bad it is, when the version goes in the plan."""
        return self.severity or SEVERITY[self.basis]


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to change, and all that speaks for it. `basis` is the surest sign, `evidence` what the others add."""

    row: ApiKind
    basis: Basis
    places: list[Subject]
    severity: Severity
    evidence: dict[str, Evidence] = {}


class RemovedApis(msgspec.Struct, frozen=True):
    """Every use of a version for which a removal is known, whenever that is."""

    uses: tuple[ApiUse, ...]

    @classmethod
    def provide(
        cls,
        lifecycle: ApiLifecycle,
        kustomizations: Kustomizations,
        headers: ManifestHeaders | None,
        applied: list[AppliedManifest] | None,
    ) -> Self:
        """From the heads of manifests, and from what objects remember that no manifest given is about.

        Nothing is made of the version under which an object was listed: that is the server's choice. Raises
        Unavailable when there is neither.
        """
        if headers is None and applied is None:
            raise Unavailable
        return cls((*_in_manifests(lifecycle, kustomizations, headers), *_last_applied(lifecycle, headers, applied)))

    def causes(self) -> Iterator[Cause]:
        """What is to be changed, one by one."""
        together: dict[tuple[ApiKind, Basis, str], list[ApiUse]] = {}
        for use in self.uses:
            together.setdefault((use.row, use.basis, use.cause), []).append(use)
        for (row, basis, _), uses in together.items():
            severity = min((use.grade for use in uses), key=lambda one: one.rank)
            yield Cause(row=row, basis=basis, places=[use.place for use in uses], severity=severity)


def _in_manifests(
    lifecycle: ApiLifecycle, kustomizations: Kustomizations, headers: ManifestHeaders | None
) -> Iterator[ApiUse]:
    """Those that will be applied are one thing to change in each folder of a few."""
    applied: dict[ApiKind, list[Subject]] = {}
    for header in headers.all if headers else ():
        row = lifecycle.find(header.api_version, header.kind)
        if row is None or row.removed is None:
            continue
        if kustomizations.leaves_out(header.origin.file):
            yield ApiUse(row=row, place=header.subject, basis=Basis.LEFT_OUT)
        else:
            applied.setdefault(row, []).append(header.subject)
    for row, places in applied.items():
        folder_of = folders({place.file for place in places})
        for place in places:
            yield ApiUse(row=row, place=place, basis=Basis.MANIFEST, cause=folder_of[place.file])


def _last_applied(
    lifecycle: ApiLifecycle, headers: ManifestHeaders | None, applied: list[AppliedManifest] | None
) -> Iterator[ApiUse]:
    given = {(one.kind, one.namespace or "default", one.name) for one in (headers.all if headers else ())}
    for one in applied or ():
        head = one.applied
        row = lifecycle.find(head.api_version, head.kind) if head else None
        if row is None or row.removed is None:
            continue
        if (one.kind, one.namespace or "default", one.name) not in given:
            yield ApiUse(row=row, place=one.subject, basis=Basis.LAST_APPLIED)
