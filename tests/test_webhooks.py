"""What admission webhooks are told of."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kubepreflight.semantics.webhooks import AdmissionRequest, ValidatingWebhookConfiguration, Webhook

POD = AdmissionRequest("", "v1", "pods", {"app": "x"}, {"kubernetes.io/metadata.name": "kube-system"})
RULE = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}


@pytest.mark.parametrize(
    ("rule", "covers"),
    [
        ({}, True),
        ({"resources": ["*"]}, True),
        ({"resources": ["*/*"]}, True),
        ({"resources": ["pods/*"]}, True),
        ({"resources": ["pods/eviction", "*/status"]}, False),
        ({"operations": ["*"]}, True),
        ({"operations": ["UPDATE"]}, False),
        ({"apiGroups": ["*"]}, True),
        ({"apiGroups": ["apps"]}, False),
        ({"apiVersions": ["v2"]}, False),
        ({"apiVersions": None}, False),
        ({"scope": "Namespaced"}, True),
        ({"scope": "Cluster"}, False),
    ],
)
def test_rules(rule: dict[str, Any], covers: bool) -> None:
    assert msgspec.convert({"rules": [RULE | rule]}, Webhook).covers(POD) == covers


@pytest.mark.parametrize(
    ("selectors", "covers"),
    [
        ({"namespaceSelector": {}, "objectSelector": None}, True),
        ({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}, True),
        ({"namespaceSelector": {"matchExpressions": [{"key": "control-plane", "operator": "Exists"}]}}, False),
        ({"objectSelector": {"matchLabels": {"app": "y"}}}, False),
    ],
)
def test_selectors(selectors: dict[str, Any], covers: bool) -> None:
    assert msgspec.convert({"rules": [RULE], **selectors}, Webhook).covers(POD) == covers


def test_an_operator_that_nobody_knows_is_an_error() -> None:
    selector = {"matchExpressions": [{"key": "a", "operator": "Near"}]}
    with pytest.raises(ValueError, match="Near"):
        msgspec.convert({"rules": [RULE], "objectSelector": selector}, Webhook).covers(POD)


@pytest.mark.parametrize(
    ("version", "policy", "fails"),
    [("v1", None, True), ("v1beta1", None, False), ("v1beta1", "Fail", True), ("v1", "Ignore", False)],
)
def test_fails_closed(version: str, policy: str | None, fails: bool) -> None:
    value = {
        "apiVersion": f"admissionregistration.k8s.io/{version}",
        "metadata": {},
        "webhooks": [{"failurePolicy": policy}],
    }
    configuration = msgspec.convert(value, ValidatingWebhookConfiguration)
    assert [configuration.fails_closed(one) for one in configuration.webhooks or ()] == [fails]
