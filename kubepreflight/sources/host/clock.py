"""The node's clock: who keeps it, and how far it was from that of the machine which collected."""

from __future__ import annotations

import re
from datetime import datetime

import msgspec

from kubepreflight.host import Clock, Missing
from kubepreflight.sources.host.collected_by import NAME, CollectedBy
from kubepreflight.sources.host.host_files import HostFiles

LONGEST = 86400.0
"""Seconds: a collection that took longer tells nothing of the clock."""

_TIMEDATECTL = re.compile(r"^\s*(?:System clock|NTP) synchronized: (yes|no)$", re.MULTILINE)


def read_clock(node: HostFiles) -> Clock:
    """The clock; nothing here is asked of the network."""
    synchronized, told_by = _synchronized(node)
    ahead, machine = _ahead(node)
    return Clock(synchronized=synchronized, told_by=told_by, ahead=ahead, collected_from=machine)


def _synchronized(node: HostFiles) -> tuple[bool | Missing, str]:
    """The best that anybody says: the kernel's mark is not set by every service that keeps the clock."""
    said = [(name, word) for name, word in _words(node) if word is not None]
    timesyncd = node.command("timesyncd")
    if not said and timesyncd is not None and not timesyncd.status:
        return True, "systemd-timesyncd"
    for wanted in (True, False):
        for name, word in said:
            if word is wanted:
                return wanted, name
    if node.command("timedatectl") is None:
        return node.missing("commands/timedatectl") or Missing("not collected"), ""
    return Missing("neither chronyc nor timedatectl nor ntpq nor busybox' adjtimex told there"), ""


def _words(node: HostFiles) -> list[tuple[str, bool | None]]:
    tracking = node.said("chronyc")  # without its service it says so on standard output, with status 1
    chrony = "" if isinstance(tracking, Missing) else tracking.strip().rpartition(",")[2]
    found = re.search(
        r"^\s*(?:System clock|NTP) synchronized: (yes|no)$", node.command_output("timedatectl"), re.MULTILINE
    )
    ntpq, kernel = node.command_output("ntpq"), node.command_output("adjtimex")
    return [
        ("chronyc", {"Not synchronised": False}.get(chrony, True) if chrony else None),
        ("timedatectl", found[1] == "yes" if found else None),
        ("ntpq", "sync_unspec" not in ntpq and "leap_alarm" not in ntpq if "sync_" in ntpq else None),
        ("the kernel", "UNSYNC" not in kernel if "status:" in kernel else None),
    ]


def _ahead(node: HostFiles) -> tuple[tuple[float, float] | Missing, str]:
    data = node.members.get(NAME)
    if data is None:
        return Missing("not known: the archive was not fetched by kubepreflight collect"), ""
    try:
        by = msgspec.json.decode(data, type=CollectedBy)
        head = msgspec.json.decode(node.members.get("host.json", b""), type=_Head)
        began = datetime.fromisoformat(node.command_output("date").strip())
        took = (by.answered_at - by.asked_at).total_seconds()
        # The node's clock was read to the second. Our own may have been set meanwhile.
        least = (head.collected_at - by.answered_at).total_seconds()
        most = (began - by.asked_at).total_seconds() + 1
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, TypeError, OverflowError, RecursionError) as error:
        return Missing(f"the times of its collection cannot be read: {str(error)[:200]}"), ""
    if not 0 <= took <= LONGEST or least > most:
        return Missing("a clock was set while it was collected"), ""
    return (least, most), by.machine[:100]


class _Head(msgspec.Struct, frozen=True):
    collected_at: datetime
