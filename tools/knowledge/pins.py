"""Which release of each minor the tables are read from. The list is `pins.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path

from kubepreflight.version import Minor

PINS = Path(__file__).with_name("pins.toml")


@dataclass(frozen=True)
class Pin:
    """One release of Kubernetes: `1.36.3`."""

    release: str

    @property
    def minor(self) -> Minor:
        """The minor that it stands for."""
        return Minor.parse(self.release)

    @property
    def staging(self) -> str:
        """The version of the modules that are published with it (k8s.io/apiserver and the like)."""
        return "v0." + self.release.removeprefix("1.")


@dataclass(frozen=True)
class Pins:
    """All of them, oldest first, and the day on which the tables were last read or looked at."""

    date: date
    pins: tuple[Pin, ...]
    asked: frozenset[str]
    """The releases whose programs themselves were asked: they said what had been read of them."""
    instead: Mapping[str, str]
    """The version to take of a module, as `path@version`, that is not to be had in the pinned one."""
    missing: frozenset[str]
    """The releases whose k8s.io/kubernetes is not to be had."""

    @property
    def verified(self) -> str:
        """The line at the head of a table that says for which minors it holds."""
        return f"# verified: {self.pins[0].minor} to {self.pins[-1].minor} on {self.date}\n"

    @property
    def told(self) -> str:
        """The line at the head of a table of which the programs themselves were asked."""
        asked = (pin.release for pin in self.pins if pin.release in self.asked)
        return f"# The programs themselves said the same: {', '.join(asked)}. The others were read in their sources.\n"

    def since(self, minor: Minor) -> Pins:
        """Without those that are older than `minor`."""
        return replace(self, pins=tuple(pin for pin in self.pins if pin.minor >= minor))


@cache
def pins() -> Pins:
    """What the file says."""
    document = tomllib.loads(PINS.read_text(encoding="utf-8"))
    releases = sorted(map(Pin, document["releases"].values()), key=lambda one: one.minor)
    return Pins(
        document["date"],
        tuple(releases),
        frozenset(document["asked"]),
        document["instead"],
        frozenset(document["missing"]),
    )
