"""What counts as a reference to the API in a static pod: all that the kubelet refuses, and nothing else."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kubepreflight.host import Host, KubeletConfigFile, KubeletFlag, KubeletSettings
from kubepreflight.knowledge.static_pod_references import StaticPodReferences
from kubepreflight.semantics.static_pod_references import PROJECTED, VOLUMES, WITH_SECRET, api_references, refused_from
from kubepreflight.static_pod import StaticPodSpec
from kubepreflight.version import Minor

KNOWN = StaticPodReferences.provide()
GATE = KNOWN.gate


def references(spec: dict[str, Any]) -> list[str]:
    return list(api_references(msgspec.convert(spec, StaticPodSpec)))


def volume(**source: Any) -> dict[str, Any]:
    return {"volumes": [{"name": "v", **source}]}


def container(where: str = "containers", **fields: Any) -> dict[str, Any]:
    return {where: [{"name": "c", **fields}]}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"serviceAccountName": "a"}, "a ServiceAccount (serviceAccountName)"),
        ({"serviceAccount": "a"}, "a ServiceAccount (serviceAccountName)"),
        ({"imagePullSecrets": [{"name": "a"}]}, "a Secret (imagePullSecrets)"),
        ({"resourceClaims": [{"name": "a"}]}, "a ResourceClaim (resourceClaims)"),
        (container(envFrom=[{"secretRef": {"name": "a"}}]), "a Secret (environment of container c)"),
        (container(envFrom=[{"configMapRef": {"name": "a"}}]), "a ConfigMap (environment of container c)"),
        (
            container("initContainers", env=[{"name": "E", "valueFrom": {"secretKeyRef": {"name": "a", "key": "k"}}}]),
            "a Secret (environment of container c)",
        ),
        (
            container(env=[{"name": "E", "valueFrom": {"configMapKeyRef": {"name": "a", "key": "k"}}}]),
            "a ConfigMap (environment of container c)",
        ),
        *((volume(**{source: {}}), f"{what} (volume v)") for source, what in VOLUMES.items()),
        *((volume(projected={"sources": [{one: {}}]}), f"{what} (volume v)") for one, what in PROJECTED.items()),
        *((volume(**{one: {"secretRef": {"name": "a"}}}), "a Secret (volume v)") for one in WITH_SECRET),
    ],
)
def test_a_reference(spec: dict[str, Any], said: str) -> None:
    assert references(spec) == [said]


@pytest.mark.parametrize(
    "spec",
    [
        {"serviceAccountName": "", "serviceAccount": None, "imagePullSecrets": [{"name": ""}], "resourceClaims": []},
        container(env=[{"name": "E", "value": "secret"}, {"name": "N", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}]),
        container(envFrom=[{"prefix": "A_"}], env=None),
        *(volume(**{one: {}}) for one in (*WITH_SECRET, "hostPath", "emptyDir", "downwardAPI", "image", "nfs", "fc")),
        volume(projected={"sources": [{"downwardAPI": {}}]}),
        volume(projected={"sources": None}),
        volume(secret=None),
    ],
)
def test_no_reference(spec: dict[str, Any]) -> None:
    assert references(spec) == []


@pytest.mark.parametrize(
    ("config", "flags", "minor"),
    [
        ({}, {}, "1.34"),
        ({"featureGates": {GATE: False}}, {}, "1.37"),
        ({"featureGates": {GATE: True}}, {}, "1.34"),
        ({"featureGates": {GATE: True}}, {"feature-gates": f"A=true,{GATE}=false"}, "1.37"),
        ({"featureGates": {GATE: False}}, {"feature-gates": f"{GATE}=true"}, "1.34"),
        ({"featureGates": None}, {"feature-gates": "A=false"}, "1.34"),
    ],
)
def test_since_when_it_is_refused(config: dict[str, Any], flags: dict[str, str], minor: str) -> None:
    given = tuple(KubeletFlag(name=name, value=value) for name, value in flags.items())
    files = (KubeletConfigFile(path="", values=config),)
    host = Host(name="a", file="a", kubelet=KubeletSettings(flags=given, files=files))
    assert refused_from(host, KNOWN) == Minor.parse(minor)
    assert refused_from(None, KNOWN) == KNOWN.refused_since
