"""The webhooks that refuse what they cannot be asked about, by who answers for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from shlex import quote

import msgspec

from kubepreflight.finding import Gap, Phase, Subject, cannot_check
from kubepreflight.inputs import Unavailable
from kubepreflight.objects import Node
from kubepreflight.semantics.backends import Backend, Backends, ServiceReference
from kubepreflight.semantics.drain import is_daemon_sets
from kubepreflight.semantics.upgrade_requests import Told, UpgradeRequests
from kubepreflight.semantics.webhooks import (
    AdmissionRequest,
    MutatingWebhookConfiguration,
    ValidatingWebhookConfiguration,
    Webhook,
    WebhookConfiguration,
)


class StrictWebhook(msgspec.Struct, frozen=True, eq=False):
    """One webhook with failurePolicy Fail; `index` is its place in its configuration.

    `told` are the requests of which it is told and that the upgrade needs in the time that matters; `own` says that it
    is told of the very pods that answer for it.
    """

    configuration: WebhookConfiguration
    index: int
    webhook: Webhook
    told: tuple[Told, ...] = ()
    own: bool = False

    @property
    def subject(self) -> Subject:
        """The webhook in its configuration."""
        return msgspec.structs.replace(self.configuration.subject, field=self.webhook.name)

    @property
    def is_certain(self) -> bool:
        """Whether it is told of something needed, and no condition in CEL may leave that out."""
        return bool(self.told) and not self.webhook.match_conditions


class Answering(msgspec.Struct, frozen=True, eq=False):
    """The webhooks that one Service answers for, worst first.

    `node` is the one whose drain takes away everybody who answers; empty when there is none.
    """

    service: ServiceReference
    backend: Backend
    webhooks: tuple[StrictWebhook, ...]
    node: str

    @property
    def own(self) -> bool:
        """Whether one of them is told of the very pods that answer."""
        return any(one.own for one in self.webhooks)

    @property
    def told(self) -> tuple[Told, ...]:
        """What all of them are told of."""
        return tuple(each for one in self.webhooks for each in one.told)


class StrictWebhooks(msgspec.Struct, frozen=True):
    """All of them; `gaps` are those of which it cannot be seen who answers."""

    answering: tuple[Answering, ...]
    gaps: tuple[Gap, ...]

    @classmethod
    def provide(
        cls,
        requests: UpgradeRequests,
        backends: Backends,
        nodes: list[Node] | None,
        validating: list[ValidatingWebhookConfiguration] | None,
        mutating: list[MutatingWebhookConfiguration] | None,
    ) -> StrictWebhooks:
        """From both kinds of configurations. Raises Unavailable when neither could be read."""
        if validating is None and mutating is None:
            raise Unavailable
        gaps: list[Gap] = []
        by_service: dict[ServiceReference, list[StrictWebhook]] = {}
        for one in _strict((*(validating or ()), *(mutating or ()))):
            service = one.webhook.client_config.service
            backend = backends.behind(service)
            try:
                told = tuple(requests.told(one.webhook, _phase_that_matters(backend, requests)))
                own = service is not None and _is_own(service, one.webhook, requests, backends)
            except ValueError as error:
                gaps.append(_not_seen(one, str(error)))
                continue
            if service is not None and backend.absence is not None:
                seen = msgspec.structs.replace(one, told=told, own=own)
                by_service.setdefault(service, []).append(seen)
            elif told:
                gaps.append(_not_seen(one, "who answers for it does not show in the cluster"))
        one_by_one = nodes is None or len(nodes) > 1
        found = (
            Answering(
                service,
                backends.behind(service),
                tuple(sorted(webhooks, key=_worst_first)),
                _drained_with(backends.behind(service), requests) if one_by_one else "",
            )
            for service, webhooks in by_service.items()
        )
        return cls(tuple(found), tuple(gaps))


def _strict(configurations: Iterable[WebhookConfiguration]) -> Iterator[StrictWebhook]:
    for configuration in configurations:
        for index, webhook in enumerate(configuration.webhooks or ()):
            if configuration.fails_closed(webhook) and webhook.rules:
                yield StrictWebhook(configuration, index, webhook)


def _phase_that_matters(backend: Backend, requests: UpgradeRequests) -> Phase | None:
    """A backend that is there is away during drains only; one on several nodes is away by accident only."""
    if backend.absence != "":
        return None
    return Phase.NODE_UPGRADE if _drained_with(backend, requests) else Phase.CONTROL_PLANE_UPGRADE


def _worst_first(one: StrictWebhook) -> tuple[bool, bool, str]:
    return not one.is_certain, not one.told, str(one.subject)


def _drained_with(backend: Backend, requests: UpgradeRequests) -> str:
    nodes = {one.spec.node_name or "" for one in backend.pods}
    stays = any(one.is_mirror or is_daemon_sets(one.metadata.controller) for one in backend.pods)
    (node, *others) = nodes or {""}
    return node if backend.whole and not others and not stays and requests.is_drained(node) else ""


def _is_own(service: ServiceReference, webhook: Webhook, requests: UpgradeRequests, backends: Backends) -> bool:
    pod = next(iter(backends.pods_of(service)), None)
    if pod is None:
        return False
    inside = requests.namespace_labels(service.namespace)
    return webhook.covers(AdmissionRequest("", "v1", "pods", pod.labels, inside))


def _not_seen(one: StrictWebhook, why: str) -> Gap:
    configuration = one.configuration
    how = f"see that it answers: kubectl get {configuration.api.plural} {quote(configuration.name)} -o yaml"
    return cannot_check("webhook", why, subject=str(one.subject), how=how)
