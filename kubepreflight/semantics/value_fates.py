"""What becomes of the values that flags and fields have: the hop with which a program comes that refuses one."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Self

import msgspec

from kubepreflight.finding import Gap, Hop, cannot_check
from kubepreflight.host import Host, Missing
from kubepreflight.knowledge.feature_gate_dependencies import FeatureGateDependencies
from kubepreflight.knowledge.feature_gates import FeatureGates
from kubepreflight.knowledge.setting_values import Condition, RefusedValue, SettingValues, UnseenValue
from kubepreflight.semantics.emulation import Emulation
from kubepreflight.semantics.gates_in_force import GatesInForce
from kubepreflight.semantics.kubelets import Kubelets
from kubepreflight.semantics.programs import Program, programs
from kubepreflight.semantics.setting import Setting, Where, truth
from kubepreflight.semantics.setting_words import running_minor
from kubepreflight.semantics.settings import Settings
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Minor
from kubepreflight.visible import visible

_MOST_SHOWN = 200
_TRUTHS = {"true", "false"}


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
        cls,
        *,
        settings: Settings,
        table: SettingValues,
        gates: FeatureGates,
        dependencies: FeatureGateDependencies,
        upgrade: Upgrade,
        kubelets: Kubelets | None = None,
        hosts: list[Host] | None = None,
    ) -> Self:
        """Judge every value by the hops that its program makes."""
        told = tuple(programs(settings, kubelets))
        judge = _Judge(told, gates, dependencies, Emulation(settings.flags), upgrade)
        fates = _first_hops(fate for row in table.values for one in told for fate in judge.fates(row, one))
        unseen = [judge.unseen(row, one, asked=hosts is not None) for row in table.unseen for one in told]
        known = tuple(hosts or ())
        kept = [one for one in fates if _has(known, one.row.control_groups, one.setting)]
        untold = _untold(known) if any(one.row.control_groups for one in fates) else ()
        gaps = dict.fromkeys((*settings.gaps, *(one for one in unseen if one is not None), *untold))
        return cls(tuple(kept), tuple(gaps))

    def by_name(self) -> Iterator[Mapping[Hop, list[ValueFate]]]:
        """Those that are about one thing, together, by the hops in their order."""
        groups: dict[str, dict[Hop, list[ValueFate]]] = {}
        for one in sorted(self.all, key=lambda one: one.hop):
            groups.setdefault(one.row.name, {}).setdefault(one.hop, []).append(one)
        return iter(groups.values())


class _Judge:
    """Judges what programs are told."""

    def __init__(
        self,
        told: Iterable[Program],
        gates: FeatureGates,
        dependencies: FeatureGateDependencies,
        emulation: Emulation,
        upgrade: Upgrade,
    ) -> None:
        self._gates, self._dependencies = gates, dependencies
        self._emulation, self._upgrade = emulation, upgrade
        self._in_files = [gate for one in told for gate in one.gates if gate.place.where is Where.FILE]

    def fates(self, row: RefusedValue, program: Program) -> Iterator[ValueFate]:
        """What becomes of the values that a row is about."""
        for setting in _named(row, program):
            for one in _items(setting) if row.is_of_items else (setting,):
                if row.refuses(_as_told(one.value, row.values)):
                    yield from self._fate(row, one, program)

    def _fate(self, row: RefusedValue, setting: Setting, program: Program) -> Iterator[ValueFate]:
        since, refused = row.span(setting.value)
        # Nodes whose kubelets run have the control groups that these need, as it seems.
        for one in (setting,) if row.control_groups else setting.as_it_may_run:
            hop = self._hop(row, since, refused, one, program)
            if hop is not None:
                yield ValueFate(one, row, hop)
                return

    def unseen(self, row: UnseenValue, program: Program, *, asked: bool) -> Gap | None:
        """What cannot be seen of the setting that a row is about."""
        for setting in _named(row, program):
            if not setting.value or (row.values and setting.value not in row.values):
                continue
            if self._hop(row, None, row.refused, setting, program) is None:
                continue
            value = visible(setting.value)[:_MOST_SHOWN]
            return cannot_check(
                f"--{row.flag}" if row.flag else row.field,
                row.reason.replace("{value}", value),
                subject=str(setting.place.subject),
                how=row.how.replace("{value}", shlex.quote(value)),
                # Who gives what is on the nodes asks for their files.
                asked=asked and bool(row.flag),
            )
        return None

    def _hop(
        self,
        row: RefusedValue | UnseenValue,
        since: Minor | None,
        refused: Minor | None,
        setting: Setting,
        program: Program,
    ) -> Hop | None:
        """The hop with which a program comes that refuses it; none for what today's refuses: it cannot be in use."""
        place = setting.place
        running = running_minor(setting, self._upgrade)
        if refused is None or (since is not None and running < since and not place.is_pending):
            return None
        if refused <= running and not place.is_pending and not self._lets_pass(row, setting, program, running):
            return None
        for hop in self._upgrade.hops:
            is_next = hop.end >= refused and (hop.end > running or place.is_pending)
            if is_next and self._is_met(row, setting, program, hop.end):
                return hop
        return None

    def _lets_pass(self, row: RefusedValue | UnseenValue, setting: Setting, program: Program, running: Minor) -> bool:
        """Whether today's program may take it, by what else it is told, or was and is no more."""
        if not row.unless and not _when(row):
            return False
        changes = setting.place.runs_otherwise or any(one.runs_otherwise for one in program.documents)
        return changes or not self._is_met(row, setting, program, running)

    def _is_met(self, row: RefusedValue | UnseenValue, setting: Setting, program: Program, minor: Minor) -> bool:
        """Whether a program of a minor that is told all this looks at the value."""
        return self._hold(_when(row), setting, program, minor) and not (
            row.unless and self._hold(row.unless, setting, program, minor)
        )

    def _hold(self, conditions: Iterable[Condition], setting: Setting, program: Program, minor: Minor) -> bool:
        return all(self._holds(one, setting, program, minor) for one in conditions)

    def _holds(self, one: Condition, setting: Setting, program: Program, minor: Minor) -> bool:
        if not one.gate:
            flag = program.flag(one.flag)
            value = "" if flag is None else flag.value
            return flag is not None and (_as_told(value, (one.value,)) == one.value if one.value else bool(value))
        # What goes together with a file nobody knows: to be silent is safer.
        beside = self._in_files if setting.place.where is Where.FILE else ()
        given = (*(gate for gate in beside if gate.component == program.component), *program.gates)
        values = {gate.name: gate.switch for gate in given if gate.switch is not None}
        behaves_as = self._emulation.of(setting, minor)
        in_force = GatesInForce(self._gates, self._dependencies, program.component, minor, values, behaves_as)
        return in_force.is_set_to(one.gate, bool(truth(one.value)))


def _when(row: RefusedValue | UnseenValue) -> tuple[Condition, ...]:
    return row.when if isinstance(row, RefusedValue) else ()


def _as_told(value: str, told: Iterable[str]) -> str:
    """A truth value as the table writes it, where that speaks of one."""
    switch = truth(value)
    return value if switch is None or not _TRUTHS.intersection(told) else str(switch).lower()


def _first_hops(fates: Iterable[ValueFate]) -> list[ValueFate]:
    """Of what many programs are told, the first hop with which one comes that refuses it."""
    first: dict[tuple[Setting, RefusedValue], ValueFate] = {}
    for one in fates:
        key = one.setting, one.row
        if key not in first or one.hop < first[key].hop:
            first[key] = one
    return list(first.values())


def _named(row: RefusedValue | UnseenValue, program: Program) -> Iterable[Setting]:
    if program.component not in row.components:
        return ()
    if isinstance(row, RefusedValue) and row.is_of_items:
        return program.flags.get(row.flag, ())
    setting = program.flag(row.flag) or program.field(row.field)
    return () if setting is None else (setting,)


def _items(setting: Setting) -> Iterator[Setting]:
    place = setting.item_place
    return (msgspec.structs.replace(setting, value=item, place=place) for item in setting.items)


def _has(hosts: Iterable[Host], control_groups: int, setting: Setting) -> bool:
    """Whether the node that reads a setting, or any of those that do, has such control groups; 0 for all."""
    node = setting.place.subject.node
    there = (host for host in hosts if node in ("", host.name))
    return not control_groups or any(host.machine.cgroup_version == control_groups for host in there)


def _untold(hosts: Iterable[Host]) -> Iterator[Gap]:
    """The nodes of which nobody knows which control groups they have."""
    for host in hosts:
        if isinstance(host.machine.cgroup_version, Missing):
            yield host.cannot_check("system", host.machine.cgroup_version)
