"""What the sources of Kubernetes' programs say, as the Go program in `source_reader/` reads it."""

from __future__ import annotations

import csv
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tools.knowledge.modules import kubernetes, published_apart, required, source, staging
from tools.knowledge.pins import Pin
from tools.kubernetes.modules import ModuleError

READER = Path(__file__).with_name("source_reader")
MODULES = (
    "apiextensions-apiserver",
    "apiserver",
    "client-go",
    "cloud-provider",
    "component-base",
    "controller-manager",
    "kube-aggregator",
    "legacy-cloud-providers",
)
"""The modules published beside Kubernetes in which its programs' flags and feature gates are declared."""
OTHERS = (
    "github.com/google/cadvisor",
    "github.com/google/cadvisor/lib",
    "github.com/spf13/cobra",
    "github.com/spf13/pflag",
    "k8s.io/klog",
    "k8s.io/klog/v2",
)
"""Other modules that have a part in the flags."""


def read(what: str, pin: Pin) -> Iterator[list[str]]:
    """What the programs of one release have of "flags", "gates" or "plugins".

    `source_reader/main.go` says in which columns. Raises ModuleError when a module cannot be had or cannot be read.
    """
    folders = {"k8s.io/kubernetes": kubernetes(pin)}
    folders |= {f"k8s.io/{name}": staging(name, pin) for name in MODULES if name in published_apart(pin)}
    folders |= {path: source(path, version) for path, version in required(pin).items() if path in OTHERS}
    arguments = [what, str(pin.minor.minor), *(f"{module}={folder}" for module, folder in folders.items())]
    done = subprocess.run(["go", "run", ".", *arguments], cwd=READER, capture_output=True, text=True, check=False)
    if done.returncode or done.stderr:
        raise ModuleError(f"the {what} of Kubernetes {pin.release} cannot be read: {done.stderr.strip()}")
    yield from csv.reader(done.stdout.splitlines(), strict=True)
