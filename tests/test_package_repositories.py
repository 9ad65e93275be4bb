from __future__ import annotations

import pytest

from kubepreflight.host import Host, Missing, Repository
from kubepreflight.knowledge.packages import PackageSources
from kubepreflight.semantics.package_repositories import (
    KubernetesRepositories,
    kubernetes_repositories,
    step_to,
    switch_to,
)
from kubepreflight.version import Minor

SOURCES = PackageSources.provide()
LIST = "/etc/apt/sources.list.d/kubernetes.list"
NEW = Repository(family="deb", url="https://pkgs.k8s.io/core:/stable:/v1.36/deb/", suite="/", file=LIST, line=1)
OLD = Repository(family="deb", url="https://apt.kubernetes.io/", suite="kubernetes-xenial", file="/etc/apt/old.list")
OTHER = Repository(family="deb", url="http://deb.debian.org/debian", suite="bookworm", file="/etc/apt/sources.list")
RUNTIME = Repository(
    family="deb", url="https://pkgs.k8s.io/addons:/cri-o:/stable:/v1.36/deb/", suite="/", file="/b.list"
)


def host(*repositories: Repository, family: str = "deb") -> Host:
    return Host(name="n1", file="n1.tar", package_family=family, repositories=repositories)


def known(*repositories: Repository) -> KubernetesRepositories:
    found = kubernetes_repositories(host(*repositories), SOURCES)
    assert isinstance(found, KubernetesRepositories)
    return found


@pytest.mark.parametrize(
    ("repositories", "minors", "legacy"),
    [
        ((), (), ()),
        ((OTHER, RUNTIME), (), ()),
        ((OTHER, NEW), (Minor(1, 36),), ()),
        ((OLD,), (), (OLD,)),
        ((OLD, NEW, NEW), (Minor(1, 36),), (OLD,)),
    ],
)
def test_which_sources_hold_kubernetes(
    repositories: tuple[Repository, ...], minors: tuple[Minor, ...], legacy: tuple[Repository, ...]
) -> None:
    found = known(*repositories)
    assert (found.minors, found.legacy) == (minors, legacy)


def test_unknown_sources_are_not_absent_ones() -> None:
    assert kubernetes_repositories(Host(name="n1", file="n1.tar"), SOURCES) == Missing("not collected")


def test_a_place_is_a_line_of_a_file_on_the_node() -> None:
    assert str(known(NEW).places([NEW])[0]) == f"node n1 ({LIST}:1)"


@pytest.mark.parametrize("family", ["deb", "rpm"])
def test_a_new_source_is_written_for_the_family(family: str) -> None:
    assert f"https://pkgs.k8s.io/core:/stable:/v1.37/{family}/" in switch_to(
        Minor(1, 37), [host(family=family)], SOURCES
    )


def test_no_public_repository_holds_what_is_older_than_they_are() -> None:
    assert "a copy of your own" in switch_to(Minor(1, 23), [host()], SOURCES)


def test_a_source_is_moved_in_the_file_in_which_it_stands() -> None:
    assert step_to(Minor(1, 37), [known(NEW)]) == f"sed -i 's|/v1.36/|/v1.37/|' {LIST}\napt-get update"
