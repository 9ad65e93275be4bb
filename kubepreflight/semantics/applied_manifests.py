"""In which versions objects were written, as they remember it: by the last `kubectl apply`, by each field manager."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import msgspec

from kubepreflight.knowledge.applied_kinds import AppliedKinds
from kubepreflight.objects import Api, KubernetesObject, Metadata
from kubepreflight.parts import Part, Timestamp

_UNSTABLE = re.compile("alpha|beta")
_NEVER = datetime.min.replace(tzinfo=UTC)


class AppliedHead(msgspec.Struct, rename="camel", frozen=True):
    """The part of a manifest that says in which version of which kind it is written."""

    api_version: str
    kind: str


class ManagedFields(Part, frozen=True):
    """Who wrote fields of an object, in which version, and when he last changed any of them."""

    manager: str = ""
    operation: str = ""
    api_version: str = ""
    time: Timestamp | None = None


class AppliedMetadata(Metadata, frozen=True):
    """Metadata with the field managers."""

    managed_fields: list[ManagedFields] | None = None


class AppliedManifest(KubernetesObject):
    """An object of a kind of which some version is gone. Only who wrote it in which version is kept of it."""

    metadata: AppliedMetadata

    @classmethod
    def apis(cls) -> tuple[Api, ...]:
        """Every such kind that people keep as manifests."""
        return AppliedKinds.provide().apis

    def __post_init__(self) -> None:
        """Keep the head of the manifest, and drop the rest: of a CRD it may be a megabyte. Of what each field manager
        wrote keep the last, where it is an alpha or beta version: no other goes away."""
        managed = self.metadata.managed_fields
        if managed:
            msgspec.structs.force_setattr(self.metadata, "managed_fields", _last_of_each(managed))
        annotations = self.metadata.annotations
        if annotations is not None and annotations.last_applied is not None:
            head = _head(annotations.last_applied)
            text = msgspec.json.encode(head).decode() if head else None
            msgspec.structs.force_setattr(annotations, "last_applied", text)

    @property
    def applied(self) -> AppliedHead | None:
        """What was applied last; None when it was not by `kubectl apply`, or when the annotation cannot be read."""
        annotations = self.metadata.annotations
        return _head(annotations.last_applied) if annotations and annotations.last_applied else None


def _last_of_each(entries: list[ManagedFields]) -> list[ManagedFields] | None:
    """Of each manager the version that it wrote last, if that may go away.

    An earlier entry stays for the fields that did not change since; of two of one second the stable one counts.
    """
    if not any(_UNSTABLE.search(one.api_version) for one in entries):
        return None
    last: dict[str, ManagedFields] = {}
    for one in sorted(entries, key=lambda one: (one.time or _NEVER, not _UNSTABLE.search(one.api_version))):
        last[one.manager] = one
    return [one for one in last.values() if _UNSTABLE.search(one.api_version)]


def _head(text: str) -> AppliedHead | None:
    try:
        return msgspec.json.decode(text, type=AppliedHead)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
