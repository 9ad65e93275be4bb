"""What an API server serves: each version of each kind, from its first minor to its last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kubepreflight.version import Minor
from tools.knowledge.api_types import Marker, markers
from tools.knowledge.lives import Cells, corrected, corrections, group, life, rank, stage, table
from tools.knowledge.makers import Records
from tools.knowledge.pins import Pin
from tools.knowledge.records import Row
from tools.knowledge.served_apis import served

COLUMNS = (
    "api_version",
    "kind",
    "stage",
    "served_by_default",
    "introduced",
    "deprecated",
    "removed",
    "replacement",
    "replacement_since",
    "gate",
    "convertible",
    "notes",
    "source",
)
HEAD = """\
# key: api_version, kind
# What Kubernetes' API servers serve, and what to write instead of what they no longer do.
# reference: https://kubernetes.io/docs/reference/using-api/deprecation-guide/
# Kept by hand: tools/knowledge/corrections/api_lifecycle.csv.
# A removal later than the verified range is planned upstream and may change.
# convertible: tried with kubectl-convert 1.37.2, row by row, from the version to its replacement.
"""
Key = tuple[str, str]
NO_MARKER = Marker()
NOT_SERVED, SERVED, BY_DEFAULT = "", "served", "default"


def read(pin: Pin) -> Iterator[Row]:
    """API version, kind, how it is served, the gate that it needs, and upstream's marker of its life."""
    marked = markers(pin)
    there = {(one.api_version, one.kind): one for one in served(pin)}
    for key in marked.keys() | there.keys():
        one = there.get(key)
        how = NOT_SERVED if one is None else BY_DEFAULT if one.by_default else SERVED
        marker = marked.get(key, NO_MARKER)
        yield *key, how, one.gate if one else "", *marker.cells


@dataclass
class _Api:
    """What was read of one version of one kind: how each minor serves it, and what the newest says of its life."""

    api_version: str
    kind: str
    how: dict[Minor, str]
    gate: str = ""
    marker: Marker = NO_MARKER
    introduced: str = ""
    """By hand."""

    @property
    def group_kind(self) -> Key:
        return group(self.api_version), self.kind

    @property
    def served(self) -> list[Minor]:
        return [minor for minor, how in self.how.items() if how]

    @property
    def removed(self) -> Minor | None:
        """The first minor that does not serve it any more; by default, if it was served by default before."""
        was_default = BY_DEFAULT in self.how.values()
        there = [minor for minor, how in self.how.items() if how == BY_DEFAULT or (how and not was_default)]
        return life(there, list(self.how)).removed

    @property
    def since(self) -> str:
        """The minor that brought it, as its marker has it where the first that was read serves it already."""
        if self.introduced:
            return self.introduced
        since = life(self.served, list(self.how)).since
        if since:
            return str(since)
        marked = self.marker.introduced
        return marked if marked and Minor.parse(marked) <= self.served[0] else ""

    @property
    def deprecated(self) -> str:
        """As its marker has it, unless it was gone by then."""
        marked = self.marker.deprecated
        return marked if marked and (self.removed is None or Minor.parse(marked) < self.removed) else ""


def compose(records: Records) -> str:
    """The table: what was read, and what is known by hand."""
    apis = _apis(records)
    by_hand = corrections("api_lifecycle", COLUMNS[:2])
    for key, correction in by_hand.items():
        if key in apis:
            apis[key].introduced = correction.get("introduced", "")
    newest = max(records)
    made = []
    for key in sorted(apis.keys() | by_hand.keys(), key=lambda one: (group(one[0]), one[1], rank(one[0]))):
        cells = _cells(apis[key], apis, newest) if key in apis else {"stage": stage(key[0])}
        made.append({**dict(zip(COLUMNS, key, strict=False)), **corrected(cells, by_hand.get(key, {}))})
    return HEAD + table(COLUMNS, made)


def _apis(records: Records) -> dict[Key, _Api]:
    """All that some minor serves."""
    apis: dict[Key, _Api] = {}
    for minor, rows in records.items():
        for api_version, kind, how, gate, *marker in rows:
            api = apis.setdefault((api_version, kind), _Api(api_version, kind, dict.fromkeys(records, NOT_SERVED)))
            api.how[minor] = how
            api.gate = gate or api.gate
            api.marker = Marker(*marker)
    return {key: api for key, api in apis.items() if api.served}


def _cells(api: _Api, apis: Mapping[Key, _Api], newest: Minor) -> Cells:
    removed = api.removed
    cells = {
        "stage": stage(api.api_version),
        "served_by_default": "yes" if BY_DEFAULT in api.how.values() else "no",
        "introduced": api.since,
        "deprecated": api.deprecated,
        "removed": str(removed) if removed else _planned(api.marker, newest),
        "gate": api.gate,
        "source": f"source of Kubernetes {api.served[0]} to {api.served[-1]}",
    }
    following = _replacement(api, apis, removed, newest)
    if following is not None:
        changed = "" if following.kind == api.kind else f" {following.kind}"
        cells["replacement"] = following.api_version + changed
        cells["replacement_since"] = following.since
    return cells


def _planned(marker: Marker, newest: Minor) -> str:
    """A removal that lies ahead; one that was due and did not happen is none."""
    return marker.removed if marker.removed and Minor.parse(marker.removed) > newest else ""


def _replacement(api: _Api, apis: Mapping[Key, _Api], removed: Minor | None, newest: Minor) -> _Api | None:
    """The newest version of the kind that is served on both sides of the removal, or else after it; or by the marker.

    Of what stays: the newest of now, unless it is the same.
    """
    after = removed or newest
    before = after.plus(-1) if removed else newest
    others = [
        one
        for one in apis.values()
        if one.group_kind == api.group_kind and one.how[after] and rank(one.api_version) > rank(api.api_version)
    ]
    both = [one for one in others if one.how[before]]
    if both or others:
        return max(both or others, key=lambda one: rank(one.api_version))
    version, _, kind = api.marker.replacement.partition(" ")
    return apis.get((version, kind))
