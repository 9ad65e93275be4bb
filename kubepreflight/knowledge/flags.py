"""Which flags each program takes, by its minor: `flags.csv`.

A program that is given another one ends with status 1 before it does anything else: "unknown flag: --x" (etcd: "flag
provided but not defined: -x"). To a deprecated one it says "Flag --x has been deprecated, " and the row's message,
and goes on. `-` and `_` in a name are one to all of them. Tried with 1.35.4, 1.36.3 and 1.37.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Self

import msgspec

from kubepreflight.knowledge.table import ShippedTable, TableInfo, read_csv
from kubepreflight.version import Minor

MINORS = frozenset({"since", "deprecated", "undeprecated", "removed"})


class Flag(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A flag of a program, its name without the dashes in front.

    `since` is None for what is as old as the table. From `deprecated` on the program itself says `message` about it,
    until `undeprecated`, the first minor that takes it without a word again; what only its help calls deprecated is
    not. `removed` is the first minor that does not know it any more. `source` says which release had the last word, and
    how: "asked" of the program, or "read" in the source that it is made of.
    """

    component: Annotated[str, msgspec.Meta(pattern="^(kube-(apiserver|controller-manager|proxy|scheduler)|kubelet)$")]
    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    since: Minor | None = None
    deprecated: Minor | None = None
    undeprecated: Minor | None = None
    message: str = ""
    removed: Minor | None = None
    source: str

    @property
    def last_message(self) -> str:
        """What the last program that knows it says of its being deprecated; empty for nothing."""
        return "" if self.undeprecated else self.message


class Flags(ShippedTable):
    """The table, as a rule asks for it. Components are named by their programs: "kube-apiserver", "kubelet"."""

    FILE = "flags.csv"

    def __init__(self, info: TableInfo, rows: Iterable[Flag]) -> None:
        super().__init__(info)
        self._rows = {(row.component, row.name): row for row in rows}

    @classmethod
    def load(cls, path: Path) -> Self:
        """The table of the CSV file at `path`. Raises KnowledgeError."""
        return cls(*read_csv(path, Flag, MINORS))

    def find(self, component: str, name: str) -> Flag | None:
        """What is known of the flag; None when no minor of the table knew it, or the component is in none."""
        return self._rows.get((component, name.replace("_", "-")))

    def flags(self, component: str) -> Iterator[Flag]:
        """Each flag that any minor of this component knew; none for a component that is not in the table."""
        return (row for row in self._rows.values() if row.component == component)
