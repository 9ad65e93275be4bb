"""What the tools for real packages decide without a machine: the mirror, what is missing, what depends on what."""

from __future__ import annotations

import pytest

from tools.packages.base import mirror
from tools.packages.kubernetes import packages
from tools.packages.machine import PROGRAMS, PackagesError, missing_programs

INDEXES = """\
Example bookworm main http://example.com/tools/
Debian bookworm-updates main http://mirror.example.com/debian/
Debian bookworm contrib http://mirror.example.com/debian/
Debian bookworm main http://mirror.example.com/debian/
"""


def test_the_mirror_is_the_distributions_own() -> None:
    assert mirror(INDEXES, "debian", "bookworm") == "http://mirror.example.com/debian/"


def test_without_lists_one_is_told_to_fetch_them() -> None:
    with pytest.raises(PackagesError, match=r"^apt knows no archive of debian trixie here: apt-get update first$"):
        mirror(INDEXES, "debian", "trixie")


def test_what_is_missing_is_named_with_its_package() -> None:
    assert missing_programs("/nowhere") == PROGRAMS


@pytest.mark.parametrize(
    ("version", "name", "depends"),
    [
        (
            "1.29.4",
            "kubeadm",
            "kubelet (>= 1.19.0), kubectl (>= 1.19.0), kubernetes-cni (>= 1.2.0), cri-tools (>= 1.28.0)",
        ),
        ("1.31.0", "kubeadm", "cri-tools (>= 1.30.0)"),
        ("1.37.2", "kubeadm", ""),
        ("1.37.2", "kubelet", "kubernetes-cni (>= 1.2.0), mount, util-linux"),
    ],
)
def test_dependencies_are_those_of_the_real_packages(version: str, name: str, depends: str) -> None:
    (found,) = (one for one in packages(version, "amd64") if one.name == name)
    assert (found.version, found.depends) == (f"{version}-1.1", depends)
