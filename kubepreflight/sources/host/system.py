"""The operating system, and the versions of the programs that make a node."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

from kubepreflight.host import Missing
from kubepreflight.sources.host.host_files import HostFiles, first_line

PROGRAMS = ("kubelet", "kubeadm", "kubectl", "containerd", "crio", "docker", "cri-dockerd", "runc")

_OS_RELEASE = ("/etc/os-release", "/usr/lib/os-release")
_ASSIGNMENT = re.compile(r"^([A-Z][A-Z0-9_]*)=(.*)$", re.MULTILINE)
# Anchored, because "containerd github.com/containerd/containerd/v2 2.1.4 75cb2b7" has a v2 that is no version.
_VERSION = re.compile(r"(?<![\w./-])v?[0-9]{1,5}\.[0-9]{1,5}(?:\.[0-9]{1,6})?(?:[-+~][\w.+~-]*\w)?")


def read_os(node: HostFiles) -> Mapping[str, str] | Missing:
    """os-release(5): `ID`, `VERSION_ID`, `PRETTY_NAME` and the rest, without their quotes."""
    text = next((text for path in _OS_RELEASE if (text := node.text_of(path)) is not None), None)
    if text is None:
        return node.missing(*_OS_RELEASE) or Missing("the node has no os-release")
    return {name: _unquoted(value) for name, value in _ASSIGNMENT.findall(text)}


def _unquoted(value: str) -> str:
    try:
        return "".join(shlex.split(value))
    except ValueError:
        return value


def read_kernel(node: HostFiles) -> str | Missing:
    """The kernel's release, as `uname -r` says it."""
    command = node.command("uname")
    if command is None:
        return node.missing("commands/uname") or Missing("not collected")
    words = command.stdout.split()
    if command.status or len(words) < 3:
        return Missing(command.failure if command.status else f"uname said {first_line(command.stdout)!r}")
    return words[2]


def read_versions(node: HostFiles) -> Mapping[str, str] | Missing:
    """The version that each installed program of PROGRAMS gives of itself, as it writes it (`v1.36.3`, `1.7.27`)."""
    versions: dict[str, str] = {}
    asked = False
    for program in PROGRAMS:
        command = node.command(f"{program}-version")
        asked |= command is not None
        if command is None or not command.installed:
            continue
        found = _VERSION.search(command.stdout)
        if found:
            versions[program] = found[0]
        else:
            reason = command.failure if command.status else f"no version in {first_line(command.stdout)!r}"
            node.gap(f"commands/{program}-version", reason, what="versions")
    if not asked:
        return node.missing("commands") or Missing("not collected")
    return versions
