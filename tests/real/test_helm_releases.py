"""What becomes of Helm's releases when a hop takes an API version away, and whether the scan had said so.

Each release is made by the real Helm in the real API server of 1.36, which then becomes one of 1.37 on the same etcd.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.real.cluster import PLAN, Cluster, Scan
from tests.real.helm import Helm, chart
from tools.kubernetes.control_plane import ControlPlane

RULE = "helm-release-cannot-be-upgraded"
OPTED_IN = (*PLAN, "--opt-in", "helm-releases")
OLD, NEW = "storage.k8s.io/v1beta1", "storage.k8s.io/v1"
VALUES = f"password: planted-in-defaults\nmood: quiet\nversion: {OLD}\nhook: {NEW}\n"
CLASS = """
apiVersion: {{ .Values.version }}
kind: VolumeAttributesClass
metadata:
  name: {{ .Release.Name }}
  labels: {mood: {{ .Values.mood }}}
driverName: example.org
parameters: {speed: "1"}
"""
SECRET = """
apiVersion: v1
kind: Secret
metadata:
  name: {{ .Release.Name }}
stringData:
  password: {{ .Values.password }}
"""
HOOK = """
apiVersion: {{ .Values.hook }}
kind: VolumeAttributesClass
metadata:
  name: {{ .Release.Name }}-hook
  annotations: {helm.sh/hook: pre-upgrade}
driverName: example.org
parameters: {speed: "1"}
"""
REFUSED = (
    "unable to build kubernetes objects from current release manifest: resource mapping not found for name: "
    '"{}" namespace: "" from "": no matches for kind "VolumeAttributesClass" in version "storage.k8s.io/v1beta1"'
)


class Hop(NamedTuple):
    """The cluster before the hop, as it was scanned then, and Helm with which to see what became of it."""

    helm: Helm
    chart: str
    scan: Scan
    report: str
    unasked: Scan
    of_snapshot: Scan
    snapshot: bytes


@pytest.fixture(scope="module")
def hop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hop]:
    """Releases of every sort, scanned with 1.36, and the API server of 1.37 in its place."""
    folder = tmp_path_factory.mktemp("helm")
    volumes = chart(folder / "volumes", {"class.yaml": CLASS, "secret.yaml": SECRET, "hook.yaml": HOOK}, VALUES)
    flags = {"kube-apiserver": {"disable-admission-plugins": "ServiceAccount"}}
    with ControlPlane(folder / "cluster", "1.36.3", flags=flags) as control_plane:
        control_plane.restart_server(runtime_config=f"{OLD}=true")
        helm = Helm(control_plane, folder)
        _install(helm, str(volumes))
        cluster = Cluster(control_plane)
        archive = folder / "snapshot.tar.gz"
        assert cluster.run("snapshot", "--to", str(archive), "--opt-in", "helm-releases").returncode in (0, 3)
        scan = cluster.scan(*OPTED_IN)
        unasked = cluster.scan(*PLAN)
        control_plane.version = "1.37.2"
        control_plane.restart_server()
        of_snapshot = _offline(cluster, archive)
        kept = archive.read_bytes()
        yield Hop(helm, str(volumes), scan, json.dumps(scan.report) + scan.error, unasked, of_snapshot, kept)


def _install(helm: Helm, volumes: str) -> None:
    for driver in ("secret", "configmap"):
        name = f"in-a-{driver}"
        helm.does("install", name, volumes, "--create-namespace", driver=driver)
        helm.does("upgrade", name, volumes, "--set", "password=planted-in-values", driver=driver)
        helm.does("rollback", name, "1", driver=driver)
    helm.does("install", "moved", volumes)
    helm.does("upgrade", "moved", volumes, "--set", f"version={NEW}")
    helm.does("install", "hooked", volumes, "--set", f"version={NEW},hook={OLD}")
    helm.does("install", "fresh", volumes, "--set", f"version={NEW}")
    helm.does("install", "unwanted", volumes)


def _offline(cluster: Cluster, archive: Path) -> Scan:
    command = cluster.program("scan", str(archive), *OPTED_IN, "-o", "json")
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return Scan(done.returncode, json.loads(done.stdout), done.stderr)


def said(scan: Scan) -> dict[str, tuple[str, str]]:
    found = scan.findings(RULE)
    return {one["subject"]["name"]: (one["severity"], one["subject"]["field"]) for one in found}


def test_the_scan_names_each_release_that_will_be_stuck_and_no_other(hop: Hop) -> None:
    assert said(hop.scan) == {
        "in-a-secret": ("blocker", "apiVersion"),
        "in-a-configmap": ("blocker", "apiVersion"),
        "unwanted": ("blocker", "apiVersion"),
        "hooked": ("warning", "hooks"),
        "moved": ("note", "rollback"),
    }
    (stuck,) = (one for one in hop.scan.findings(RULE) if one["subject"]["name"] == "in-a-secret")
    assert stuck["places"] == [
        {
            "apiVersion": OLD,
            "kind": "VolumeAttributesClass",
            "name": "in-a-secret",
            "field": "volumes/templates/class.yaml",
        }
    ]
    assert stuck["evidence"]["revision"] == "3, deployed"
    assert stuck["evidence"]["older revisions in it"] == "1 to 2"


def test_no_value_leaves_the_cluster(hop: Hop) -> None:
    assert "planted" not in hop.report
    assert b"planted" not in hop.snapshot


def test_without_the_opt_in_no_release_is_read(hop: Hop) -> None:
    assert hop.unasked.coverage(RULE)["status"] == "not checked"


def test_a_snapshot_says_the_same(hop: Hop) -> None:
    assert hop.of_snapshot.findings(RULE) == hop.scan.findings(RULE)
    assert hop.of_snapshot.coverage(RULE) == hop.scan.coverage(RULE)


@pytest.mark.parametrize("driver", ["secret", "configmap"])
def test_its_upgrade_fails_whatever_the_new_chart_says(hop: Hop, driver: str) -> None:
    name = f"in-a-{driver}"
    assert REFUSED.format(name) in hop.helm.refuses(
        "upgrade", name, hop.chart, "--set", f"version={NEW}", driver=driver
    )


def test_its_removal_fails(hop: Hop) -> None:
    assert "failed to delete release: unwanted" in hop.helm.refuses("uninstall", "unwanted")
    assert "uninstalling" in hop.helm.does("history", "unwanted")


def test_a_hook_fails_when_its_turn_comes(hop: Hop) -> None:
    options = ("--set", f"version={NEW},hook={OLD}")
    error = hop.helm.refuses("upgrade", "hooked", hop.chart, *options)
    assert "pre-upgrade hooks failed: unable to build kubernetes object for deleting hook" in error
    hop.helm.does("upgrade", "hooked", hop.chart, *options, "--no-hooks")


def test_an_upgraded_release_works_until_somebody_goes_back(hop: Hop) -> None:
    new = ("upgrade", "moved", hop.chart, "--set", f"version={NEW},mood=loud", "--no-hooks")
    hop.helm.does(*new)
    assert "unable to build kubernetes objects from new release manifest" in hop.helm.refuses("rollback", "moved", "1")
    assert "pending-rollback" in hop.helm.does("history", "moved")
    assert "another operation (install/upgrade/rollback) is in progress" in hop.helm.refuses(*new)
