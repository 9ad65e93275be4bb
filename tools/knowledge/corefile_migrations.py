"""What the Go module knows with which kubeadm checks and migrates the Corefile."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tools.knowledge.kubeadm_constants import MIGRATION
from tools.knowledge.modules import required, writable
from tools.knowledge.pins import Pin
from tools.kubernetes.modules import NO_GO, ModuleError

DUMP = Path(__file__).with_name("corefile_dump_test.go.txt")

Key = tuple[str, str, str]
"""Plugin, option (empty for the plugin itself), pattern (for options that are regular expressions)."""
States = Mapping[Key, str]
"""What a version of CoreDNS has, and in which state."""


def migrations(pin: Pin) -> dict[str, States]:
    """The versions of CoreDNS that one release's kubeadm knows, oldest first. Raises ModuleError."""
    dump = _dump(required(pin)[MIGRATION])
    (version,) = dump.keys() - {one["next"] for one in dump.values()}
    found: dict[str, States] = {}
    while version:
        found[version] = _states(dump[version])
        version = dump[version]["next"]
    return found


@cache
def _dump(version: str) -> dict[str, Any]:
    """The module's own table, by version of CoreDNS: a test that is put beside it can see it."""
    with tempfile.TemporaryDirectory() as folder:
        copy, dump = Path(folder) / "source", Path(folder) / "dump.json"
        writable(MIGRATION, version, copy)
        test = DUMP.read_text(encoding="utf-8")
        if not any("namedOptions" in one.read_text(encoding="utf-8") for one in (copy / "migration").glob("*.go")):
            # The first modules knew no options by pattern.
            test = test.replace("p.namedOptions", "p.options").replace("statuses(p.patternOptions)", "nil")
        (copy / "migration/dump_test.go").write_text(test, encoding="utf-8")
        _go(["test", "-run", "TestDump", "./migration"], copy, DUMP=str(dump), GOFLAGS="-mod=mod", GOWORK="off")
        made: dict[str, Any] = json.loads(dump.read_text(encoding="utf-8"))
        return made


def _go(arguments: list[str], folder: Path, **environment: str) -> None:
    try:
        command, variables = ["go", *arguments], {**os.environ, **environment}
        done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise ModuleError(NO_GO) from None
    if done.returncode:
        raise ModuleError(f"{MIGRATION} cannot be read: {(done.stdout + done.stderr)[-500:]}")


def _states(release: Mapping[str, Any]) -> dict[Key, str]:
    found: dict[Key, str] = {}
    for name, plugin in release["plugins"].items():
        found[name, "", ""] = plugin["status"]
        found |= {(name, option, ""): status for option, status in plugin["named"].items()}
        found |= {(name, "", pattern): status for pattern, status in (plugin["patterns"] or {}).items()}
    return found
