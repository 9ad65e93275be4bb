"""corefile_options.csv: which plugins and options of a Corefile kubeadm knows, version by version of CoreDNS."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from kubepreflight.version import Minor, Version
from tools.knowledge.corefile_migrations import Key, States, migrations
from tools.knowledge.lives import Cells, table
from tools.knowledge.makers import Records
from tools.knowledge.pins import Pin
from tools.knowledge.records import Row

COLUMNS = ("plugin", "option", "pattern", "since", "status", "kubeadm")
SINCE = Minor(1, 16)
"""The first whose kubeadm migrates a Corefile."""

HEAD = """\
# From github.com/coredns/corefile-migration, in the version that the last patch release of each minor requires.
"""
ABSENT = "absent"

ByVersion = Mapping[str, States]


def read(pin: Pin) -> Iterator[Row]:
    """Each version that one release knows, and with it what is in another state than in the version before."""
    before: States = {}
    for version, states in migrations(pin).items():
        yield version, "", "", "", ""
        yield from ((version, *key, status) for key, status in _changes(before, states))
        before = states


def compose(records: Records) -> str:
    """Each change of a state, as the newest kubeadm has it; `kubeadm` where older ones that know the version differ."""
    known = {minor: _by_version(rows) for minor, rows in records.items()}
    made: list[Cells] = []
    before: States = {}
    for version, states in known[max(known)].items():
        for key, status in _changes(before, states):
            cells = (*key, version, status, _known_since(key, version, known))
            made.append(dict(zip(COLUMNS, cells, strict=True)))
        before = states
    return HEAD + table(COLUMNS, made)


def _changes(before: States, now: States) -> Iterator[tuple[Key, str]]:
    for key in sorted(now.keys() | before.keys()):
        if now.get(key) != before.get(key):
            yield key, now.get(key, ABSENT)


def _by_version(rows: list[tuple[str, ...]]) -> dict[str, dict[Key, str]]:
    """The states in each version again, oldest first."""
    changes: dict[str, list[tuple[Key, str]]] = defaultdict(list)
    for version, plugin, option, pattern, status in rows:
        changes[version].append(((plugin, option, pattern), status))
    found: dict[str, dict[Key, str]] = {}
    states: dict[Key, str] = {}
    for version in sorted(changes, key=Version.parse):
        states = {**states, **dict(changes[version])}
        found[version] = {key: status for key, status in states.items() if key[0] and status != ABSENT}
    return found


def _known_since(key: Key, version: str, known: Mapping[Minor, ByVersion]) -> str:
    wanted = known[max(known)][version].get(key)
    otherwise = [minor for minor, states in known.items() if version in states and states[version].get(key) != wanted]
    return str(max(otherwise).plus(1)) if otherwise else ""
