"""Who still says an API version that Kubernetes drops: the evidence, joined by what there is to change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Self

import msgspec

from kubepreflight.finding import WARNING, Gap, Subject
from kubepreflight.inputs import Unavailable
from kubepreflight.knowledge.api_lifecycle import ApiKind, ApiLifecycle
from kubepreflight.semantics.api_uses import (
    COUNTED,
    ELSEWHERE,
    GIVEN,
    LATELY,
    LYING,
    VARIANTS,
    ApiUse,
    ApiUses,
    Basis,
    Cause,
)
from kubepreflight.semantics.embedded_manifests import EmbeddedUses
from kubepreflight.semantics.folders import folders
from kubepreflight.semantics.kustomizations import Kustomizations
from kubepreflight.semantics.object_names import Identity, ObjectNames
from kubepreflight.semantics.requested_uses import RequestedUses
from kubepreflight.semantics.written_uses import WrittenUses
from kubepreflight.snapshot import ManifestHeaders


class ManifestUses(ApiUses, frozen=True):
    """Manifests that somebody will apply, or that lie there."""

    @classmethod
    def provide(cls, lifecycle: ApiLifecycle, kustomizations: Kustomizations, headers: ManifestHeaders) -> Self:
        """From the heads of the manifests: those that will be applied are one thing in each of a few folders.

        Of an object that another file has in a version that stays, the old one may be for another cluster: a folder may
        hold the manifests of several, each at its own minor.
        """
        applied: dict[ApiKind, list[Subject]] = {}
        staying = _staying(lifecycle, headers)
        uses: list[ApiUse] = []
        for header in headers.all:
            row = lifecycle.find_going(header.api_version, header.kind)
            if row is None:
                continue
            if kustomizations.leaves_out(header.origin.file):
                uses.append(ApiUse(row=row, place=header.subject, basis=Basis.LEFT_OUT, cause="left out"))
            else:
                applied.setdefault(row, []).append(header.subject)
        for row, places in applied.items():
            folder_of = folders({place.file for place in places})
            for place in places:
                is_one_of_several = any(_is_variant(place, file) for file in staying.get(_identity(place), ()))
                cause = f"{VARIANTS if is_one_of_several else 'manifests in '}{folder_of[place.file]}"
                severity = WARNING if is_one_of_several else None
                uses.append(ApiUse(row=row, place=place, basis=Basis.MANIFEST, cause=cause, severity=severity))
        return cls(tuple(uses))


def _identity(one: Subject) -> Identity:
    return one.kind, one.namespace, one.name


def _is_variant(one: Subject, file: str) -> bool:
    """Whether another file's manifest of the same kind and name is of the same object.

    Names alone are too common: the namespace says it, or that the files are called alike.
    """
    alike = file.rpartition("/")[2] == one.file.rpartition("/")[2]
    return file != one.file and bool(one.namespace or alike)


def _staying(lifecycle: ApiLifecycle, headers: ManifestHeaders) -> dict[tuple[str, str, str], set[str]]:
    """The files of the objects that are written in a version of which no removal is known."""
    found: dict[tuple[str, str, str], set[str]] = {}
    for header in headers.all:
        row = lifecycle.find(header.api_version, header.kind)
        if row is not None and row.removed is None and header.name:
            found.setdefault(_identity(header.subject), set()).add(header.origin.file)
    return found


class RemovedApis(msgspec.Struct, frozen=True):
    """Every use of a version for which a removal is known, whenever that is."""

    uses: tuple[ApiUse, ...]
    gaps: tuple[Gap, ...] = ()

    @classmethod
    def provide(
        cls,
        manifests: ManifestUses | None,
        written: WrittenUses | None,
        requested: RequestedUses | None,
        embedded: EmbeddedUses | None = None,
    ) -> Self:
        """All evidence that there is.

        Nothing is made of the version under which an object was listed: that is the server's choice. Raises
        Unavailable when there is none at all.
        """
        given: list[ApiUses] = [one for one in (manifests, requested, written, embedded) if one is not None]
        if not given:
            raise Unavailable
        return cls(tuple(use for one in given for use in one.uses), tuple(gap for one in given for gap in one.gaps))

    def causes(self) -> Iterator[Cause]:
        """What is to be changed, one by one.

        That somebody asks joins whatever says who; that somebody applies a manifest, the manifests that are given; what
        an object remembers, its manifest.
        """
        rows: dict[ApiKind, dict[str, list[ApiUse]]] = {}
        for use in self.uses:
            rows.setdefault(use.row, {}).setdefault(use.cause, []).append(use)
        for row, causes in rows.items():
            given = any(uses[0].basis is Basis.MANIFEST for uses in causes.values())
            applied = [*_taken(causes, LATELY), *_taken(causes, ELSEWHERE)] if given else []
            counted, remembered = causes.pop(COUNTED, []), causes.pop(GIVEN, [])
            for uses in causes.values():
                basis = uses[0].basis
                joined = [*_remembered(uses, remembered), *applied] if basis is Basis.MANIFEST else []
                joined += () if basis in LYING else counted
                yield Cause(row=row, uses=[*sorted(uses, key=_surest), *sorted(joined, key=_surest)])
            if counted and all(uses[0].basis in LYING for uses in causes.values()):
                yield Cause(row=row, uses=counted)


def _taken(causes: dict[str, list[ApiUse]], cause: str) -> list[ApiUse]:
    """What a log says of those who applied something, taken out of a cause."""
    uses = causes.pop(cause, [])
    if rest := [use for use in uses if use.basis is not Basis.AUDIT_LOG]:
        causes[cause] = rest
    return [use for use in uses if use.basis is Basis.AUDIT_LOG]


def _remembered(uses: Sequence[ApiUse], remembered: Sequence[ApiUse]) -> list[ApiUse]:
    """What the objects say themselves whose manifests these are."""
    written = ObjectNames(_identity(use.place) for use in uses) if remembered else ()
    return [use for use in remembered if _identity(use.place) in written]


def _surest(use: ApiUse) -> int:
    return list(Basis).index(use.basis)
