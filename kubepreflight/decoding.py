"""How one object is decoded: its head, by which it is recognised, then as much of it as some rule reads."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec

from kubepreflight.objects import Api, KubernetesObject, Origin, group_of

Raw = bytes | msgspec.Raw
Item = TypeVar("Item")
UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What a decoder raises for bytes that it cannot read."""


class Head(msgspec.Struct, rename="camel"):
    """The part of an object by which it is recognised."""

    class Names(msgspec.Struct):
        """Its metadata. `token` is what a list has that goes on."""

        name: str = ""
        namespace: str = ""
        uid: str = ""
        token: str = msgspec.field(name="continue", default="")

    api_version: str = ""
    kind: str = ""
    metadata: Names = msgspec.field(default_factory=Names)


class ListHead(Head):
    """The head of an object that may be a list, whose items are not decoded yet."""

    items: list[msgspec.Raw] | msgspec.UnsetType | None = msgspec.UNSET

    @property
    def listed(self) -> list[msgspec.Raw] | None:
        """Its items when it is one (null stands for none), else None."""
        is_list = self.items is not msgspec.UNSET and self.kind.endswith("List")
        return (self.items or []) if is_list else None


def with_names(head: Head, value: Raw | dict[str, Any]) -> Head:
    """The head with the names, which the items of a live list have been spared until now."""
    if isinstance(value, dict) or head.metadata.name:
        return head
    try:
        return Head(head.api_version, head.kind, msgspec.json.decode(value, type=Head).metadata)
    except UNDECODABLE:
        return head


_NEVER_APPLIED = frozenset(
    {("", "ComponentStatus"), ("metrics.k8s.io", "NodeMetrics"), ("metrics.k8s.io", "PodMetrics")}
)
"""What an API server makes up for each answer: it has no uid, and yet nobody can apply it."""


def is_desired(api_version: str, kind: str, uid: str) -> bool:
    """Whether an object is a manifest that somebody will apply: it never was in a cluster."""
    return not uid and (group_of(api_version), kind) not in _NEVER_APPLIED


class Page(msgspec.Struct, Generic[Item]):
    """The objects of a list, or of one page of it, as an API server sends it."""

    items: list[Item] | None


class Reader(msgspec.Struct):
    """Decodes the objects of one kind into one struct."""

    struct: type[KubernetesObject]
    api: Api
    into: list[Any]
    decoder: msgspec.json.Decoder[Any] | None = None
    pages: msgspec.json.Decoder[Any] | None = None

    def read_page(self, page: bytes) -> list[Any]:
        """All objects of a page at once, which is much quicker than one by one; `keep` takes them.

        Raises what UNDECODABLE names when one of them cannot be decoded.
        """
        if self._passes_over(page):
            return []
        if self.struct.annotated:
            raw = msgspec.json.decode(page, type=Page[msgspec.Raw]).items or ()
            return [self._decode(one) for one in raw if not self._passes_over(one)]
        if self.pages is None:
            self.pages = msgspec.json.Decoder(Page[self.struct])  # type: ignore[name-defined]
        items: list[Any] = self.pages.decode(page).items or []
        return items

    def read(self, head: Head, value: Raw | dict[str, Any], origin: Origin) -> bool:
        """Keep one object, unless it is not one of those asked for. Raises what UNDECODABLE names."""
        if self._passes_over(value):
            return False
        return self.keep(self._decode(value), head, origin)

    def keep(self, one: Any, head: Head, origin: Origin) -> bool:
        """Keep a decoded object, unless it is not one of those asked for."""
        metadata = one.metadata
        if (self.api.namespace or self.api.name) and not self.api.covers(metadata.namespace, metadata.name):
            return False
        if self.api.labels and not self.api.selects(metadata.labels or {}):
            return False
        one.origin = origin
        one.api_version, one.kind = head.api_version, head.kind
        self.into.append(one)
        return True

    def _decode(self, value: Raw | dict[str, Any]) -> Any:
        if isinstance(value, dict):
            return msgspec.convert(value, self.struct)
        if self.decoder is None:
            self.decoder = msgspec.json.Decoder(self.struct)
        return self.decoder.decode(value)

    def _passes_over(self, value: Raw | dict[str, Any]) -> bool:
        return bool(self.struct.annotated) and not _may_have(value, self.struct.annotated)


def _may_have(value: Raw | dict[str, Any], annotation: str) -> bool:
    """Whether an object has an annotation; of JSON, one object's or a page's, whether it may have it.

    A JSON writer may escape the slash, hence the part behind it: a text within the object looks the same, and whoever
    reads the objects looks at the annotation itself.
    """
    if isinstance(value, dict):
        metadata = value.get("metadata")
        annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
        return isinstance(annotations, dict) and annotation in annotations
    return annotation.rpartition("/")[2].encode() in (value if isinstance(value, bytes) else bytes(value))
