"""The requests without which an upgrade does not get through. The table is `upgrade_requests.toml`."""

from __future__ import annotations

from functools import cache
from typing import Literal, Self

import msgspec

from kubepreflight.finding import Phase
from kubepreflight.knowledge.table import DIRECTORY, TableInfo, Verified, read_toml
from kubepreflight.version import Minor


class Older(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group and version under which the same objects were served, and the last minor that did."""

    group: str
    version: str
    until: Minor


class NeededRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One sort of request, and what does not work when it is refused.

    `where` is a namespace, empty for what has none, `workloads` for those in which a drain evicts pods. `object` says
    whose labels it carries, when not those of `labels`.
    """

    harm: str
    phase: Phase
    resource: str
    where: str
    operations: tuple[str, ...]
    group: str = ""
    version: str = "v1"
    labels: dict[str, str] = {}
    object: Literal["", "node", "pod"] = ""
    also: tuple[Older, ...] = ()


class _RequestsFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    verified: Verified
    request: tuple[NeededRequest, ...]


class NeededRequests(msgspec.Struct, frozen=True):
    """The table. Beyond its range what it says still holds: later versions may need more, not less."""

    info: TableInfo
    rows: tuple[NeededRequest, ...]

    @classmethod
    @cache
    def provide(cls) -> Self:
        """The table that is shipped."""
        file = read_toml(DIRECTORY / "upgrade_requests.toml", _RequestsFile, frozenset({"from", "to", "until"}))
        return cls(file.verified.info("upgrade-requests", open_ended=True), file.request)
