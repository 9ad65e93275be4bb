"""Feature gates that are set so that one is on without another that it needs: the hop whose program does not start.

A program looks at all its gates together, wherever they are set. A kubelet does that several times: with those of its
flags alone; with those of its configuration over them, when it has read config.yaml, and the drop-ins; and with its
flags over all. Source: cmd/kubelet/app/server.go and pkg/kubelet/apis/config/v1beta1/defaults.go of 1.35.4 to 1.37.2.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Self

import msgspec

from kubepreflight.finding import Gap, Hop
from kubepreflight.knowledge.feature_gate_dependencies import FeatureGateDependencies
from kubepreflight.knowledge.feature_gates import FeatureGates
from kubepreflight.semantics.emulation import Emulation
from kubepreflight.semantics.gates_in_force import GatesInForce, Unmet
from kubepreflight.semantics.kubelets import Kubelets
from kubepreflight.semantics.programs import CONFIGURATION, FLAG, programs, rank
from kubepreflight.semantics.setting import ALL_GATES, KUBEADM, KUBELET, Setting
from kubepreflight.semantics.setting_words import running_minor
from kubepreflight.semantics.settings import Settings
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Minor

Values = frozenset[tuple[str, bool]]


class GateConflict(msgspec.Struct, frozen=True):
    """A gate that is set so that others are on without what they need, and the first hop whose program refuses it.

    `unmet` has these others, each with all that it lacks; `later` those that come to them with later hops. `likewise`
    are the gates to give the same value, so that this one can keep it; empty where that is not possible.
    """

    setting: Setting
    hop: Hop
    unmet: Mapping[str, Sequence[str]]
    later: tuple[str, ...]
    likewise: tuple[str, ...]

    @property
    def error(self) -> str:
        """What that program prints, of one of the others for all."""
        gate, needed = min(self.unmet.items())
        return f"{gate} is enabled, but depends on features that are disabled: [{' '.join(sorted(needed))}]"


class GateConflicts(msgspec.Struct, frozen=True):
    """All of them, and what could not be judged."""

    all: tuple[GateConflict, ...]
    gaps: tuple[Gap, ...]

    @classmethod
    def provide(
        cls,
        settings: Settings,
        gates: FeatureGates,
        dependencies: FeatureGateDependencies,
        upgrade: Upgrade,
        kubelets: Kubelets | None = None,
    ) -> Self:
        """Judge what each program is started with by the hops that it makes."""
        judge = _Judge(gates, dependencies, upgrade, Emulation(settings.flags))
        found: list[GateConflict] = []
        for given in _together(settings, kubelets):
            pending = [one.as_it_may_run[-1] for one in given]
            found += list(judge.of(given)) or judge.of(pending)
        return cls(tuple(found), settings.gaps)

    def by_gate(self) -> Iterator[list[GateConflict]]:
        """Together by the gate that is set, and by its value."""
        groups: dict[tuple[str, bool | None], list[GateConflict]] = {}
        for one in self.all:
            groups.setdefault((one.setting.name, one.setting.switch), []).append(one)
        return iter(groups.values())


def _together(settings: Settings, kubelets: Kubelets | None) -> Iterator[list[Setting]]:
    """The gates that one program reads; of one that stands there twice the last counts. Many may read the same."""
    all_read = dict.fromkeys(one.gates for one in programs(settings, kubelets) if one.component != KUBEADM)
    for read in all_read:
        # What is neither true nor false is a gap.
        if given := [one for one in read if one.switch is not None]:
            yield given


def _looks(given: list[Setting]) -> Iterator[list[Setting]]:
    """What the program looks at, one after the other."""
    if given[0].component == KUBELET:
        flags = [one for one in given if rank(one) is FLAG]
        yield flags
        yield [*flags, *(one for one in given if rank(one) is CONFIGURATION)]
        yield [*flags, *(one for one in given if rank(one) is not FLAG)]
    yield given


class _Judge:
    """Judges each combination of gates once: thousands of nodes have the same."""

    def __init__(
        self, gates: FeatureGates, dependencies: FeatureGateDependencies, upgrade: Upgrade, emulation: Emulation
    ) -> None:
        self._gates, self._dependencies, self._upgrade, self._emulation = gates, dependencies, upgrade, emulation
        self._known: dict[tuple[str, Minor, Minor, Values], tuple[Unmet, ...]] = {}

    def of(self, given: list[Setting]) -> Iterator[GateConflict]:
        """What comes of the gates that one program is given."""
        # A node's own know its kubelet; they stand behind those of the cluster.
        running = running_minor(given[-1], self._upgrade)
        is_pending = any(one.place.is_pending for one in given)
        # What is refused today cannot be in use.
        today = () if is_pending else tuple(self._unmet(given, running))
        refused, causes_today = {(one.gate, one.needed) for one in today}, {one.cause for one in today}
        causes: dict[tuple[str, bool], dict[Hop, list[Unmet]]] = defaultdict(lambda: defaultdict(list))
        for hop in self._upgrade.hops:
            for one in self._unmet(given, hop.end) if hop.end > running else ():
                if (one.gate, one.needed) not in refused and one.cause not in causes_today:
                    causes[one.cause, one.value][hop].append(one)
        for cause, hops in causes.items():
            # What goes over another of the same value would only uncover that.
            settings = (one for one in given if (one.name, one.switch) == cause)
            yield from (self._conflict(one, hops, given, running) for one in settings)

    def _unmet(self, given: list[Setting], minor: Minor) -> Iterator[Unmet]:
        found: dict[Unmet, None] = {}
        for one in _looks(given):
            in_force = self._in_force(given[0], one, minor)
            key = in_force.component, minor, in_force.behaves_as, frozenset(in_force.values.items())
            if key not in self._known:
                self._known[key] = tuple(in_force.unmet())
            found |= dict.fromkeys(self._known[key])
        return iter(found)

    def _in_force(self, setting: Setting, given: list[Setting], minor: Minor) -> GatesInForce:
        values = {one.name: bool(one.switch) for one in given}
        behaves_as = self._emulation.of(setting, minor)
        return GatesInForce(self._gates, self._dependencies, setting.component, minor, values, behaves_as)

    def _conflict(
        self, setting: Setting, hops: Mapping[Hop, list[Unmet]], given: list[Setting], running: Minor
    ) -> GateConflict:
        first = min(hops)
        unmet: dict[str, list[str]] = defaultdict(list)
        for one in hops[first]:
            unmet[one.gate].append(one.needed)
        later = {one.gate for found in hops.values() for one in found} - unmet.keys()
        look = next(one for one in _looks(given) if setting in one)
        before = running if first == self._upgrade.first_hop else first.start
        then, now = (self._in_force(setting, look, minor) for minor in (first.end, before))
        likewise = set() if setting.name in ALL_GATES else then.to_set_likewise(setting.name)
        if not (then.can_be_set(likewise) and now.can_be_set(likewise)):
            likewise = set()
        return GateConflict(setting, first, unmet, tuple(sorted(later)), tuple(sorted(likewise)))
