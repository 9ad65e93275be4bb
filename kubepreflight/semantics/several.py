"""How equal things are told as one: named, counted, and made one subject."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from kubepreflight.finding import HasSubject, Subject

NAMED = 5
"""So many are named in a sentence; the others are counted."""


def listed(names: Iterable[object], conjunction: str = "and") -> str:
    """Names for a sentence, in the order given, each once: `cp1`, `cp1 and cp2`, `a, b, c, d, e and 7 more`."""
    texts = list(dict.fromkeys(map(str, names)))
    if len(texts) > NAMED + 1:
        texts = [*texts[:NAMED], f"{len(texts) - NAMED} more"]
    *first, last = texts or ["none"]
    return f"{', '.join(first)} {conjunction} {last}" if first else last


class Named(Protocol):
    """An object, or the subject of a finding."""

    @property
    def namespace(self) -> str:
        """Empty for what is in none."""

    @property
    def name(self) -> str:
        """Its name within the namespace."""


def full_name(one: Named) -> str:
    """`shop/web`; the name alone of what is in no namespace."""
    return f"{one.namespace}/{one.name}" if one.namespace else one.name


def of_its_pods(some: int, total: int) -> str:
    """How many of the pods of what a sentence is about: `Its pod`, `Its 3 pods`, `1 of its 3 pods`."""
    if some < total:
        return f"{some} of its {total} pods"
    return "Its pod" if some == 1 else f"Its {some} pods"


def grouped(names: Mapping[object, Sequence[object]]) -> str:
    """What each of several has, for a sentence: `1.36.3 on cp1 and cp2, 1.37.2 on cp3`."""
    return ", ".join(f"{what} on {listed(where)}" for what, where in names.items())


def common_subject(places: Sequence[HasSubject], field: str) -> Subject:
    """What a finding about several equal things is about: the one, when there is just one, else what they share.

    `field` says what it is about them, so that two findings about the same things stay apart.
    """
    subjects = list(dict.fromkeys(one.subject for one in places))
    if len(subjects) == 1:
        return msgspec.structs.replace(subjects[0], field=field)
    (kind, *others) = {one.kind for one in subjects}
    return Subject(kind="" if others else kind, field=field)
