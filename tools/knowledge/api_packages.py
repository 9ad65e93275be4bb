"""What the source of Go packages says about the API types in them, as the Go program in `api_reader/` reads it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from tools.kubernetes.modules import NO_GO, ModuleError

READER = Path(__file__).with_name("api_reader")


class Package(msgspec.Struct, frozen=True):
    """What it says of one package; `api_reader/main.go` describes the fields."""

    adds: list[str]
    kinds: list[tuple[str, str, str]]
    lifecycle: dict[str, tuple[str, str, str, str]]
    fields: dict[str, list[str]]
    served: list[tuple[str, str, str, str]]
    gates: list[tuple[str, str, str, str]]
    maps: dict[str, list[str]]


def packages(modules: Mapping[str, Path], paths: Iterable[str]) -> dict[str, Package]:
    """The packages with these import paths, as far as they exist, of modules whose source lies in these folders.

    Raises ModuleError when Go is missing or cannot read them.
    """
    given = [argument for path, folder in modules.items() for argument in ("-module", f"{path}={folder}")]
    try:
        command = ["go", "run", ".", *given, *sorted(paths)]
        done = subprocess.run(command, cwd=READER, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise ModuleError(NO_GO) from None
    if done.returncode:
        raise ModuleError(f"{READER.name}: {done.stderr[-500:]}")
    return msgspec.convert(json.loads(done.stdout), dict[str, Package])
