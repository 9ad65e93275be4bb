"""When API versions came, when they went, and what to write instead.

One row for each version of each kind that an API server of the verified minors serves, in `api_lifecycle.csv`, whether
or not it goes away. What is not in the table, none of them serves: it is a custom resource, a file, or a mistake.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Self

import msgspec

from kubepreflight.knowledge.table import ShippedTable, TableInfo, read_csv
from kubepreflight.version import Minor

MINORS = frozenset({"introduced", "deprecated", "removed", "replacement_since"})


class ApiKind(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The life of one API version of one kind.

    `removed` is the first minor that does not serve it any more, None where no removal is known or planned; of what was
    served by default it is the first that does not do so. `replacement` is the newest version that is served on both
    sides of the removal, where there is one, else the one that came with it; `replacement_since` the minor that brought
    it; `convertible` whether `kubectl convert` makes it. What is not `served_by_default` must be asked for with
    `--runtime-config`. Whatever the version, it is not served where the feature gate `gate` is off. `notes` says what
    else changes in the manifest, `source` where the row comes from.
    """

    api_version: str
    kind: str
    stage: Literal["alpha", "beta", "ga"]
    served_by_default: Literal["yes", "no"]
    introduced: Minor
    deprecated: Minor | None = None
    removed: Minor | None = None
    replacement: str = ""
    replacement_since: Minor | None = None
    gate: str = ""
    convertible: bool = False
    notes: str = ""
    source: str

    @property
    def replacement_version(self) -> str:
        """The API version to write instead; empty when nothing replaces it."""
        return self.replacement.partition(" ")[0]

    @property
    def replacement_kind(self) -> str:
        """The kind to write instead: nearly always the same."""
        return self.replacement.partition(" ")[2] or self.kind


class ApiLifecycle(ShippedTable):
    """The table, as a rule asks for it."""

    FILE = "api_lifecycle.csv"

    def __init__(self, info: TableInfo, rows: list[ApiKind]) -> None:
        super().__init__(info)
        self._rows = {(row.api_version, row.kind): row for row in rows}

    @classmethod
    def load(cls, path: Path) -> Self:
        """The table of the CSV file at `path`. Raises KnowledgeError."""
        info, rows = read_csv(path, ApiKind, MINORS)
        return cls(info, rows)

    def served(self) -> Iterator[ApiKind]:
        """Each row."""
        return iter(self._rows.values())

    def find(self, api_version: str, kind: str) -> ApiKind | None:
        """What an API server does with this version of this kind; None when none serves it."""
        return self._rows.get((api_version, kind))

    def going(self) -> Iterator[ApiKind]:
        """Each row for which a removal is known, be it behind or ahead."""
        return (row for row in self._rows.values() if row.removed is not None)

    def find_going(self, api_version: str, kind: str) -> ApiKind | None:
        """The same as `find`, but None where no removal is known."""
        row = self.find(api_version, kind)
        return row if row is not None and row.removed is not None else None

    def is_planned(self, row: ApiKind) -> bool:
        """Whether the removal is only scheduled: it lies beyond what was verified, and may still change."""
        return row.removed is not None and row.removed > self.info.end

    def successors(self, row: ApiKind) -> list[ApiKind]:
        """The rows that follow when each replacement is replaced in its turn; the last one's replacement stays."""
        chain: list[ApiKind] = []
        following = self.find(row.replacement_version, row.replacement_kind)
        while following is not None and following not in chain:
            chain.append(following)
            following = self.find(following.replacement_version, following.replacement_kind)
        return chain
