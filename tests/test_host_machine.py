"""The machine behind a node, as commands and files of an archive tell it."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubepreflight.host import Clock, FileSystem, Kernel, Machine, Missing, Swap
from kubepreflight.sources.host.archive import read_host
from kubepreflight.sources.host.collected_by import NAME
from kubepreflight.sources.host.host_files import CUT_OFF
from kubepreflight.sources.host.members import is_member
from kubepreflight.sources.host.script import collect_script
from tests.collecting import members

HEAD = {"format": "kubepreflight.host/v1", "name": "w1", "collected_at": "2026-11-27T12:00:05Z", "complete": True}
NOT_COLLECTED = Missing("not collected")


def machine(files: dict[str, str] | None = None, **commands: str | tuple[str, str, int]) -> Machine:
    """The machine of a whole archive that holds these files and commands: what one said, or that with its errors."""
    parts: dict[str, str] = {"host.json": json.dumps(HEAD), **(files or {})}
    for name, said in commands.items():
        stdout, stderr, status = (said, "", 0) if isinstance(said, str) else said
        folder = f"commands/{name.replace('_', '-')}"
        parts |= {f"{folder}/stdout": stdout, f"{folder}/stderr": stderr, f"{folder}/status": f"{status}\n"}
    return read_host({name: text.encode() for name, text in parts.items()}, "w1.tar", "w1").machine


def test_what_an_archive_has_nothing_of_is_not_collected() -> None:
    unknown = Machine(clock=Clock(ahead=Missing("not known: the archive was not fetched by kubepreflight collect")))
    assert read_host({"files/etc/kubernetes/x": b""}, "w1", "w1").machine == unknown
    assert machine() == unknown


@pytest.mark.parametrize(
    ("magic", "version"),
    [
        ("63677270\n", 2),
        ("1021994\n", 1),
        ("27e0eb\n", 1),
        ("62656572\n", Missing),
        (("", "stat: not found", 127), Missing),
    ],
)
def test_the_version_of_control_groups_is_that_of_what_is_mounted_there(magic: Any, version: Any) -> None:
    found = machine(cgroup_filesystem=magic).cgroup_version
    assert isinstance(found, Missing) if version is Missing else found == version


def test_the_controllers() -> None:
    table = "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t1\t75\t1\nmemory\t0\t1\t0\n"
    assert machine(cgroup_filesystem="1021994", cgroup_subsystems=table).cgroup_controllers == frozenset({"cpu"})
    second = machine(cgroup_filesystem="63677270", cgroup_controllers="cpuset cpu io memory\n", cgroup_subsystems=table)
    assert second.cgroup_controllers == frozenset({"cpuset", "cpu", "io", "memory"})


SWAPS = """\
Filename				Type		Size		Used		Priority
/dev/dm-1                               partition	8388604		12		-2
/dev/zram0                              partition	4194300		0		100
"""


def test_swap_in_use() -> None:
    assert machine(swaps=SWAPS).swaps == (Swap(name="/dev/dm-1", size=8388604), Swap(name="/dev/zram0", size=4194300))
    assert machine(swaps=SWAPS.splitlines()[0]).swaps == ()
    assert machine(swaps=("", "cat: /proc/swaps: No such file or directory", 1)).swaps == ()
    assert isinstance(machine(swaps=("", "cat: /proc/swaps: Permission denied", 1)).swaps, Missing)


BOTH = ("UUID=1234 none swap sw", "/swap.img none swap defaults,pri=1")
FSTAB = "UUID=1234 none swap sw 0 0\n/dev/sdb none swap noauto 0 0\n/swap.img none swap defaults,pri=1\n"
MASKED = "lrwxrwxrwx 1 root root 9 Jan  1 2026 /etc/systemd/system/{} -> /dev/null\n"


@pytest.mark.parametrize(
    ("files", "units", "brings"),
    [
        ({"fstab": FSTAB}, "", BOTH),
        ({"fstab": FSTAB}, ("", "find: No such file or directory", 1), BOTH),
        ({"fstab": FSTAB}, MASKED.format("swap.target"), ()),
        ({"fstab": "/swap.img none swap sw 0 0\n"}, MASKED.format("swap.img.swap"), ()),
        ({"systemd/zram-generator.conf": "# x\n[zram0]\nzram-size = ram / 2\n"}, "", ("zram0",)),
        ({"fstab": ""}, "", ()),
        ({}, "", ()),
    ],
)  # fmt: skip
def test_swap_that_a_boot_brings(files: dict[str, str], units: Any, brings: tuple[str, ...]) -> None:
    paths = {f"files/etc/{name}": text for name, text in files.items()}
    assert machine(paths, swap_units=units).swaps_at_boot == brings


DF = "{0}\t/dev/mapper/vg-a b 1000000 400000 550000 43% /mnt/a b\n"


def test_file_systems() -> None:
    found = machine(
        disk_space=DF.format("/var/lib/etcd") + "/\t/dev/vda -  - - - /\nnonsense\n/x\ty\n",
        disk_inodes="/\t/dev/vda 100 40 60 40% /\n",
    ).file_systems
    assert found == (
        FileSystem(
            path="/", device="/dev/vda", mounted_on="/", size=0, available=0, inodes=100, inodes_free=60
        ),
        FileSystem(
            path="/var/lib/etcd",
            device="/dev/mapper/vg-a b",
            mounted_on="/mnt/a b",
            size=1000000,
            available=550000,
            inodes=Missing("df gave no answer"),
            inodes_free=Missing("df gave no answer"),
        ),
    )  # fmt: skip
    assert isinstance(machine(disk_space="").file_systems, Missing)


def test_a_file_system_that_hangs_costs_its_own_line_and_is_said() -> None:
    parts = {"commands/disk-space/stdout": DF.format("/").encode(), "commands/disk-space/status": b"124\n"}
    host = read_host({"host.json": json.dumps(HEAD).encode(), **parts}, "", "")
    assert not isinstance(host.machine.file_systems, Missing)
    assert [one.path for one in host.machine.file_systems] == ["/"]
    assert [gap.reason for gap in host.unreadable] == [
        "commands/disk-space: a file system there did not answer in time"
    ]


def test_the_room_that_etcd_takes() -> None:
    assert machine(etcd_size="51234\t/var/lib/etcd\n").etcd_size == 51234
    assert machine(disk_space=DF.format("/")).etcd_size == 0
    assert isinstance(machine(etcd_size=("", "du: cannot read", 1)).etcd_size, Missing)
    assert machine().etcd_size == NOT_COLLECTED


def test_what_waits_for_a_reboot() -> None:
    marked = machine({"files/run/reboot-required": "*** restart ***\n", "files/run/reboot-required.pkgs": "a\nb\na\n"})
    assert (marked.reboot_required, marked.reboot_packages) == (True, ("a", "b"))
    assert machine(boot_time="btime 1").reboot_required is False
    begun = {
        "host.json": json.dumps(HEAD).encode(),
        "commands/boot-time/stdout": b"btime 1\n",
        "commands/swap-units/stdout": b"",
    }
    cut = read_host({**begun, CUT_OFF: b""}, "", "").machine
    assert (cut.reboot_required, cut.swaps_at_boot) == (Missing("the archive is cut off"),) * 2
    rows = "kernel\t1795775000\nglibc\t1795775100\nsystemd\t17957751\npackage dbus is not installed\n"
    booted = machine(boot_time="btime 1795775085\n", rpm_installed_at=(rows, "", 1))
    assert booted.started == datetime(2026, 11, 27, 10, 24, 45, tzinfo=UTC)
    assert booted.installed_since_boot == ("glibc",)
    assert isinstance(machine(boot_time="btime 99999999999999999").started, Missing)


def test_the_kernel() -> None:
    kernel = machine(
        kernel_config="CONFIG_MEMCG=y\nCONFIG_OVERLAY_FS=m\nCONFIG_X=n\nCONFIG_Y=\"z\"\n",
        boot_options=("cgroup_no_v1=all\n", "", 0),
        modules="overlay\nbr_netfilter\n",
        sysctl=("net/ipv4/ip_forward=1\nnet/bridge/bridge-nf-call-iptables=\n", "cat: no such file", 1),
        kernels="/boot/vmlinuz-6.1.0-18-amd64\n/lib/modules/6.1.0-18-amd64\n/lib/modules/x/../y\n",
    ).kernel  # fmt: skip
    assert kernel == Kernel(
        built_with=frozenset({"MEMCG", "OVERLAY_FS"}),
        boot_options=("cgroup_no_v1=all",),
        modules=frozenset({"overlay", "br_netfilter"}),
        settings=("net.ipv4.ip_forward=1",),
        installed=("6.1.0-18-amd64",),
        with_modules=("6.1.0-18-amd64",),
    )


def test_a_kernel_whose_configuration_is_nowhere() -> None:
    words = "no configuration of the running kernel is on the disk\n"
    assert machine(kernel_config=("", words, 2)).kernel.built_with is None
    assert isinstance(machine(kernel_config=("", "grep: Permission denied", 2)).kernel.built_with, Missing)


CHRONY = "A9FEA97B,169.254.169.123,4,1795787394.1,0.000012,0.000002,0.00002,-7.2,0.0,0.02,0.0004,0.0003,16.2,{}\n"


@pytest.mark.parametrize(
    ("said", "synchronized", "by"),
    [
        (
            {"timedatectl": "  Local time: x\n  System clock synchronized: yes\n  NTP: x\n"},
            True,
            "timedatectl",
        ),
        ({"timedatectl": "NTP enabled: no\nNTP synchronized: no\n"}, False, "timedatectl"),
        # chronyd without rtcsync does not set the kernel's mark
        ({"timedatectl": "System clock synchronized: no\n", "chronyc": CHRONY.format("Normal")}, True, "chronyc"),
        ({"timedatectl": ("", "no bus", 1), "chronyc": CHRONY.format("Not synchronised")}, False, "chronyc"),
        ({"timedatectl": ("", "no bus", 1), "ntpq": "status=0615 leap_none, sync_ntp, 1 event\n"}, True, "ntpq"),
        ({"timedatectl": ("", "no bus", 1), "ntpq": "status=c016 leap_alarm, sync_unspec\n"}, False, "ntpq"),
        ({"timedatectl": ("", "", 127), "adjtimex": "    status:       64 (UNSYNC)\n"}, False, "the kernel"),
        ({"timedatectl": ("", "", 127), "adjtimex": "    status:       8193 (PLL|NANO)\n"}, True, "the kernel"),
        ({"timedatectl": ("", "", 127), "timesyncd": "-rw-r--r-- 1 synchronized\n"}, True, "systemd-timesyncd"),
        # it stays there when the service is stopped
        ({"timedatectl": "NTP synchronized: no\n", "timesyncd": "-rw- synchronized\n"}, False, "timedatectl"),
        ({"timedatectl": ("", "", 127), "timesyncd": ("", "ls: No such file", 2)}, None, ""),
        ({"timedatectl": ("", "", 127), "chronyc": ("506 Cannot talk to daemon\n", "", 1)}, None, ""),
        (
            {"timedatectl": "System clock synchronized: no\n", "chronyc": ("506 Cannot talk to daemon\n", "", 1)},
            False,
            "timedatectl",
        ),
    ],
)
def test_who_keeps_the_clock(said: dict[str, Any], synchronized: bool | None, by: str) -> None:
    clock = machine(**said).clock
    assert clock.told_by == by
    assert isinstance(clock.synchronized, Missing) if synchronized is None else clock.synchronized is synchronized


def collected_by(**changes: str) -> dict[str, str]:
    told = {"machine": "desk", "asked_at": "2026-11-27T12:00:00.5Z", "answered_at": "2026-11-27T12:00:06.5Z"}
    return {"collected-by.json": json.dumps(told | changes)}


def test_how_far_the_clock_is_from_that_of_whoever_collected() -> None:
    clock = machine(collected_by(), date="2026-11-27T12:00:02Z\n").clock
    # its first word came at 12:00:00.5 or later and was 12:00:02 to 12:00:03; its last at 12:00:06.5 or before
    assert (clock.ahead, clock.collected_from) == ((-1.5, 2.5), "desk")
    for wrong in (
        collected_by(asked_at="2026-11-27T12:00:09Z"),
        collected_by(answered_at="2026-12-27T12:00:09Z"),
        collected_by(answered_at="soon"),
        {"collected-by.json": "[" * 100000},
    ):
        assert isinstance(machine(wrong, date="2026-11-27T12:00:02Z\n").clock.ahead, Missing)
    assert isinstance(machine(collected_by(), date="yesterday").clock.ahead, Missing)


COMMANDS = ("disk-space", "disk-inodes", "swaps", "boot-time", "date", "timedatectl", "chronyc", "kernels", "sysctl")
NOISE = st.binary(max_size=200) | st.text(alphabet="/\t 0123456789-%:TZ=,\n", max_size=200).map(str.encode)


@given(st.dictionaries(st.sampled_from(COMMANDS), NOISE))
def test_nothing_that_a_command_says_raises(said: dict[str, bytes]) -> None:
    parts = {f"commands/{name}/stdout": data for name, data in said.items()}
    parts |= {f"commands/{name}/status": b"0" for name in said}
    by = collected_by()["collected-by.json"].encode()
    read_host({"host.json": json.dumps(HEAD).encode(), "collected-by.json": by, **parts}, "", "")


def test_this_very_machine() -> None:
    done = subprocess.run(["stat", "-fc", "%T", "/sys/fs/cgroup"], capture_output=True, text=True, check=True)
    # The other parts have tests of their own, and there is much to look through on a whole disk.
    parts, _, end = collect_script().rpartition("    prepare\n")
    script = f"{parts}    prepare\n    take_system\n    take_disks\n    finish\n{end[end.index('}') :]}"
    tar = subprocess.run(["sh", "-s"], input=script.encode(), capture_output=True, check=True, timeout=120).stdout
    ours = read_host(members(tar), "", "").machine
    assert ours.cgroup_version == (2 if done.stdout == "cgroup2fs\n" else 1)
    assert not isinstance(ours.started, Missing)
    assert not isinstance(ours.file_systems, Missing)
    assert {"/", "/tmp"} <= {one.path for one in ours.file_systems}
    assert all(0 < one.available < one.size for one in ours.file_systems)
    assert isinstance(ours.memory, int)
    assert isinstance(ours.swaps, tuple)


def test_the_word_about_its_collection_belongs_to_an_archive() -> None:
    assert is_member(f"hosts/w1/{NAME}", "hosts/w1/")


def test_lines_of_df_that_only_begin_like_one_take_no_time() -> None:
    said = f"/\t{' ' * 1900}x\n" * 200
    began = process_time()
    assert isinstance(machine(disk_space=said, disk_inodes=said).file_systems, Missing)
    assert process_time() - began < 5


@pytest.mark.parametrize(
    ("said", "stalled"),
    [
        ("some avg10=1.00 avg60=2.00 avg300=3.00 total=4\nfull avg10=0.10 avg60=0.20 avg300=31.25 total=4\n", 31.25),
        ("some avg10=1.00 avg60=2.00 avg300=3.00 total=4\n", None),
        ("full avg10=0 avg60=0 avg300=1e9 total=4\n", None),
        ("", None),
    ],
)
def test_how_long_everything_stood_still_for_want_of_a_disk(said: str, stalled: float | None) -> None:
    assert machine(io_pressure=said).io_stall == stalled


def test_a_collector_that_did_not_ask_for_it_tells_nothing_of_stalls() -> None:
    assert machine().io_stall == Missing("not collected")
