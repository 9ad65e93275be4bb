"""Helm 3's releases in the cluster, and which of their revisions the next `helm upgrade` and a rollback start from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from shlex import quote
from typing import ClassVar, Self

import msgspec

from kubepreflight.finding import Gap, Subject
from kubepreflight.objects import Api, KubernetesObject
from kubepreflight.parts import Part
from kubepreflight.semantics.helm_records import OWNER, RELEASE_TYPE, Record, is_release, record_of
from kubepreflight.semantics.kubectl import in_namespace

_LABELS = ",".join(f"{key}={value}" for key, value in OWNER.items())
_NUMBER = re.compile(r"[0-9]{1,9}")


class ReleaseData(Part, frozen=True):
    """The one key that Helm writes."""

    release: str | None = None


class HelmRelease(KubernetesObject):
    """A Secret or a ConfigMap in which Helm 3 keeps one revision. Nothing of it is held but its record."""

    opt_in: ClassVar[str] = "helm-releases"

    type: str | None = None
    data: ReleaseData | None = None

    @classmethod
    def apis(cls) -> tuple[Api, ...]:
        """Both places where Helm keeps releases in a cluster."""
        return (
            Api("", "Secret", "secrets", selector=f"type={RELEASE_TYPE}", labels=_LABELS),
            Api("", "ConfigMap", "configmaps", labels=_LABELS),
        )

    def __post_init__(self) -> None:
        """Keep the record, and drop the payload."""
        release = self.data.release if self.data else None
        kind = "ConfigMap" if self.type is None else "Secret"
        if is_release(kind, self.type, self.metadata.labels):
            record = record_of(release, secret=kind == "Secret")
            self.data = ReleaseData(release=msgspec.json.encode(record).decode())
        else:
            self.data = None

    @property
    def record(self) -> Record | None:
        """What it says, its labels where it cannot be read; None for what is not Helm's after all."""
        if self.data is None or self.data.release is None:
            return None
        record = msgspec.json.decode(self.data.release, type=Record)
        if record.name:
            return record
        number = self.labels.get("version", "")
        return msgspec.structs.replace(
            record,
            name=self.labels.get("name", ""),
            revision=int(number) if _NUMBER.fullmatch(number) else 0,
            status=self.labels.get("status", ""),
        )


class Revision(msgspec.Struct, frozen=True):
    """One revision, and the object that holds it."""

    record: Record
    holder: Subject


class Release(msgspec.Struct, frozen=True):
    """One release: its revisions that are kept, oldest first. Of an unreadable one only the number is known."""

    namespace: str
    name: str
    revisions: tuple[Revision, ...]

    @property
    def current(self) -> Revision | None:
        """The revision with which the next `helm upgrade` compares; None when there is none to upgrade.

        As Helm 3 finds it (pkg/action/upgrade.go): the last one when it is deployed, else the last that is, else the
        last one when it failed or was superseded.
        """
        last = self.revisions[-1]
        deployed = [one for one in self.revisions if one.record.status == "deployed"]
        if deployed:
            return deployed[-1]
        return last if last.record.status in ("failed", "superseded") else None

    @property
    def older(self) -> tuple[Revision, ...]:
        """The revisions to which `helm rollback` could go back."""
        current = self.current
        return tuple(one for one in self.revisions if current and one.record.revision < current.record.revision)


class HelmReleases(msgspec.Struct, frozen=True):
    """All releases that Helm 3 keeps in Secrets and ConfigMaps, and what of them could not be read."""

    releases: tuple[Release, ...]
    gaps: tuple[Gap, ...]

    @classmethod
    def provide(cls, found: list[HelmRelease]) -> Self:
        """From the records, by release."""
        known = [(one, record) for one in found if (record := one.record) is not None]
        by_release: dict[tuple[str, str, str], dict[int, Revision]] = {}
        for one, record in known:
            if record.name:
                revisions = by_release.setdefault((one.kind, one.namespace, record.name), {})
                revisions[record.revision] = Revision(record, one.subject)
        releases = (
            Release(namespace, name, tuple(revisions[number] for number in sorted(revisions)))
            for (_, namespace, name), revisions in sorted(by_release.items())
        )
        return cls(tuple(releases), tuple(_gaps(known)))


def _gaps(known: Iterable[tuple[HelmRelease, Record]]) -> Iterator[Gap]:
    for one, record in known:
        if record.problem:
            name = f"{one.namespace}/{record.name}" if one.namespace else record.name
            space = in_namespace(one.namespace)
            yield Gap(
                input="helm releases",
                subject=f"revision {record.revision} of {name} ({one.kind} {one.name})",
                reason=record.problem,
                how="see whether Helm reads it: "
                f"helm get manifest {quote(record.name)}{space} --revision {record.revision}",
                asked=True,
            )


def listed_revisions(revisions: Sequence[Revision]) -> str:
    """Numbers for a sentence, runs as ranges: `1 to 3 and 7`."""
    runs: list[list[int]] = []
    for number in sorted({one.record.revision for one in revisions}):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    texts = [f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in runs]
    *first, last = texts or ["none"]
    return f"{', '.join(first)} and {last}" if first else last
