"""How the files of kubeadm's patches have to be called. The table is `patches.toml`."""

from __future__ import annotations

import re
from functools import cache
from typing import Self

import msgspec

from kubepreflight.knowledge.table import DIRECTORY, TableInfo, Verified, read_toml
from kubepreflight.version import Minor


class PatchTarget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a patch can be for, from a kubeadm `since` on."""

    name: str
    since: Minor = Minor(0, 0)


class _PatchesFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    verified: Verified
    extensions: tuple[str, ...]
    types: tuple[str, ...]
    source: str
    target: tuple[PatchTarget, ...]


class PatchNames(msgspec.Struct, frozen=True):
    """The table, as a rule asks for it."""

    info: TableInfo
    file: _PatchesFile

    @classmethod
    @cache
    def provide(cls) -> Self:
        """The table that is shipped."""
        file = read_toml(DIRECTORY / "patches.toml", _PatchesFile, frozenset({"from", "to", "since"}))
        return cls(file.verified.info("patches"), file)

    def targets(self, kubeadm: Minor) -> tuple[str, ...]:
        """What this kubeadm patches: nothing, where it takes no patches."""
        return tuple(one.name for one in self.file.target if one.since <= kubeadm)

    def is_left_out(self, name: str, kubeadm: Minor) -> bool:
        """Whether kubeadm leaves out a file of this name."""
        extension = rf".+\.({'|'.join(self.file.extensions)})"
        return not re.fullmatch(extension, name) or not re.match("|".join(self.targets(kubeadm)), name)

    def is_refused(self, name: str, kubeadm: Minor) -> bool:
        """Whether kubeadm ends because of a file of this name."""
        if self.is_left_out(name, kubeadm):
            return False
        typed = re.match(rf"(?:{'|'.join(self.targets(kubeadm))})[^.+]*\+({'|'.join(self.file.types)})?", name)
        return typed is not None and typed[1] is None
