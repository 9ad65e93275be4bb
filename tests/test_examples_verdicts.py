"""What the example clusters were made to show is what a scan of them says, and no more."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.program import run

EXAMPLES = Path(__file__).parent.parent / "examples"


@cache
def scan(name: str) -> tuple[int, dict[str, Any]]:
    """The exit status and the report of `kubepreflight scan examples/NAME`, which needs no flags."""
    ended = run("scan", EXAMPLES / name, "-o", "json", folder=EXAMPLES)
    return ended.returncode, json.loads(ended.stdout)


def found(name: str) -> dict[tuple[str, str], str]:
    """The severity of each finding by its rule and what it is about."""
    subjects = ((one, one["subject"]) for one in scan(name)[1]["findings"])
    return {(one["rule"], subject.get("name") or subject["kind"]): one["severity"] for one, subject in subjects}


@pytest.mark.parametrize(
    ("name", "status", "verdict", "hop"),
    [
        ("home-cluster", 1, "no-go", {"from": "1.15", "to": "1.16"}),
        ("healthy-cluster", 0, "go", {"from": "1.36", "to": "1.37"}),
        ("half-collected", 3, "incomplete", {"from": "1.36", "to": "1.37"}),
    ],
)
def test_each_has_the_verdict_that_it_was_made_for(name: str, status: int, verdict: str, hop: dict[str, str]) -> None:
    returned, report = scan(name)
    assert (returned, report["verdict"], report["upgrade"]["hops"]) == (status, verdict, [hop])
    assert [one["rule"] for one in report["coverage"] if one["status"] == "crashed"] == []


@pytest.mark.parametrize(
    ("rule", "about", "severity"),
    [
        ("certificate-expires-in-window", "cp2", "blocker"),
        ("certificate-expires-in-window", "cp3", "blocker"),
        ("addon-incompatible", "centraldashboard", "blocker"),
        ("addon-unsupported", "cert-manager", "warning"),
        ("ceph-unhealthy", "rook-ceph", "blocker"),
        ("drain-blocked-by-budget", "nextcloud", "blocker"),
        ("drain-blocked-by-budget", "istio-pilot", "blocker"),
        ("removed-api", "nextcloud", "blocker"),
        ("removed-api", "redis", "blocker"),
        ("removed-api", "kube-flannel-ds-amd64", "warning"),
        ("package-not-held", "w3", "blocker"),
        ("drain-stops-at-bare-pod", "toolbox", "warning"),
        ("drain-stops-at-local-storage", "redis", "warning"),
        ("drain-stops-at-local-storage", "wiki", "warning"),
        ("drain-stops-at-local-storage", "rook-ceph", "note"),
        ("pod-tied-to-node", "home-assistant", "warning"),
        ("pod-tied-to-node", "postgres", "warning"),
        ("pod-tied-to-node", "images", "warning"),
    ],
)
def test_the_home_cluster_has_all_of_the_talk(rule: str, about: str, severity: str) -> None:
    assert found("home-cluster").get((rule, about)) == severity


@pytest.mark.parametrize(
    ("rule", "about"),
    [
        pytest.param("certificate-expires-in-window", "cp1", id="renewed a week ago"),
        pytest.param("certificate-expired", "cp2", id="the kubelet keeps certificates that it no longer uses"),
        pytest.param("drain-blocked-by-budget", "ingressgateway", id="two replicas of which one may go"),
        pytest.param("drain-stops-at-local-storage", "rook-ceph-operator", id="Rook makes its files anew"),
        pytest.param("drain-stops-at-local-storage", "photo-index-1584585000", id="the Job is done"),
    ],
)
def test_what_only_looks_like_trouble_is_not_found(rule: str, about: str) -> None:
    assert (rule, about) not in found("home-cluster")


def test_no_removed_api_is_seen_in_how_kubectl_listed_it_or_before_its_time() -> None:
    removed = {about for rule, about in found("home-cluster") if rule == "removed-api"}
    assert removed == {"nextcloud", "redis", "kube-flannel-ds-amd64"}
    ingress = [one for one in scan("home-cluster")[1]["findings"] if one["subject"]["kind"] == "Ingress"]
    assert ingress == []


def test_a_healthy_cluster_gives_no_false_alarm() -> None:
    assert set(found("healthy-cluster").values()) <= {"note"}


def test_what_did_not_come_is_named() -> None:
    report = scan("half-collected")[1]
    assert set(found("half-collected").values()) <= {"note"}
    gaps = [*report["gaps"], *(gap for one in report["coverage"] for gap in one.get("gaps", ()))]
    told = {gap.get("subject", "").partition(":")[0] for gap in gaps if gap.get("asked")}
    assert {
        f"{EXAMPLES}/half-collected/hosts/cp3.tar.gz",
        f"{EXAMPLES}/half-collected/manifests/notes.yaml",
        "w1",
    } <= told
