import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.kubernetes.build import BuildError
from tools.kubernetes.modules import ModuleError
from tools.lab import balancer, cgroups, replay
from tools.lab.__main__ import main
from tools.lab.balancer import address
from tools.lab.cgroups import Hierarchy, inside, node_mounts, parse_mounts
from tools.lab.lab import Lab
from tools.lab.machine import PROGRAMS, MachineError, missing_programs
from tools.lab.plan import LabError
from tools.lab.replay import Scenario, Stage, run

ROOT = Path(__file__).parents[1]
HYBRID = """\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
34 31 0:31 / /sys/fs/cgroup/cpuset rw,relatime shared:9 - cgroup cgroup rw,cpuset,clone_children
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,release_agent=/x,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate
42 31 0:38 / /run/again rw,relatime - cgroup2 cgroup2 rw,nsdelegate
"""
UNIFIED = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n"


def test_a_hybrid_system_s_hierarchies() -> None:
    found = parse_mounts(HYBRID)
    assert [(str(one.mount), one.controllers) for one in found] == [
        ("/sys/fs/cgroup/cpu,cpuacct", "cpu,cpuacct"),
        ("/sys/fs/cgroup/cpuset", "cpuset"),
        ("/sys/fs/cgroup/systemd", "name=systemd"),
        ("/sys/fs/cgroup/unified", ""),
    ]
    assert node_mounts(found).splitlines() == [
        "cgroup cpu,cpuacct cpu,cpuacct",
        "cgroup cpuset cpuset",
        "cgroup none,name=systemd systemd",
    ]


def test_a_unified_system_s_hierarchy() -> None:
    found = parse_mounts(UNIFIED)
    assert found == [Hierarchy(Path("/sys/fs/cgroup"), "cgroup2", "")]
    assert node_mounts(found) == "cgroup2 none .\n"


def test_a_command_joins_its_groups_before_it_begins(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    done = subprocess.run(
        inside([tmp_path / "a b"], ["echo", "$HOME", "--"]), capture_output=True, text=True, check=True
    )
    assert done.stdout == "$HOME --\n"
    assert (tmp_path / "a b" / "cgroup.procs").read_text().strip().isdigit()


def test_a_command_that_cannot_join_does_not_begin(tmp_path: Path) -> None:
    done = subprocess.run(inside([tmp_path / "gone"], ["echo", "ran"]), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (125, "")


def test_no_group_has_no_processes() -> None:
    assert cgroups.processes("never-was") == set()


def test_what_is_missing_is_named_with_its_package(tmp_path: Path) -> None:
    for name in PROGRAMS:
        if name not in ("runc", "iptables"):
            (tmp_path / name).write_text("#!/bin/sh\n")
            (tmp_path / name).chmod(0o755)
    assert missing_programs(str(tmp_path)) == {"runc": "runc", "iptables": "iptables"}
    assert missing_programs(os.pathsep.join((str(tmp_path), "/nonexistent"))).keys() == {"runc", "iptables"}


@pytest.mark.parametrize(("text", "parts"), [("127.0.0.1:6443", ("127.0.0.1", 6443)), ("::1:80", ("::1", 80))])
def test_addresses(text: str, parts: tuple[str, int]) -> None:
    assert address(text) == parts


def test_the_balancer_passes_by_a_backend_that_is_away() -> None:
    async def play() -> list[bytes]:
        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"api: " + await reader.readline())
            writer.close()

        backend = await asyncio.start_server(echo, "127.0.0.1", 0)
        away = await asyncio.start_server(echo, "127.0.0.1", 0)
        gone = away.sockets[0].getsockname()
        away.close()
        await away.wait_closed()
        free = await asyncio.start_server(echo, "127.0.0.1", 0)
        listen = free.sockets[0].getsockname()
        free.close()
        await free.wait_closed()
        balancing = asyncio.create_task(balancer.main(listen, [gone, backend.sockets[0].getsockname()]))
        said = [await _ask(listen, b"%d\n" % number) for number in range(4)]
        balancing.cancel()
        backend.close()
        return said

    assert asyncio.run(play()) == [b"api: %d\n" % number for number in range(4)]


async def _ask(listen: tuple[str, int], line: bytes) -> bytes:
    async with asyncio.timeout(20):
        while True:
            try:
                reader, writer = await asyncio.open_connection(*listen)
            except ConnectionRefusedError:
                await asyncio.sleep(0.01)
                continue
            writer.write(line)
            await writer.drain()
            answer = await reader.read()
            writer.close()
            return answer


def test_without_root_it_says_so_and_does_nothing() -> None:
    program = "import os; from tools.lab import machine; os.geteuid() or os.seteuid(65534); machine.require()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT)
    assert "MachineError: a lab needs root" in done.stderr


def test_replays_are_refused_without_root_before_any_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    monkeypatch.setattr(replay, "run", None)
    with pytest.raises(MachineError, match=r"^a lab needs root"):
        main(["replay"], standalone_mode=False)


def test_what_the_machine_lacks_is_no_outcome_of_a_story() -> None:
    def play(stage: Stage) -> None:
        raise MachineError("missing: runc; apt-get install runc")

    with pytest.raises(MachineError):
        run(Scenario("a-story", "A story", "", (), play, ""), print)


@pytest.mark.parametrize("error", [BuildError, LabError, ModuleError])
def test_a_story_that_breaks_off_is_an_outcome(error: type[Exception]) -> None:
    def play(stage: Stage) -> None:
        raise error("no more")

    assert run(Scenario("a-story", "A story", "", (), play, ""), print).failure == "no more"


@pytest.mark.parametrize(
    ("name", "made", "said"),
    [
        ("lab", True, "interrupted; what was made is still there: make lab-down removes it"),
        ("mine", True, "interrupted; what was made is still there: make lab-down LAB=mine removes it"),
        ("lab", False, "interrupted before anything was made"),
    ],
)
def test_an_interrupted_lab_says_how_to_remove_it(
    name: str, made: bool, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(lab: Lab, *_: object) -> None:
        if made:
            lab.folder.mkdir(parents=True)
        raise KeyboardInterrupt

    monkeypatch.setenv("KUBEPREFLIGHT_CACHE", str(tmp_path))
    monkeypatch.setattr(Lab, "up", interrupted)
    with pytest.raises(LabError) as caught:
        main(["--name", name, "up"], standalone_mode=False)
    assert str(caught.value) == said
