"""Admission webhooks: what they are asked about, and whether anybody is there to answer.

Source: https://github.com/kubernetes/apiserver/blob/v0.37.2/pkg/admission/plugin/webhook/generic/webhook.go and, for
rules, predicates/rules/rules.go beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Self

import msgspec

from kubepreflight.objects import Api, KubernetesObject, Pod
from kubepreflight.parts import LabelSelector


class ServiceReference(msgspec.Struct, rename="camel", frozen=True):
    """The Service that is called."""

    name: str = ""
    namespace: str = ""


class ClientConfig(msgspec.Struct, rename="camel", frozen=True):
    """How somebody is called."""

    ca_bundle: str | None = None
    url: str | None = None
    service: ServiceReference | None = None


class AdmissionRule(msgspec.Struct, rename="camel", frozen=True):
    """Requests of which a webhook is told."""

    api_groups: list[str] | None = None
    api_versions: list[str] | None = None
    operations: list[str] | None = None
    resources: list[str] | None = None
    scope: str | None = None

    def matches(self, request: AdmissionRequest) -> bool:
        """Whether a request in a namespace is among them."""
        wanted = (
            (self.api_groups, request.group),
            (self.api_versions, request.version),
            (self.operations, request.operation),
        )
        return (
            self.scope != "Cluster"
            and all({"*", asked} & set(listed or ()) for listed, asked in wanted)
            and bool({"*", "*/*", request.resource, f"{request.resource}/*"} & set(self.resources or ()))
        )


class Webhook(msgspec.Struct, rename="camel", frozen=True):
    """One webhook of a configuration. `failure_policy` is Fail by default in v1, Ignore in v1beta1."""

    name: str = ""
    failure_policy: str | None = None
    client_config: ClientConfig = ClientConfig()
    rules: list[AdmissionRule] | None = None
    namespace_selector: LabelSelector | None = None
    object_selector: LabelSelector | None = None
    match_conditions: list[dict[str, Any]] | None = None

    def covers(self, request: AdmissionRequest) -> bool:
        """Whether it is told of a request, its CEL conditions left aside.

        Raises ValueError for a selector with an operator that Kubernetes does not know.
        """
        return (
            any(rule.matches(request) for rule in self.rules or ())
            and (self.namespace_selector or LabelSelector()).matches(dict(request.namespace_labels))
            and (self.object_selector or LabelSelector()).matches(dict(request.labels))
        )


class AdmissionRequest(NamedTuple):
    """What somebody wants to do in a namespace: the labels are those of the object and of the namespace."""

    group: str
    version: str
    resource: str
    labels: Mapping[str, str]
    namespace_labels: Mapping[str, str]
    operation: str = "CREATE"


class WebhookConfiguration(KubernetesObject):
    """What both kinds have in common."""

    webhooks: list[Webhook] | None = None

    def fails_closed(self, webhook: Webhook) -> bool:
        """Whether what one of its webhooks should see is refused when the webhook does not answer."""
        by_default = "Ignore" if self.api_version.endswith("/v1beta1") else "Fail"
        return (webhook.failure_policy or by_default) == "Fail"


class ValidatingWebhookConfiguration(WebhookConfiguration):
    """Who is asked whether an object is right."""

    api = Api(
        "admissionregistration.k8s.io",
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
        namespaced=False,
    )


class MutatingWebhookConfiguration(WebhookConfiguration):
    """Who may change an object."""

    api = Api(
        "admissionregistration.k8s.io",
        "MutatingWebhookConfiguration",
        "mutatingwebhookconfigurations",
        namespaced=False,
    )


class ServiceSpec(msgspec.Struct, rename="camel", frozen=True):
    """Which pods stand behind a Service; without a selector somebody else says it."""

    selector: dict[str, str] | None = None
    type: str | None = None


class Service(KubernetesObject):
    """A Service, as far as it is about who answers."""

    api = Api("", "Service", "services")
    spec: ServiceSpec = ServiceSpec()


class Backends(msgspec.Struct, frozen=True):
    """Who stands behind the Services of a cluster."""

    services: Mapping[tuple[str, str], Service]
    pods: Mapping[str, tuple[Pod, ...]]

    @classmethod
    def provide(cls, services: list[Service], pods: list[Pod]) -> Self:
        """From all Services and pods."""
        by_namespace: dict[str, list[Pod]] = {}
        for pod in pods:
            by_namespace.setdefault(pod.namespace, []).append(pod)
        found = {(one.namespace, one.name): one for one in services}
        return cls(found, {namespace: tuple(some) for namespace, some in by_namespace.items()})

    def absence(self, config: ClientConfig) -> str | None:
        """Why nobody answers, as a clause; "" when somebody is ready to; None when that cannot be seen from here."""
        if config.service is None:
            return None
        service = self.services.get((config.service.namespace, config.service.name))
        called = f"{config.service.namespace}/{config.service.name}"
        if service is None:
            return f"there is no Service {called}"
        if not service.spec.selector or service.spec.type == "ExternalName":
            return None
        behind = self._behind(config.service.namespace, service.spec.selector)
        if any(one.is_ready and not one.is_finished and one.metadata.deletion_timestamp is None for one in behind):
            return ""
        return f"no pod behind the Service {called} is ready"

    def _behind(self, namespace: str, selector: Mapping[str, str]) -> Iterable[Pod]:
        wanted = selector.items()
        return (one for one in self.pods.get(namespace, ()) if wanted <= one.labels.items())
