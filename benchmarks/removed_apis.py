"""What the evidence of removed APIs costs: an audit log of MB=1000, and manifests, of which TREE names a real tree.

Usage: python -m benchmarks.removed_apis
"""

from __future__ import annotations

import gzip
import os
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks import inputs
from benchmarks.measure import best, scan, table
from kubepreflight.engine import Resolver, judge
from kubepreflight.inputs import Wanted
from kubepreflight.rule import load_rules
from kubepreflight.scan import wanted_by
from kubepreflight.semantics.embedded_manifests import TextConfigMap
from kubepreflight.snapshot import Collector, Snapshot
from kubepreflight.sources.files import FileSource
from kubepreflight.upgrade import ScanOptions, Upgrade
from kubepreflight.version import Minor, Version

ROUNDS = 5


def main() -> None:
    """Measure, and print."""
    with tempfile.TemporaryDirectory(prefix="kubepreflight-bench-") as scratch:
        audit_log(Path(scratch), int(os.environ.get("MB", "1000")))
        tree = Path(os.environ["TREE"]) if "TREE" in os.environ else Path(scratch) / "tree"
        if "TREE" not in os.environ:
            inputs.manifest_tree(tree)
        manifests(tree)


def audit_log(scratch: Path, megabytes: int) -> None:
    """A log as it comes, and compressed; beside it a reader that decodes every line and keeps nothing."""
    plain, packed = scratch / "audit.log", scratch / "audit-older.log.gz"
    inputs.audit_log(plain, megabytes)
    with plain.open("rb") as source, gzip.open(packed, "wb", 1) as target:
        while block := source.read(1 << 22):
            target.write(block)
    costs = best(
        {
            "scan, nothing else": scan(scratch / "audit.log", "--only", "removed-api"),
            "scan, compressed": scan(packed, "--only", "removed-api"),
            "json of every line": [sys.executable, "-c", JSON, plain],
        },
        3,
    )
    table(f"audit log of {megabytes} MB", costs, "json of every line")
    size = megabytes * 1.048576
    for name, cost in costs.items():
        print(f"  {name:20} {size / cost.seconds:5.0f} MB/s, {size / cost.processor:5.0f} MB a second of a processor")


JSON = "import json, sys; print(sum(len(json.loads(line)) for line in open(sys.argv[1], 'rb')))"


def manifests(tree: Path) -> None:
    """How much the rule adds to the reading of a tree: its own work, and bodies of ConfigMaps, which it alone reads."""
    rules = load_rules()
    wanted = wanted_by(rules)
    without = Wanted(wanted.observed, wanted.desired - {TextConfigMap}, wanted.others)
    (rule,) = (one for one in rules if one.name == "removed-api")
    plain, whole, judging = [], [], []
    for _ in range(ROUNDS):
        plain.append(reading(tree, without)[0])
        seconds, snapshot = reading(tree, wanted)
        whole.append(seconds)
        resolver = Resolver(snapshot)
        resolver.get(Upgrade)
        started = time.process_time()
        judge(rule, resolver, None)
        judging.append(time.process_time() - started)
    bodies = max(min(whole) - min(plain), 0)
    print(f"\nremoved-api over {tree.name}, {len(snapshot.headers)} manifests, in seconds of a processor")
    print(f"  reading all of it     {min(plain):8.3f}")
    print(f"  bodies of ConfigMaps  {bodies:8.3f}")
    print(f"  judging               {min(judging):8.3f}")
    print(f"  which adds            {(bodies + min(judging)) / min(plain):8.1%}")


def reading(tree: Path, wanted: Wanted) -> tuple[float, Snapshot]:
    """Read a tree; how long it took, and what was read."""
    collector = Collector(wanted)
    plan = ScanOptions(start=datetime.now(UTC), window=timedelta(1), target=Version(1, 37), newest_known=Minor(1, 37))
    collector.give(plan)
    started = time.process_time()
    FileSource([str(tree)])(collector)
    return time.process_time() - started, collector.snapshot()


main()
