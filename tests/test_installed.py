from __future__ import annotations

from collections.abc import Mapping

import pytest

from kubepreflight.host import Host, Missing, Package
from kubepreflight.semantics.installed import Unreadable, installed_version
from kubepreflight.version import Version

UNKNOWN = Missing("not collected")


def package(name: str, version: str) -> dict[str, Package]:
    return {name: Package(name=name, version=version, held=True)}


@pytest.mark.parametrize(
    ("packages", "versions", "installed"),
    [
        (package("kubelet", "1.36.3-1.1"), UNKNOWN, "1.36.3"),
        (package("kubelet", "1.16.4-00"), UNKNOWN, "1.16.4"),
        (package("kubelet", "1.36.3-150500.1.1"), UNKNOWN, "1.36.3"),
        (package("kubelet", "0:1.36.3-1"), UNKNOWN, "1.36.3"),
        (package("kubelet", "1.37.0-1.1"), {"kubelet": "v1.36.3"}, "1.37.0"),
        ({}, {"kubelet": "v1.36.3"}, "1.36.3"),
        (UNKNOWN, {"kubelet": "v1.36.3"}, "1.36.3"),
    ],
)
def test_the_installed_version(
    packages: Mapping[str, Package] | Missing, versions: Mapping[str, str] | Missing, installed: str
) -> None:
    host = Host(name="n", file="n.tar", packages=packages, versions=versions)
    assert installed_version(host, "kubelet") == Version.parse(installed)


def test_absent_and_unknown_differ() -> None:
    assert installed_version(Host(name="n", file="n.tar", packages={}, versions={}), "kubelet") is None
    assert installed_version(Host(name="n", file="n.tar"), "kubelet") == UNKNOWN
    assert installed_version(Host(name="n", file="n.tar", packages={}), "kubelet") == UNKNOWN
    odd = Host(name="n", file="n.tar", packages=package("kubelet", "mine"))
    assert installed_version(odd, "kubelet") == Unreadable("kubelet is 'mine', which is no version")
