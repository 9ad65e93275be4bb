"""What a node's repositories can give, by a real apt and gpg: what the scan says of it is what apt then does."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from kubepreflight.finding import Severity
from kubepreflight.host import Missing
from kubepreflight.report import Report, ReportFinding
from kubepreflight.sources.host.openpgp import read_keyring
from tests.real.package_nodes import NOW, collected, found, scan
from tools.packages.base import architecture, base
from tools.packages.kubernetes import HELD, deb_version, packages
from tools.packages.repository import KEYRING, publish, write_flat
from tools.packages.root import Root
from tools.packages.server import serving
from tools.packages.signing import Key, key

PATCH, NEXT = "1.36.4", "1.37.2"
KEYS, CANDIDATE, HOP = "package-repository-key-expires", "package-candidate-missing", "kubeadm-cannot-make-this-hop"
BACK, SWITCH = "no-way-back-to-this-version", "package-repository-wrong-minor"
OWN = "http://artifacts.example.com/debian/"


@dataclass(frozen=True)
class World:
    """The node w1 with the packages of NOW, all held, and the key of its repository.

    `ended` is the copy of the key that everybody fetched before it was prolonged: there it has ended long ago.
    """

    node: Root
    served: Path
    signing: Key
    ended: bytes


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    scratch = tmp_path_factory.mktemp("packages")
    with ExitStack() as stack:
        signing = stack.enter_context(key("1y", made="20230102T000000"))
        ended = signing.public
        signing.prolong("2y")
        for minor, versions in {"1.36": (NOW, PATCH), "1.37": (NEXT,)}.items():
            publish(scratch / "served", minor, versions, architecture(), signing)
        proxy = stack.enter_context(serving(scratch / "served"))
        root = Root.copy(base(), scratch / "w1", "w1")
        root.trust(signing.public, proxy)
        root.use_repositories(["1.36"])
        root.said("apt-get", "install", "-y", *(f"{name}={deb_version(NOW)}" for name in HELD))
        root.hold_only(HELD)
        yield World(root, scratch / "served", signing, ended)
        shutil.rmtree(root.folder)


@pytest.fixture
def node(world: World, tmp_path: Path) -> Iterator[Root]:
    """A copy of the node, for one test."""
    root = Root.copy(world.node.folder, tmp_path / "w1", "w1")
    yield root
    shutil.rmtree(root.folder)


def update(root: Root) -> tuple[int, str]:
    done = root.run("apt-get", "update")
    return done.returncode, (done.stdout + done.stderr).decode()


def switch(root: Root, report: Report) -> None:
    """Switch the repository as the scan tells to, up to the update."""
    (step,) = found(report, SWITCH)
    _, edit, refresh = step.remedy.splitlines()
    assert refresh == "apt-get update"
    root.said("sh", "-ec", edit)


def typed(finding: ReportFinding) -> str:
    """What a finding tells to type, without the lines that are for people."""
    lines = finding.remedy.splitlines()
    return "\n".join(line for line in lines if not line.endswith(":") and not line.startswith("The way back"))


def test_the_healthy_node_only_hears_of_its_steps(world: World, tmp_path: Path) -> None:
    report = scan(world.node, tmp_path, "--target", NEXT)
    assert [found(report, rule) for rule in (KEYS, CANDIDATE, BACK)] == [[], [], []]
    assert [one.severity for one in found(report, HOP)] == [Severity.NOTE]


def test_what_apt_says_is_read_as_it_is_meant(world: World, tmp_path: Path) -> None:
    node = world.node
    supply = collected(node, tmp_path).supply
    madison = [line.split(" | ") for line in node.said("apt-cache", "madison", *HELD).splitlines()]
    expected = {(name.strip(), version, where.split()[0]) for name, version, where in madison}
    assert not isinstance(supply.offers, Missing)
    own = (one for one in supply.offers if one.package in HELD)
    assert {(one.package, one.version, source) for one in own for source in one.sources} == expected
    assert not isinstance(supply.lists, Missing)
    (fetched,) = supply.lists
    assert fetched.signers == (world.signing.fingerprint,)
    assert fetched.date is not None
    assert not isinstance(supply.cached, Missing)
    assert sorted(Path(one.file).name for one in supply.cached) == sorted(
        path.name for path in (node.folder / "var/cache/apt/archives").glob("*.deb")
    )


def test_an_ended_copy_of_the_key_stops_the_step_before_it_begins(world: World, node: Root, tmp_path: Path) -> None:
    node.write(KEYRING, world.ended)
    report = scan(node, tmp_path)
    (finding,) = found(report, KEYS)
    assert finding.severity == Severity.BLOCKER
    assert "ends 2024-01-02 00:00 UTC" in finding.message
    assert "nothing of 1.37 can be installed from it." in finding.message
    switch(node, report)
    status, said = update(node)
    assert (status, "EXPKEYSIG" in said) == (100, True)
    assert node.run("apt-get", "install", "-y", "--allow-change-held-packages", "kubeadm=1.37.*").returncode == 100
    # What the remedy fetches is the key of today.
    assert f"-o {KEYRING}" in finding.remedy
    node.write(KEYRING, world.signing.public)
    assert update(node)[0] == 0
    assert found(scan(node, tmp_path), KEYS) == []


def test_what_was_fetched_before_can_still_be_installed(world: World, node: Root, tmp_path: Path) -> None:
    switch(node, scan(node, tmp_path))
    assert update(node)[0] == 0
    node.write(KEYRING, world.ended)
    (finding,) = found(scan(node, tmp_path), KEYS)
    assert finding.severity == Severity.WARNING
    assert finding.message.endswith("1.37 can still be installed from what was fetched before; nothing newer can.")
    status, said = update(node)
    assert (status, "EXPKEYSIG" in said) == (0, True)
    node.said("apt-get", "install", "-y", "--allow-change-held-packages", f"kubeadm={deb_version(NEXT)}")


@pytest.mark.parametrize(("days", "severity"), [(700, None), (725, Severity.WARNING), (800, Severity.BLOCKER)])
def test_the_planned_date_decides(days: int, severity: Severity | None, world: World, tmp_path: Path) -> None:
    at = subprocess.run(["date", "-u", "-d", f"{days} days", "+%FT%TZ"], capture_output=True, text=True, check=True)
    findings = found(scan(world.node, tmp_path, "--at", at.stdout.strip()), KEYS)
    assert [one.severity for one in findings] == ([severity] if severity else [])


def test_a_keyring_that_is_not_there(node: Root, tmp_path: Path) -> None:
    (node.folder / KEYRING[1:]).unlink()
    report = scan(node, tmp_path)
    (finding,) = found(report, KEYS)
    assert (finding.severity, f"The keyring {KEYRING} is not there" in finding.message) == (Severity.BLOCKER, True)
    switch(node, report)
    status, said = update(node)
    assert (status, "NO_PUBKEY" in said) == (100, True)


def test_two_keys_in_the_keyring_and_the_one_that_signs_has_ended(world: World, node: Root, tmp_path: Path) -> None:
    with key() as other:
        node.write(KEYRING, world.ended + other.public)
        (finding,) = found(scan(node, tmp_path), KEYS)
        assert "ends 2024-01-02" in finding.message
        assert "EXPKEYSIG" in update(node)[1]
        node.write(KEYRING, world.signing.public + other.public)
        assert found(scan(node, tmp_path), KEYS) == []
        assert "EXPKEYSIG" not in update(node)[1]


def test_a_patch_that_the_right_repository_lacks(node: Root, tmp_path: Path) -> None:
    switch(node, scan(node, tmp_path))
    (nothing,) = found(scan(node, tmp_path, "--target", NEXT), CANDIDATE)
    assert nothing.message.endswith("The list there: not fetched since the source was switched.")
    assert node.run("apt-get", "install", "-y", f"kubeadm={deb_version(NEXT)}").returncode == 100
    assert update(node)[0] == 0
    assert found(scan(node, tmp_path, "--target", NEXT), CANDIDATE) == []
    (finding,) = found(scan(node, tmp_path, "--target", "1.37.5"), CANDIDATE)
    assert (
        f"no kubelet, kubeadm or kubectl 1.37.5. The newest of 1.37 there: {NEXT}. The list there: of"
        in finding.message
    )
    assert node.run("apt-get", "install", "-y", "--allow-change-held-packages", "kubeadm=1.37.5-*").returncode == 100


def test_the_steps_are_done_by_what_they_say_to_type(node: Root, tmp_path: Path) -> None:
    report = scan(node, tmp_path, "--target", NEXT)
    switch(node, report)
    (step,) = found(report, HOP)
    node.said("sh", "-ec", typed(step))
    assert node.said("kubeadm", "version", "-o", "short") == f"v{NEXT}\n"
    assert node.held() == sorted(HELD)
    assert found(scan(node, tmp_path, "--target", NEXT), HOP) == []


def own_source(world: World, node: Root, folder: str, *versions: str) -> None:
    """In place of Kubernetes' repository one of somebody's own, with the packages of some versions."""
    here = world.served / "artifacts.example.com" / folder
    if not here.exists():
        every = [each for version in versions for each in packages(version, architecture())]
        write_flat(here, {each.file_name: each for each in every}.values(), {"Origin": "own"}, world.signing)
    node.write(
        "/etc/apt/sources.list.d/own.list", f"deb [signed-by={KEYRING}] http://artifacts.example.com/{folder}/ /\n"
    )
    for old in (node.folder / "etc/apt/sources.list.d").glob("kubernetes*"):
        old.unlink()
    assert update(node)[0] == 0


def test_no_kubeadm_for_the_step_in_a_source_of_ones_own(world: World, node: Root, tmp_path: Path) -> None:
    own_source(world, node, "old", NOW, PATCH)
    (finding,) = found(scan(node, tmp_path), HOP)
    assert (finding.severity, f"only {NOW} and {PATCH}" in finding.message) == (Severity.WARNING, True)
    assert node.run("apt-get", "install", "-y", "--allow-change-held-packages", "kubeadm=1.37.*").returncode == 100
    own_source(world, node, "both", PATCH, NEXT)
    (step,) = found(scan(node, tmp_path), HOP)
    assert step.severity == Severity.NOTE
    node.said("sh", "-ec", typed(step))
    assert node.said("kubeadm", "version", "-o", "short") == f"v{NEXT}\n"


def test_the_package_cache_is_the_way_back(world: World, node: Root, tmp_path: Path) -> None:
    own_source(world, node, "newest", NEXT)
    assert found(scan(node, tmp_path), BACK) == []
    node.said("apt-get", "install", "-y", "--allow-change-held-packages", f"kubelet={deb_version(NEXT)}")
    archives = "/var/cache/apt/archives"
    node.said("dpkg", "-i", f"{archives}/kubelet_{deb_version(NOW)}_{architecture()}.deb")
    assert node.said("kubelet", "--version") == f"Kubernetes v{NOW}\n"


def test_without_it_the_programs_are_kept(world: World, node: Root, tmp_path: Path) -> None:
    own_source(world, node, "newest", NEXT)
    node.said("apt-get", "clean")
    (finding,) = found(scan(node, tmp_path), BACK)
    assert f"kubelet {NOW} and kubeadm {NOW} on w1" in finding.message
    node.said("sh", "-ec", typed(finding))
    node.said("apt-get", "install", "-y", "--allow-change-held-packages", f"kubelet={deb_version(NEXT)}")
    assert node.run("apt-get", "install", "-y", "--allow-downgrades", f"kubelet={deb_version(NOW)}").returncode == 100
    back = next(line for line in finding.remedy.splitlines() if line.startswith("The way back")).split("; ")[1]
    node.said("sh", "-ec", back)
    assert node.said("kubelet", "--version") == f"Kubernetes v{NOW}\n"


KINDS = [("ed25519", "2y"), ("rsa2048", "1w"), ("rsa2048", "0"), ("nistp256", "seconds=86400")]


@pytest.mark.parametrize(("algorithm", "validity"), KINDS)
def test_a_keyring_ends_when_gpg_says(algorithm: str, validity: str, tmp_path: Path) -> None:
    with key(validity, algorithm=algorithm) as made:
        before = made.public
        made.prolong("3y")
        for public in (before, made.public, before + made.public):
            assert {(one.fingerprint, one.ends and int(one.ends.timestamp())) for one in read_keyring(public)} == {
                (row[9], int(ends) if ends else None) for row, ends in shown(public, tmp_path)
            }


def shown(public: bytes, tmp_path: Path) -> Iterator[tuple[list[str], str]]:
    """Of each key that may sign, gpg's line with its fingerprint, and its end in seconds since 1970."""
    file = tmp_path / "keyring.gpg"
    file.write_bytes(public)
    command = ["gpg", "--homedir", str(tmp_path), "--show-keys", "--with-colons", "--with-subkey-fingerprint"]
    said = subprocess.run([*command, str(file)], capture_output=True, text=True, check=True).stdout
    last: list[str] = []
    for row in (line.split(":") for line in said.splitlines()):
        if row[0] in ("pub", "sub"):
            last = row
        elif row[0] == "fpr" and "s" in last[11]:
            yield row, last[6]
