"""The types of Kubernetes' API, and what upstream marks them with: since when they are there, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from tools.knowledge.api_packages import Package, packages
from tools.knowledge.lives import api_version
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


@cache
def api_packages(pin: Pin) -> dict[str, Package]:
    """The packages of k8s.io/api: one for each version of each group. Raises ModuleError when it is not to be had."""
    source = staging("api", pin)
    paths = [f"k8s.io/api/{'/'.join(file.parent.parts[-2:])}" for file in sorted(source.glob("*/*/register.go"))]
    return packages({"k8s.io/api": source}, paths)


def markers(pin: Pin) -> dict[tuple[str, str], Marker]:
    """By API version and kind, of all types that have one. Raises ModuleError when the module is not to be had."""
    result = {}
    for package in api_packages(pin).values():
        for group, version, kind in package.kinds:
            if kind in package.lifecycle:
                result[api_version(group, version), kind] = Marker(*package.lifecycle[kind])
    return result
