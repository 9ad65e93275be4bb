"""python -m tools.knowledge.asked RELEASE...: asks the programs of a release for their flags, gates and plugins.

Every program is built with libraries that write down all its feature gates when its flags are put together, and all
its flags when the first command line is parsed, and end it there. They must be those of the records that were read in
the sources; then the release may be named in `pins.toml` under `asked`. Building takes some ten minutes a release.
Needs Go and a Go module proxy.
"""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from kubepreflight.knowledge.feature_gates import CORE, CORE_PROGRAMS
from tools.knowledge import records
from tools.knowledge.modules import kubernetes, published_apart, required, staging_version, writable
from tools.knowledge.pins import Pin, pins
from tools.knowledge.tables.admission_plugins import ON
from tools.knowledge.tables.feature_gates import state
from tools.kubernetes.build import OFFLINE_SAFE
from tools.kubernetes.modules import ModuleError

PFLAG = "github.com/spf13/pflag"
GATES = "k8s.io/component-base"
SERVER = "kube-apiserver"
_PARSE = "func (f *FlagSet) Parse(arguments []string) error {\n"
_KNOWN = "func (f *featureGate) KnownFeatures() []string {\n"
_PLUGINS = re.compile(r"enabled ones \((.*?)\)\. .* list of admission plugins: (.*?)\. The order", re.DOTALL)
_REPLACED = re.compile(r"^\s*(?:replace\s+)?([a-z]\S+) => ([a-z]\S+ v\S+)$", re.MULTILINE)
_GO = re.compile(r"^go \S+$", re.MULTILINE)

Row = tuple[str, ...]
"""A table's name, then the program, and what is told of one flag, gate or plugin."""


def main() -> int:
    """Ask the programs of each release; what differs goes to standard output. Returns the exit status."""
    known = {pin.release: pin for pin in pins().pins}
    status = 0
    for release in sys.argv[1:]:
        pin = known[release]
        told, read = set(ask(pin)), set(_read(pin))
        for mark, rows in (("only told", told - read), ("only read", read - told)):
            for row in sorted(rows):
                print(release, mark, *row)
                status = 1
        counts = ", ".join(f"{count} {table}" for table, count in sorted(Counter(row[0] for row in told).items()))
        print(f"{release}: told {counts}", file=sys.stderr)
    return status


def ask(pin: Pin) -> Iterator[Row]:
    """What the programs of a release tell. Raises ModuleError when one does not build."""
    with TemporaryDirectory(prefix="kubepreflight-") as scratch:
        folder = Path(scratch)
        _write_module(folder, pin)
        for program in sorted(CORE_PROGRAMS):
            target = folder / program
            _build(folder, program, target)
            told = {name: folder / f"{program}-{name}.csv" for name in ("FLAGS", "GATES")}
            environment = {f"TELL_{name}": str(path) for name, path in told.items()}
            subprocess.run([target], env=environment, capture_output=True, check=True)
            yield from _flags(program, _rows(told["FLAGS"]))
            for gate, stage, default, locked in _rows(told["GATES"]):
                yield "gates", program, gate, state(stage.lower() or "ga", default, locked)


def _flags(program: str, rows: Iterable[list[str]]) -> Iterator[Row]:
    for name, deprecated, usage in rows:
        yield "flags", program, name, deprecated
        if program == SERVER and name == "enable-admission-plugins":
            shown = _PLUGINS.search(usage)
            on, known = (part.split(", ") for part in shown.groups()) if shown else ([], [])
            yield from (("plugins", program, plugin, ON if plugin in on else "") for plugin in known)


def _rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, strict=True))


def _read(pin: Pin) -> Iterator[Row]:
    """The same, as it was read in the sources."""
    yield from (("flags", *row) for row in records.rows("flags", pin.minor))
    yield from (("plugins", SERVER, *row) for row in records.rows("admission_plugins", pin.minor))
    for gate, words, programs in records.rows("feature_gates", pin.minor):
        for program in sorted(CORE_PROGRAMS):
            if {program, CORE} & set(programs.split()):
                yield "gates", program, gate, words


def _write_module(folder: Path, pin: Pin) -> None:
    """A module that has the programs and the libraries that tell, all others as Kubernetes' own go.mod says."""
    _telling(folder / "pflag", PFLAG, required(pin)[PFLAG], "flag.go", _PARSE)
    _telling(folder / "gates", GATES, staging_version("component-base", pin), "featuregate/feature_gate.go", _KNOWN)
    upstream = (kubernetes(pin) / "go.mod").read_text()
    replaced = dict(_REPLACED.findall(upstream))
    for name in published_apart(pin):
        path = f"k8s.io/{name}"
        replaced[path] = f"{path} {staging_version(name, pin)}"
    replaced |= {PFLAG: "./pflag", GATES: "./gates"}
    go = _GO.search(upstream)
    lines = "\n".join(f"\t{path} => {version}" for path, version in sorted(replaced.items()))
    (folder / "go.mod").write_text(
        f"module kubepreflight.invalid/asked\n\n{go[0] if go else 'go 1.24'}\n\n"
        f"require k8s.io/kubernetes v{pin.release}\n\nreplace (\n{lines}\n)\n"
    )
    imports = "\n".join(f'\t_ "k8s.io/kubernetes/cmd/{program}"' for program in sorted(CORE_PROGRAMS))
    (folder / "programs.go").write_text(f"//go:build programs\n\npackage asked\n\nimport (\n{imports}\n)\n")
    shutil.copyfile(kubernetes(pin) / "go.sum", folder / "go.sum")


def _telling(target: Path, path: str, version: str, file: str, function: str) -> None:
    """A copy of a module in which a function begins by telling."""
    writable(path, version, target)
    begins = target / file
    begins.write_text(begins.read_text().replace(function, f"{function}\tf.tell()\n"))
    telling = "tell_flags" if path == PFLAG else "tell_gates"
    begins.with_name("tell.go").write_text(Path(__file__).with_name(f"{telling}.go.txt").read_text())


def _build(folder: Path, program: str, target: Path) -> None:
    # Nobody runs them for long: what the compiler would do to make them fast costs more than it brings.
    command = [
        "go",
        "build",
        "-trimpath",
        "-gcflags=all=-N -l -dwarf=false",
        "-ldflags=-s -w",
        "-o",
        str(target),
        f"k8s.io/kubernetes/cmd/{program}",
    ]
    environment = os.environ | OFFLINE_SAFE | {"GOFLAGS": "-mod=mod -buildvcs=false"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ModuleError(f"{program} does not build: {done.stderr[-2000:]}")


if __name__ == "__main__":
    sys.exit(main())
