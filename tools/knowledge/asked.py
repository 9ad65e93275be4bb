"""python -m tools.knowledge.asked RELEASE...: asks the programs of a release for their flags, and compares.

Every program is built with a pflag that writes down all its flags, as they are when the first command line is parsed,
and ends. They must be those of the record that was read in the sources; then the release may be named in `pins.toml`
under `asked`. Building takes some ten minutes a release. Needs Go and a Go module proxy.
"""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from kubepreflight.knowledge.feature_gates import CORE_PROGRAMS
from tools.knowledge import records
from tools.knowledge.modules import kubernetes, published_apart, required, staging_version, writable
from tools.knowledge.pins import Pin, pins
from tools.kubernetes.build import OFFLINE_SAFE
from tools.kubernetes.modules import ModuleError

PFLAG = "github.com/spf13/pflag"
PARSE = "func (f *FlagSet) Parse(arguments []string) error {\n"
TOLD = "TELL_FLAGS"
TELL = Path(__file__).with_name("tell_flags.go.txt")
_REPLACED = re.compile(r"^\s*(?:replace\s+)?([a-z]\S+) => ([a-z]\S+ v\S+)$", re.MULTILINE)
_GO = re.compile(r"^go \S+$", re.MULTILINE)

Told = set[tuple[str, ...]]
"""Rows of program, flag and what is said of its being deprecated."""


def main() -> int:
    """Ask the programs of each release; what differs goes to standard output. Returns the exit status."""
    known = {pin.release: pin for pin in pins().pins}
    status = 0
    for release in sys.argv[1:]:
        pin = known[release]
        told, read = set(ask(pin)), set(records.rows("flags", pin.minor))
        for mark, rows in (("only told", told - read), ("only read", read - told)):
            for row in sorted(rows):
                print(release, mark, *row)
                status = 1
        print(f"{release}: {len(told)} flags told, {len(read)} read", file=sys.stderr)
    return status


def ask(pin: Pin) -> Iterator[tuple[str, ...]]:
    """What the programs of a release tell. Raises ModuleError when one does not build."""
    with TemporaryDirectory(prefix="kubepreflight-") as scratch:
        folder = Path(scratch)
        _write_module(folder, pin)
        for program in sorted(CORE_PROGRAMS):
            target, told = folder / program, folder / f"{program}.csv"
            _build(folder, program, target)
            subprocess.run([target], env={TOLD: str(told)}, capture_output=True, check=True)
            with told.open(encoding="utf-8", newline="") as file:
                yield from ((program, name, message) for name, message in csv.reader(file, strict=True))


def _write_module(folder: Path, pin: Pin) -> None:
    """A module that has the programs and the pflag that tells; other versions are what Kubernetes' own go.mod says."""
    pflag = folder / "pflag"
    writable(PFLAG, required(pin)[PFLAG], pflag)
    parsing = pflag / "flag.go"
    parsing.write_text(parsing.read_text().replace(PARSE, PARSE + "\tf.tell()\n"))
    (pflag / "tell.go").write_text(TELL.read_text())
    upstream = (kubernetes(pin) / "go.mod").read_text()
    replaced = dict(_REPLACED.findall(upstream))
    for name in published_apart(pin):
        path = f"k8s.io/{name}"
        replaced[path] = f"{path} {staging_version(name, pin)}"
    replaced[PFLAG] = "./pflag"
    go = _GO.search(upstream)
    lines = "\n".join(f"\t{path} => {version}" for path, version in sorted(replaced.items()))
    (folder / "go.mod").write_text(
        f"module kubepreflight.invalid/asked\n\n{go[0] if go else 'go 1.24'}\n\n"
        f"require k8s.io/kubernetes v{pin.release}\n\nreplace (\n{lines}\n)\n"
    )
    imports = "\n".join(f'\t_ "k8s.io/kubernetes/cmd/{program}"' for program in sorted(CORE_PROGRAMS))
    (folder / "programs.go").write_text(f"//go:build programs\n\npackage asked\n\nimport (\n{imports}\n)\n")
    shutil.copyfile(kubernetes(pin) / "go.sum", folder / "go.sum")


def _build(folder: Path, program: str, target: Path) -> None:
    # Nobody runs them for long: what the compiler would do to make them fast costs more than it brings.
    command = [
        "go",
        "build",
        "-trimpath",
        "-gcflags=all=-N -l",
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
