"""Since when the kubelet refuses static pods that reference objects of the API. The table is `static_pods.toml`."""

from __future__ import annotations

from functools import cache
from typing import Self

import msgspec

from kubepreflight.knowledge.table import DIRECTORY, TableInfo, Verified, read_toml
from kubepreflight.version import Minor


class _References(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    refused_since: Minor
    gate: str
    gate_until: Minor
    source: str


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    verified: Verified
    references: _References


class StaticPodReferences(msgspec.Struct, frozen=True):
    """The first kubelet that refuses them by default, and the first in which `gate` cannot be switched off any more."""

    info: TableInfo
    refused_since: Minor
    gate: str
    refused_since_without_gate: Minor

    @classmethod
    @cache
    def provide(cls) -> Self:
        """The table that is shipped."""
        path = DIRECTORY / "static_pods.toml"
        file = read_toml(path, _File, frozenset({"from", "to", "refused_since", "gate_until"}))
        known = file.references
        return cls(
            file.verified.info("static-pod-references"), known.refused_since, known.gate, known.gate_until.plus(1)
        )
