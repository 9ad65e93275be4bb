"""What to type about a webhook that nobody answers for, or that loses who does: no more than is needed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kubepreflight.finding import Finding, Hop
from kubepreflight.knowledge.names import Names
from kubepreflight.knowledge.upgrade_requests import NeededRequests
from kubepreflight.objects import Metadata, Pod
from kubepreflight.rules.webhook_fails_closed import webhook_fails_closed
from kubepreflight.semantics.backends import Backend, ServiceReference
from kubepreflight.semantics.strict_webhooks import Answering, StrictWebhook, StrictWebhooks
from kubepreflight.semantics.upgrade_requests import Told
from kubepreflight.semantics.webhooks import ValidatingWebhookConfiguration, Webhook
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Minor, Version

GUARD = ValidatingWebhookConfiguration(metadata=Metadata(name="guard"), kind="ValidatingWebhookConfiguration")
DAY = datetime(2026, 11, 28, tzinfo=UTC)
HOP = Hop(Minor(1, 36), Minor(1, 37))
UPGRADE = Upgrade(current=None, target=Version(1, 37), hops=(HOP,), start=DAY, end=DAY)
NEEDED = Told(NeededRequests.provide().rows[0])
GONE, ON_ONE_NODE = Backend("there is no Service"), Backend("", (Pod(metadata=Metadata(name="guard-0")),), whole=True)


def found(backend: Backend, *told: tuple[Told, ...], name: str = "pods.example.com") -> Finding:
    webhooks = tuple(StrictWebhook(GUARD, index, Webhook(name=name), one) for index, one in enumerate(told))
    node = "w1" if backend.pods else ""
    answering = Answering(ServiceReference("guard", "guard"), backend, webhooks, node)
    (one,) = webhook_fails_closed(StrictWebhooks((answering,), ()), Names.provide(), UPGRADE)
    assert isinstance(one, Finding)
    return one


def test_nobody_is_told_to_delete_a_webhook_that_answers() -> None:
    assert "kubectl delete" in found(GONE, (NEEDED,)).remedy
    assert "kubectl delete" not in found(ON_ONE_NODE, (NEEDED,)).remedy


@pytest.mark.parametrize("backend", [GONE, ON_ONE_NODE])
def test_only_what_is_in_the_way_is_let_pass(backend: Backend) -> None:
    remedy = found(backend, (), (NEEDED,)).remedy
    assert "/webhooks/1/failurePolicy" in remedy
    assert "/webhooks/0/failurePolicy" not in remedy


def test_where_none_is_in_the_way_all_of_them_may_be_let_pass() -> None:
    assert "/webhooks/0/failurePolicy" in found(GONE, (), ()).remedy


def test_webhooks_of_one_name_are_named_once() -> None:
    assert "for the webhook pods.example.com:" in found(GONE, (NEEDED,), (NEEDED,)).message
