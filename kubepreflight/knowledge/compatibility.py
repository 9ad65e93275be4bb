"""What upstream says of one release of an add-on on one Kubernetes minor.

The order of the questions is that of the facts: what upstream says fails; what lies below its minimum; what lies above
its maximum, which is unknown where the maximum is the newest minor that the file knows; and what only has a minimum.
Outside a range is not supported, or not tested, in both directions: only what upstream says fails is incompatible.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Literal

import msgspec

from kubepreflight.version import Minor, Version

Status = Literal["tested", "supported", "works"]


class Verdict(StrEnum):
    """The answer, worst first."""

    INCOMPATIBLE = "incompatible"
    UNSUPPORTED = "unsupported"
    UNKNOWN = "unknown"
    UNTESTED = "untested"
    SUPPORTED = "supported"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Verdict).index(self)


class Cause(StrEnum):
    """Which of upstream's bounds gave the answer."""

    KNOWN_TO_FAIL = "known-to-fail"
    BELOW_MINIMUM = "below-minimum"
    ABOVE_MAXIMUM = "above-maximum"
    NEWER_THAN_DATA = "newer-than-data"
    NO_STATEMENT = "no-statement"
    NOT_IN_MATRIX = "not-in-matrix"
    WITHIN = "within"


class Judgment(msgspec.Struct, frozen=True, kw_only=True):
    """The answer, the sentence that says why, and the page that says so.

    `scope` is `manifest` where the shipped YAML fails on that minor and the program itself may run: it holds only for
    a cluster that still has the object in `manifest`. `secondary` says that upstream was read through somebody else.
    """

    verdict: Verdict
    cause: Cause
    reason: str
    source: str
    scope: Literal["release", "manifest"] = "release"
    manifest: ManifestShape | None = None
    secondary: bool = False


class ManifestShape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The object in a release's own YAML that the API server refuses."""

    api_version: str
    kind: str

    def __str__(self) -> str:
        return f"{self.kind} of {self.api_version}"


class Range(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Kubernetes minors, both ends included; None where upstream names no bound."""

    min: Minor | None = None
    max: Minor | None = None

    def __str__(self) -> str:
        if self.min is None:
            return f"up to {self.max}"
        if self.max is None:
            return f"{self.min} and later"
        return f"{self.min} to {self.max}" if self.min != self.max else str(self.min)


class Release(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row: a minor of the add-on, or one patch, or a patch and those after it.

    `status` says what upstream's range means: `tested` (others may work), `supported` (others are not), `works` (no
    known trouble). `incompatible` names minors that upstream says fail. `end_of_life` is the day on which upstream's
    support ends, None where it gives none. `addon`, `newest_known` and `collected` are the file's.
    """

    version: str
    kubernetes: Range
    status: Status
    scope: Literal["minor", "from-patch", "exact"] | None = None
    tested: tuple[Minor, ...] = ()
    incompatible: tuple[Minor, ...] = ()
    manifest: ManifestShape | None = None
    evidence: Literal["upstream", "secondary"] = "upstream"
    end_of_life: date | None = None
    source: str = ""
    note: str = ""
    addon: str = ""
    newest_known: Minor = Minor(0, 0)
    collected: date = date.min

    @property
    def reach(self) -> Literal["minor", "from-patch", "exact"]:
        """Which versions the row is about: a version with a patch is that one only, unless the row says more."""
        return self.scope or ("exact" if Version.parse(self.version).patch is not None else "minor")

    @property
    def fails_from(self) -> Minor | None:
        """The first minor on which it fails, and on all later ones; None when upstream names none."""
        bound = self.kubernetes.max or self.kubernetes.min
        above = [minor for minor in self.incompatible if bound is None or minor > bound]
        return min(above, default=None)

    def out_of_support(self, day: date) -> bool:
        """Whether upstream has ended this release on `day`."""
        return self.end_of_life is not None and self.end_of_life < day

    def judge(self, minor: Minor, *, manifest_seen: bool = True) -> Judgment:
        """What upstream says of this release on `minor`.

        With `manifest_seen` false, the cluster is known not to have the object that would fail, and a row that is
        only about that object falls back to the release's range.
        """
        allowed = self.kubernetes
        if (fails := self.fails_from) is not None and minor >= fails and (self.manifest is None or manifest_seen):
            return self._fails(f"{fails} and later")
        if allowed.min is not None and minor < allowed.min:
            if minor in self.incompatible:
                return self._fails(str(minor))
            return self._outside(Cause.BELOW_MINIMUM, f"{minor} is below the minimum")
        if allowed.max is not None and minor > allowed.max:
            return self._above_maximum(minor)
        return self._within()

    @property
    def _stated(self) -> str:
        said = {"tested": "tests", "supported": "supports", "works": "knows of no trouble with"}[self.status]
        return f"upstream {said} {self.addon} {self.version} on Kubernetes {self.kubernetes}"

    def _fails(self, where: str) -> Judgment:
        subject = f"{self.addon} {self.version}"
        if self.manifest is not None:
            subject = f"the {self.manifest} in {subject}"
        reason = f"upstream says that {subject} fails on Kubernetes {where}"
        return self._judgment(Verdict.INCOMPATIBLE, Cause.KNOWN_TO_FAIL, reason, self.manifest)

    def _above_maximum(self, minor: Minor) -> Judgment:
        maximum = self.kubernetes.max
        if minor > self.newest_known and maximum is not None and maximum >= self.newest_known:
            ends = f"the data of {self.collected} ends at {self.newest_known} and says nothing about {minor}"
            return self._judgment(Verdict.UNKNOWN, Cause.NEWER_THAN_DATA, f"{self._stated}; {ends}")
        return self._outside(Cause.ABOVE_MAXIMUM, f"{minor} is above the maximum")

    def _outside(self, cause: Cause, why: str) -> Judgment:
        verdict = Verdict.UNSUPPORTED if self.status == "supported" else Verdict.UNTESTED
        return self._judgment(verdict, cause, f"{self._stated}: {why}")

    def _within(self) -> Judgment:
        if self.kubernetes.min is None and self.kubernetes.max is None:
            reason = f"upstream names no Kubernetes version for {self.addon} {self.version}"
            return self._judgment(Verdict.UNKNOWN, Cause.NO_STATEMENT, reason)
        return self._judgment(Verdict.SUPPORTED, Cause.WITHIN, self._stated)

    def _judgment(self, verdict: Verdict, cause: Cause, reason: str, manifest: ManifestShape | None = None) -> Judgment:
        return Judgment(
            verdict=verdict,
            cause=cause,
            reason=reason,
            source=self.source,
            scope="manifest" if manifest else "release",
            manifest=manifest,
            secondary=self.evidence == "secondary",
        )
