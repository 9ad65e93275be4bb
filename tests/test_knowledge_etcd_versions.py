"""Which etcd kubeadm runs."""

from itertools import pairwise

import pytest

from kubepreflight.knowledge.etcd_versions import EtcdVersions
from kubepreflight.version import Version

TABLE = EtcdVersions.provide()


@pytest.mark.parametrize(
    ("kubeadm", "etcd"),
    [
        ("1.16.4", "3.3.15-0"),
        ("1.19.0", "3.4.9-1"),
        ("1.19.16", "3.4.13-0"),
        ("1.30", "3.5.15-0"),
        ("1.30.1", "3.5.12-0"),
    ],
)
def test_by_minor_and_patch(kubeadm: str, etcd: str) -> None:
    assert TABLE.of(Version.parse(kubeadm)) == Version.parse(etcd)


def test_what_is_not_in_the_table_is_unknown() -> None:
    assert TABLE.of(Version.parse("1.99")) is None


def test_it_is_in_order_and_without_holes() -> None:
    keys = [(row.minor, row.since_patch) for row in TABLE.rows]
    assert keys == sorted(keys)
    minors = sorted({row.minor for row in TABLE.rows})
    assert (minors[0], minors[-1]) == (TABLE.info.start, TABLE.info.end)
    assert all(after == before.plus(1) for before, after in pairwise(minors))
    assert {row.minor for row in TABLE.rows if row.since_patch == 0} == set(minors)
