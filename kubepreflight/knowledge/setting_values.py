"""Values of flags and fields that a program takes up to one minor, and refuses from the next on: `setting_values.toml`.

The program ends with `error` as soon as it is started. Which values are refused is said in one way for each row, and
always exactly: what no row names is not spoken of.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Self

import msgspec

from kubepreflight.knowledge.table import ShippedTable, TableInfo, Verified, read_toml
from kubepreflight.version import Minor

Program = Annotated[str, msgspec.Meta(pattern="^(etcd|kube-(apiserver|controller-manager|proxy|scheduler)|kubelet)$")]


class Condition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A gate or a flag of the same program that has a value; a flag without `value` is one that is set to anything."""

    gate: str = ""
    flag: str = ""
    value: str = ""


class Labels(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which labels a kubelet may give its node: in `domains` and below them only those named, or in `namespaces`."""

    domains: tuple[str, ...]
    namespaces: tuple[str, ...]
    names: tuple[str, ...]

    def refuses(self, item: str) -> bool:
        """Whether it refuses the label of `label=value`."""
        label = item.partition("=")[0].strip()
        domain, is_in_domain, _ = label.partition("/")
        if not is_in_domain or label in self.names:
            return False
        return _is_below(domain, self.domains) and not _is_below(domain, self.namespaces)


class Window(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Values that are minors, and have to be so many minors or fewer behind the program's own, and so many or more."""

    most: int
    least: int = 0


class RefusedValue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A flag of some programs, a field of their configuration, or both, and which values of it are refused.

    Exactly one of `values`, `others_than`, `items` (of a list; `sign` may stand before one), `labels`, `lacking` (items
    without one text of each of these lists), `networks` (addresses in one of them) and `window` says which. All but a
    window are refused from the minor `refused` on: where all of `when` holds, and not all of `unless`; by kubelets
    alone whose node has control groups of the version `control_groups`, where that is not 0. `error` is what the
    program says, with `{value}`. `instead` says what to do; `new` is the value to write in
    place of the old one, empty to take it out.
    """

    name: str
    components: tuple[Program, ...]
    flag: str = ""
    field: str = ""
    refused: Minor | None = None
    values: tuple[str, ...] = ()
    others_than: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    sign: str = ""
    labels: Labels | None = None
    lacking: tuple[tuple[str, ...], ...] = ()
    networks: tuple[str, ...] = ()
    window: Window | None = None
    when: tuple[Condition, ...] = ()
    unless: tuple[Condition, ...] = ()
    control_groups: int = 0
    error: str
    instead: str
    new: str = ""
    source: str

    @property
    def is_of_items(self) -> bool:
        """Whether it refuses items of a list, and not the list."""
        return bool(self.items or self.labels or self.lacking)

    def refuses(self, value: str) -> bool:
        """Whether a value, or an item of one, is refused at some time."""
        if self.values or self.others_than:
            return value in self.values if self.values else value not in self.others_than
        if self.items:
            return self.bare(value) in self.items
        if self.labels:
            return self.labels.refuses(value)
        if self.lacking:
            return any(not any(text in value for text in texts) for texts in self.lacking)
        if self.networks:
            return _is_in(value, self.networks)
        return self._minor(value) is not None

    def bare(self, value: str) -> str:
        """A value as a program's error names it: a bare item, without what it is set to; a bare minor."""
        if self.window:
            return value.rpartition("=")[2]
        return value.removeprefix(self.sign).partition("=")[0].strip() if self.items or self.labels else value

    def span(self, value: str) -> tuple[Minor | None, Minor | None]:
        """The first minor that takes a value, None for the oldest; and the first one after it that refuses it."""
        minor = self._minor(value)
        if self.window is None or minor is None:
            return None, self.refused
        return minor.plus(self.window.least), minor.plus(self.window.most + 1)

    def _minor(self, value: str) -> Minor | None:
        """The minor in `1.33` or `kube=1.33`; None for what is about another component, or is none."""
        component, _, version = value.rpartition("=")
        if self.window is None or component not in ("", "kube"):
            return None
        try:
            return Minor.parse(version.removeprefix("v"))
        except ValueError:
            return None


class UnseenValue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A flag or a field on which it depends, from `refused` on, whether a program starts, by what is not read here.

    What the file holds that a flag names, what a node can do. `values` are those that matter, all where there are none;
    `reason` says what, and `how` how to see it, both with `{value}`.
    """

    name: str
    components: tuple[Program, ...]
    flag: str = ""
    field: str = ""
    refused: Minor
    values: tuple[str, ...] = ()
    unless: tuple[Condition, ...] = ()
    reason: str
    how: str
    source: str


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    verified: Verified
    value: tuple[RefusedValue, ...]
    unseen: tuple[UnseenValue, ...] = ()


class SettingValues(ShippedTable):
    """The table, as a rule asks for it."""

    FILE = "setting_values.toml"

    def __init__(self, info: TableInfo, values: Iterable[RefusedValue], unseen: Iterable[UnseenValue]) -> None:
        super().__init__(info)
        self.values = tuple(values)
        self.unseen = tuple(unseen)

    @classmethod
    def load(cls, path: Path) -> Self:
        """The table of the TOML file at `path`. Raises KnowledgeError."""
        file = read_toml(path, _File, frozenset({"from", "to", "refused"}))
        return cls(file.verified.info("setting-values"), file.value, file.unseen)


def _is_in(value: str, networks: Iterable[str]) -> bool:
    try:
        address = ipaddress.ip_address(value.strip())
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return any((mapped or address) in ipaddress.ip_network(one) for one in networks)


def _is_below(domain: str, domains: Iterable[str]) -> bool:
    return any(domain == one or domain.endswith(f".{one}") for one in domains)
