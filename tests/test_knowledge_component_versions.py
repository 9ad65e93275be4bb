"""Which etcd, CoreDNS and pause kubeadm brings along."""

from itertools import pairwise

import pytest

from kubepreflight.knowledge.component_versions import ComponentVersions
from kubepreflight.version import Version

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
