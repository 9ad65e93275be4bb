"""What `kubectl apply` was given last, as the objects in the cluster remember it."""

from __future__ import annotations

import msgspec

from kubepreflight.knowledge.applied_kinds import AppliedKinds
from kubepreflight.objects import Api, KubernetesObject


class AppliedHead(msgspec.Struct, rename="camel", frozen=True):
    """The part of a manifest that says in which version of which kind it is written."""

    api_version: str
    kind: str


class AppliedManifest(KubernetesObject):
    """An object of a kind of which some version is gone. Only what its last `kubectl apply` said is kept of it."""

    @classmethod
    def apis(cls) -> tuple[Api, ...]:
        """Every such kind that people keep as manifests."""
        return AppliedKinds.provide().apis

    def __post_init__(self) -> None:
        """Keep the head of the manifest, and drop the rest: of a CRD it may be a megabyte."""
        annotations = self.metadata.annotations
        if annotations is not None and annotations.last_applied is not None:
            head = _head(annotations.last_applied)
            kept = msgspec.json.encode(head).decode() if head else None
            msgspec.structs.force_setattr(annotations, "last_applied", kept)

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
