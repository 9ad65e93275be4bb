"""What kubeadm writes into the objects of its add-ons. The table is `addon_templates.toml`, which says what is what."""

from __future__ import annotations

from functools import cache
from typing import Any, Self

import msgspec

from kubepreflight.knowledge.table import DIRECTORY, TableInfo, Verified, read_toml
from kubepreflight.version import Minor


class AddonSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One field that kubeadm replaces, by `items` or as one of `values`; see the table.

    `keys`: a map counts by its keys alone. `ignored_suffix`: items that end in it are passed over, in either case.
    """

    path: str
    items: tuple[str, ...] | None = None
    values: tuple[Any, ...] | None = None
    keys: bool = False
    ignored_suffix: str = ""


class AddonTemplate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One object, and what is known of it."""

    kind: str
    name: str
    setting: tuple[AddonSetting, ...]
    patch: str = ""
    patch_since: Minor | None = None


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    verified: Verified
    object: tuple[AddonTemplate, ...]


class AddonTemplates(msgspec.Struct, frozen=True):
    """The table, as a rule asks for it."""

    info: TableInfo
    objects: tuple[AddonTemplate, ...]

    @classmethod
    @cache
    def provide(cls) -> Self:
        """The table that is shipped."""
        file = read_toml(DIRECTORY / "addon_templates.toml", _File, frozenset({"from", "to", "patch_since"}))
        return cls(file.verified.info("addon-templates"), file.object)

    def of(self, kind: str, name: str) -> AddonTemplate:
        """The template of an object. Raises KeyError."""
        return {(one.kind, one.name): one for one in self.objects}[kind, name]
