"""Admission webhooks: which requests they are told of, as the API server computes it.

Source: https://github.com/kubernetes/apiserver/blob/v0.37.2/pkg/admission/plugin/webhook/generic/webhook.go and, for
rules, predicates/rules/rules.go beside it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from kubepreflight.objects import Api, KubernetesObject
from kubepreflight.parts import LabelSelector
from kubepreflight.semantics.backends import ClientConfig


class AdmissionRule(msgspec.Struct, rename="camel", frozen=True):
    """Requests of which a webhook is told."""

    api_groups: list[str] | None = None
    api_versions: list[str] | None = None
    operations: list[str] | None = None
    resources: list[str] | None = None
    scope: str | None = None

    def matches(self, request: AdmissionRequest) -> bool:
        """Whether a request is among them, in the very group and version that it names."""
        wanted = (
            (self.api_groups, request.group),
            (self.api_versions, request.version),
            (self.operations, request.operation),
        )
        other_scope = "Cluster" if request.is_namespaced else "Namespaced"
        return (
            self.scope != other_scope
            and all({"*", asked} & set(listed or ()) for listed, asked in wanted)
            and any(_same(one, request.resource) for one in self.resources or ())
        )


def _same(listed: str, requested: str) -> bool:
    """Whether `*/status`, `pods/*` … stands for a resource; `*` and `pods` stand for no subresource."""
    resource, _, part = listed.partition("/")
    asked, _, asked_part = requested.partition("/")
    return resource in ("*", asked) and part in ("*", asked_part)


class Webhook(msgspec.Struct, rename="camel", frozen=True):
    """One webhook of a configuration. `failure_policy` is Fail by default in v1, Ignore in v1beta1.

    `match_policy` is written down by every API server: where it is missing, in a manifest, it counts as Equivalent.
    """

    name: str = ""
    failure_policy: str | None = None
    match_policy: str | None = None
    client_config: ClientConfig = ClientConfig()
    rules: list[AdmissionRule] | None = None
    namespace_selector: LabelSelector | None = None
    object_selector: LabelSelector | None = None
    match_conditions: list[dict[str, Any]] | None = None

    def covers(self, request: AdmissionRequest) -> bool:
        """Whether it is told of a request, its CEL conditions left aside.

        Raises ValueError for a selector with an operator that Kubernetes does not know.
        """
        return self.asks_for(request) and self.selects(request)

    def asks_for(self, request: AdmissionRequest) -> bool:
        """Whether its rules name such requests."""
        same = () if self.match_policy == "Exact" else request.also
        forms = (request, *(request._replace(group=group, version=version) for group, version in same))
        return any(rule.matches(one) for rule in self.rules or () for one in forms)

    def selects(self, request: AdmissionRequest) -> bool:
        """Whether its selectors take the object, and the namespace that it is in; what is in none is not exempted.

        Raises ValueError for an operator that Kubernetes does not know.
        """
        inside, of_namespace = request.namespace_labels, self.namespace_selector
        return (inside is None or of_namespace is None or of_namespace.matches(inside)) and (
            self.object_selector is None or self.object_selector.matches(request.labels)
        )


class AdmissionRequest(NamedTuple):
    """What somebody wants to do: `labels` are the object's, `namespace_labels` are None for what has no namespace.

    `resource` may name a part (`pods/eviction`). `also` are groups and versions under which the API server serves the
    same objects: a webhook that asks for those is told of it too, unless its matchPolicy is Exact.
    """

    group: str
    version: str
    resource: str
    labels: dict[str, str]
    namespace_labels: dict[str, str] | None
    operation: str = "CREATE"
    also: tuple[tuple[str, str], ...] = ()

    @property
    def is_namespaced(self) -> bool:
        """Whether it is about something in a namespace."""
        return self.namespace_labels is not None


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
