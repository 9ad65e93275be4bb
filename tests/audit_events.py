"""Lines of an audit log, as an API server writes them."""

from __future__ import annotations

import json
from typing import Any


def audit_line(
    resource: str = "cronjobs",
    api_version: str = "batch/v1beta1",
    *,
    verb: str = "list",
    user: str = "system:serviceaccount:tools:reporter",
    agent: str = "reporter/v0.3 (linux/amd64) kubernetes/abc",
    at: str = "2026-11-20T08:00:00.000000Z",
    stage: str = "ResponseComplete",
    code: int = 200,
    deprecated: bool = True,
    **more: Any,
) -> bytes:
    """One event."""
    group, _, version = api_version.rpartition("/")
    event = {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "auditID": "5a90f1cb-a868-485e-b1a4-82551e151304",
        "stage": stage,
        "requestURI": f"/apis/{api_version}/{resource}?limit=500",
        "verb": verb,
        "user": {"username": user, "groups": ["system:authenticated"]},
        "sourceIPs": ["10.0.0.7"],
        "userAgent": agent,
        "objectRef": {"resource": resource, "apiGroup": group, "apiVersion": version},
        "responseStatus": {"metadata": {}, "code": code},
        "requestReceivedTimestamp": at,
        "stageTimestamp": at,
        "annotations": {"k8s.io/deprecated": "true", "k8s.io/removed-release": "1.25"} if deprecated else {},
        **more,
    }
    return json.dumps(event, separators=(",", ":")).encode() + b"\n"
