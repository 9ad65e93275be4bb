"""Which configuration files Kubernetes' programs read: the versions of each kind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from kubepreflight.version import Minor
from tools.knowledge.config_readers import config_files, kubeadm_stages
from tools.knowledge.lives import Cells, corrected, corrections, group, life, rank, table
from tools.knowledge.makers import Records
from tools.knowledge.pins import Pin
from tools.knowledge.records import Row

COLUMNS = (
    "program",
    "api_version",
    "kind",
    "since",
    "deprecated",
    "removed",
    "replacement",
    "replacement_since",
    "unknown_fields",
    "notes",
    "source",
)
HEAD = """\
# key: api_version, kind
# Kept by hand: tools/knowledge/corrections/component_config.csv.
# A version that kubeadm calls experimental, and only reads when it is told to by a flag, is not here.
"""
Key = tuple[str, str, str]
Minors = dict[Key, list[Minor]]


def read(pin: Pin) -> Iterator[Row]:
    """The program, API version and kind of each file; and whether kubeadm calls it deprecated."""
    stages = kubeadm_stages(pin)
    for file in config_files(pin):
        stage = stages.get(file.api_version, "")
        if stage != "experimental":
            yield file.program, file.api_version, file.kind, stage


def compose(records: Records) -> str:
    """The table: what was read, and what is known by hand."""
    found: Minors = defaultdict(list)
    deprecated: Minors = defaultdict(list)
    for minor, rows in records.items():
        for program, api_version, kind, stage in rows:
            found[program, api_version, kind].append(minor)
            if stage == "deprecated":
                deprecated[program, api_version, kind].append(minor)
    by_hand = corrections("component_config", COLUMNS[:3])
    made = []
    for key in sorted(found.keys() | by_hand.keys(), key=lambda one: (one[0], group(one[1]), one[2], rank(one[1]))):
        cells = _cells(key, found, deprecated, list(records)) if key in found else {}
        made.append({**dict(zip(COLUMNS, key, strict=False)), **corrected(cells, by_hand.get(key, {}))})
    return HEAD + table(COLUMNS, made)


def _cells(key: Key, found: Minors, deprecated: Minors, minors: list[Minor]) -> Cells:
    lived = life(found[key], minors)
    cells = {"source": f"source of Kubernetes {lived.minors[0]} to {lived.last}"}
    if lived.since:
        cells["since"] = str(lived.since)
    if deprecated[key]:
        cells["deprecated"] = str(min(deprecated[key]))
    if lived.removed:
        cells["removed"] = str(lived.removed)
        replacement = _replacement(key, found, lived.last, lived.removed)
        if replacement:
            cells["replacement"] = replacement[1]
            cells["replacement_since"] = str(min(found[replacement]))
    return cells


def _replacement(key: Key, found: Minors, last: Minor, removed: Minor) -> Key | None:
    """The newest version of the same kind that is read on both sides of the removal, or else after it."""
    after = [one for one in found if _same_kind(one, key) and removed in found[one]]
    both = [one for one in after if last in found[one]]
    return max(both or after, key=lambda one: rank(one[1]), default=None)


def _same_kind(one: Key, other: Key) -> bool:
    return (one[0], group(one[1]), one[2]) == (other[0], group(other[1]), other[2])
