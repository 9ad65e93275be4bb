"""component_versions.csv: which etcd, CoreDNS and pause kubeadm brings along, by its patch release."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from tools.knowledge.kubeadm_constants import Components, components
from tools.knowledge.lives import Cells, corrections, table
from tools.knowledge.makers import Records
from tools.knowledge.pins import Pin, pins
from tools.knowledge.records import Row

COLUMNS = ("minor", "since_patch", *Components._fields)
HEAD = """\
# key: minor, since_patch
# What kubeadm of a minor brings along, from a patch release of that minor on: cmd/kubeadm/app/constants and go.mod of
# k8s.io/kubernetes. Read in the first and the last patch release of each minor, and where they differ in those between,
# until each change is known to the patch; between two that say the same nothing was looked for. Releases at a change of
# which there was no module: tools/knowledge/corrections/component_versions.csv.
"""


def read(pin: Pin) -> Iterator[Row]:
    """The patch releases that were read, each with what it names."""
    last = int(pin.release.rpartition(".")[2])
    missing = pins().missing

    @cache
    def named(patch: int) -> Components:
        return components(replace(pin, release=f"{pin.minor}.{patch}"))

    def between(first: int, last: int) -> Iterator[int]:
        there = [patch for patch in range(first + 1, last) if f"{pin.minor}.{patch}" not in missing]
        if there and named(first) != named(last):
            middle = there[(len(there) - 1) // 2]
            yield middle
            yield from between(first, middle)
            yield from between(middle, last)

    for patch in {0, *between(0, last), last}:
        yield str(patch), *named(patch)


def compose(records: Records) -> str:
    """A row for each patch release that names something else than the one before it."""
    by_hand = corrections("component_versions", COLUMNS[:2])
    made = []
    for minor, rows in records.items():
        named = {int(patch): dict(zip(Components._fields, cells, strict=True)) for patch, *cells in rows}
        named |= {int(patch): _named(cells) for (one, patch), cells in by_hand.items() if one == str(minor)}
        before: Cells = {}
        for patch, cells in sorted(named.items()):
            now = {**before, **cells}
            if now != before:
                made.append({"minor": str(minor), "since_patch": str(patch), **now})
            before = now
    return HEAD + table(COLUMNS, made)


def _named(correction: Cells) -> Cells:
    return {column: cell for column, cell in correction.items() if column in Components._fields}
