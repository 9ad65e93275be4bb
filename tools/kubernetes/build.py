"""Builds Kubernetes' own programs, once, into a cache outside the tree."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tools.kubernetes.modules import NO_GO, PACKAGES, module_of, module_of_other

OFFLINE_SAFE = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly -buildvcs=false", "GOWORK": "off"}
"""Static programs, which an image from scratch needs, from exactly what go.sum names."""

WITHOUT_DEBUGGING = ("-gcflags=all=-dwarf=false",)
COLLECT_SELDOM = "400"
"""Both together save the compilers an eighth of their time: what only debuggers read is stripped in the end anyhow, and
there is memory enough."""

_MAJOR = re.compile(r"v\d+")


class BuildError(Exception):
    """A program that cannot be built, with what to do."""


def cache() -> Path:
    """The folder that holds what was built: `$KUBEPREFLIGHT_CACHE`, or `kubepreflight` in the user's cache folder."""
    given = os.environ.get("KUBEPREFLIGHT_CACHE")
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(given) if given else Path(home) / "kubepreflight"


def usable(folder: Path) -> Path:
    """The folder in the cache, made if it is not there. Raises BuildError, in one line, when nothing can lie there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        reason = "" if os.access(folder, os.W_OK | os.X_OK) else "it is not writable"
    except OSError as error:
        reason = error.strerror or str(error)
    if reason:
        raise BuildError(f"{folder} cannot be used: {reason}; KUBEPREFLIGHT_CACHE names another place for the cache")
    return folder


def folder(version: str) -> Path:
    """Where the programs of `version` lie once they are built. Raises ModuleError for an unknown version.

    The name ends in a digest of the module, so that a changed dependency is built anew.
    """
    return _folder(version, module_of(version))


def _folder(name: str, module: Path) -> Path:
    sources = (module / file for file in ("go.mod", "go.sum", "main.go"))
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in sources if file.exists()))
    return cache() / "kubernetes" / f"{name}-{digest.hexdigest()[:8]}"


def build(version: str, programs: Iterable[str] = PACKAGES) -> Path:
    """Build those of `programs` that are not there yet; say on standard error what takes long. Returns their folder.

    Safe against a second build at the same time and a killed first one. Raises BuildError and ModuleError.
    """
    module, stamps = module_of(version), _stamps(version)
    return _build(module, folder(version), {name: PACKAGES[name] for name in programs}, version, stamps)


def build_other(name: str) -> Path:
    """Build the program of another module beside Kubernetes' ("helm-3.22.0", "pause") likewise. Returns its path.

    Raises BuildError and ModuleError.
    """
    module, package = module_of_other(name)
    program, _, version = name.partition("-")
    return _build(module, _folder(name, module), {program: package}, version, "-s -w") / program


def _build(module: Path, target: Path, packages: Mapping[str, str], version: str, stamps: str) -> Path:
    if not any(_missing(target, packages)):
        return target
    if not shutil.which("go"):
        raise BuildError(NO_GO)
    with alone(usable(target)):
        missing = {name: packages[name] for name in _missing(target, packages)}
        if missing:
            named = " ".join((", ".join(missing), version)).strip()
            print(f"building {named}, which takes minutes the first time", end=" … ", file=sys.stderr, flush=True)
            start = time.monotonic()
            _build_missing(module, missing, target, stamps)
            print(f"{time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    return target


def _missing(target: Path, packages: Iterable[str]) -> Iterator[str]:
    return (name for name in packages if not os.access(target / name, os.X_OK))


def _build_missing(module: Path, packages: Mapping[str, str], target: Path, stamps: str) -> None:
    """All in one command: one program is linked while the packages of others are compiled, which only one core does."""
    unfinished = target / ".unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)  # of a build that was killed
    command = ["go", "build", "-trimpath", *WITHOUT_DEBUGGING, "-ldflags", stamps, "-o", f"{unfinished}/"]
    command += packages.values()
    done = subprocess.run(command, cwd=module, env=_environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"{', '.join(packages)} cannot be built in {module}:\n{done.stderr[-4000:]}")
    for name, package in packages.items():
        (unfinished / _executable(package)).rename(target / name)
    unfinished.rmdir()


def _executable(package: str) -> str:
    """What Go calls the program of a package: the last part of its path that is no major version."""
    return next(part for part in reversed(package.split("/")) if not _MAJOR.fullmatch(part))


def _environment() -> Mapping[str, str]:
    return {"GOGC": COLLECT_SELDOM} | os.environ | OFFLINE_SAFE


def _stamps(version: str) -> str:
    """The linker's flags: without them kubeadm believes that it is v0.0.0, and refuses every cluster."""
    major, minor, _ = version.split(".", 2)
    values = {"gitVersion": f"v{version}", "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    stamps = (f"-X {package}.{name}={value}" for package in packages for name, value in values.items())
    return " ".join(("-s -w", *stamps))


@contextmanager
def alone(target: Path) -> Iterator[None]:
    """Work on the folder `target` while nobody else does; waits for who was first, and survives that one's death."""
    with (target / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
