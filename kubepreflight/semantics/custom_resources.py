"""Which versions of custom resources are served, and in which of them objects may be stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Self

import msgspec

from kubepreflight.objects import Api, KubernetesObject, Planned
from kubepreflight.parts import Part
from kubepreflight.semantics.backends import ClientConfig


class ConversionWebhook(Part, frozen=True):
    """The webhook of a conversion in v1."""

    client_config: ClientConfig | None = None


class Conversion(Part, frozen=True):
    """How objects of a CRD are converted; the last field is v1beta1's."""

    strategy: str | None = None
    webhook: ConversionWebhook | None = None
    webhook_client_config: ClientConfig | None = None


class DefinedVersion(Part, frozen=True):
    """One version of a CRD."""

    name: str = ""
    served: bool = False
    storage: bool = False


class VersionedStatus(Part, frozen=True):
    """In which versions objects may lie in etcd."""

    stored_versions: list[str] | None = None


class DefinedNames(Part, frozen=True):
    """What its objects are called."""

    kind: str = ""
    plural: str = ""


class VersionedSpec(Part, frozen=True):
    """The part of a CRD's spec that says which versions there are, and who converts between them.

    Older manifests may name just one version, elsewhere.
    """

    group: str = ""
    names: DefinedNames = DefinedNames()
    conversion: Conversion | None = None
    versions: list[DefinedVersion] | None = None


class VersionedDefinition(KubernetesObject):
    """A CustomResourceDefinition, as far as its versions and their conversion go."""

    api = Api("apiextensions.k8s.io", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False)
    spec: VersionedSpec = VersionedSpec()
    status: VersionedStatus = VersionedStatus()

    @property
    def is_whole(self) -> bool:
        """Whether it says what it defines."""
        return bool(self.spec.group and self.spec.names.kind)

    @property
    def versions(self) -> tuple[str, ...]:
        """All of its versions; empty when the manifest is too old to say."""
        return tuple(one.name for one in self.spec.versions or ())

    @property
    def served(self) -> tuple[str, ...]:
        """Those in which objects can be read and written."""
        return tuple(one.name for one in self.spec.versions or () if one.served)

    @property
    def storage(self) -> str:
        """The one in which objects are written."""
        return next((one.name for one in self.spec.versions or () if one.storage), "")

    @property
    def stored(self) -> tuple[str, ...]:
        """Those in which objects may lie in etcd."""
        return tuple(self.status.stored_versions or ())

    @property
    def converter(self) -> ClientConfig | None:
        """The webhook that converts its objects, when one does."""
        conversion = self.spec.conversion
        if conversion is None or conversion.strategy != "Webhook":
            return None
        return (conversion.webhook and conversion.webhook.client_config) or conversion.webhook_client_config

    @property
    def lost(self) -> tuple[str, ...]:
        """Those in which objects may lie in etcd, and which it does not have."""
        return missing(self.stored, self) if self.versions else ()


def missing(stored: Iterable[str], definition: VersionedDefinition) -> tuple[str, ...]:
    """The stored versions that a definition does not have."""
    return tuple(one for one in stored if one not in definition.versions)


class CustomResources(msgspec.Struct, frozen=True):
    """The definitions of custom resources: all of them by their kind, and what the cluster serves today."""

    planned: Mapping[tuple[str, str], tuple[VersionedDefinition, ...]]
    today: Mapping[tuple[str, str], frozenset[str]]

    @classmethod
    def provide(
        cls, definitions: Planned[VersionedDefinition], observed: list[VersionedDefinition] | None = None
    ) -> Self:
        """From the cluster's and those in manifests; there may be several of one kind in several folders."""
        planned: dict[tuple[str, str], list[VersionedDefinition]] = {}
        for one in definitions:
            planned.setdefault((one.spec.group, one.spec.names.kind), []).append(one)
        today = {(one.spec.group, one.spec.names.kind): frozenset(one.served) for one in observed or ()}
        return cls({kind: tuple(some) for kind, some in planned.items()}, today)

    def served(self, group: str, kind: str) -> tuple[str, ...] | None:
        """In which versions a kind is served once everything given is applied; None when nobody knows."""
        found = self.planned.get((group, kind), ())
        if not found or not all(one.versions for one in found):
            return None
        return tuple(dict.fromkeys(version for one in found for version in one.served))
