"""Where the source of a Go module lies on this machine."""

from __future__ import annotations

import re
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


def staging(name: str, pin: Pin) -> Path:
    """The source of a module that is published with it: `staging("apiserver", pin)`. Raises ModuleError."""
    path = f"k8s.io/{name}"
    return source(path, pins().instead.get(f"{path}@{pin.staging}", pin.staging))


def required(pin: Pin) -> dict[str, str]:
    """The modules that its programs are made of, with their versions. Raises ModuleError."""
    return dict(_REQUIRED.findall((kubernetes(pin) / "go.mod").read_text(encoding="utf-8")))


def published_apart(pin: Pin) -> frozenset[str]:
    """The names of the modules that are published with it and that its programs need. Raises ModuleError."""
    return frozenset(path.removeprefix("k8s.io/") for path, version in required(pin).items() if version == UNPUBLISHED)
