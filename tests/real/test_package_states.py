"""States in which a real dpkg and apt leave a node: what the collector brings, and what apt then really does."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kubepreflight.finding import Finding, Hop
from kubepreflight.host import Host, Missing, PackageDatabase, PlainUpgrade
from kubepreflight.knowledge.package_dependencies import PackageDependencies
from kubepreflight.knowledge.packages import PackageSources
from kubepreflight.rule import load_rules
from kubepreflight.sources.host.archive import read_host
from kubepreflight.sources.host.script import collect_script
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Minor, Version
from tests.collecting import members
from tests.real.package_nodes import collected
from tools.packages import forgotten_hold
from tools.packages.base import architecture, base
from tools.packages.deb import Package, build
from tools.packages.forgotten_hold import BOTH, NEXT, NODE, PATCH, World
from tools.packages.kubernetes import HELD, NAMES, deb_version
from tools.packages.repository import legacy_source_line, publish_legacy, write_flat
from tools.packages.root import Root
from tools.packages.server import serving
from tools.packages.signing import key

RULES = {one.name: one for one in load_rules()}
BROKEN, BLOCKS = RULES["package-database-broken"], RULES["held-dependency-blocks-upgrade"]
DEPENDENCIES, SOURCES = PackageDependencies.provide(), PackageSources.provide()
INSTALL = ("apt-get", "install", "-y", f"kubectl={deb_version(PATCH)}")
KILLS_DPKG = "#!/bin/sh\nkill -9 $PPID\n"
FAILS = "#!/bin/sh\nexit 1\n"
PIN = "Package: kube*\nPin: version 1.36.*\nPin-Priority: 1000\n"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with forgotten_hold.world() as made:
        yield made


@pytest.fixture
def node(world: World, tmp_path: Path) -> Iterator[Root]:
    """A node with 1.36.3 installed and nothing held, for one test."""
    root = Root.copy(world.node.folder, tmp_path / NODE, NODE)
    yield root
    shutil.rmtree(root.folder)


def facts(archive: bytes) -> Host:
    return read_host(members(archive), "w1.tar", NODE)


def database(host: Host) -> PackageDatabase:
    assert isinstance(host.package_database, PackageDatabase)
    return host.package_database


def unfinished(host: Host) -> set[tuple[str, str]]:
    found = database(host).unfinished
    assert not isinstance(found, Missing)
    return {(one.name, one.state) for one in found}


def said(host: Host) -> list[tuple[str, str]]:
    """What package-database-broken says of the node: how bad, and what it is about."""
    found = BROKEN.judge(hosts=[host], sources=SOURCES)
    return [(str(one.severity), one.subject.field) for one in found if isinstance(one, Finding)]


def installs(node: Root, tmp_path: Path, **scripts: str) -> None:
    """Have dpkg install a package with these scripts, whatever comes of it."""
    package = Package(name="other", version="1", architecture=architecture(), scripts=scripts)
    node.write("/root/other.deb", build(package, tmp_path).read_bytes())
    # Not as the first process of its namespace, which nothing within can kill.
    node.run("sh", "-c", "dpkg -i /root/other.deb; true")


def offers(node: Root, *packages: Package) -> None:
    """One more package source, on the node's own disk."""
    with key() as signing:
        write_flat(node.folder / "srv/more", packages, {"Origin": "more"}, signing)
    node.write("/etc/apt/sources.list.d/more.list", "deb [trusted=yes] file:/srv/more ./\n")
    node.said("apt-get", "update", "--error-on=any")


def kubernetes(node: Root) -> dict[str, str]:
    return {name: version for name, version in node.installed().items() if name in (*NAMES, "new")}


def changes(node: Root, command: str) -> Mapping[str, str]:
    """What a plain upgrade really changes: the new version by package, empty for what it removes."""
    before = kubernetes(node)
    node.said("apt-get", command, "-y")
    after = kubernetes(node)
    return {name: after.get(name, "") for name in before | after if before.get(name) != after.get(name)}


def simulated(host: Host, command: str) -> Mapping[str, str]:
    assert isinstance(host.plain_upgrade, PlainUpgrade)
    found = host.plain_upgrade.upgrade if command == "upgrade" else host.plain_upgrade.full_upgrade
    assert not isinstance(found, Missing)
    return {one.name: one.candidate for one in found if one.name in (*NAMES, "new")}


KUBELET = {"kubelet": deb_version(NEXT)}
ALL = dict.fromkeys(HELD, deb_version(NEXT))
NEEDS = Package(name="kubelet", version="1.37.9-1.1", depends="new", architecture=architecture())
NEW = Package(name="new", version="1", architecture=architecture())
OUSTS = Package(name="kubernetes-cni", version="9-1.1", conflicts="kubeadm", architecture=architecture())


@pytest.mark.parametrize(
    ("held", "minors", "preferences", "more", "plain", "full"),
    [
        pytest.param(HELD, BOTH, "", (), {}, {}, id="held"),
        pytest.param((), ("1.36",), "", (), *[dict.fromkeys(HELD, deb_version(PATCH))] * 2, id="nothing held"),
        pytest.param((), BOTH, "", (), ALL, ALL, id="two minors configured"),
        pytest.param(("kubeadm", "kubectl"), BOTH, "", (), KUBELET, KUBELET, id="one forgotten"),
        pytest.param(
            ("kubeadm", "kubectl"), BOTH, PIN, (), *[{"kubelet": deb_version(PATCH)}] * 2, id="pinned, not held"
        ),
        pytest.param(
            ("kubeadm", "kubectl"), ("1.36",), "", (NEEDS, NEW), {}, {"kubelet": "1.37.9-1.1", "new": "1"},
            id="only dist-upgrade installs what it needs",
        ),
        pytest.param(
            ("kubelet", "kubectl"), ("1.36",), "", (OUSTS,), {"kubeadm": deb_version(PATCH)},
            {"kubernetes-cni": "9-1.1", "kubeadm": ""}, id="only dist-upgrade removes what is in the way",
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", ["upgrade", "dist-upgrade"])
def test_what_the_simulation_says_is_what_apt_then_does(  # noqa: PLR0917 - a table
    held: tuple[str, ...],
    minors: tuple[str, ...],
    preferences: str,
    more: tuple[Package, ...],
    plain: Mapping[str, str],
    full: Mapping[str, str],
    command: str,
    node: Root,
    tmp_path: Path,
) -> None:
    node.use_repositories(minors)
    node.hold_only(held)
    if preferences:
        node.write("/etc/apt/preferences.d/kubernetes", preferences)
    if more:
        offers(node, *more)
    expected = plain if command == "upgrade" else full
    assert simulated(collected(node, tmp_path), command) == expected
    assert changes(node, command) == expected


def test_a_node_in_order_has_nothing_unfinished(node: Root, tmp_path: Path) -> None:
    host = collected(node, tmp_path)
    assert (unfinished(host), database(host).interrupted, database(host).refusals) == (set(), False, ())
    assert (database(host).holders, said(host)) == ((), [])
    assert node.run(*INSTALL).returncode == 0


def test_a_package_that_cannot_be_configured_ends_every_run(node: Root, tmp_path: Path) -> None:
    installs(node, tmp_path, postinst=FAILS)
    host = collected(node, tmp_path)
    assert unfinished(host) == {("other", "half-configured")}
    assert said(host) == [("blocker", "packages are not whole")]
    done = node.run(*INSTALL)
    assert (done.returncode, kubernetes(node)["kubectl"]) == (100, deb_version(PATCH))


@pytest.mark.parametrize(
    ("scripts", "state"),
    [({"postinst": KILLS_DPKG}, "half-configured"), ({"preinst": KILLS_DPKG}, "reinstreq")],
    ids=["configuring", "unpacking"],
)
def test_while_dpkg_was_interrupted_apt_installs_nothing(
    scripts: Mapping[str, str], state: str, node: Root, tmp_path: Path
) -> None:
    installs(node, tmp_path, **scripts)
    host = collected(node, tmp_path)
    assert database(host).interrupted is True
    assert unfinished(host) == {("other", state)}
    assert said(host) == [("blocker", "dpkg was interrupted")]
    done = node.run(*INSTALL)
    assert done.returncode == 100
    assert b"dpkg was interrupted" in done.stderr


def test_what_only_waits_is_configured_by_the_next_run(node: Root, tmp_path: Path) -> None:
    package = Package(name="other", version="1", architecture=architecture())
    node.write("/root/other.deb", build(package, tmp_path).read_bytes())
    node.said("dpkg", "--unpack", "/root/other.deb")
    host = collected(node, tmp_path)
    assert unfinished(host) == {("other", "unpacked")}
    assert said(host) == [("warning", "packages wait to be configured")]
    assert "Setting up other" in node.said(*INSTALL)


def test_with_unmet_dependencies_apt_refuses(node: Root, tmp_path: Path) -> None:
    node.said("dpkg", "--force-depends", "--remove", "kubernetes-cni")
    host = collected(node, tmp_path)
    assert said(host) == [("blocker", "the package manager refuses")]
    assert database(host).refusals[0] in node.run(*INSTALL).stderr.decode()


def test_with_two_keys_for_one_source_apt_refuses(node: Root, tmp_path: Path) -> None:
    line = next((node.folder / "etc/apt/sources.list.d").glob("kubernetes*.list")).read_text()
    node.write("/etc/apt/sources.list.d/again.list", line.replace("kubernetes-apt-keyring", "other"))
    host = collected(node, tmp_path)
    assert said(host) == [("blocker", "the package manager refuses")]
    assert database(host).refusals[0] in node.run(*INSTALL).stderr.decode()


def test_without_a_readable_database_neither_works(node: Root, tmp_path: Path) -> None:
    status = node.folder / "var/lib/dpkg/status"
    status.write_text(status.read_text() + "garbage\n")
    host = collected(node, tmp_path)
    assert isinstance(host.packages, Missing)
    assert said(host) == [("blocker", "the package manager refuses")]
    assert node.run(*INSTALL).returncode != 0


def test_who_holds_the_lock_is_seen_and_does_not_count_for_a_day(node: Root, tmp_path: Path) -> None:
    package = Package(
        name="other",
        version="1",
        architecture=architecture(),
        scripts={"postinst": "#!/bin/sh\n>/run/held\nwhile [ -e /run/held ]; do sleep 0.05; done\n"},
    )
    node.write("/root/other.deb", build(package, tmp_path).read_bytes())
    node.write("/root/collect.sh", collect_script())
    waits = "dpkg -i /root/other.deb >&2 & until [ -e /run/held ]; do sleep 0.05; done"
    done = node.run("sh", "-c", f"{waits}; sh /root/collect.sh; rm /run/held; wait")
    host = facts(done.stdout)
    holders = database(host).holders
    assert not isinstance(holders, Missing)
    assert {(one.path, one.process) for one in holders} == {
        ("/var/lib/dpkg/lock-frontend", "dpkg"),
        ("/var/lib/dpkg/lock", "dpkg"),
    }
    assert all(timedelta() <= one.running < timedelta(minutes=10) for one in holders)
    assert "the package manager refuses" not in [about for _, about in said(host)]


def test_google_s_one_repository_for_all_minors_takes_it_to_the_newest_of_them(tmp_path: Path) -> None:
    others = {"kubernetes-cni": "1.2.0-00", "cri-tools": "1.28.0-00"}
    ours = {(name, version): as_declared(version, name) for version in ("1.27.6", "1.28.2") for name in HELD}
    packages = [
        *(replace(one, version=f"{version}-00") for (_, version), one in ours.items()),
        *(Package(name=name, version=version, architecture=architecture()) for name, version in others.items()),
    ]
    with key() as signing:
        publish_legacy(tmp_path / "served", packages, architecture(), signing)
        with serving(tmp_path / "served") as proxy:
            root = Root.copy(base(), tmp_path / NODE, NODE)
            root.trust(signing.public, proxy)
            root.write("/etc/apt/sources.list.d/kubernetes.list", legacy_source_line())
            root.said("apt-get", "update", "--error-on=any")
            root.said("apt-get", "install", "-y", *(f"{name}=1.27.6-00" for name in HELD))
            host = collected(root, tmp_path)
            newest = dict.fromkeys(HELD, "1.28.2-00")
            assert not isinstance(host.repositories, Missing)
            found = [SOURCES.recognise(one.url, one.suite) for one in host.repositories]
            assert [one and one.kind for one in found] == ["legacy"]
            assert simulated(host, "upgrade") == changes(root, "upgrade") == newest
    shutil.rmtree(root.folder)


OLD, NEWER = "1.27.16", "1.28.15"
COMES_WITH = {"kubernetes-cni": ("1.1.1", "1.2.0"), "cri-tools": ("1.26.0", "1.28.0")}


def as_declared(version: str, name: str) -> Package:
    """A package that needs what the table says."""
    needs = [one for one in DEPENDENCIES.of(Version.parse(version)) if one.package == name]
    depends = ", ".join(f"{one.on} (>= {one.at_least})" for one in needs)
    return Package(name=name, version=deb_version(version), depends=depends, architecture=architecture())


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Root:
    """A node with 1.27 and what came with it, and a repository that has 1.28, too."""
    root = Root.copy(base(), tmp_path_factory.mktemp("older") / NODE, NODE)
    ours = [as_declared(version, name) for version in (OLD, NEWER) for name in ("kubelet", "kubeadm")]
    others = [
        Package(name=name, version=deb_version(version), architecture=architecture())
        for name, versions in COMES_WITH.items()
        for version in versions
    ]
    offers(root, *ours, *others)
    first = {"kubelet": OLD, "kubeadm": OLD, **{name: versions[0] for name, versions in COMES_WITH.items()}}
    root.said("apt-get", "install", "-y", *(f"{name}={deb_version(version)}" for name, version in first.items()))
    return root


@pytest.mark.parametrize(
    ("held", "blocked"),
    [
        ((), set()),
        (("kubernetes-cni",), {"kubelet", "kubeadm"}),
        (("cri-tools",), {"kubeadm"}),
        (("kubernetes-cni", "cri-tools"), {"kubelet", "kubeadm"}),
    ],
    ids=lambda one: " and ".join(sorted(one)) or "nothing",
)
def test_what_is_held_below_the_need_cannot_be_installed(
    held: tuple[str, ...], blocked: set[str], older: Root, tmp_path: Path
) -> None:
    root = Root.copy(older.folder, tmp_path / NODE, NODE)
    root.hold_only(held)
    minors = Minor(1, 27), Minor(1, 28)
    moment = datetime(2026, 11, 27, tzinfo=UTC)
    upgrade = Upgrade(
        current=Version.parse(OLD), target=Version.parse(NEWER), hops=(Hop(*minors),), start=moment, end=moment
    )
    found = BLOCKS.judge(hosts=[collected(root, tmp_path)], upgrade=upgrade, dependencies=DEPENDENCIES)
    fields = {one.subject.field.partition(" ")[0] for one in found if isinstance(one, Finding)}
    assert fields == set(held)
    for name in ("kubelet", "kubeadm"):
        done = root.run("apt-get", "install", "-y", f"{name}={deb_version(NEWER)}")
        assert (done.returncode != 0) == (name in blocked), done.stderr
        assert (b"you have held broken packages" in done.stderr) == (name in blocked)
    shutil.rmtree(root.folder)
