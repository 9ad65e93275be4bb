"""What to write in place of an API version that Kubernetes drops."""

from __future__ import annotations

import msgspec

from kubepreflight.knowledge.api_lifecycle import ApiKind, ApiLifecycle
from kubepreflight.version import Minor


class Replacement(msgspec.Struct, frozen=True):
    """What to write instead: served from `since` on, until `removed` (None: no end is known).

    `notes` say what else changes on the way there. `convertible`: `kubectl convert` makes it.
    """

    api_version: str
    kind: str
    since: Minor
    removed: Minor | None
    notes: tuple[str, ...]
    convertible: bool


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
            )
        )
    return found


def replacement_for(row: ApiKind, lifecycle: ApiLifecycle, before: Minor) -> Replacement | None:
    """What to write instead while the cluster is at `before`: the latest version that it serves, which outlives `row`.

    Where none is served yet, the first that comes.
    """
    after = replacements(row, lifecycle)
    return next((one for one in reversed(after) if one.since <= before), after[0] if after else None)
