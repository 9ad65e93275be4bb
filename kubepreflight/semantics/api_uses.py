"""A sign that an API version which goes away is still in use, and what such signs have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum

import msgspec

from kubepreflight.finding import BLOCKER, NOTE, WARNING, Evidence, Gap, Severity, Subject
from kubepreflight.knowledge.api_lifecycle import ApiKind
from kubepreflight.semantics.several import NAMED


class Basis(StrEnum):
    """On what it is said that a version is in use, the surest first."""

    MANIFEST = "manifest"
    AUDIT_LOG = "audit log"
    MANAGED_FIELDS = "managedFields"
    LAST_APPLIED = "last applied"
    METRIC = "metrics of the API server"
    LEFT_OUT = "manifest that no kustomization names"
    EMBEDDED = "manifest in the data of a ConfigMap"


SEVERITY: Mapping[Basis, Severity] = {
    Basis.MANIFEST: BLOCKER,
    Basis.AUDIT_LOG: BLOCKER,
    Basis.MANAGED_FIELDS: BLOCKER,
    Basis.LAST_APPLIED: WARNING,
    Basis.METRIC: WARNING,
    Basis.LEFT_OUT: NOTE,
    Basis.EMBEDDED: NOTE,
}
"""How bad it is on its own that a version which goes in the plan is in use."""


LATELY, ELSEWHERE = "applied lately", "kept elsewhere"
"""Causes: what is to be changed is a manifest that was not given."""
COUNTED = "counted"
"""A cause of which nothing is known but that it is one."""
GIVEN = "given"
"""A cause of what an object remembers whose manifest is given in that version: it joins the manifest's."""
VARIANTS = "variants in "
"""How causes begin that are manifests of which others are given in a version that stays."""
LYING = (Basis.LEFT_OUT, Basis.EMBEDDED)
"""Manifests that seem to lie there: who asks for the version is somebody else."""


CLIENTS = ("ServiceAccount", "User")
"""Kinds of places that say who asks."""


class ApiUse(msgspec.Struct, frozen=True, kw_only=True):
    """One sign that a version which goes away is in use; `place` is the file, the object, the release or the client.

    Uses of one `row` and `cause` are one thing to change, whatever they are based on. `client` is the program that asks
    for it, where that is known; `last` when it was seen last. `severity` is that of its basis unless it is given;
    `evidence` what it has to show.
    """

    row: ApiKind
    place: Subject
    basis: Basis
    cause: str
    client: str = ""
    severity: Severity | None = None
    last: datetime | None = None
    evidence: Mapping[str, str] = {}

    @property
    def grade(self) -> Severity:
        """How bad it is, when the version goes in the plan."""
        return self.severity or SEVERITY[self.basis]


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to change, and all that speaks for it, the surest first."""

    row: ApiKind
    uses: Sequence[ApiUse]

    @property
    def basis(self) -> Basis:
        """What it is surest of."""
        return self.uses[0].basis

    @property
    def client(self) -> str:
        """The program that asks for it, when that is what is to be changed."""
        return "" if self.uses[0].cause in (LATELY, ELSEWHERE) else self.uses[0].client

    @property
    def last(self) -> datetime | None:
        """When it was seen last, where that is told."""
        return max((use.last for use in self.uses if use.last), default=None)

    @property
    def variants(self) -> bool:
        """Whether the same objects are given in a version that stays, too."""
        return self.uses[0].cause.startswith(VARIANTS)

    def rests_on(self, basis: Basis) -> bool:
        """Whether it is said on this, too."""
        return any(use.basis is basis for use in self.uses)

    @property
    def severity(self) -> Severity:
        """The worst of them; a metric makes nothing worse of what a log says of those who asked."""
        logged = self.rests_on(Basis.AUDIT_LOG)
        grades = (use.grade for use in self.uses if not (logged and use.basis is Basis.METRIC))
        return min(grades, key=lambda one: one.rank)

    @property
    def places(self) -> list[Subject]:
        """Where it shows. What joined it says nothing of that."""
        return list(dict.fromkeys(use.place for use in self.uses if use.cause == self.uses[0].cause))

    @property
    def objects(self) -> list[Subject]:
        """Those of the places that are objects or their manifests, and no clients."""
        return [place for place in self.places if place.kind not in CLIENTS]

    @property
    def evidence(self) -> dict[str, Evidence]:
        """On what it is said, and what they have to show."""
        found: dict[str, list[str]] = {"seen in": [str(use.basis) for use in self.uses]}
        for use in self.uses:
            for name, text in use.evidence.items():
                found.setdefault(name, []).append(text)
        different = {name: tuple(dict.fromkeys(texts)) for name, texts in found.items()}
        return {name: texts[0] if len(texts) == 1 else _few(texts) for name, texts in different.items()}


def _few(texts: Sequence[str]) -> Sequence[str]:
    return texts if len(texts) <= NAMED + 1 else (*texts[:NAMED], f"{len(texts) - NAMED} more")


class ApiUses(msgspec.Struct, frozen=True):
    """What one sort of evidence gives, and what of it could not be read."""

    uses: tuple[ApiUse, ...]
    gaps: tuple[Gap, ...] = ()
