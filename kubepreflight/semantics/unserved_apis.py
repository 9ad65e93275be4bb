"""Manifests in API versions that the API server does not serve yet, or only when it is told to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Self

import msgspec

from kubepreflight.finding import Subject
from kubepreflight.knowledge.api_lifecycle import ApiKind, ApiLifecycle
from kubepreflight.knowledge.feature_gates import FeatureGates
from kubepreflight.semantics.control_plane_settings import ApiServerFlags, ControlPlaneSettings
from kubepreflight.semantics.folders import folders
from kubepreflight.semantics.kustomizations import Kustomizations
from kubepreflight.semantics.runtime_config import RUNTIME_CONFIG, switched_on
from kubepreflight.semantics.setting import API_SERVER, GATES, Place, Setting, Where, gates_of_flag
from kubepreflight.semantics.settings_of_kubeadm import of_static_pod
from kubepreflight.semantics.static_pods import StaticPods
from kubepreflight.snapshot import ManifestHeaders
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Minor


class Lack(Enum):
    """Why a version is not served."""

    NOT_YET = "a later hop of the plan brings it"
    BEYOND = "no minor of the plan has it"
    SWITCHED_OFF = "it is off by default, and nothing switches it on"
    PERHAPS_OFF = "it is off by default, and whether something switches it on is not known"


class Unserved(msgspec.Struct, frozen=True, kw_only=True):
    """One version of one kind, and the manifests in it that will be applied together."""

    row: ApiKind
    lack: Lack
    places: list[Subject]


class UnservedApis(msgspec.Struct, frozen=True):
    """What manifests need and the API server lacks, on the way to the target; without what goes away before."""

    all: tuple[Unserved, ...]

    @classmethod
    def provide(
        cls,
        *,
        headers: ManifestHeaders,
        lifecycle: ApiLifecycle,
        kustomizations: Kustomizations,
        upgrade: Upgrade,
        gates: FeatureGates,
        flags: ApiServerFlags | None = None,
        control_plane: ControlPlaneSettings | None = None,
        static_pods: StaticPods | None = None,
    ) -> Self:
        """From the heads of manifests, but those that the kustomization beside them leaves out.

        What neither `flags` nor the static pods as they run switch on may be on all the same where the settings of the
        control plane are not known.
        """
        found: dict[ApiKind, list[Subject]] = {}
        for header in headers.all:
            row = lifecycle.find(header.api_version, header.kind)
            if row is not None and not kustomizations.leaves_out(header.origin.file):
                found.setdefault(row, []).append(header.subject)
        told = (*(flags.all if flags else ()), *_running(static_pods))
        is_on = _Switches(told, gates, upgrade.target.minor_version)
        off = Lack.SWITCHED_OFF if control_plane and not control_plane.gaps else Lack.PERHAPS_OFF
        lacking = [(row, _lack(row, upgrade, is_on, off), places) for row, places in found.items()]
        return cls(tuple(one for row, lack, places in lacking if lack for one in _by_folder(row, lack, places)))


def _running(static_pods: StaticPods | None) -> Iterator[Setting]:
    """The flags of the API servers of today."""
    for pod in static_pods.of(API_SERVER) if static_pods else ():
        if pod.spec is not None:
            yield from of_static_pod(pod.name, pod.spec, Place(Where.STATIC_POD, pod.place))


class _Switches:
    """What the API server's flags, or the defaults, make of a version that is off by default."""

    def __init__(self, flags: Sequence[Setting], gates: FeatureGates, minor: Minor) -> None:
        self._runtime_config = [one for one in flags if one.name == RUNTIME_CONFIG]
        set_gates = (gate for flag in flags if flag.name == GATES for gate in gates_of_flag(flag))
        self._set = {gate.name: gate.switch for gate in set_gates}
        self._gates = gates
        self._minor = minor

    def __call__(self, row: ApiKind) -> bool:
        """Whether it is on, in the minor in question."""
        return switched_on(row, self._runtime_config) and (not row.gate or self._gate_on(row.gate))

    def _gate_on(self, gate: str) -> bool:
        """An unknown gate is in nobody's way."""
        state = self._gates.state(API_SERVER, gate, self._minor)
        if state is None:
            return True
        told = self._set.get(gate, self._set.get(f"All{state.stage.capitalize()}"))
        return state.default if told is None else told


def _lack(row: ApiKind, upgrade: Upgrade, is_on: _Switches, off: Lack) -> Lack | None:
    """What is in the way; `off` for what nothing switches on."""
    target = upgrade.target.minor_version
    if row.removed is not None and row.removed <= target:
        return None  # removed-api's matter
    if row.introduced > target:
        return Lack.BEYOND
    if row.served_by_default == "no" and not is_on(row):
        return off
    # Where the cluster is, is assumed when none was read.
    later = upgrade.current is not None and row.introduced > upgrade.first_hop.start
    return Lack.NOT_YET if later else None


def _by_folder(row: ApiKind, lack: Lack, places: list[Subject]) -> Iterator[Unserved]:
    folder_of = folders({place.file for place in places})
    together: dict[str, list[Subject]] = {}
    for place in places:
        together.setdefault(folder_of[place.file], []).append(place)
    for inside in together.values():
        yield Unserved(row=row, lack=lack, places=inside)
