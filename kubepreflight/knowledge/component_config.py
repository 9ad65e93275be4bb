"""Which configuration files Kubernetes' programs read, in which versions and with which fields.

One row for each version of each kind in `component_config.csv`; in `component_config_fields.csv` one for each field
that came or went within the minors for which the table was verified. What is not in the first is read by none of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, Self

import msgspec

from kubepreflight.knowledge.table import ShippedTable, TableInfo, read_csv
from kubepreflight.version import Minor

MINORS = frozenset({"since", "deprecated", "removed", "replacement_since"})


class ConfigKind(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The life of one version of one kind of file.

    `program` reads it from `since` on (None: from before the table begins) until `removed`, the first minor that does
    not (None: no end is known). `replacement` is the version to write instead, with the kind where that is another one
    (`kubeadm.k8s.io/v1alpha3 JoinConfiguration`), and `replacement_since` the minor that brought it: kubeadm of that
    minor and later, before `removed`, can migrate a file of its own. `unknown_fields` says what the program does about
    a field that it does not know, where that was looked up: it refuses the file, or logs a warning and goes on.
    """

    program: str
    api_version: str
    kind: str
    since: Minor | None = None
    deprecated: Minor | None = None
    removed: Minor | None = None
    replacement: str = ""
    replacement_since: Minor | None = None
    unknown_fields: Literal["", "refused", "ignored"] = ""
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

    def read_by(self, minor: Minor) -> bool:
        """Whether the program of that minor reads it."""
        return (self.since is None or self.since <= minor) and (self.removed is None or minor < self.removed)


class ConfigField(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The life of one field, by its dotted name (`leaderElection.leaseDuration`; lists are passed through).

    The program knows it, and all that is in it, from `since` on (None: as long as the file's version, or from before
    the table begins) until `removed`, the first minor that does not.
    """

    api_version: str
    kind: str
    field: str
    since: Minor | None = None
    removed: Minor | None = None


class ComponentConfig(ShippedTable):
    """The two tables, as a rule asks for them."""

    FILE = "component_config.csv"

    def __init__(self, info: TableInfo, kinds: Sequence[ConfigKind], fields: Sequence[ConfigField]) -> None:
        super().__init__(info)
        self._kinds = {(one.api_version, one.kind): one for one in kinds}
        self._fields: dict[tuple[str, str], list[ConfigField]] = {}
        for field in fields:
            self._fields.setdefault((field.api_version, field.kind), []).append(field)

    @classmethod
    def load(cls, path: Path) -> Self:
        """The tables of the CSV file of kinds at `path`, and of that of fields beside it. Raises KnowledgeError."""
        info, kind_rows = read_csv(path, ConfigKind, MINORS)
        narrower, field_rows = read_csv(path.with_name("component_config_fields.csv"), ConfigField, MINORS)
        start, end = max(info.start, narrower.start), min(info.end, narrower.end)
        return cls(msgspec.structs.replace(info, start=start, end=end), kind_rows, field_rows)

    def __iter__(self) -> Iterator[ConfigKind]:
        return iter(self._kinds.values())

    def find(self, api_version: str, kind: str) -> ConfigKind | None:
        """Who reads this version of this kind of file, and how long; None when no program of Kubernetes is known to."""
        return self._kinds.get((api_version, kind))

    def fields(self, api_version: str, kind: str) -> tuple[ConfigField, ...]:
        """The fields that came later than the file's version, or went before it."""
        return tuple(self._fields.get((api_version, kind), ()))

    def removed_fields(self, api_version: str, kind: str) -> tuple[ConfigField, ...]:
        """The fields that newer programs do not know any more."""
        return tuple(field for field in self.fields(api_version, kind) if field.removed is not None)
