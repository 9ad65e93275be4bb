"""What an upgrade needs of the API server, and which of it a webhook is told of."""

from __future__ import annotations

import msgspec
import pytest

from kubepreflight.finding import Phase
from kubepreflight.knowledge.upgrade_requests import NeededRequests
from kubepreflight.semantics.webhooks import AdmissionRequest, Webhook
from kubepreflight.version import Minor

ROWS = NeededRequests.provide().rows


def test_what_is_about_evicted_pods_belongs_to_the_nodes() -> None:
    assert {row.phase for row in ROWS if row.where == "workloads"} == {Phase.NODE_UPGRADE}


def test_older_versions_are_older() -> None:
    for row in ROWS:
        for one in row.also:
            assert (one.group, one.version) != (row.group, row.version)
            assert one.until < Minor(1, 25)


@pytest.mark.parametrize(("policy", "told"), [("Equivalent", True), ("Exact", False), (None, True)])
def test_an_older_version_of_the_same_objects(policy: str | None, told: bool) -> None:
    rule = {
        "apiGroups": ["extensions"],
        "apiVersions": ["v1beta1"],
        "operations": ["UPDATE"],
        "resources": ["daemonsets"],
    }
    webhook = msgspec.convert({"rules": [rule], "matchPolicy": policy}, Webhook)
    request = AdmissionRequest("apps", "v1", "daemonsets", {}, {}, "UPDATE", (("extensions", "v1beta1"),))
    assert webhook.covers(request) == told
    assert not webhook.covers(request._replace(also=()))


@pytest.mark.parametrize(("scope", "told"), [("Cluster", True), ("*", True), (None, True), ("Namespaced", False)])
def test_what_is_in_no_namespace_is_not_exempted(scope: str | None, told: bool) -> None:
    value = {
        "rules": [
            {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["nodes"], "scope": scope}
        ],
        "namespaceSelector": {"matchLabels": {"no": "namespace"}},
    }
    assert msgspec.convert(value, Webhook).covers(AdmissionRequest("", "v1", "nodes", {}, None)) == told
