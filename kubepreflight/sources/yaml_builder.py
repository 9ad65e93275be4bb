"""From the events of libyaml's parser to plain Python values, one document at a time.

The parser is PyYAML's, in C. The values are built here, because PyYAML's own loader reads words otherwise than
kubectl (see `yaml_scalars`), cannot stop half-way, and crashes on deep nesting. As in kubectl's library, of equal
keys the last one counts, an anchor may be given twice, `<<` overrides the keys before it and is overridden by the
keys after it, and tags on mappings and sequences mean nothing.

Limits of our own against hostile files: `DEPTH_LIMIT` levels, `ALIAS_LIMIT` values out of aliases. A mapping or
sequence is shared between the places where an alias names it, not copied.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from yaml.events import (
    AliasEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from kubepreflight.sources.documents import DEPTH_LIMIT
from kubepreflight.sources.yaml_scalars import (
    Scalar,
    ScalarError,
    json_key,
    json_value,
    plain_key,
    resolve_plain,
    resolve_tagged,
    shortened,
)

ALIAS_LIMIT: Final = 1_000_000

_MERGE_TAG = "tag:yaml.org,2002:merge"
_UNFINISHED: Final = object()
# Plain words that begin otherwise are text; the empty one is null.
_BEGINNINGS_OF_MORE_THAN_TEXT = frozenset(["", *"0123456789+-.yYnNtTfFoO~"])


class BuildError(Exception):
    """A document that kubectl, or a limit of ours, refuses. `line` counts from 0 within the parsed text."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


class Builder:
    """Builds one document. `next_event` is a parser's; it raises yaml.YAMLError where the text is broken."""

    def __init__(self, next_event: Callable[[], Event]) -> None:
        self._next_event = next_event
        # What each anchor names: a container, or a scalar that is not yet JSON, and how many values that is.
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._built = 0
        self._out_of_aliases = 0
        self.item_lines: list[int] = []
        """Where the items of a top-level sequence `items` start; lines count from 0."""

    def document(self, event: Event, enough: Callable[[dict[str, Any]], bool]) -> tuple[Any, bool]:
        """The document that begins with `event`, and whether it is whole.

        Each time a top-level key is read, `enough` is asked; when it says yes, the rest is left with the parser.
        Raises BuildError, and whatever the parser raises.
        """
        if not isinstance(event, MappingStartEvent):
            return self._value(event, 0), True
        self._remember(event, _UNFINISHED, 0)
        result: dict[str, Any] = {}
        while not isinstance(key_event := self._next_event(), MappingEndEvent):
            key = self._key(key_event)
            value_event = self._next_event()
            if key is None:
                self._merge(result, value_event, 1)
            elif key == "items":
                self.item_lines = []
                result[key] = self._value(value_event, 1, self.item_lines)
            else:
                result[key] = self._value(value_event, 1)
            if enough(result):
                return result, False
        return result, True

    def _value(self, event: Event, depth: int, item_lines: list[int] | None = None) -> Any:
        try:
            if isinstance(event, ScalarEvent):
                scalar = _scalar(event)
                self._remember(event, scalar, 1)
                return scalar if isinstance(scalar, str) else json_value(scalar)
            if isinstance(event, AliasEvent):
                value, size = self._aliased(event)
                self._built += size
                return value if isinstance(value, dict | list) else json_value(value)
        except ScalarError as error:
            raise BuildError(str(error), line_of(event)) from error
        if depth >= DEPTH_LIMIT:
            raise BuildError(f"nested deeper than {DEPTH_LIMIT} levels", line_of(event))
        before = self._built
        self._remember(event, _UNFINISHED, 0)
        if isinstance(event, MappingStartEvent):
            value = self._mapping(depth + 1)
        else:
            value = self._sequence(depth + 1, item_lines)
        self._built += len(value)
        self._remember(event, value, self._built - before + 1)
        return value

    def _mapping(self, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        next_event = self._next_event
        while not isinstance(event := next_event(), MappingEndEvent):
            key = self._key(event)
            event = next_event()
            if key is None:
                self._merge(result, event, depth)
            else:
                result[key] = self._value(event, depth)
        return result

    def _sequence(self, depth: int, item_lines: list[int] | None) -> list[Any]:
        result: list[Any] = []
        next_event = self._next_event
        while not isinstance(event := next_event(), SequenceEndEvent):
            if item_lines is not None:
                item_lines.append(line_of(event))
            result.append(self._value(event, depth))
        return result

    def _key(self, event: Event) -> str | None:
        """The key that `event` is; None for the merge key."""
        try:
            if isinstance(event, ScalarEvent):
                if event.anchor is None and event.tag is None and event.value != "<<":
                    return plain_key(event.value) if event.implicit[0] else event.value
                scalar = _scalar(event)
                self._remember(event, scalar, 1)
                return None if _is_merge(event) else json_key(scalar)
            if isinstance(event, AliasEvent):
                value, _ = self._aliased(event)
                if not isinstance(value, dict | list):
                    return json_key(value)
        except ScalarError as error:
            raise BuildError(str(error), line_of(event)) from error
        raise BuildError("a mapping or a sequence as a key", line_of(event))

    def _merge(self, result: dict[str, Any], event: Event, depth: int) -> None:
        value = self._value(event, depth)
        # Of several mappings the first one counts; an alias may stand for a mapping, not for a list of them.
        mappings = value[::-1] if isinstance(event, SequenceStartEvent) else [value]
        for mapping in mappings:
            if not isinstance(mapping, dict):
                raise BuildError("<< needs a mapping, or a sequence of mappings", line_of(event))
            result.update(mapping)

    def _aliased(self, event: AliasEvent) -> tuple[Any, int]:
        name = event.anchor or ""
        value, size = self._anchors.get(name, (None, -1))
        if size < 0:
            raise BuildError(f"no anchor {shortened(name)} before its alias", line_of(event))
        if value is _UNFINISHED:
            raise BuildError(f"anchor {shortened(name)} contains itself", line_of(event))
        self._out_of_aliases += size
        if self._out_of_aliases > ALIAS_LIMIT:
            raise BuildError(f"more than {ALIAS_LIMIT:,} values out of aliases", line_of(event))
        return value, size

    def _remember(self, event: Event, value: Any, size: int) -> None:
        if isinstance(event, NodeEvent) and event.anchor is not None:
            self._anchors[event.anchor] = (value, size)


def line_of(event: Event) -> int:
    """The line on which `event` starts, counted from 0."""
    return event.start_mark.line if event.start_mark else 0


def _scalar(event: ScalarEvent) -> Scalar:
    if event.tag is not None:
        return resolve_tagged(event.value, event.tag)
    if event.implicit[0] and event.value[:1] in _BEGINNINGS_OF_MORE_THAN_TEXT:
        return resolve_plain(event.value)
    return event.value


def _is_merge(event: ScalarEvent) -> bool:
    return event.value == "<<" and (event.implicit[0] or event.tag == _MERGE_TAG)
