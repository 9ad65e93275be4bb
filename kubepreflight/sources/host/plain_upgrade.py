"""What the package manager says that a plain upgrade would do.

`commands/apt-upgrade` and `commands/apt-dist-upgrade` are apt-get's simulations: a line `Inst NAME [OLD] (NEW …)`,
`Inst NAME (NEW …)` or `Remv NAME [OLD]` for each step, after lists in words.
"""

from __future__ import annotations

import re

from kubepreflight.host import Change, Missing, PlainUpgrade
from kubepreflight.sources.host.host_files import Command, HostFiles

_STEP = re.compile(r"(?P<step>Inst|Remv|Purg) (?P<name>[^\s:]+)(:\S+)?( \[(?P<old>[^]\s]*)\])?( \((?P<new>\S+))?")
_KEPT_BACK = "The following packages have been kept back"


def read_plain_upgrade(node: HostFiles) -> PlainUpgrade | Missing:
    """The simulations of the node's package manager; a Missing where it has none that could be asked."""
    apt = {name: node.command(f"apt-{name}") for name in ("upgrade", "dist-upgrade")}
    if not any(apt.values()):
        return node.missing("commands/apt-upgrade") or Missing("the collector did not ask the package manager for it")
    plain = apt["upgrade"]
    return PlainUpgrade(
        upgrade=_simulated(node, "apt-upgrade", plain),
        full_upgrade=_simulated(node, "apt-dist-upgrade", apt["dist-upgrade"]),
        kept_back=_kept_back(plain.stdout) if plain and not plain.status else (),
    )


def _simulated(node: HostFiles, name: str, command: Command | None) -> tuple[Change, ...] | Missing:
    place = f"commands/{name}"
    if command is None:
        return node.missing(place) or Missing(f"{name} was not asked on the node")
    if not command.installed:
        return Missing("the node has no apt-get")
    if command.status:
        return Missing(command.failure)
    if place in {path.removesuffix("/stdout") for path in node.unread}:
        return node.missing(place) or Missing(f"{place}: not whole")
    steps = (_STEP.match(line) for line in command.stdout.splitlines())
    return tuple(
        Change(name=step["name"], installed=step["old"] or "", candidate=(step["new"] or "") * (step["step"] == "Inst"))
        for step in steps
        if step is not None
    )


def _kept_back(text: str) -> tuple[str, ...]:
    names: list[str] = []
    inside = False
    for line in text.splitlines():
        if inside and line.startswith("  "):
            names += line.split()
        else:
            inside = line.startswith(_KEPT_BACK)
    return tuple(names)
