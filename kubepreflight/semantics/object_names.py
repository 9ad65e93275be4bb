"""Which objects are meant by manifests."""

from __future__ import annotations

from collections.abc import Iterable

Identity = tuple[str, str, str]
"""Kind, namespace and name."""


class ObjectNames:
    """A set of objects. One that is named without a namespace may be meant for any, on either side."""

    def __init__(self, named: Iterable[Identity]) -> None:
        self._in_namespaces = frozenset(named)
        self._names = frozenset((kind, name) for kind, _, name in self._in_namespaces)

    def __contains__(self, one: Identity) -> bool:
        kind, namespace, name = one
        if not namespace:
            return (kind, name) in self._names
        return not self._in_namespaces.isdisjoint({one, (kind, "", name)})
