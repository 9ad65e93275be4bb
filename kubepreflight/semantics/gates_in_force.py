"""Which feature gates are on in a program that is started with some of them set, and which of these lack another.

Source: unsafeSetFromMap, setUnsetAlphaGates and setUnsetBetaGates in featuregate/feature_gate.go of
k8s.io/component-base v0.35.4 to v0.37.2.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from kubepreflight.knowledge.feature_gate_dependencies import FeatureGateDependencies
from kubepreflight.knowledge.feature_gates import FeatureGates
from kubepreflight.semantics.setting import ALL_GATES
from kubepreflight.version import Minor

_OF_A_STAGE = dict(zip(("alpha", "beta"), ALL_GATES, strict=True))


class Unmet(msgspec.Struct, frozen=True):
    """A gate that is on, one that it needs and that is off, and the gate that is set to what brings this about."""

    gate: str
    needed: str
    cause: str
    value: bool


class GatesInForce(msgspec.Struct, frozen=True):
    """The gates of one program of a minor, of which `values` are set, AllAlpha and AllBeta among them.

    They are what they were in the minor `behaves_as`. What cannot be set, because the program does not know it or
    because it is locked, counts as not set.
    """

    gates: FeatureGates
    dependencies: FeatureGateDependencies
    component: str
    minor: Minor
    values: Mapping[str, bool]
    behaves_as: Minor

    def is_set_to(self, gate: str, value: bool) -> bool:
        """Whether it is on, or off, as asked; it is neither where the program does not know it."""
        known = self.gates.state(self.component, gate, self.minor)
        return known is not None and self._is_on(gate) is value

    def unmet(self) -> Iterator[Unmet]:
        """What keeps the program from starting."""
        for gate, needs in self.dependencies.at(self.minor).items():
            missing = [one for one in needs if not self._is_on(one)]
            if missing and self._is_on(gate):
                causes = ((one, self._cause(gate, one)) for one in missing)
                yield from (Unmet(gate, needed, cause, self.values[cause]) for needed, cause in causes if cause)

    def to_set_likewise(self, gate: str) -> set[str]:
        """The gates that must have the value of this one, which is set, and do not have it.

        Those that it needs where it is on, those that need it where it is off.
        """
        value = self.values[gate]
        following: dict[str, set[str]] = defaultdict(set)
        for one, needs in self.dependencies.at(self.minor).items():
            for needed in needs:
                before, after = (one, needed) if value else (needed, one)
                following[before].add(after)
        found: set[str] = set()
        ahead = [gate]
        while ahead:
            more = {one for one in following[ahead.pop()] - found if self._is_on(one) is not value}
            found |= more
            ahead += more
        return found

    def can_be_set(self, gates: Iterable[str]) -> bool:
        """Whether each of them may have either value."""
        states = (self.gates.state(self.component, one, self.behaves_as) for one in gates)
        return all(state is not None and not state.locked for state in states)

    def _is_on(self, gate: str, without: str = "") -> bool:
        """Whether it is on, or would be if `without` were not set."""
        state = self.gates.state(self.component, gate, self.behaves_as)
        if state is None:
            return False
        for name in self._deciding(gate):
            if name in self.values and name != without:
                return self.values[name]
        return state.default

    def _deciding(self, gate: str) -> tuple[str, ...]:
        """What can set the gate, first what counts most: itself, then what stands for all of its stage."""
        state = self.gates.state(self.component, gate, self.behaves_as)
        if state is None or state.locked:
            return ()
        of_all = _OF_A_STAGE.get(state.stage)
        return (gate, of_all) if of_all else (gate,)

    def _cause(self, gate: str, needed: str) -> str:
        """What is set, without which all would be well; a gate rather than what stands for many; empty for nothing."""
        needs, gates = self._deciding(needed), self._deciding(gate)
        candidates = [one for one in (*needs[:1], *gates, *needs[1:]) if one in self.values]
        mends = (one for one in candidates if self._is_on(needed, one) or not self._is_on(gate, one))
        return next(mends, candidates[0] if candidates else "")
