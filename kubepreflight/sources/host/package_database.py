"""What dpkg and rpm left unfinished, why apt refuses its work, and who holds the locks.

`dpkg --audit` prints a paragraph in words for each state, then its packages, each in a line that begins with a space.
In /proc/locks a line is `1: POSIX ADVISORY WRITE PID MAJOR:MINOR:INODE 0 EOF`, in /proc/PID/stat the name of the
process stands in brackets and its start is the 22nd field, in ticks after the boot (proc(5)).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import msgspec

from kubepreflight.host import LockHolder, Missing, PackageDatabase, Unfinished
from kubepreflight.sources.host.host_files import Command, HostFiles

# On every architecture that Kubernetes runs on.
TICKS_A_SECOND = 100
MOST = 50
"""So many refusals, holders and unfinished packages are kept."""

_STATES = {
    "in a mess": "reinstreq",
    "only half installed": "half-installed",
    "only half configured": "half-configured",
    "unpacked but not yet configured": "unpacked",
    "awaiting processing of triggers": "triggers-awaited",
    "have been triggered": "triggers-pending",
}
_REFUSALS = {
    "apt-upgrade": re.compile(r"E: (?P<why>.+)"),
    "dpkg-query": re.compile(r"dpkg-query: (?P<why>(unrecoverable fatal )?error: .+)"),
    "rpm-qa": re.compile(r"error: (?P<why>.+)"),
}
_LOCK = re.compile(
    r"\d+: \S+ +\S+ +WRITE +(?P<id>\d{1,9}) (?P<major>[0-9a-f]{1,6}):(?P<minor>[0-9a-f]{1,6}):(?P<inode>\d+) "
)
_FILE = re.compile(r"(?P<inode>\d+) (?P<device>\d{1,18}) (?P<path>/.+)")
_PROCESS = re.compile(r"(?P<id>\d{1,9}) \((?P<name>.*)\) (?P<rest>.*)$")
_MANAGERS = re.compile(r"(apt|aptitude|dpkg|unattended-upgr|packagekitd|synaptic|dnf|microdnf|yum|rpm|zypper)\b")
"""Processes whose locks they are, even where the file system tells the kernel another device (btrfs does)."""
_START = 19
"""The 22nd field of /proc/PID/stat, counted from 0 after the process's name."""


def read_package_database(node: HostFiles) -> PackageDatabase | Missing:
    """The state of the node's package manager; a Missing where it was not asked for."""
    asked = ("dpkg-audit", "dpkg-journal", "kernel-locks", *_REFUSALS)
    if not any(node.command(name) for name in asked):
        return node.missing("commands/dpkg-audit") or Missing("the collector did not look at it")
    journal = _said(node, "dpkg-journal")
    audit = _said(node, "dpkg-audit")
    return PackageDatabase(
        interrupted=journal if isinstance(journal, Missing) else any(map(str.isdecimal, journal.split())),
        unfinished=audit if isinstance(audit, Missing) else tuple(_unfinished(audit))[:MOST],
        refusals=tuple(_refusals(node))[:MOST],
        holders=_holders(node),
    )


def _said(node: HostFiles, name: str) -> str | Missing:
    command = node.command(name)
    if command is None:
        return node.missing(f"commands/{name}") or Missing(f"the collector did not ask for {name}")
    if command.status == 127:
        return Missing(f"the node has no {name.partition('-')[0]}")
    return command.stdout if not command.status else Missing(command.failure)


def _unfinished(text: str) -> Iterator[Unfinished]:
    heading = ""
    for line in text.splitlines():
        if line.startswith(" "):
            state = next((state for words, state in _STATES.items() if words in heading), "")
            if state and line.strip():
                yield Unfinished(name=line.split()[0].partition(":")[0], state=state)
        else:
            heading = f"{heading} {line.strip()}" if line.strip() else ""


def _refusals(node: HostFiles) -> Iterator[str]:
    for name, pattern in _REFUSALS.items():
        command = node.command(name)
        if command is not None and _failed(name, command):
            for line in command.stderr.splitlines():
                if match := pattern.match(line):
                    yield match["why"].strip()[:300]


def _failed(name: str, command: Command) -> bool:
    # dpkg-query ends with 1 when one of the names is unknown, which is the rule; who is not root may not read it all.
    fine = (0, 1, 124, 127) if name == "dpkg-query" else (0, 124, 127)
    return command.status not in fine and "Permission denied" not in command.stderr


def _holders(node: HostFiles) -> tuple[LockHolder, ...] | Missing:
    if node.command("kernel-locks") is None:
        return node.missing("commands/kernel-locks") or Missing("who holds a lock is seen on the running node only")
    files, locks = _said(node, "package-locks"), _said(node, "kernel-locks")
    if isinstance(files, Missing) or isinstance(locks, Missing):
        return files if isinstance(files, Missing) else locks if isinstance(locks, Missing) else ()
    lock_files = {match["inode"]: match for line in files.splitlines() if (match := _FILE.match(line))}
    held = [
        (match, file)
        for line in locks.splitlines()
        if (match := _LOCK.match(line.strip())) and (file := lock_files.get(match["inode"]))
    ]
    if not held:
        return ()
    processes = _said(node, "lock-holders")
    if isinstance(processes, Missing):
        return processes
    known = {one.id: one for one in _processes(processes)}
    return tuple(
        msgspec.structs.replace(process, path=file["path"])
        for lock, file in held
        if (process := known.get(int(lock["id"])))
        and (_same_device(lock, int(file["device"])) or _MANAGERS.match(process.process))
    )[:MOST]


def _same_device(lock: re.Match[str], device: int) -> bool:
    """Whether the kernel's MAJOR:MINOR, in hexadecimal, is what stat(2) calls `device` (makedev(3))."""
    major, minor = (device >> 8) & 0xFFF | (device >> 32) & ~0xFFF, device & 0xFF | (device >> 12) & ~0xFF
    return (int(lock["major"], 16), int(lock["minor"], 16)) == (major, minor)


def _processes(text: str) -> Iterator[LockHolder]:
    uptime, *lines = text.splitlines() or [""]
    try:
        now = float(uptime.split()[0])
        for line in lines:
            if (match := _PROCESS.match(line)) and len(fields := match["rest"].split()) > _START:
                running = timedelta(seconds=max(0, round(now - int(fields[_START]) / TICKS_A_SECOND)))
                yield LockHolder(path="", process=match["name"], id=int(match["id"]), running=running)
    except (ValueError, OverflowError, IndexError):
        return
