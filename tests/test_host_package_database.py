"""What dpkg left unfinished, why it refuses, and who holds its lock."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kubepreflight.host import Host, LockHolder, Missing, PackageDatabase
from tests.test_host_packages import command, host

AUDIT = """\
The following packages are in a mess due to serious problems during
installation.  They must be reinstalled for them (and any packages
that depend on them) to function properly:
 kubelet              kubelet, a stand-in for the real package

The following packages have been unpacked but not yet configured.
They must be configured using dpkg --configure or the configure
menu option in dselect for them to work:
 kubeadm              kubeadm, a stand-in for the real package
 libc6:amd64          GNU C Library

The following packages are only half configured, probably due to problems
configuring them the first time.  The configuration should be retried using
dpkg --configure <package> or the configure menu option in dselect:
 bad                  x

The following packages are missing the md5sums control file in the
database, they need to be reinstalled:
 harmless             no md5sums

"""


def database(one: Host) -> PackageDatabase:
    assert isinstance(one.package_database, PackageDatabase)
    return one.package_database


def test_the_audit() -> None:
    unfinished = database(host(command("dpkg-audit", AUDIT))).unfinished
    assert not isinstance(unfinished, Missing)
    assert [(one.name, one.state) for one in unfinished] == [
        ("kubelet", "reinstreq"),
        ("kubeadm", "unpacked"),
        ("libc6", "unpacked"),
        ("bad", "half-configured"),
    ]


@pytest.mark.parametrize(
    ("files", "interrupted"),
    [
        (command("dpkg-journal"), False),
        (command("dpkg-journal", "tmp.i\n"), False),
        (command("dpkg-journal", "0000\n0001\ntmp.i\n"), True),
        (command("dpkg-audit"), Missing("the collector did not ask for dpkg-journal")),
        (
            command("dpkg-journal", "", 2, "ls: cannot open directory\n"),
            Missing("dpkg-journal failed there (status 2): ls: cannot open directory"),
        ),
    ],
)
def test_the_journal(files: dict[str, str], interrupted: bool | Missing) -> None:
    assert database(host(files)).interrupted == interrupted


@pytest.mark.parametrize(
    ("name", "status", "stderr", "refusals"),
    [
        ("apt-upgrade", 100, "W: a word\nE: Unmet dependencies.\nE: more\n", ("Unmet dependencies.", "more")),
        ("apt-upgrade", 124, "E: cut off\n", ()),
        ("apt-upgrade", 0, "E: not meant\n", ()),
        ("apt-upgrade", 100, "E: Unable to read /etc/apt - opendir (13: Permission denied)\n", ()),
        ("dpkg-query", 1, "dpkg-query: no packages found matching kubelet\n", ()),
        (
            "dpkg-query",
            2,
            "dpkg-query: error: parsing file '/var/lib/dpkg/status' near line 1:\n end of file\n",
            ("error: parsing file '/var/lib/dpkg/status' near line 1:",),
        ),
        (
            "rpm-qa",
            1,
            "error: cannot open Packages database in /var/lib/rpm\n",
            ("cannot open Packages database in /var/lib/rpm",),
        ),
    ],
)
def test_why_it_does_nothing(name: str, status: int, stderr: str, refusals: tuple[str, ...]) -> None:
    assert database(host(command(name, "", status, stderr))).refusals == refusals


FILES = "131 65024 /var/lib/dpkg/lock-frontend\n132 65024 /var/lib/dpkg/lock\n"
UPTIME = "400000.50 1.00\n"


def locks(kernel: str, processes: str = "") -> tuple[LockHolder, ...] | Missing:
    said = command("package-locks", FILES) | command("kernel-locks", kernel)
    return database(host(said | (command("lock-holders", UPTIME + processes) if processes else {}))).holders


def process(number: int, name: str, start: int) -> str:
    return f"{number} ({name}) S {' '.join('1' for _ in range(18))} {start} 0 0\n"


def holder(name: str, hours: float) -> tuple[LockHolder, ...]:
    return (LockHolder(path="/var/lib/dpkg/lock-frontend", process=name, id=77, running=timedelta(hours=hours)),)


@pytest.mark.parametrize(
    ("kernel", "processes", "holders"),
    [
        ("", "", ()),
        ("1: POSIX  ADVISORY  WRITE 77 fe:00:999 0 EOF\n", "", ()),
        ("1: POSIX  ADVISORY  WRITE 77 fe:00:131 0 EOF\n", process(77, "apt-get", 4000000), holder("apt-get", 100)),
        ("1: POSIX  ADVISORY  WRITE 77 fe:00:131 0 EOF\n", process(77, "a) S (b", 4000000), holder("a) S (b", 100)),
        ("1: POSIX  ADVISORY  WRITE 77 00:28:131 0 EOF\n", process(77, "apt-get", 4000000), holder("apt-get", 100)),
        ("1: POSIX  ADVISORY  WRITE 77 00:28:131 0 EOF\n", process(77, "containerd", 4000000), ()),
        ("1: -> POSIX  ADVISORY  WRITE 77 fe:00:131 0 EOF\n", "", ()),
        ("1: POSIX  ADVISORY  READ 77 fe:00:131 0 EOF\n", "", ()),
        ("1: POSIX  ADVISORY  WRITE 77 fe:00:131 0 EOF\n", process(78, "other", 1), ()),
        ("1: POSIX  ADVISORY  WRITE 77 fe:00:131 0 EOF\n", "nonsense\n", ()),
    ],
)
def test_who_holds_the_lock(kernel: str, processes: str, holders: tuple[LockHolder, ...]) -> None:
    assert locks(kernel, processes) == holders


def test_a_lock_whose_holder_is_gone_is_not_known() -> None:
    assert locks("1: POSIX  ADVISORY  WRITE 77 fe:00:131 0 EOF\n") == Missing(
        "the collector did not ask for lock-holders"
    )


def test_an_archive_without_it() -> None:
    assert host({}).package_database == Missing("the collector did not look at it")


def test_who_holds_a_lock_is_not_seen_on_a_disk() -> None:
    assert database(host(command("dpkg-audit"))).holders == Missing("who holds a lock is seen on the running node only")
