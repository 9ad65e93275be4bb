"""A node with a real rpm and dnf, Debian's own: what the collector brings of it, and what dnf does as the scan says."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from kubepreflight.finding import Severity
from kubepreflight.host import CachedPackage, Missing, Offer
from kubepreflight.report import ReportFinding
from tests.real.package_nodes import NOW, collected, found, scan
from tools.packages import rpm
from tools.packages.kubernetes import HELD
from tools.packages.root import Root
from tools.packages.server import serving
from tools.packages.signing import Key, key

PATCH, NEXT = "1.36.4", "1.37.2"
HOLD, SWITCH, HOP = "package-not-held", "package-repository-wrong-minor", "kubeadm-cannot-make-this-hop"
CANDIDATE, KEYS = "package-candidate-missing", "package-repository-key-expires"
KNOWN = "kubeadm kubelet kubectl kubernetes-cni cri-tools"


@dataclass(frozen=True)
class World:
    """The node w1 with the packages of NOW, all excluded; `ended` is its repository's key before it was prolonged."""

    node: Root
    served: Path
    proxy: str
    signing: Key
    ended: bytes


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    scratch = tmp_path_factory.mktemp("packages")
    with ExitStack() as stack:
        signing = stack.enter_context(key("1y", made="20230102T000000", algorithm="rsa2048"))
        ended = signing.armored()
        signing.prolong("2y")
        root = rpm.make(scratch / "w1", "w1")
        for minor, versions in {"1.36": (NOW, PATCH), "1.37": (NEXT,)}.items():
            rpm.publish(scratch / "served", minor, versions, root, signing)
        proxy = stack.enter_context(serving(scratch / "served"))
        rpm.use_repository(root, "1.36", proxy)
        root.said("dnf", "-q", "-y", "install", "--disableexcludes=kubernetes", *(f"{name}-{NOW}" for name in HELD))
        yield World(root, scratch / "served", proxy, signing, ended)
        shutil.rmtree(root.folder)


@pytest.fixture
def node(world: World, tmp_path: Path) -> Iterator[Root]:
    """A copy of the node, for one test."""
    root = Root.copy(world.node.folder, tmp_path / "w1", "w1")
    yield root
    shutil.rmtree(root.folder)


def versions(root: Root) -> dict[str, str]:
    rows = root.said("rpm", "-qa", "--qf", "%{NAME} %{VERSION}\n").splitlines()
    return {name: version for name, version in map(str.split, rows) if name in HELD}


def typed(finding: ReportFinding) -> str:
    """What a finding tells to type, without the lines that are for people."""
    return "\n".join(line for line in finding.remedy.splitlines() if not line.endswith(":"))


def test_the_node_is_one_of_the_rpm_family(world: World, tmp_path: Path) -> None:
    host = collected(world.node, tmp_path)
    assert host.package_family == "rpm"
    assert not isinstance(host.packages, Missing)
    installed = {name: host.packages[name].version for name in HELD}
    assert installed == dict.fromkeys(HELD, f"{NOW}-{rpm.RELEASE}")
    assert [one.reason for one in host.unreadable] == []


def test_what_dnf_has_read_is_told_as_dnf_tells_it(world: World, tmp_path: Path) -> None:
    offers = collected(world.node, tmp_path).supply.offers
    assert not isinstance(offers, Missing)
    question = ("repoquery", "--disableexcludes=all", "--showduplicates", "--qf", "%{name} %{evr} %{repoid}")
    rows = world.node.said("dnf", "-q", "-C", *question, *KNOWN.split()).splitlines()
    expected = [Offer(package=name, version=evr, sources=(where,)) for name, evr, where in map(str.split, rows)]
    assert sorted(offers, key=repr) == sorted(expected, key=repr)
    assert {one.version.partition("-")[0] for one in offers if one.package == "kubelet"} == {NOW, PATCH}


def test_the_package_cache_is_seen_and_is_a_way_back(node: Root, tmp_path: Path) -> None:
    cached = collected(node, tmp_path).supply.cached
    assert not isinstance(cached, Missing)
    assert {(one.package, one.version) for one in cached} >= {(name, f"{NOW}-{rpm.RELEASE}") for name in HELD}
    node.said("dnf", "-q", "-y", "upgrade", "--disableexcludes=kubernetes", "kubelet")
    assert versions(node)["kubelet"] == PATCH
    node.said("rpm", "-U", "--oldpackage", file_of(cached, "kubelet"))
    assert versions(node)["kubelet"] == NOW


def file_of(cached: tuple[CachedPackage, ...], name: str) -> str:
    return next(one.file for one in cached if one.package == name)


def test_excluded_packages_stay_and_others_move(world: World, node: Root, tmp_path: Path) -> None:
    assert found(scan(node, tmp_path), HOLD) == []
    node.said("dnf", "-q", "-y", "upgrade")
    assert versions(node) == dict.fromkeys(HELD, NOW)
    rpm.use_repository(node, "1.36", world.proxy, excluded="kubeadm kubectl")
    (finding,) = found(scan(node, tmp_path), HOLD)
    assert finding.message.startswith("kubelet is not held on w1.")
    node.said("dnf", "-q", "-y", "upgrade")
    assert versions(node) == {**dict.fromkeys(HELD, NOW), "kubelet": PATCH}


def test_what_the_finding_tells_to_type_locks_it(world: World, node: Root, tmp_path: Path) -> None:
    rpm.use_repository(node, "1.36", world.proxy, excluded="")
    (finding,) = found(scan(node, tmp_path), HOLD)
    assert "dnf versionlock add kubelet kubeadm kubectl" in finding.remedy
    node.said("sh", "-ec", typed(finding))
    assert found(scan(node, tmp_path), HOLD) == []
    node.said("dnf", "-q", "-y", "upgrade")
    assert versions(node) == dict.fromkeys(HELD, NOW)


@pytest.mark.parametrize("locked", [False, True])
def test_the_steps_are_done_by_what_they_say_to_type(locked: bool, node: Root, tmp_path: Path) -> None:
    if locked:
        node.said("dnf", "-q", "versionlock", "add", *HELD)
    report = scan(node, tmp_path, "--target", NEXT)
    (switch,) = found(report, SWITCH)
    node.said("sh", "-ec", typed(switch))
    (step,) = found(report, HOP)
    assert step.severity == Severity.NOTE
    node.said("sh", "-ec", typed(step))
    assert node.said("kubeadm", "version", "-o", "short") == f"v{NEXT}\n"
    after = scan(node, tmp_path, "--target", NEXT)
    assert [found(after, rule) for rule in (HOP, SWITCH, CANDIDATE)] == [[], [], []]


def test_a_patch_that_the_right_repository_lacks(world: World, node: Root, tmp_path: Path) -> None:
    rpm.use_repository(node, "1.37", world.proxy)
    (finding,) = found(scan(node, tmp_path, "--target", "1.37.5"), CANDIDATE)
    assert f"no kubelet, kubeadm or kubectl 1.37.5. The newest of 1.37 there: {NEXT}." in finding.message
    assert NEXT in node.said("sh", "-ec", "\n".join(finding.remedy.splitlines()[1:3]))
    assert node.run("dnf", "-y", "install", "--disableexcludes=kubernetes", "kubeadm-1.37.5").returncode == 1


def test_an_ended_key_stops_dnf_where_it_looks_at_the_repositorys(world: World, node: Root, tmp_path: Path) -> None:
    published = world.served / "pkgs.k8s.io/core:/stable:/v1.37/rpm/repodata/repomd.xml.key"
    published.write_bytes(world.ended)
    rpm.use_repository(node, "1.37", world.proxy)
    assert found(scan(node, tmp_path), KEYS) == []
    node.write("/root/ended.key", world.ended)
    node.said("rpm", "--import", "/root/ended.key")
    (finding,) = found(scan(node, tmp_path), KEYS)
    assert finding.severity == Severity.WARNING
    assert "ends 2024-01-02 00:00 UTC" in finding.message
    text = (node.folder / rpm.REPOSITORY[1:]).read_text().replace("repo_gpgcheck=0", "repo_gpgcheck=1")
    node.write(rpm.REPOSITORY, text)
    done = node.run("dnf", "-y", "makecache", "--refresh")
    assert b"Bad GPG signature" in done.stdout + done.stderr
    published.write_bytes(world.signing.armored())
    node.said("rpm", "-e", typed(finding).splitlines()[0].split()[-1])
    shutil.rmtree(node.folder / "var/cache/dnf")
    assert b"Bad GPG" not in (done := node.run("dnf", "-y", "makecache", "--refresh")).stdout + done.stderr


def test_the_collector_changes_nothing_but_what_rpm_itself_touches(node: Root, tmp_path: Path) -> None:
    def disk() -> dict[str, tuple[int, int]]:
        paths = (path for path in node.folder.rglob("*") if not path.name.startswith("rpmdb.sqlite"))
        return {str(path): (path.lstat().st_mtime_ns, path.lstat().st_size) for path in paths}

    before = disk()
    node.archive(tmp_path / "node.tar")
    assert disk() == before
