"""Who still says an API version that Kubernetes drops, and what to say instead."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Self

import msgspec

from kubepreflight.finding import Subject
from kubepreflight.inputs import Unavailable
from kubepreflight.knowledge.api_lifecycle import ApiKind, ApiLifecycle
from kubepreflight.semantics.applied_manifests import AppliedManifest
from kubepreflight.semantics.kustomizations import Kustomizations
from kubepreflight.semantics.several import NAMED
from kubepreflight.snapshot import ManifestHeaders
from kubepreflight.version import Minor

_IN_CHART = re.compile(r"/(?:templates|crds)(?:/|$)")


class Basis(StrEnum):
    """On what it is said that a version is in use, the surest first."""

    MANIFEST = "manifest"
    LEFT_OUT = "manifest that no kustomization names"
    LAST_APPLIED = "last applied"


class ApiUse(msgspec.Struct, frozen=True):
    """One object that is, or was, written in a version that goes away; `place` is the file or the object."""

    row: ApiKind
    place: Subject
    basis: Basis


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

    def grouped(self) -> Iterator[tuple[ApiKind, Basis, list[Subject]]]:
        """The places by what is to be changed: the version of one kind; in manifests that are applied, by folder."""
        causes: dict[tuple[ApiKind, Basis], list[Subject]] = {}
        for use in self.uses:
            causes.setdefault((use.row, use.basis), []).append(use.place)
        for (row, basis), places in causes.items():
            if basis is not Basis.MANIFEST:
                yield row, basis, places
                continue
            folder_of = folders({place.file for place in places})
            by_folder: dict[str, list[Subject]] = {}
            for place in places:
                by_folder.setdefault(folder_of[place.file], []).append(place)
            for inside in by_folder.values():
                yield row, basis, inside


def _in_manifests(
    lifecycle: ApiLifecycle, kustomizations: Kustomizations, headers: ManifestHeaders | None
) -> Iterator[ApiUse]:
    for header in headers.all if headers else ():
        row = lifecycle.find(header.api_version, header.kind)
        if row is not None and row.removed is not None:
            left_out = kustomizations.leaves_out(header.origin.file)
            yield ApiUse(row, header.subject, Basis.LEFT_OUT if left_out else Basis.MANIFEST)


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
            yield ApiUse(row, one.subject, Basis.LAST_APPLIED)


def folders(files: Iterable[str]) -> Mapping[str, str]:
    """The folder of each file, a chart as one, cut back to shared parents until there are few of them.

    Few folders can be read one by one; when a version stands in two hundred, that is one thing to know.
    """
    steps = {file: _folder(file).split("/") for file in files}
    for depth in range(max(map(len, steps.values()), default=0), 0, -1):
        cut = {file: "/".join(parts[:depth]) for file, parts in steps.items()}
        if len(set(cut.values())) <= NAMED:
            return cut
    return dict.fromkeys(steps, "")


def _folder(file: str) -> str:
    folder = file.rpartition("/")[0]
    return _IN_CHART.split(folder, maxsplit=1)[0]


def common_path(files: Iterable[str]) -> str:
    """The file that all are, or else the folder that all are in; empty when they have none in common."""
    different = set(files)
    if len(different) == 1:
        return different.pop()
    first, *others = [file.split("/")[:-1] for file in sorted(different)]
    shared = 0
    while shared < len(first) and all(one[: shared + 1] == first[: shared + 1] for one in others):
        shared += 1
    return "/".join(first[:shared])


class Replacement(msgspec.Struct, frozen=True):
    """What to write instead: served from `since` on, until `removed` (None: no end is known).

    `notes` say what else changes on the way there. `convertible`: `kubectl convert` makes it.
    """

    api_version: str
    kind: str
    since: Minor
    removed: Minor | None
    notes: tuple[str, ...]
    convertible: bool


def replacements(row: ApiKind, lifecycle: ApiLifecycle) -> list[Replacement]:
    """All that came after a version, one after the other; none when the kind itself goes away."""
    found: list[Replacement] = []
    notes: list[str] = []
    for one in (row, *lifecycle.successors(row)):
        if one.notes:
            notes.append(one.notes)
        if not one.replacement or one.replacement_since is None:
            break
        following = lifecycle.find(one.replacement_version, one.replacement_kind)
        found.append(
            Replacement(
                api_version=one.replacement_version,
                kind=one.replacement_kind,
                since=one.replacement_since,
                removed=following.removed if following else None,
                notes=tuple(dict.fromkeys(notes)),
                convertible=row.convertible,
            )
        )
    return found


def replacement_for(row: ApiKind, lifecycle: ApiLifecycle, before: Minor) -> Replacement | None:
    """What to write instead while the cluster is at `before`: the latest version that it serves, which outlives `row`.

    Where none is served yet, the first that comes.
    """
    after = replacements(row, lifecycle)
    return next((one for one in reversed(after) if one.since <= before), after[0] if after else None)
