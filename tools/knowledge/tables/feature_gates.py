"""feature_gates.csv: which feature gates each program knows, since when, in which state, and when they went."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from kubepreflight.knowledge.feature_gates import CORE, CORE_PROGRAMS
from kubepreflight.version import Minor
from tools.knowledge.lives import table
from tools.knowledge.makers import Records
from tools.knowledge.pins import Pin
from tools.knowledge.records import Row
from tools.knowledge.sources import read as read_sources

GONE = "gone"
ASKED = True
COLUMNS = ("component", "gate", "history")
HEAD = "# key: component, gate\n"


def read(pin: Pin) -> Iterable[Row]:
    """Rows of gate, state ("ga on locked") and the programs that know it so ("core" for all that run in a cluster)."""
    knowing: dict[tuple[str, str], set[str]] = defaultdict(set)
    for program, gate, stage, default, locked in read_sources("gates", pin):
        knowing[gate, state(stage, default, locked)].add(program)
    for (gate, words), programs in knowing.items():
        all_know = programs >= CORE_PROGRAMS
        yield gate, words, " ".join(sorted((programs - CORE_PROGRAMS) | {CORE} if all_know else programs))


def state(stage: str, default: str, locked: str) -> str:
    """The words `ga on locked`, of a stage and of two truth values as Go writes them."""
    return " ".join(filter(None, (stage, "on" if default == "true" else "off", "locked" if locked == "true" else "")))


def compose(records: Records) -> str:
    """A row for each gate and program, or one for all core programs where they agree."""
    states: dict[str, dict[str, dict[Minor, str]]] = defaultdict(lambda: defaultdict(dict))
    for minor, rows in records.items():
        for gate, words, programs in rows:
            for program in programs.split():
                for one in CORE_PROGRAMS if program == CORE else (program,):
                    states[gate][one][minor] = words
    made: list[tuple[str, ...]] = []
    for gate, by_program in sorted(states.items()):
        histories = {program: _history(by_minor, list(records)) for program, by_minor in by_program.items()}
        made.extend((component, gate, history) for component, history in sorted(_folded(histories)))
    return HEAD + table(COLUMNS, [dict(zip(COLUMNS, row, strict=True)) for row in made])


def _history(states: dict[Minor, str], minors: list[Minor]) -> str:
    """Each minor in which the state is another than before."""
    changes = []
    before = GONE
    for minor in minors:
        now = states.get(minor, GONE)
        if now != before:
            changes.append(f"{minor} {now}")
        before = now
    return "; ".join(changes)


def _folded(histories: dict[str, str]) -> Iterator[tuple[str, str]]:
    core = {histories.get(program) for program in CORE_PROGRAMS}
    history = core.pop() if len(core) == 1 else None
    if history is not None:
        yield CORE, history
    yield from ((program, one) for program, one in histories.items() if history is None or program not in CORE_PROGRAMS)
