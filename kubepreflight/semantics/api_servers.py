"""The API servers whose versions can be seen, for rules that are about nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import msgspec

from kubepreflight.finding import Gap, cannot_check
from kubepreflight.inputs import Unavailable
from kubepreflight.semantics.components import Components
from kubepreflight.semantics.several import grouped
from kubepreflight.upgrade import ApiServers
from kubepreflight.version import Version


class VisibleApiServers(msgspec.Struct, frozen=True):
    """At least one version. `by_node` is empty where no static pod is visible.

    `unreadable` are the nodes whose API server tells no version, `gaps` says so of each.
    """

    by_node: Mapping[str, Version]
    reached: Version | None
    unreadable: frozenset[str] = frozenset()
    gaps: tuple[Gap, ...] = ()

    @classmethod
    def provide(cls, servers: ApiServers, components: Components | None) -> Self:
        """From what the scan knows of them. Raises Unavailable when that is nothing."""
        gaps = components.unknown("kube-apiserver") if components else ()
        if not servers.all:
            nothing = cannot_check(
                "API servers",
                "no API server tells its version",
                how="scan the live cluster, or add: kubectl -n kube-system get pods -o json",
            )
            raise Unavailable(*(gaps or (nothing,)))
        seen = components.of("kube-apiserver") if components else ()
        unreadable = frozenset(one.node for one in seen if one.version is None)
        return cls(servers.by_node, servers.reached, unreadable, gaps)

    @property
    def all(self) -> tuple[Version, ...]:
        """Every version that some API server runs, oldest first."""
        return tuple(sorted({*self.by_node.values(), *((self.reached,) if self.reached else ())}))

    @property
    def oldest(self) -> Version:
        """The version that nothing may be newer than."""
        return self.all[0]

    @property
    def newest(self) -> Version:
        """The version that nothing may be too far behind."""
        return self.all[-1]

    def where(self, version: Version) -> str:
        """A version and who runs it, for a sentence: `1.36.3 on cp2 and cp3`."""
        nodes = sorted(node for node, one in self.by_node.items() if one == version)
        return grouped({version: nodes}) if nodes else f"{version} (it answered the scan)"

    def told(self) -> str:
        """All of them, oldest first, for a sentence."""
        return ", ".join(map(self.where, self.all))
