"""python -m tools.corefile_migration: writes coredns_versions.csv and corefile_options.csv anew.

For every version of github.com/coredns/corefile-migration that `knowledge/coredns.toml` names, the module is
downloaded and its table dumped by a Go test. What the newest says is written down, with the minor of kubeadm since
which it is known. A second run changes nothing. Needs Go and a Go module proxy.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from kubepreflight.knowledge.coredns import CoreDnsFile, read_file
from kubepreflight.knowledge.table import DIRECTORY
from kubepreflight.version import Minor
from tools.kubernetes.modules import download

MODULE = "github.com/coredns/corefile-migration"
DUMP = Path(__file__).with_name("dump_test.go.txt")
ABSENT = "absent"

Key = tuple[str, str, str]
"""Plugin, option (empty for the plugin itself), pattern (for options that are regular expressions)."""

States = Mapping[str, Mapping[Key, str]]
"""What each version of CoreDNS has, and in which state."""


def main() -> None:
    """Write both tables."""
    file = read_file()
    modules = {row.minor: row.migration for row in file.kubeadm if row.migration}
    dumps = {version: _dump(version) for version in dict.fromkeys(modules.values())}
    newest = dumps[modules[max(modules)]]
    chain = list(_chain(newest))
    states = {version: {one: _states(dump[one]) for one in dump} for version, dump in dumps.items()}
    known = {minor: states[version] for minor, version in modules.items()}
    _write("coredns_versions.csv", file, ("version", "kubeadm"), _versions(chain, known))
    _write(
        "corefile_options.csv", file, ("plugin", "option", "pattern", "since", "status", "kubeadm"), _rows(chain, known)
    )


def _dump(version: str) -> dict[str, Any]:
    """The module's own table, by version of CoreDNS."""
    upstream = download(f"{MODULE}@{version}")["Dir"]
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        shutil.copytree(upstream, source, ignore=shutil.ignore_patterns("*_test.go"))
        for path in (source, *source.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        test = DUMP.read_text()
        if not any("namedOptions" in one.read_text() for one in (source / "migration").glob("*.go")):
            # The first modules knew no options by pattern.
            test = test.replace("p.namedOptions", "p.options").replace("statuses(p.patternOptions)", "nil")
        (source / "migration/dump_test.go").write_text(test)
        dump = Path(folder) / "dump.json"
        _go(["test", "-run", "TestDump", "./migration"], source, DUMP=str(dump), GOFLAGS="-mod=mod", GOWORK="off")
        made: dict[str, Any] = json.loads(dump.read_text())
        return made


def _go(arguments: list[str], folder: Path, **environment: str) -> None:
    """Raises CalledProcessError, after what the go command has to say went to standard error."""
    command = ["go", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder, env={**os.environ, **environment})


def _chain(dump: Mapping[str, Any]) -> Iterator[str]:
    """The versions, oldest first: each names the next."""
    (version,) = dump.keys() - {one["next"] for one in dump.values()}
    while version:
        yield version
        version = dump[version]["next"]


def _states(release: Mapping[str, Any]) -> dict[Key, str]:
    found: dict[Key, str] = {}
    for name, plugin in release["plugins"].items():
        found[name, "", ""] = plugin["status"]
        found |= {(name, option, ""): status for option, status in plugin["named"].items()}
        found |= {(name, "", pattern): status for pattern, status in (plugin["patterns"] or {}).items()}
    return found


def _versions(chain: list[str], known: Mapping[Minor, States]) -> Iterator[tuple[str, ...]]:
    for version in chain:
        yield version, str(min(minor for minor, states in known.items() if version in states))


def _rows(chain: list[str], known: Mapping[Minor, States]) -> Iterator[tuple[str, ...]]:
    """Each change of a state along the chain; `kubeadm` where an older one that knows the version has it otherwise."""
    newest = known[max(known)]
    before: Mapping[Key, str] = {}
    for version in chain:
        now = newest[version]
        for key in sorted(now.keys() | before.keys()):
            if now.get(key) != before.get(key):
                plugin, option, pattern = key
                since = _known_since(key, version, known)
                yield plugin, option, pattern, version, now.get(key, ABSENT), since
        before = now


def _known_since(key: Key, version: str, known: Mapping[Minor, States]) -> str:
    wanted = known[max(known)][version].get(key)
    otherwise = [minor for minor, states in known.items() if version in states and states[version].get(key) != wanted]
    return str(max(otherwise).plus(1)) if otherwise else ""


def _write(name: str, file: CoreDnsFile, columns: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> None:
    text = StringIO()
    text.write(
        f"# Generated by `python -m tools.corefile_migration` from {MODULE}, in the versions that coredns.toml names.\n"
        f"# verified: {file.checks_since} to {file.verified.end} on {file.verified.date}\n"
    )
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    path = DIRECTORY / name
    path.write_text(text.getvalue())
    print(f"wrote {path.name}", file=sys.stderr)


if __name__ == "__main__":
    main()
