"""Releases of kernels: their order, and what is of one kind."""

from __future__ import annotations

import pytest

from kubepreflight.host import Host, Kernel, Machine, Missing
from kubepreflight.semantics.kernels import newer_kernel, numbers

SORTED = (
    *("3.10.0-1160.119.1.el7.x86_64", "4.18.0-553.el8_10.x86_64", "5.4.0-150-generic", "5.14.0-427.13.1.el9_4.x86_64"),
    *("5.14.0-503.11.1.el9_5.x86_64", "6.1.0-9-amd64", "6.1.0-18-amd64", "6.12.88+deb13-amd64", "6.18.44-fc-v657"),
)


def test_releases_are_ordered_by_their_numbers() -> None:
    assert sorted(SORTED, key=numbers) == list(SORTED)
    assert numbers("rescue") == ()


@pytest.mark.parametrize(
    ("running", "installed", "newer"),
    [
        ("6.1.0-18-amd64", ["6.1.0-9-amd64", "6.1.0-18-amd64"], None),
        ("6.1.0-18-amd64", ["6.1.0-21-amd64", "6.1.0-19-amd64"], "6.1.0-21-amd64"),
        ("6.1.0-18-amd64", ["6.1.0-21-cloud-amd64", "6.1.0-21-rt-amd64"], None),
        ("5.14.0-427.13.1.el9_4.x86_64", ["5.14.0-503.11.1.el9_5.x86_64"], "5.14.0-503.11.1.el9_5.x86_64"),
        ("5.14.0-427.13.1.el9_4.x86_64", ["0-rescue-0123456789abcdef"], None),
        ("6.1.0-18-amd64", [], None),
    ],
)
def test_a_newer_kernel_of_the_same_flavour(running: str, installed: list[str], newer: str | None) -> None:
    machine = Machine(kernel=Kernel(installed=tuple(installed)))
    assert newer_kernel(Host(name="w1", file="", kernel=running, machine=machine)) == newer


def test_what_is_not_known_stays_so() -> None:
    assert newer_kernel(Host(name="w1", file="")) == Missing("not collected")
    assert newer_kernel(Host(name="w1", file="", kernel="6.1.0-18-amd64")) == Missing("not collected")
