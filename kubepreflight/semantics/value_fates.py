"""What becomes of the values that flags and fields have: the hop with which a program comes that refuses one."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Self

import msgspec

from kubepreflight.finding import Gap, Hop, cannot_check
from kubepreflight.host import Host, Missing
from kubepreflight.knowledge.setting_values import Condition, RefusedValue, SettingValues, UnseenValue
from kubepreflight.semantics.setting import Setting, setting_of, told_in, truth
from kubepreflight.semantics.setting_words import bites
from kubepreflight.semantics.settings import Settings
from kubepreflight.upgrade import Upgrade
from kubepreflight.visible import visible

_MOST_SHOWN = 200


class ValueFate(msgspec.Struct, frozen=True):
    """A value, or an item of one, that goes, and the first hop with which a program comes that refuses it."""

    setting: Setting
    row: RefusedValue
    hop: Hop

    @property
    def error(self) -> str:
        """What that program prints."""
        return self.row.error.replace("{value}", visible(self.row.bare(self.setting.value))[:_MOST_SHOWN])


class ValueFates(msgspec.Struct, frozen=True):
    """All of them, and what could not be judged."""

    all: tuple[ValueFate, ...]
    gaps: tuple[Gap, ...]

    @classmethod
    def provide(
        cls, *, settings: Settings, table: SettingValues, upgrade: Upgrade, hosts: list[Host] | None = None
    ) -> Self:
        """Judge every value by the hops that its program makes."""
        known = _Known(settings, hosts or ())
        fates = [fate for row in table.values for fate in _fates(row, known, upgrade)]
        unseen = [gap for one in table.unseen for gap in _unseen(one, known, upgrade, asked=hosts is not None)]
        kept = [one for one in fates if known.is_on(one.row.control_groups, one.setting)]
        untold = known.untold if any(one.row.control_groups for one in fates) else ()
        return cls(tuple(kept), (*settings.gaps, *unseen, *untold))

    def by_name(self) -> Iterator[Mapping[Hop, list[ValueFate]]]:
        """Those that are about one thing, together, by the hops in their order."""
        groups: dict[str, dict[Hop, list[ValueFate]]] = {}
        for one in sorted(self.all, key=lambda one: one.hop):
            groups.setdefault(one.row.name, {}).setdefault(one.hop, []).append(one)
        return iter(groups.values())


class _Known:
    """The settings by what asks for them."""

    def __init__(self, settings: Settings, hosts: Iterable[Host]) -> None:
        self._hosts = tuple(hosts)
        self.documents = settings.documents
        self._flags: dict[tuple[str, str], list[Setting]] = {}
        for one in settings.flags:
            self._flags.setdefault((one.component, one.name), []).append(one)
        self._gates = {(one.component, one.name, one.switch) for one in settings.gates}

    def flags(self, component: str, name: str) -> Iterable[Setting]:
        """The flag of a component, in each place."""
        return self._flags.get((component, name), ())

    @property
    def untold(self) -> Iterator[Gap]:
        """The nodes of which nobody knows which control groups they have."""
        for host in self._hosts:
            if isinstance(host.machine.cgroup_version, Missing):
                yield host.cannot_check("system", host.machine.cgroup_version)

    def is_on(self, control_groups: int, setting: Setting) -> bool:
        """Whether the node that reads a setting, or any of those that do, has such control groups; 0 for all."""
        node = setting.place.subject.node
        hosts = (host for host in self._hosts if node in ("", host.name))
        return not control_groups or any(host.machine.cgroup_version == control_groups for host in hosts)

    def holds(self, conditions: Iterable[Condition], setting: Setting) -> bool:
        """Whether all hold for the program that reads a setting. A gate counts wherever it stands: it may in several
        places, and to be silent is safer.
        """
        return all(self._holds(one, setting) for one in conditions)

    def _holds(self, one: Condition, setting: Setting) -> bool:
        if one.gate:
            return (setting.component, one.gate, truth(one.value)) in self._gates
        beside = [flag for flag in self.flags(setting.component, one.flag) if told_in(flag) == told_in(setting)]
        return any(flag.value == one.value if one.value else flag.value for flag in beside)


def _fates(row: RefusedValue, known: _Known, upgrade: Upgrade) -> Iterator[ValueFate]:
    for setting in _named(row, known):
        for one in _items(setting) if row.is_of_items else (setting,):
            hop = _hop(row, one, upgrade) if row.refuses(one.value) else None
            if hop is None or not known.holds(row.when, one) or (row.unless and known.holds(row.unless, one)):
                continue
            yield ValueFate(one, row, hop)


def _named(row: RefusedValue | UnseenValue, known: _Known) -> Iterator[Setting]:
    for component in row.components:
        flags = known.flags(component, row.flag)
        if isinstance(row, RefusedValue) and row.is_of_items:
            yield from flags
        else:
            # Of a flag that stands there twice the last one counts.
            yield from {told_in(one): one for one in flags}.values()
    for document in known.documents if row.field else ():
        setting = setting_of(document, row.field) if document.component in row.components else None
        if setting is not None:
            yield setting


def _items(setting: Setting) -> Iterator[Setting]:
    place = setting.item_place
    return (msgspec.structs.replace(setting, value=item, place=place) for item in setting.items)


def _hop(row: RefusedValue, setting: Setting, upgrade: Upgrade) -> Hop | None:
    since, refused = row.span(setting.value)
    running = setting.place.running or upgrade.first_hop.start
    if refused is None or (since is not None and running < since and not setting.place.is_pending):
        return None
    return bites(setting, refused, upgrade)


def _unseen(one: UnseenValue, known: _Known, upgrade: Upgrade, *, asked: bool) -> Iterator[Gap]:
    for setting in _named(one, known):
        if not setting.value or (one.values and setting.value not in one.values):
            continue
        if bites(setting, one.refused, upgrade) is None or (one.unless and known.holds(one.unless, setting)):
            continue
        value = visible(setting.value)[:_MOST_SHOWN]
        yield cannot_check(
            f"--{one.flag}" if one.flag else one.field,
            one.reason.replace("{value}", value),
            subject=str(setting.place.subject),
            how=one.how.replace("{value}", shlex.quote(value)),
            # Who gives what is on the nodes asks for their files.
            asked=asked and bool(one.flag),
        )
