"""feature_gate_dependencies.csv: which feature gate must not be on without which other one, and since when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from kubepreflight.knowledge.feature_gates import CORE_PROGRAMS
from kubepreflight.version import Minor
from tools.knowledge.lives import life, table
from tools.knowledge.makers import Records
from tools.knowledge.pins import Pin
from tools.knowledge.records import Row
from tools.knowledge.sources import read as read_sources
from tools.kubernetes.modules import ModuleError

COLUMNS = ("gate", "needs", "since", "until")
HEAD = """\
# key: gate, needs
# All programs that run in a cluster have them; kubeadm's own gates have none. `until` is the first minor without it.
"""


def read(pin: Pin) -> Iterable[Row]:
    """Rows of a gate and one that it needs. Raises ModuleError when a program has it and another one has not."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for program, gate, needed in read_sources("dependencies", pin):
        found[gate, needed].add(program)
    for (gate, needed), programs in found.items():
        if programs != CORE_PROGRAMS:
            raise ModuleError(f"only {', '.join(sorted(programs))} of {pin.release}: {gate} needs {needed}")
        yield gate, needed


def compose(records: Records) -> str:
    """A row for each gate and one that it needs."""
    found: dict[tuple[str, str], list[Minor]] = defaultdict(list)
    for minor, rows in records.items():
        for gate, needed in rows:
            found[gate, needed].append(minor)
    made = []
    for (gate, needed), minors in sorted(found.items()):
        one = life(minors, list(records))
        cells = (gate, needed, *(str(minor) if minor else "" for minor in (one.since, one.removed)))
        made.append(dict(zip(COLUMNS, cells, strict=True)))
    return HEAD + table(COLUMNS, made)
