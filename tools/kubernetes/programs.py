"""Which program to run: of a folder that the user names, or built here."""

from __future__ import annotations

import functools
import os
import re
import subprocess
from pathlib import Path

from tools.kubernetes.build import build

ASSETS = "KUBEBUILDER_ASSETS"
"""The variable that names a folder with kube-apiserver, etcd and kubectl, for this and other tools of the field."""
DEFAULT_VERSION = "1.37.2"


def program(name: str, version: str = "") -> Path:
    """The program `name` of Kubernetes `version` ("1.37.2"; the default one when empty), built when it is not there.

    `KUBEBUILDER_ASSETS` counts for the version that its kube-apiserver has. Raises BuildError and ModuleError.
    """
    version = version or default_version()
    given = _assets()
    if given and version == _version_of(given) and (given / name).exists():
        return given / name
    return build(version, [name]) / name


def default_version() -> str:
    """The version under test: that of `KUBEBUILDER_ASSETS` when it is set, else the newest that is built here."""
    given = _assets()
    return _version_of(given) if given else DEFAULT_VERSION


def _assets() -> Path | None:
    given = os.environ.get(ASSETS)
    return Path(given) if given else None


@functools.cache
def _version_of(folder: Path) -> str:
    command = [str(folder / "kube-apiserver"), "--version"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.fullmatch(r"Kubernetes v(\S+)", said.strip())
    if found is None:
        raise ValueError(f"{folder}/kube-apiserver --version says {said!r}")
    return found[1]
