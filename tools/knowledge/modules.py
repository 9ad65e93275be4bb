"""Where the source of a Go module lies on this machine."""

from __future__ import annotations

import re
import shutil
from functools import cache
from pathlib import Path

from tools.knowledge.pins import Pin, pins
from tools.kubernetes.modules import download

_REQUIRED = re.compile(r"^\s*(?:require\s+)?([a-z]\S+) (v\d\S*)", re.MULTILINE)
UNPUBLISHED = "v0.0.0"
"""What Kubernetes itself requires of the modules that are published with it."""


@cache
def source(path: str, version: str) -> Path:
    """The folder of module `path` ("k8s.io/api") at `version` ("v0.37.2"), downloaded once. Raises ModuleError."""
    return Path(download(f"{path}@{version}")["Dir"])


def kubernetes(pin: Pin) -> Path:
    """The source of Kubernetes itself, without the modules that are published apart from it. Raises ModuleError."""
    return source("k8s.io/kubernetes", f"v{pin.release}")


def staging_version(name: str, pin: Pin) -> str:
    """The version of a module that is published with it, or of the one that stands in for it."""
    return pins().instead.get(f"k8s.io/{name}@{pin.staging}", pin.staging)


def staging(name: str, pin: Pin) -> Path:
    """The source of a module that is published with it: `staging("apiserver", pin)`. Raises ModuleError."""
    return source(f"k8s.io/{name}", staging_version(name, pin))


def writable(path: str, version: str, target: Path) -> None:
    """Copy the source of a module, without its tests, to where it can be changed. Raises ModuleError."""
    shutil.copytree(source(path, version), target, ignore=shutil.ignore_patterns("*_test.go"))
    for one in (target, *target.rglob("*")):
        one.chmod(0o755 if one.is_dir() else 0o644)


@cache
def required(pin: Pin) -> dict[str, str]:
    """The modules that its programs are made of, with their versions. Raises ModuleError."""
    return dict(_REQUIRED.findall((kubernetes(pin) / "go.mod").read_text(encoding="utf-8")))


def published_apart(pin: Pin) -> frozenset[str]:
    """The names of the modules that are published with it and that its programs need. Raises ModuleError."""
    return frozenset(path.removeprefix("k8s.io/") for path, version in required(pin).items() if version == UNPUBLISHED)
