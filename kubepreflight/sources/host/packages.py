"""Installed packages and whether something holds them.

`commands/dpkg-query` has a line per package: name, version, and the want, error flag and status of dpkg's database,
with tabs between; `commands/rpm-qa` has name, version-release, architecture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from kubepreflight.host import Missing, Package, Repository
from kubepreflight.sources.host.host_files import Command, HostFiles, first_line
from kubepreflight.sources.host.pins import read_pins
from kubepreflight.sources.host.rpm_locks import rpm_hold

_NOT_THERE = {"not-installed", "config-files"}
_RPM_LIKE = {"rhel", "fedora", "centos", "rocky", "almalinux", "ol", "amzn", "suse", "opensuse", "sles"}
_WITHOUT_PACKAGES = {"flatcar"}
"""Systems that are replaced as a whole: what runs there came in another way."""


def read_packages(
    node: HostFiles, system: Mapping[str, str] | Missing, repositories: tuple[Repository, ...] | Missing
) -> tuple[str | Missing, Mapping[str, Package] | Missing]:
    """The package family, `deb` or `rpm`, and of the packages that the collector asks for those that are installed."""
    readers: dict[str, tuple[Command | None, Callable[[Command], Mapping[str, Package] | Missing]]] = {
        "deb": (node.command("dpkg-query"), lambda command: _deb_packages(node, command)),
        "rpm": (node.command("rpm-qa"), lambda command: _rpm_packages(node, command, repositories)),
    }
    there = {family: one for family, (command, _) in readers.items() if (one := command) and one.installed}
    if not there:
        why = node.missing("commands/dpkg-query", "commands/rpm-qa")
        if why is None and _names(system) & _WITHOUT_PACKAGES:
            return Missing("the system has no package manager"), {}
        asked = any(command for command, _ in readers.values())
        missing = Missing("the node has neither dpkg-query nor rpm") if asked else why or Missing("not collected")
        return missing, missing
    found = {family: readers[family][1](command) for family, command in there.items()}
    family = _family(found, system)
    return family, found[family]


def _family(found: Mapping[str, Mapping[str, Package] | Missing], system: Mapping[str, str] | Missing) -> str:
    if len(found) == 1:
        return next(iter(found))
    # Both tools are there: rpm on Debian knows no package, and the other way round.
    return "rpm" if _names(system) & _RPM_LIKE else "deb"


def _names(system: Mapping[str, str] | Missing) -> set[str]:
    """What the system calls itself, and what it is like."""
    return set() if isinstance(system, Missing) else set(f"{system.get('ID')} {system.get('ID_LIKE')}".split())


def _deb_packages(node: HostFiles, command: Command) -> Mapping[str, Package] | Missing:
    # dpkg-query ends with 1 when one of the names is unknown, which is the rule, and with 2 when it failed.
    if command.status > 1 or (command.status and not command.stdout and "no packages found" not in command.stderr):
        return Missing(command.failure)
    marked = node.command("apt-mark-showhold")
    marks = set(marked.stdout.split()) if marked is not None and not marked.status else set()
    packages, pinned_by = {}, read_pins(node)
    for number, fields in _rows(command.stdout):
        if len(fields) != 5 or not fields[0]:
            node.gap("commands/dpkg-query", f"line {number} is not understood: {first_line(' '.join(fields))[:80]!r}")
            continue
        name, version, want, flag, status = fields
        if status not in _NOT_THERE:
            held = want == "hold" or name in marks
            word = f"{want} {flag} {status}"
            packages[name] = Package(name=name, version=version, held=held, status=word, pinned_by=pinned_by(name))
    return packages


def _rpm_packages(
    node: HostFiles, command: Command, repositories: tuple[Repository, ...] | Missing
) -> Mapping[str, Package] | Missing:
    if command.status:
        return Missing(command.failure)
    hold = rpm_hold(node, repositories)
    packages = {}
    for number, fields in _rows(command.stdout):
        if len(fields) < 2 or not fields[0]:
            node.gap("commands/rpm-qa", f"line {number} is not understood: {first_line(' '.join(fields))[:80]!r}")
        else:
            packages[fields[0]] = Package(name=fields[0], version=fields[1], held=hold(fields[0]))
    return packages


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield number, [field.strip() for field in line.split("\t")]
