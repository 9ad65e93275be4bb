"""What the table says that an API server serves, and by default, against the discovery of real ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubepreflight.finding import WARNING
from kubepreflight.knowledge.api_lifecycle import ApiKind, ApiLifecycle
from kubepreflight.knowledge.feature_gates import FeatureGates
from kubepreflight.version import Minor
from tests.real.cluster import KNOWN, OTHER_FLAGS, VERSIONS, Cluster
from tests.real.conftest import Clusters
from tools.kubernetes.client import Client, Refused
from tools.waiting import until

LIFECYCLE = ApiLifecycle.provide()
NOT_LISTED = {("policy/v1beta1", "Eviction")}
"""Only the body of a subresource, which discovery does not name in this version."""
Kinds = set[tuple[str, str]]


def discovered(client: Client) -> Kinds:
    """API version and kind of every resource, subresources apart."""
    groups = client.json("/apis")["groups"]
    versions = ["v1", *(one["groupVersion"] for group in groups for one in group["versions"])]
    return {
        (version, one["kind"]) for version in versions for one in resources(client, version) if "/" not in one["name"]
    }


def resources(client: Client, version: str) -> list[dict[str, str]]:
    """What discovery lists in a version; nothing of a custom resource's that is gone but for the list of groups."""
    try:
        listed: list[dict[str, str]] = client.json(f"/apis/{version}" if "/" in version else f"/api/{version}")[
            "resources"
        ]
    except Refused as error:
        if error.status != 404:
            raise
        return []
    return listed


def settled(client: Client, expected: Kinds) -> Kinds:
    """What is discovered, once what an earlier test defined is gone from it."""
    until(lambda: discovered(client) == expected, 20)
    return discovered(client)


def in_table(minor: Minor) -> list[ApiKind]:
    """The rows of what that minor serves, in some way."""
    return [
        row
        for row in LIFECYCLE.served()
        if row.introduced <= minor and (row.removed is None or minor < row.removed) and key(row) not in NOT_LISTED
    ]


def key(row: ApiKind) -> tuple[str, str]:
    return row.api_version, row.kind


def gate_is_on(row: ApiKind, minor: Minor) -> bool:
    """By default, or by the flags of OTHER_FLAGS."""
    if not row.gate or f"{row.gate}=true" in OTHER_FLAGS["feature_gates"]:
        return True
    state = FeatureGates.provide().state("kube-apiserver", row.gate, minor)
    return state is not None and state.default


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_served_by_default(clusters: Clusters, version: str) -> None:
    rows = in_table(Minor.parse(version))
    expected = {key(row) for row in rows if row.served_by_default == "yes"}
    assert settled(clusters(version).client, expected) == expected


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_served_when_all_is_asked_for(clusters: Clusters, version: str) -> None:
    minor = Minor.parse(version)
    expected = {key(row) for row in in_table(minor) if gate_is_on(row, minor)}
    assert settled(clusters(version, **OTHER_FLAGS).client, expected) == expected


@pytest.fixture
def old(clusters: Clusters) -> Cluster:
    return clusters("1.36.3")


@pytest.mark.parametrize(
    ("api_version", "kind", "message"),
    [
        ("certificates.k8s.io/v1", "ClusterTrustBundle", "before the hop 1.36 → 1.37"),
        ("resource.k8s.io/v1beta1", "DeviceClass", "only serves when it is told to"),
    ],
)
def test_what_is_said_not_to_be_served_is_refused_in_these_words(
    old: Cluster, tmp_path: Path, api_version: str, kind: str, message: str
) -> None:
    manifest = tmp_path / "early.yaml"
    manifest.write_text(f"apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: early}}\n", encoding="utf-8")
    refused = old.kubectl("apply", "-f", str(manifest))
    words = f'no matches for kind "{kind}" in version "{api_version}"'
    assert refused.returncode == 1
    assert words in refused.stderr
    (finding,) = old.scan_here(*KNOWN, "--live", str(manifest)).findings("api-not-yet-served")
    assert finding["severity"] == WARNING.value
    assert words in finding["message"]
    assert message in finding["message"]
