"""Which objects show that what a minor changes matters to a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Self

import msgspec

from kubepreflight.finding import Subject
from kubepreflight.knowledge.upgrade_notes import UpgradeNote
from kubepreflight.objects import KubernetesObject, Pod
from kubepreflight.semantics.owners import owner_of
from kubepreflight.upgrade import Upgrade


class Search(NamedTuple):
    """What is looked through for a note, and how an object shows that the note is about it."""

    label: str
    is_sign: Callable[[Any, UpgradeNote], bool]
    lists: tuple[Iterable[Any] | None, ...]


NOBODY = Search("what shows it", lambda _, __: False, (None,))
"""For a note of the user's own that is about objects: nothing here knows how these look."""


class Signs(msgspec.Struct, frozen=True):
    """What was found for each note that this upgrade comes to: the things to change.

    `unseen` are notes for which nothing that was given holds the objects, with what these are called.
    """

    found: Mapping[str, tuple[Subject, ...]]
    unseen: Mapping[str, str]

    @classmethod
    def of(cls, notes: Iterable[UpgradeNote], upgrade: Upgrade, searches: Mapping[str, Search]) -> Self:
        """Look for what is due, and at nothing else; the searches are named like the notes."""
        found: dict[str, tuple[Subject, ...]] = {}
        unseen: dict[str, str] = {}
        for note in notes:
            if note.is_setting or not is_due(note, upgrade):
                continue
            search = searches.get(note.name, NOBODY)
            if None in search.lists:
                unseen[note.name] = search.label
            objects = (one for some in search.lists for one in some or () if search.is_sign(one, note))
            found[note.name] = tuple(sorted(set(map(_subject, objects)), key=str))
        return cls(found, unseen)


def is_due(note: UpgradeNote, upgrade: Upgrade) -> bool:
    """Whether a hop of this upgrade arrives at the note's minor or passes it."""
    return upgrade.hop_that_brings(note.at) is not None


def _subject(one: KubernetesObject) -> Subject:
    return owner_of(one) if isinstance(one, Pod) else one.subject
