"""How others extend the API: aggregated APIs, for which the API server calls somebody."""

from __future__ import annotations

import msgspec

from kubepreflight.objects import Api, Condition, KubernetesObject
from kubepreflight.parts import Part
from kubepreflight.semantics.backends import ServiceReference


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
