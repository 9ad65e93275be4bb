"""Which etcd, CoreDNS and pause kubeadm brings along."""

from itertools import pairwise

import pytest

from kubepreflight.knowledge.component_versions import ComponentVersions
from kubepreflight.version import Minor, Version
from tools.knowledge.kubeadm_constants import Components
from tools.knowledge.pins import Pin
from tools.knowledge.tables import component_versions

TABLE = ComponentVersions.provide()


@pytest.mark.parametrize(
    ("kubeadm", "etcd", "coredns", "pause"),
    [
        ("1.15", "3.3.10", "1.3.1", "3.1"),
        ("1.16.4", "3.3.15-0", "1.6.2", "3.1"),
        ("1.19.0", "3.4.9-1", "1.7.0", "3.2"),
        ("1.19.16", "3.4.13-0", "1.7.0", "3.2"),
        ("1.30.4", "3.5.12-0", "1.11.1", "3.9"),
        ("1.30.5", "3.5.15-0", "1.11.3", "3.9"),
        ("1.30", "3.5.15-0", "1.11.3", "3.9"),
        ("1.33", "3.5.24-0", "1.12.0", "3.10"),
        ("1.35", "3.6.6-0", "1.13.1", "3.10.1"),
        ("1.37", "3.7.0-0", "1.14.6", "3.10.2"),
    ],
)
def test_by_minor_and_patch(kubeadm: str, etcd: str, coredns: str, pause: str) -> None:
    row = TABLE.of(Version.parse(kubeadm))
    assert (row.etcd, row.coredns, row.pause) == (etcd, coredns, pause)
    assert TABLE.etcd(Version.parse(kubeadm)) == Version.parse(etcd)


@pytest.mark.parametrize(
    ("kubeadm", "etcd"),
    [
        ("1.15", "3.2.18"),
        ("1.27.16", "3.2.18"),
        ("1.28", "3.4.13"),
        ("1.31.0", "3.5.11"),
        ("1.31", "3.5.24"),
        ("1.32.9", "3.5.11"),
        ("1.32.10", "3.5.24"),
        ("1.34.0", "3.5.21"),
        ("1.37.0", "3.5.24"),
    ],
)
def test_the_oldest_etcd_outside_of_the_cluster(kubeadm: str, etcd: str) -> None:
    assert TABLE.of(Version.parse(kubeadm)).oldest_external_etcd == etcd


def test_what_is_not_in_the_table_is_unknown() -> None:
    assert TABLE.etcd(Version.parse("1.99")) is None
    with pytest.raises(KeyError):
        TABLE.of(Version.parse("1.99"))


def test_it_is_in_order_and_without_holes() -> None:
    keys = [(row.minor, row.since_patch) for row in TABLE.rows]
    assert keys == sorted(keys)
    minors = sorted({row.minor for row in TABLE.rows})
    assert (minors[0], minors[-1]) == (TABLE.info.start, TABLE.info.end)
    assert all(after == before.plus(1) for before, after in pairwise(minors))
    assert {row.minor for row in TABLE.rows if row.since_patch == 0} == set(minors)


def test_every_step_that_kubeadm_takes_is_one_minor_of_etcd() -> None:
    minors = [Version.parse(row.etcd).minor_version for row in TABLE.rows]
    assert all(after.distance(before) in (0, 1) for before, after in pairwise(minors))


def components(pin: Pin) -> Components:
    """Another etcd from 1.24.8 and from 1.24.9 on, and another CoreDNS from 1.24.14 on."""
    patch = int(pin.release.rpartition(".")[2])
    etcd = "3.5.6-0" if patch >= 9 else "3.5.5-0" if patch == 8 else "3.5.3-0"
    return Components(etcd, "3.2.18", "1.9.3" if patch >= 14 else "1.8.6", "v1.0.14", "3.7")


def test_each_change_is_found_with_few_releases_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(component_versions, "components", components)
    rows = [tuple(row) for row in component_versions.read(Pin("1.24.17"))]
    # There is no module of 1.24.8, which tools/knowledge/corrections has instead.
    assert {int(row[0]) for row in rows} == {0, 4, 6, 7, 9, 13, 14, 15, 17}
    text = component_versions.compose({Minor(1, 24): rows})
    assert [line for line in text.splitlines() if line.startswith("1.24")] == [
        "1.24,0,3.5.3-0,3.2.18,1.8.6,v1.0.14,3.7",
        "1.24,8,3.5.5-0,3.2.18,1.8.6,v1.0.14,3.7",
        "1.24,9,3.5.6-0,3.2.18,1.8.6,v1.0.14,3.7",
        "1.24,14,3.5.6-0,3.2.18,1.9.3,v1.0.14,3.7",
    ]


def test_where_the_first_and_the_last_agree_nothing_more_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(component_versions, "components", components)
    assert sorted(row[0] for row in component_versions.read(Pin("1.24.7"))) == ["0", "7"]
