"""How others extend the API: aggregated APIs and custom resources, as far as the API server calls somebody for them."""

from __future__ import annotations

import msgspec

from kubepreflight.objects import Api, Condition, KubernetesObject
from kubepreflight.parts import Part
from kubepreflight.semantics.backends import ClientConfig, ServiceReference


class ApiServiceSpec(Part, frozen=True):
    """Whom the API server asks for an aggregated API; `service` is null for its own."""

    ca_bundle: str | None = None
    insecure_skip_tls_verify: bool | None = msgspec.field(name="insecureSkipTLSVerify", default=None)
    service: ServiceReference | None = None
    group: str | None = None
    version: str | None = None


class ApiServiceStatus(Part, frozen=True):
    """What the API server found when it last asked."""

    conditions: list[Condition] | None = None


class ApiService(KubernetesObject):
    """An API group's version, served by the API server itself or by somebody else."""

    api = Api("apiregistration.k8s.io", "APIService", "apiservices", namespaced=False)
    spec: ApiServiceSpec = ApiServiceSpec()
    status: ApiServiceStatus = ApiServiceStatus()

    @property
    def available(self) -> Condition | None:
        """The condition that says whether it answers."""
        return next((one for one in self.status.conditions or () if one.type == "Available"), None)


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


class ConvertedSpec(Part, frozen=True):
    """The part of a CRD's spec that says what is converted, and by whom."""

    conversion: Conversion | None = None
    versions: list[DefinedVersion] | None = None


class ConvertedStatus(Part, frozen=True):
    """In which versions objects may lie in etcd."""

    stored_versions: list[str] | None = None


class ConvertedDefinition(KubernetesObject):
    """A CustomResourceDefinition, as far as its conversion goes."""

    api = Api("apiextensions.k8s.io", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False)
    spec: ConvertedSpec = ConvertedSpec()
    status: ConvertedStatus = ConvertedStatus()

    @property
    def converter(self) -> ClientConfig | None:
        """The webhook that converts its objects, when one does."""
        conversion = self.spec.conversion
        if conversion is None or conversion.strategy != "Webhook":
            return None
        return (conversion.webhook and conversion.webhook.client_config) or conversion.webhook_client_config

    @property
    def stored(self) -> str:
        """The version in which objects are written to etcd."""
        return next((one.name for one in self.spec.versions or () if one.storage), "")

    @property
    def served(self) -> tuple[str, ...]:
        """The versions in which objects can be read and written."""
        return tuple(one.name for one in self.spec.versions or () if one.served)
