"""Run all benchmarks and print a table of ratios.

PLUTO=PATH names a pluto program to compare with, TREE=FOLDER a real manifest tree to read instead of the made one,
PODS=10000,50000,150000 the sizes of the snapshots.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from benchmarks import inputs
from benchmarks.measure import Cost, best, run, scan, table


def main() -> None:
    """Measure, and print as it goes."""
    with tempfile.TemporaryDirectory(prefix="kubepreflight-bench-") as scratch:
        start()
        knowledge()
        manifests(Path(scratch))
        snapshots(Path(scratch), [int(one) for one in os.environ.get("PODS", "10000,50000,150000").split(",")])


def start() -> None:
    """(d) How long it takes to say nothing."""
    program = scan()[0]
    costs = best({"python -c pass": [sys.executable, "-c", "pass"], "--version": [program, "--version"]}, 9)
    table("start", costs, "python -c pass")


def knowledge() -> None:
    """(e) How long it takes to read every table of facts: the difference of the two."""
    module = [sys.executable, "-m", "benchmarks.load_knowledge"]
    costs = best({"without the tables": module, "with all tables": [*module, "tables"]}, 9)
    table("knowledge", costs, "without the tables")
    difference = costs["with all tables"].seconds - costs["without the tables"].seconds
    print(f"  all tables: {difference * 1000:.0f} ms")


def manifests(scratch: Path) -> None:
    """(a) A GitOps tree against pluto, or against a bare parse."""
    tree = Path(os.environ["TREE"]) if "TREE" in os.environ else scratch / "tree"
    if "TREE" not in os.environ:
        inputs.manifest_tree(tree)
    commands: dict[str, list[str | Path]] = {
        "kubepreflight scan": scan(tree),
        "bare PyYAML parse": [sys.executable, "-m", "benchmarks.bare_parse", tree],
    }
    against = "bare PyYAML parse"
    if pluto := os.environ.get("PLUTO"):
        against = "pluto"
        commands[against] = [pluto, "detect-files", "-d", tree, "-o", "json"]
    else:
        print("PLUTO= names no program: compared with a bare parse only")
    # pluto ends with 2 to 4 when it finds something
    table(f"manifests: {tree.name}", best(commands, 5, (0, 2, 3, 4)), against)


def snapshots(scratch: Path, sizes: list[int]) -> None:
    """(b) A large snapshot against bare decoding of the same bytes; (c) cost against size."""
    per_pod: dict[str, Cost] = {}
    for size in sizes:
        path = scratch / f"{size}.tar.gz"
        # in a process of its own: the peak memory of a process is counted into those that it starts
        run([sys.executable, "-m", "benchmarks.inputs", path, str(size)])
        commands: dict[str, list[str | Path]] = {
            "kubepreflight scan": scan(path),
            "bare decoding": [sys.executable, "-m", "benchmarks.bare_decoding", path],
        }
        costs = best(commands, 3)
        table(f"snapshot of {size:,} pods, {path.stat().st_size >> 20} MB", costs, "bare decoding")
        per_pod[f"{size:,} pods"] = costs["kubepreflight scan"]
        path.unlink()
    empty = run([*scan()[:1], "--version"])
    print("\ncost against size (microseconds per pod, without the start)")
    for (name, cost), size in zip(per_pod.items(), sizes, strict=True):
        print(f"  {name:14} {(cost.seconds - empty.seconds) / size * 1e6:7.1f}")


main()
