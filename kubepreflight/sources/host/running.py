"""The command lines of the node's programs as they ran when it was collected."""

from __future__ import annotations

import posixpath
import re

from kubepreflight.host import Missing
from kubepreflight.sources.host.host_files import HostFiles

_COMMAND_LINE = re.compile(r"files/proc/([0-9]{1,10})/cmdline")


def running(node: HostFiles, program: str, main_pid: int = 0) -> tuple[str, list[str]] | Missing | None:
    """The path of a running program's command line in /proc, and its words; None when no such process ran.

    `main_pid` is the one that systemd knows. Of several others nobody can tell which is the node's own: a Missing.
    """
    found = {}
    for path in sorted(node.members):
        match = _COMMAND_LINE.fullmatch(path)
        words = (node.text_of(path.removeprefix("files")) or "").split("\n") if match else []
        if match and posixpath.basename(words[0]) == program:
            found[int(match[1])] = words[:-1] if words[-1] == "" else words
    if main_pid in found or len(found) == 1:
        pid = main_pid if main_pid in found else next(iter(found))
        return f"/proc/{pid}/cmdline", found[pid]
    if found:
        return Missing(f"{len(found)} processes called {program} run there, and which is the node's own cannot be told")
    command = node.command("processes")
    if command is None:
        return node.missing("/proc", "commands/processes") or Missing("not collected")
    if command.status:
        return Missing(command.failure)
    if any(line.split()[1:2] == [program] for line in command.stdout.splitlines()):
        return Missing(f"{program} runs there, and its command line cannot be read")
    return None
