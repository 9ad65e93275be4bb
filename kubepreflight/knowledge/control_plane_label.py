"""When the old label and taint of control-plane nodes went. The table is `control_plane_label.toml`."""

from __future__ import annotations

from functools import cache
from typing import Self

import msgspec

from kubepreflight.knowledge.table import DIRECTORY, TableInfo, Verified, read_toml
from kubepreflight.version import Minor


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    verified: Verified
    label_goes: Minor
    source: str


class ControlPlaneLabel(msgspec.Struct, frozen=True):
    """The kubeadm that takes the label away, and adds the new taint."""

    info: TableInfo
    label_goes: Minor

    @classmethod
    @cache
    def provide(cls) -> Self:
        """The table that is shipped: what is gone stays gone."""
        file = read_toml(DIRECTORY / "control_plane_label.toml", _File, frozenset({"from", "to", "label_goes"}))
        return cls(file.verified.info("control-plane-label", open_ended=True), file.label_goes)
