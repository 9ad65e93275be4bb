"""Which objects show that what a minor changes matters to a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Self

import msgspec

from kubepreflight.finding import Subject
from kubepreflight.knowledge.upgrade_notes import UpgradeNote
from kubepreflight.objects import Pod
from kubepreflight.semantics.pod_templates import Makers, PodTemplate, PodTemplates
from kubepreflight.upgrade import Upgrade


class Search(NamedTuple):
    """How an object shows that a note is about it, and what is looked through by the names that gaps give it."""

    is_sign: Callable[[Any, UpgradeNote], bool]
    lists: Mapping[str, Iterable[Any] | None]


NOBODY = Search(lambda _, __: False, {"what shows it": None})
"""For a note of the user's own that is about objects: nothing here knows how these look."""


class Signs(msgspec.Struct, frozen=True):
    """What was found for each note that this upgrade comes to: the things to change.

    `unseen` are the objects that nothing given holds, and the notes that would be about them.
    """

    found: Mapping[str, tuple[Subject, ...]]
    unseen: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(
        cls,
        notes: Iterable[UpgradeNote],
        upgrade: Upgrade,
        searches: Mapping[str, Search],
        templates: PodTemplates | None = None,
    ) -> Self:
        """Look for what is due, and at nothing else; the searches are named like the notes. Of pods their makers are
        found, from the templates."""
        makers = templates.makers if templates else Makers()
        found: dict[str, tuple[Subject, ...]] = {}
        unseen: dict[str, tuple[str, ...]] = {}
        for note in notes:
            if note.is_setting or not is_due(note, upgrade):
                continue
            search = searches.get(note.name, NOBODY)
            for label, some in search.lists.items():
                if some is None:
                    unseen[label] = (*unseen.get(label, ()), note.name)
            objects = (one for some in search.lists.values() for one in some or () if search.is_sign(one, note))
            subjects = {makers.maker_of(one) if isinstance(one, Pod) else one.subject for one in objects}
            found[note.name] = tuple(sorted(filter(None, subjects), key=str))
        return cls(found, unseen)


def is_due(note: UpgradeNote, upgrade: Upgrade) -> bool:
    """Whether a hop of this upgrade arrives at the note's minor or passes it."""
    return upgrade.hop_that_brings(note.at) is not None


def is_finished(one: Pod | PodTemplate) -> bool:
    """Whether nothing runs, or will run, by it any more."""
    return isinstance(one, Pod) and one.is_finished
