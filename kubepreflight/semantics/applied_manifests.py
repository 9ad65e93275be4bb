"""In which versions objects were written, as they remember it: by the last `kubectl apply`, by each field manager."""

from __future__ import annotations

import re

import msgspec

from kubepreflight.knowledge.applied_kinds import AppliedKinds
from kubepreflight.objects import Api, KubernetesObject, Metadata
from kubepreflight.parts import Part, Timestamp

_UNSTABLE = re.compile("alpha|beta")


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
        """Keep the head of the manifest, and drop the rest: of a CRD it may be a megabyte. Of the field managers keep
        those that wrote an alpha or beta version: no other goes away."""
        managed = self.metadata.managed_fields
        if managed:
            kept = [one for one in managed if _UNSTABLE.search(one.api_version)]
            msgspec.structs.force_setattr(self.metadata, "managed_fields", kept)
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


def _head(text: str) -> AppliedHead | None:
    try:
        return msgspec.json.decode(text, type=AppliedHead)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
