"""What to write in place of an API version that Kubernetes drops."""

from __future__ import annotations

import msgspec

from kubepreflight.finding import Hop
from kubepreflight.knowledge.api_lifecycle import ApiKind, ApiLifecycle
from kubepreflight.semantics.runtime_config import how_to_switch_on
from kubepreflight.version import Minor


class Replacement(msgspec.Struct, frozen=True):
    """What to write instead: served from `since` on, until `removed` (None: no end is known).

    `notes` say what else changes on the way there. `convertible`: `kubectl convert` makes it. `switch` is what the API
    server must be told to serve it; empty for what it serves by default. `other` is one that serves better at another
    time: switched on before the hop where this one comes with it, or served by default later on.
    """

    api_version: str
    kind: str
    since: Minor
    removed: Minor | None
    notes: tuple[str, ...]
    convertible: bool
    switch: str = ""
    other: Replacement | None = None

    @property
    def written(self) -> str:
        """The version, and what else it needs."""
        return f"{self.api_version} ({self.switch})" if self.switch else self.api_version


def replacements(row: ApiKind, lifecycle: ApiLifecycle) -> list[Replacement]:
    """All that came after a version, one after the other; none when the kind itself goes away."""
    found: list[Replacement] = []
    notes: list[str] = []
    for one in (row, *lifecycle.successors(row)):
        if one.notes:
            notes.append(one.notes)
        if not one.replacement or one.replacement_since is None:
            break
        following = lifecycle.find(one.replacement_version, one.replacement_kind)
        found.append(
            Replacement(
                api_version=one.replacement_version,
                kind=one.replacement_kind,
                since=one.replacement_since,
                removed=following.removed if following else None,
                notes=tuple(dict.fromkeys(notes)),
                convertible=row.convertible,
                switch=how_to_switch_on(following) if following and following.served_by_default == "no" else "",
            )
        )
    return found


def replacement_for(row: ApiKind, lifecycle: ApiLifecycle, hop: Hop) -> Replacement | None:
    """What to write instead when a version goes with a hop; None also where all that replaced it is gone before that.

    The latest that is served by default on both sides, else one that is so right after the hop, else what must be
    switched on: served on both sides, or the first that comes.
    """
    after = [one for one in replacements(row, lifecycle) if one.removed is None or one.removed > hop.start]
    by_default = [one for one in after if not one.switch]
    switched = next((one for one in reversed(after) if one.switch and one.since <= hop.start), None)
    if best := next((one for one in reversed(by_default) if one.since <= hop.start), None):
        return best
    coming = by_default[0] if by_default else None
    if coming is not None and coming.since <= hop.end:
        return msgspec.structs.replace(coming, other=switched)
    best = switched or (after[0] if after else None)
    return msgspec.structs.replace(best, other=coming) if best is not None and best is not coming else best
