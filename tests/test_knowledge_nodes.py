"""The table of what Kubernetes asks of a node's system."""

from __future__ import annotations

import re

import pytest

from kubepreflight.knowledge.nodes import NodeNeeds
from kubepreflight.semantics.kernels import numbers
from kubepreflight.semantics.system_verification import kernel_matches
from kubepreflight.version import Minor

NEEDS = NodeNeeds.provide()


def test_what_kubeadm_asks_by_its_version() -> None:
    assert NEEDS.verification(Minor(1, 32)) is None
    rows = {minor: NEEDS.verification(Minor(1, minor)) for minor in (33, 34, 35, 37)}
    assert [row.since.minor for row in rows.values() if row] == [33, 34, 35, 35]


@pytest.mark.parametrize(
    ("release", "kubeadm", "matches"),
    [
        ("3.10.0-1160.el7.x86_64", 33, False),
        ("4.18.0-553.el8_10.x86_64", 33, False),
        ("4.19.0-27-amd64", 33, True),
        ("5.14.0-427.el9.x86_64", 33, True),
        ("5.14.0-427.el9.x86_64", 34, False),
        ("5.15.0-101-generic", 37, True),
        ("5.10.0-28-amd64", 37, True),
        ("6.1.0-18-amd64", 37, True),
        ("6.18.44-fc-v657", 37, True),
        ("10.0.1", 37, True),
        # kubeadm's own expressions want three numbers
        ("6.1", 37, False),
    ],
)
def test_the_kernels_that_kubeadm_names(release: str, kubeadm: int, matches: bool) -> None:
    row = NEEDS.verification(Minor(1, kubeadm))
    assert row is not None
    assert kernel_matches(release, row) is matches


def test_everything_in_it_can_be_used() -> None:
    for row in NEEDS.verifications:
        assert all(re.compile(pattern) for pattern in row.kernels)
    assert all(numbers(NEEDS.oldest_kernel(what).release) for what in ("nftables", "memory-qos"))
    assert set(NEEDS.eviction.hard) == {
        f"{name}.{what}" for name in ("nodefs", "imagefs") for what in ("available", "inodesFree")
    }
    assert NEEDS.clock.tokens < NEEDS.clock.certificates
