"""What upstream marks the types of its API with: since when they are there, and until when."""

from __future__ import annotations

from dataclasses import dataclass

from tools.knowledge.go_packages import packages
from tools.knowledge.modules import staging
from tools.knowledge.pins import Pin


@dataclass(frozen=True)
class Marker:
    """As `zz_generated.prerelease-lifecycle.go` has them; empty where it says nothing."""

    introduced: str = ""
    deprecated: str = ""
    removed: str = ""
    replacement: str = ""

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """As a record has it."""
        return self.introduced, self.deprecated, self.removed, self.replacement


def markers(pin: Pin) -> dict[tuple[str, str], Marker]:
    """By API version and kind, of all types in k8s.io/api. Raises ModuleError when it is not to be had."""
    source = staging("api", pin)
    paths = [f"k8s.io/api/{'/'.join(file.parent.parts[-2:])}" for file in sorted(source.glob("*/*/register.go"))]
    found = packages({"k8s.io/api": source}, paths)
    result = {}
    for package in found.values():
        for group, version, kind in package.kinds:
            if kind in package.lifecycle:
                result[f"{group}/{version}" if group else version, kind] = Marker(*package.lifecycle[kind])
    return result
