"""Releases of kernels, as `uname -r` gives them: which is newer, and of one kind."""

from __future__ import annotations

import re

from kubepreflight.host import Host, Missing

_NUMBERS = re.compile(r"[0-9][0-9._-]*")


def numbers(release: str) -> tuple[int, ...]:
    """The numbers that a release begins with: (6, 1, 0, 18) of `6.1.0-18-amd64`; () when it begins with none."""
    start = _NUMBERS.match(release[:100])
    return tuple(int(one) for one in re.findall(r"[0-9]{1,9}", start[0])) if start else ()


def flavour(release: str) -> str:
    """What is left of a release without its numbers: kernels of different flavours do not follow each other."""
    return re.sub(r"[0-9._-]+", " ", release).strip()


def newer_kernel(host: Host) -> str | Missing | None:
    """The newest kernel on a host's disk that is newer than the one that runs; None for none."""
    running, installed = host.kernel, host.machine.kernel.installed
    if isinstance(running, Missing):
        return running
    if isinstance(installed, Missing):
        return installed
    same = [one for one in installed if flavour(one) == flavour(running) and numbers(one) > numbers(running)]
    return max(same, key=numbers) if same else None


def modules_are_gone(host: Host) -> bool:
    """Whether the modules of the running kernel were removed from the disk, and those of another of its kind are there.

    False where it is not known, and where the kernel is not the disk's own (containers, small virtual machines).
    """
    running, there = host.kernel, host.machine.kernel.with_modules
    if isinstance(running, Missing) or isinstance(there, Missing) or running in there:
        return False
    return any(flavour(one) == flavour(running) for one in there)
