"""That no token Secret is generated any more, and that the one to make instead gets its token."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml

from kubepreflight.testing import Case, rule_named, scan_case
from tests.real.cluster import Cluster
from tests.test_rules_meta import CASES
from tools.waiting import until

RULE = "token-secret-expected"


@pytest.fixture
def accounts(cluster: Cluster) -> Iterator[Cluster]:
    cluster.control_plane.start_controllers(controllers="serviceaccount-token-controller")
    yield cluster
    cluster.control_plane.stop_controllers()


def secrets(cluster: Cluster) -> dict[str, bool]:
    """The Secrets of the namespace, and whether each has a token."""
    found = cluster.client.json("/api/v1/namespaces/shop/secrets")["items"]
    return {one["metadata"]["name"]: "token" in one.get("data", {}) for one in found}


def test_the_remedy_is_what_still_works(accounts: Cluster) -> None:
    robot = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot", "namespace": "shop"}}
    accounts.holds(robot)
    (finding,) = scan_case(CASES / RULE / "fires", Case(target="1.24.17"), rule_named(RULE)).findings
    manifest = finding.remedy.partition("<<'END'\n")[2].removesuffix("END")
    assert accounts.kubectl("-n", "shop", "apply", "-f", "-", text=manifest).returncode == 0
    assert until(lambda: secrets(accounts) == {"robot-own-token": True}, 30), secrets(accounts)
    assert yaml.safe_load(manifest)["type"] == "kubernetes.io/service-account-token"
    assert "secrets" not in accounts.client.json("/api/v1/namespaces/shop/serviceaccounts/robot")
