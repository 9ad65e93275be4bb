"""Who answers when the API server calls."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kubepreflight.objects import Pod
from kubepreflight.semantics.backends import Backends, ClientConfig, EndpointSlice, Service, ServiceReference


@pytest.mark.parametrize(
    ("service", "pod", "absence"),
    [
        ({"selector": {"app": "guard"}}, {}, ""),
        ({"selector": {"app": "guard"}}, {"conditions": [{"type": "Ready", "status": "False"}]}, "no pod behind"),
        ({"selector": {"app": "guard"}}, {"phase": "Failed"}, "no pod behind"),
        ({"selector": {"app": "other"}}, {}, "no pod behind"),
        ({"selector": {}}, {}, None),
        ({"selector": {"app": "guard"}, "type": "ExternalName"}, {}, None),
        (None, {}, "there is no Service guard/guard"),
    ],
)
def test_who_answers(service: dict[str, Any] | None, pod: dict[str, Any], absence: str | None) -> None:
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]} | pod
    pods = [{"metadata": {"name": "guard-0", "namespace": "guard", "labels": {"app": "guard"}}, "status": status}]
    services = [] if service is None else [{"metadata": {"name": "guard", "namespace": "guard"}, "spec": service}]
    backends = Backends.provide(msgspec.convert(services, list[Service]), msgspec.convert(pods, list[Pod]))
    found = backends.absence(ClientConfig(service=ServiceReference(name="guard", namespace="guard")))
    assert absence in found if found and absence else found == absence


def test_who_answers_behind_a_url_is_not_known() -> None:
    assert Backends.provide([], []).absence(ClientConfig(url="https://guard.example.com")) is None


def slices(*ready: bool | None, port: str = "") -> list[EndpointSlice]:
    value = {
        "metadata": {"name": "guard-x", "namespace": "guard", "labels": {"kubernetes.io/service-name": "guard"}},
        "endpoints": [
            {"conditions": {"ready": one}, "targetRef": {"kind": "Pod", "name": f"guard-{number}"}}
            for number, one in enumerate(ready)
        ],
        "ports": [{"name": port, "port": 8443}],
    }
    return msgspec.convert([value], list[EndpointSlice])


@pytest.mark.parametrize(
    ("ports", "found", "absence"),
    [
        ([{"port": 443}], slices(True), ""),
        ([{"port": 443}], slices(None), ""),
        ([{"port": 443}], slices(False, True), ""),
        ([{"port": 443}], slices(False), "no endpoint of the Service guard/guard is ready"),
        ([{"port": 443}], slices(), "no endpoint of the Service guard/guard is ready"),
        ([{"port": 443, "name": "https"}], slices(True), "no endpoint of the Service guard/guard is ready"),
        ([{"port": 443, "name": "https"}], slices(True, port="https"), ""),
        ([{"port": 8443}], slices(True), "the Service guard/guard has no port 443"),
    ],
)
def test_endpoint_slices_say_who_is_ready(
    ports: list[dict[str, Any]], found: list[EndpointSlice], absence: str
) -> None:
    value = {"metadata": {"name": "guard", "namespace": "guard"}, "spec": {"ports": ports}}
    backends = Backends.provide(msgspec.convert([value], list[Service]), [], found)
    assert backends.absence(ClientConfig(service=ServiceReference(name="guard", namespace="guard"))) == absence


def test_a_headless_service_is_not_judged() -> None:
    value = {"metadata": {"name": "guard", "namespace": "guard"}, "spec": {"clusterIP": "None"}}
    backends = Backends.provide(msgspec.convert([value], list[Service]), [])
    assert backends.absence(ClientConfig(service=ServiceReference(name="guard", namespace="guard"))) is None
