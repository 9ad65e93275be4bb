"""Who answers when the API server calls a webhook, an aggregated API or a conversion: what stands behind a Service.

The API server calls a Service's address, and kube-proxy leads it to an endpoint that is ready. Source:
https://github.com/kubernetes/apiserver/blob/v0.37.2/pkg/util/proxy/proxy.go (ResolveCluster)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from kubepreflight.objects import Api, KubernetesObject, Pod
from kubepreflight.parts import Part

PORT = 443
"""The port of a Service that is called when none is named."""
SERVICE_LABEL = "kubernetes.io/service-name"


class ServiceReference(Part, frozen=True):
    """The Service that is called."""

    name: str = ""
    namespace: str = ""
    port: int | None = None

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class ClientConfig(Part, frozen=True):
    """How somebody is called."""

    ca_bundle: str | None = None
    url: str | None = None
    service: ServiceReference | None = None


class ServicePort(Part, frozen=True):
    """A port at which a Service can be called; its name is also that of the endpoints' port."""

    name: str | None = None
    port: int = 0


class ServiceSpec(Part, frozen=True):
    """Which pods stand behind a Service; without a selector somebody else says it."""

    selector: dict[str, str] | None = None
    type: str | None = None
    ports: list[ServicePort] | None = None
    cluster_ip: str | None = msgspec.field(name="clusterIP", default=None)


class Service(KubernetesObject):
    """A Service, as far as it is about who answers."""

    api = Api("", "Service", "services")
    spec: ServiceSpec = ServiceSpec()


class EndpointConditions(Part, frozen=True):
    """Whether an endpoint is to be called; not known means that it is."""

    ready: bool | None = None


class TargetReference(Part, frozen=True):
    """The pod that an endpoint is."""

    kind: str = ""
    name: str = ""


class Endpoint(Part, frozen=True):
    """One address, on a node."""

    conditions: EndpointConditions | None = None
    node_name: str | None = None
    target_ref: TargetReference | None = None

    @property
    def is_ready(self) -> bool:
        """Whether kube-proxy leads anybody to it."""
        return self.conditions is None or self.conditions.ready is not False


class EndpointPort(Part, frozen=True):
    """The port of a slice's endpoints that stands for a Service's port of that name."""

    name: str | None = None
    port: int | None = None


class EndpointSlice(KubernetesObject):
    """Some of a Service's endpoints."""

    api = Api("discovery.k8s.io", "EndpointSlice", "endpointslices")
    endpoints: list[Endpoint] | None = None
    ports: list[EndpointPort] | None = None


class Backend(msgspec.Struct, frozen=True):
    """What stands behind one Service.

    `absence` says as a clause why nobody answers; it is "" when somebody is ready to, None when that cannot be seen
    from here. `pods` are those that are ready to answer, as far as they are known: all of them where `whole`.
    """

    absence: str | None
    pods: tuple[Pod, ...] = ()
    whole: bool = False


UNSEEN = Backend(None)


class Backends:
    """Who stands behind the Services of a cluster."""

    def __init__(self, services: Iterable[Service], pods: Iterable[Pod], slices: Iterable[EndpointSlice]) -> None:
        self._services = {(one.namespace, one.name): one for one in services}
        self._pods: dict[str, list[Pod]] = {}
        for pod in pods:
            self._pods.setdefault(pod.namespace, []).append(pod)
        self._slices: dict[tuple[str, str], list[EndpointSlice]] = {}
        for one in slices:
            self._slices.setdefault((one.namespace, one.labels.get(SERVICE_LABEL, "")), []).append(one)
        self._known: dict[ServiceReference, Backend] = {}

    @classmethod
    def provide(cls, services: list[Service], pods: list[Pod], slices: list[EndpointSlice] | None = None) -> Backends:
        """From all Services and pods; where there are EndpointSlices, they say who is ready."""
        return cls(services, pods, slices or ())

    def absence(self, config: ClientConfig) -> str | None:
        """Why nobody answers, as a clause; "" when somebody is ready to; None when that cannot be seen from here."""
        return self.behind(config.service).absence

    def behind(self, called: ServiceReference | None) -> Backend:
        """What stands behind the Service that is called; None stands for a URL, of which nothing is known."""
        if called is None:
            return UNSEEN
        if called not in self._known:
            self._known[called] = self._look(called)
        return self._known[called]

    def pods_of(self, called: ServiceReference) -> Iterator[Pod]:
        """All pods that the Service selects, ready or not."""
        service = self._services.get((called.namespace, called.name))
        selector = (service.spec.selector or {}) if service else {}
        wanted = selector.items()
        if wanted:
            yield from (one for one in self._pods.get(called.namespace, ()) if wanted <= one.labels.items())

    def _look(self, called: ServiceReference) -> Backend:
        service = self._services.get((called.namespace, called.name))
        if service is None:
            return Backend(f"there is no Service {called}")
        if service.spec.type == "ExternalName" or service.spec.cluster_ip == "None":
            return UNSEEN
        number = called.port or PORT
        port = next((one for one in service.spec.ports or () if one.port == number), None)
        if port is None and service.spec.ports:
            return Backend(f"the Service {called} has no port {number}")
        if self._slices:
            return self._by_slices(called, port)
        if not service.spec.selector:
            return UNSEEN
        ready = tuple(one for one in self.pods_of(called) if _is_ready(one))
        return Backend("", ready, whole=True) if ready else Backend(f"no pod behind the Service {called} is ready")

    def _by_slices(self, called: ServiceReference, port: ServicePort | None) -> Backend:
        found = self._slices.get((called.namespace, called.name), [])
        ready = [one for each in found if _has(each, port) for one in each.endpoints or () if one.is_ready]
        if not ready:
            return Backend(f"no endpoint of the Service {called} is ready")
        names = {one.target_ref.name for one in ready if one.target_ref and one.target_ref.kind == "Pod"}
        pods = tuple(one for one in self._pods.get(called.namespace, ()) if one.name in names)
        return Backend("", pods, whole=len(pods) == len(ready))


def _is_ready(pod: Pod) -> bool:
    return pod.is_ready and not pod.is_finished and pod.metadata.deletion_timestamp is None


def _has(one: EndpointSlice, port: ServicePort | None) -> bool:
    if port is None or one.ports is None:
        return True
    return any((each.name or "") == (port.name or "") and each.port is not None for each in one.ports)
