"""Which stops etcd asks for, which etcd kubeadm can run, and how many members kubeadm wants to hear from."""

import pytest

from kubepreflight.knowledge.component_versions import ComponentVersions
from kubepreflight.knowledge.etcd_gates import EtcdGates
from kubepreflight.version import Minor, Version

GATES = EtcdGates.provide()


@pytest.mark.parametrize(
    ("running", "reaches", "members", "severities", "first_good"),
    [
        ("3.5.0-0", (3, 6), 1, ["warning"], "3.5.26"),
        ("3.5.19-0", (3, 6), 2, ["warning"], "3.5.26"),
        ("3.5.19-0", (3, 6), 3, ["blocker", "warning", "warning"], "3.5.26"),
        ("3.5.20-0", (3, 6), 3, ["warning", "warning"], "3.5.26"),
        ("3.5.24-0", (3, 6), 5, ["warning"], "3.5.26"),
        ("3.5.26-0", (3, 6), 5, [], "3.5.26"),
        ("3.6.7-0", (3, 7), 1, ["warning"], "3.6.11"),
        ("3.6.8-0", (3, 7), 1, ["note"], "3.6.11"),
        ("3.6.11-0", (3, 7), 3, [], "3.6.11"),
        ("3.4.13-0", (3, 5), 3, [], "3.4.13"),
    ],
)
def test_stops(running: str, reaches: tuple[int, int], members: int, severities: list[str], first_good: str) -> None:
    version, minor = Version.parse(running), Minor(*reaches)
    assert [one.severity for one in GATES.stops(version, minor, members)] == severities
    assert str(GATES.first_good(version, minor)) == first_good


@pytest.mark.parametrize(
    ("etcd", "kubeadm", "runs"),
    [
        ("3.3.10", (1, 30), True),
        ("3.5.10", (1, 31), False),
        ("3.5.11", (1, 31), True),
        ("3.4.28", (1, 31), False),
        ("3.4.29", (1, 31), True),
        ("3.5.33", (1, 35), True),
        ("3.5.33", (1, 36), False),
        ("3.4.29", (1, 36), False),
        ("3.6.0", (1, 37), True),
    ],
)
def test_which_etcd_comes_up_under_kubeadm(etcd: str, kubeadm: tuple[int, int], runs: bool) -> None:
    assert (GATES.too_old(Version.parse(etcd), Minor(*kubeadm)) is None) == runs


@pytest.mark.parametrize(
    ("kubeadm", "suffices"),
    [
        ("1.32.13", False),
        ("1.33.13", True),
        ("1.34.4", False),
        ("1.35.4", False),
        ("1.35", True),
        ("1.36.0", False),
        ("1.36.1", True),
        ("1.37.0", True),
    ],
)
def test_when_a_majority_suffices(kubeadm: str, suffices: bool) -> None:
    assert GATES.majority_suffices(Version.parse(kubeadm)) == suffices


def test_what_kubeadm_brings_by_itself_comes_up_under_it() -> None:
    rows = ComponentVersions.provide().rows
    assert [row for row in rows if GATES.too_old(Version.parse(row.etcd), row.minor)] == []


def test_every_row_has_its_source() -> None:
    tables = (GATES.all_stops, GATES.oldest, GATES.majorities)
    sources = [source for rows in tables for source in (one.source for one in rows)]
    assert all(source.startswith(("https://", "k8s.io/kubernetes v")) for source in sources)
