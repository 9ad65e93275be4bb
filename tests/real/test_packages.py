"""A real dpkg and apt on a node whose hold was forgotten: what the scan says of it is what apt then does."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest

from kubepreflight.finding import Severity
from kubepreflight.report import Report, ReportFinding
from tools.kubernetes.programs import program
from tools.packages import forgotten_hold
from tools.packages.forgotten_hold import (
    ALL_HELD,
    FORGOTTEN,
    HELD_NEXT_TOO,
    NEXT,
    NEXT_TOO,
    NODE,
    NOW,
    PATCH,
    PINNED,
    VARIANTS,
    Outcome,
    Variant,
    World,
    play,
)
from tools.packages.kubernetes import HELD, SAYS, deb_version
from tools.packages.repository import KEYRING
from tools.packages.root import Root
from tools.packages.signing import key
from tools.waiting import until

INSTALLED = {**dict.fromkeys(HELD, deb_version(NOW)), "kubernetes-cni": "1.9.1-1.1"}
HOLD, REPOSITORY, RESTART = "package-not-held", "package-repository-wrong-minor", "kubelet-restart-pending"
Played = Callable[[Variant], Outcome]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """A node with NOW installed; never changed, every variant is played on a copy."""
    with forgotten_hold.world() as made:
        yield made


@pytest.fixture
def node(world: World) -> Root:
    return world.node


@pytest.fixture
def copy(node: Root, tmp_path: Path) -> Iterator[Root]:
    """A copy of the node, for one test."""
    root = Root.copy(node.folder, tmp_path / NODE, NODE)
    yield root
    shutil.rmtree(root.folder)


@pytest.fixture(scope="module")
def played(world: World) -> Played:
    """What became of a variant; played when the first test asks."""
    return cache(lambda variant: play(world, variant))


def said(report: Report, rule: str) -> list[str]:
    """The messages of one rule, which has looked at both nodes."""
    assert [one.status for one in report.coverage if one.rule == rule] == ["checked"]
    return [one.message for one in found(report, rule)]


def found(report: Report, rule: str) -> list[ReportFinding]:
    return [one for one in report.findings if one.rule == rule]


def moved(outcome: Outcome) -> dict[str, str]:
    return {name: version for name, version in outcome.versions.items() if version != INSTALLED[name]}


def test_the_node_is_as_its_packages_say(node: Root) -> None:
    assert {name: node.installed().get(name) for name in INSTALLED} == INSTALLED
    assert node.held() == []


@pytest.mark.parametrize("name", SAYS)
def test_a_stand_in_says_its_version_as_the_real_program_does(name: str, node: Root) -> None:
    question = SAYS[name][0].split()
    real = subprocess.run([program(name, NOW), *question], capture_output=True, text=True, check=True).stdout
    ours = node.said(name, *question)
    if name == "kubectl":
        assert json.loads(ours)["clientVersion"]["gitVersion"] == json.loads(real)["clientVersion"]["gitVersion"]
    else:
        assert ours == real


@pytest.mark.parametrize("variant", [ALL_HELD, HELD_NEXT_TOO], ids=lambda one: one.name)
def test_what_is_held_stays(variant: Variant, played: Played) -> None:
    outcome = played(variant)
    assert moved(outcome) == {}
    assert outcome.held == sorted(HELD)
    assert said(outcome.before, HOLD) == said(outcome.after, RESTART) == []


def test_a_forgotten_hold_takes_the_kubelet_to_the_newest_patch(played: Played) -> None:
    outcome = played(FORGOTTEN)
    (message,) = said(outcome.before, HOLD)
    assert message == (
        f"kubelet is not held on {NODE}. Today a plain upgrade of the system there takes kubelet to {PATCH}."
    )
    assert moved(outcome) == {"kubelet": deb_version(PATCH)}
    assert "The following packages have been kept back:\n  kubeadm kubectl" in outcome.upgrade


def test_with_the_next_minor_configured_it_goes_past_the_api_server(played: Played) -> None:
    outcome = played(NEXT_TOO)
    (message,) = said(outcome.before, HOLD)
    assert message == (
        f"kubelet is not held on {NODE}. Today a plain upgrade of the system there takes kubelet to {NEXT}. That is "
        f"past the API server, {NOW} on cp1: no kubelet may be newer, kubeadm does not look at it, and from the "
        "kubelet's next restart, by a reboot or a crash, the node may be NotReady."
    )
    assert moved(outcome) == {"kubelet": deb_version(NEXT)}


def test_a_pin_is_no_hold_and_decides_how_far_it_goes(played: Played) -> None:
    outcome = played(PINNED)
    (message,) = said(outcome.before, HOLD)
    assert message == (
        f"kubelet is not held on {NODE}. Today a plain upgrade of the system there takes kubelet to {PATCH}."
    )
    assert moved(outcome) == {"kubelet": deb_version(PATCH)}


@pytest.mark.parametrize(("variant", "version"), [(FORGOTTEN, PATCH), (NEXT_TOO, NEXT)], ids=["patch", "minor"])
def test_afterwards_the_moved_kubelet_waits_for_its_restart(variant: Variant, version: str, played: Played) -> None:
    (message,) = said(played(variant).after, RESTART)
    assert f"({NOW} runs, {version} is installed)" in message


def test_what_the_finding_tells_to_type_is_what_holds_it(node: Root, played: Played) -> None:
    (finding,) = found(played(NEXT_TOO).before, HOLD)
    command = finding.remedy.splitlines()[-1].split()
    assert command == ["apt-mark", "hold", "kubelet"]


def test_the_step_of_the_work_is_done_by_what_it_says_to_type(played: Played, copy: Root) -> None:
    (finding,) = found(played(ALL_HELD).before, REPOSITORY)
    when, *commands = finding.remedy.splitlines()
    assert when == "On each node when its turn comes:"
    copy.said("sh", "-ec", "\n".join(commands))
    assert f"Candidate: {deb_version(NEXT)}" in copy.said("apt-cache", "policy", "kubeadm")


def test_the_collector_changes_nothing(copy: Root, tmp_path: Path) -> None:
    def disk() -> dict[Path, tuple[int, int]]:
        return {path: (path.lstat().st_mtime_ns, path.lstat().st_size) for path in copy.folder.rglob("*")}

    hook = "echo run >>/var/log/hook"
    for name in ("Upgrade", "Install", "Search"):
        copy.write(f"/etc/apt/apt.conf.d/99hook-{name}", f'AptCli::Hooks::{name} {{"{hook}"; }};\n')
    before = disk()
    copy.archive(tmp_path / "node.tar")
    assert disk() == before
    copy.run("apt-get", "-s", "upgrade")
    assert (copy.folder / "var/log/hook").exists()


RUNS_ON = """
import sys
from pathlib import Path
from tools.packages.root import Root
Root(Path(sys.argv[1]), "w1").run("sleep", "600")
"""


def test_everything_there_ends_when_the_tests_are_killed(node: Root) -> None:
    with subprocess.Popen([sys.executable, "-c", RUNS_ON, str(node.folder)]) as tests:
        assert until(lambda: processes_in(node.folder))
        tests.send_signal(signal.SIGKILL)
    assert until(lambda: not processes_in(node.folder))


def processes_in(root: Path) -> bool:
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "root").readlink() == root:
                return True
    return False


def test_what_somebody_else_signed_is_refused(copy: Root) -> None:
    with key() as other:
        copy.write(KEYRING, other.public)
    done = copy.run("apt-get", "update", "--error-on=any")
    assert done.returncode == 100
    assert b"NO_PUBKEY" in done.stderr


def test_an_install_that_overrides_a_hold_takes_it_off(copy: Root) -> None:
    copy.hold_only(HELD)
    copy.said("apt-get", "install", "-y", "--allow-change-held-packages", f"kubelet={deb_version(PATCH)}")
    assert copy.held() == ["kubeadm", "kubectl"]


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda one: one.name)
def test_two_repositories_are_said_to_move_what_is_not_held_and_no_more(variant: Variant, played: Played) -> None:
    warnings = [one.message for one in found(played(variant).before, REPOSITORY) if one.severity == Severity.WARNING]
    assert len(warnings) == (variant.minors == forgotten_hold.BOTH)
    assert all(one.endswith("the newest of whatever is not held, past the control plane.") for one in warnings)
