"""The heads of rendered manifests in a text, as Helm keeps them: what each is, and from which template it comes.

Only so much of each document is parsed as holds its head; what stands behind it is nobody's matter here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

DEPTH_LIMIT: Final = 100
LONGEST: Final = 300
"""Characters of a name, a kind or a version: Kubernetes allows 253 and two short ones."""
LONGEST_SOURCE: Final = 1000
"""Characters at a document's beginning among which Helm's comment stands."""
MOST_EVENTS: Final = 300_000
"""What the parser may tell, two seconds' worth: some ten for each object, more only for those of lists."""

_SEPARATOR = re.compile(r"^---[ \t]*(?:#.*)?$", re.MULTILINE)
_SOURCE = re.compile(r"^# Source: (\S.*)$", re.MULTILINE)
_HEAD = {("apiVersion",): "api_version", ("kind",): "kind"}
_NAMES = {("metadata", "namespace"): "namespace", ("metadata", "name"): "name"}


class ManifestHead(msgspec.Struct, frozen=True):
    """What one object is; `source` is the template that Helm names in a comment."""

    api_version: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""
    source: str = ""


class Effort:
    """What may still be read of a record, whose texts would keep the parser for minutes if they were made for that."""

    def __init__(self) -> None:
        self.left = MOST_EVENTS

    def spend(self) -> None:
        """One event, or one document. Raises ValueError when it is one too many."""
        self.left -= 1
        if self.left < 0:
            raise ValueError("there is more in it than is read")


class HeadError(msgspec.Struct, frozen=True):
    """Why a document has no head. It tells nothing of what stands in it."""

    reason: str


def heads_in(text: str, effort: Effort) -> Iterator[ManifestHead | HeadError]:
    """The head of each object, in order; of a list those of its items. What is empty is no document."""
    for document in _documents(text):
        named = _SOURCE.search(document[:LONGEST_SOURCE])
        try:
            effort.spend()
            for values in _values_in(document, effort):
                yield _head(values, named[1].strip() if named else "")
        except ValueError as error:
            yield HeadError(str(error))
        if effort.left < 0:
            return


def _documents(text: str) -> Iterator[str]:
    begin = 0
    for separator in _SEPARATOR.finditer(text):
        yield text[begin : separator.start()]
        begin = separator.end()
    yield text[begin:]


def _head(values: dict[str, str], source: str) -> ManifestHead:
    if not (values.get("api_version") and values.get("kind")):
        raise ValueError("an object without apiVersion or kind")
    if not all(len(one) <= LONGEST and one.isprintable() for one in values.values()):
        raise ValueError("a name that no object can have")
    return ManifestHead(**values, source=source)


def _values_in(document: str, effort: Effort) -> list[dict[str, str]]:
    """The values of the head of the object in a document, or of those in its `items`. Raises ValueError."""
    import yaml

    try:
        return _Reading(effort).of(yaml.parse(document, yaml.CBaseLoader))
    except yaml.YAMLError:
        raise ValueError("it is no YAML") from None


class _Reading:
    """Follows the parser's events as far as the head goes."""

    def __init__(self, effort: Effort) -> None:
        self._effort = effort
        self._own: dict[str, str] = {}
        self._items: dict[int, dict[str, str]] = {}
        self._path: list[Any] = []
        """For each collection that is open: in a mapping the key, None before there is one; in a list the index."""

    def of(self, events: Iterator[Any]) -> list[dict[str, str]]:
        """What is found. Raises ValueError, and what the parser raises."""
        import yaml

        depth = 0
        for event in events:
            self._effort.spend()
            if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
                depth += 1
                if depth > DEPTH_LIMIT:
                    raise ValueError("nested too deep")
                self._path.append(None if isinstance(event, yaml.MappingStartEvent) else 0)
            elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                depth -= 1
                self._path.pop()
                self._passed()
            elif isinstance(event, (yaml.ScalarEvent, yaml.AliasEvent)):
                self._value(event.value if isinstance(event, yaml.ScalarEvent) else "")
            if depth == 1 and self._done():
                break
        return list(self._items.values()) if self._items else [self._own] if self._own else []

    def _value(self, text: str) -> None:
        if self._path and self._path[-1] is None:
            self._path[-1] = text
            return
        self._keep(text)
        self._passed()

    def _keep(self, text: str) -> None:
        path = tuple(self._path)
        into = self._own
        if len(path) > 2 and path[0] == "items" and isinstance(path[1], int):
            into, path = self._items.setdefault(path[1], {}), path[2:]
        if (name := _HEAD.get(path) or _NAMES.get(path)) is not None:
            into[name] = text

    def _passed(self) -> None:
        """A value of the collection that is open has come to its end."""
        if self._path:
            self._path[-1] = self._path[-1] + 1 if isinstance(self._path[-1], int) else None

    def _done(self) -> bool:
        """Whether the head is there, between two keys of the document's own mapping."""
        own = self._own
        return (
            self._path == [None] and own.keys() >= {"api_version", "kind", "name"} and not own["kind"].endswith("List")
        )
