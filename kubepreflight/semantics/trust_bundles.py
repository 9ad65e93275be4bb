"""Whom the API server trusts when it calls somebody: the `caBundle` of webhooks, APIServices and CRDs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from kubepreflight.finding import Subject
from kubepreflight.inputs import Unavailable
from kubepreflight.semantics.backends import ClientConfig, ServiceReference
from kubepreflight.semantics.custom_resources import VersionedDefinition
from kubepreflight.semantics.extensions import ApiService
from kubepreflight.semantics.webhooks import (
    MutatingWebhookConfiguration,
    ValidatingWebhookConfiguration,
    WebhookConfiguration,
)


class Trust(msgspec.Struct, frozen=True):
    """One `caBundle` that is not empty: whose it is, and whether what it is for fails without it."""

    subject: Subject
    bundle: str
    what_fails: str
    must_work: bool
    called: str


class TrustBundles(msgspec.Struct, frozen=True):
    """All of them."""

    found: tuple[Trust, ...]

    @classmethod
    def provide(
        cls,
        validating: list[ValidatingWebhookConfiguration] | None,
        mutating: list[MutatingWebhookConfiguration] | None,
        services: list[ApiService] | None,
        definitions: list[VersionedDefinition] | None,
    ) -> TrustBundles:
        """From the four kinds that have one. Raises Unavailable when none of them could be read."""
        if validating is None and mutating is None and services is None and definitions is None:
            raise Unavailable
        configurations: list[WebhookConfiguration] = [*(validating or ()), *(mutating or ())]
        found = (*_of_webhooks(configurations), *_of_services(services or ()), *_of_definitions(definitions or ()))
        return cls(tuple(sorted(found, key=lambda one: str(one.subject))))


def _of_webhooks(configurations: Iterable[WebhookConfiguration]) -> Iterator[Trust]:
    for one in configurations:
        for webhook in one.webhooks or ():
            if bundle := webhook.client_config.ca_bundle:
                fails = one.fails_closed(webhook)
                effect = "is refused" if fails else "goes past it unseen"
                subject = msgspec.structs.replace(one.subject, field=webhook.name)
                what = f"whatever the webhook {webhook.name} should see {effect}"
                yield Trust(subject, bundle, what, fails, _called(webhook.client_config))


def _of_services(services: Iterable[ApiService]) -> Iterator[Trust]:
    for one in services:
        if one.spec.service is not None and one.spec.ca_bundle and not one.spec.insecure_skip_tls_verify:
            what = f"the API {one.name} is unavailable, and with it discovery and the deletion of namespaces"
            yield Trust(one.subject, one.spec.ca_bundle, what, True, _service(one.spec.service))


def _of_definitions(definitions: Iterable[VersionedDefinition]) -> Iterator[Trust]:
    for one in definitions:
        config = one.converter
        if config is not None and config.ca_bundle:
            what = f"objects of {one.name} can be neither read nor written in any version but the stored one"
            subject = msgspec.structs.replace(one.subject, field="conversion")
            yield Trust(subject, config.ca_bundle, what, True, _called(config))


def _called(config: ClientConfig) -> str:
    return _service(config.service) if config.service else config.url or ""


def _service(service: ServiceReference) -> str:
    return f"Service {service}"
