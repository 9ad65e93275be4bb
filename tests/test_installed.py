from __future__ import annotations

from collections.abc import Mapping

import pytest

from kubepreflight.host import Host, Missing, Package
from kubepreflight.semantics.installed import Foreign, Unreadable, installed_version
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
        # Debian's way of going back without an epoch: the version is the one behind "really".
        (package("kubelet", "1.20.5+really1.20.2-1.1"), UNKNOWN, "1.20.2"),
        (package("kubelet", "1.30.0~rc.1-0ubuntu1"), UNKNOWN, "1.30.0-rc.1"),
        # A package of that name that is not Kubernetes' own: what the program says of itself counts.
        (package("kubelet", "1:528.0.0-0"), {"kubelet": "v1.36.3"}, "1.36.3"),
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


@pytest.mark.parametrize("name", ["kubeadm", "kubectl", "kubelet"])
@pytest.mark.parametrize("text", ["1:528.0.0-0", "528.0.0-1", "2.36.3-1.1", "0.36.3", "1.528.0-0"])
def test_a_number_that_no_kubernetes_has_is_none_of_its_versions(name: str, text: str) -> None:
    host = Host(name="n", file="n.tar", packages=package(name, text), versions=UNKNOWN)
    assert installed_version(host, name) == Foreign(f"{name} is {text!r}, which is no version of Kubernetes")


def test_other_programs_count_in_their_own_way() -> None:
    host = Host(name="n", file="n.tar", packages=package("docker-ce", "5:27.3.1-1~debian.12~bookworm"))
    assert installed_version(host, "docker-ce") == Version.parse("27.3.1")
