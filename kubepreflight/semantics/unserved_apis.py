"""Manifests in API versions that the API server does not serve yet, or only when it is told to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Self

import msgspec

from kubepreflight.finding import Subject
from kubepreflight.knowledge.api_lifecycle import ApiKind, ApiLifecycle
from kubepreflight.semantics.control_plane_settings import ApiServerFlags, ControlPlaneSettings
from kubepreflight.semantics.folders import folders
from kubepreflight.semantics.kustomizations import Kustomizations
from kubepreflight.semantics.runtime_config import RUNTIME_CONFIG, switched_on
from kubepreflight.semantics.setting import Setting
from kubepreflight.snapshot import ManifestHeaders
from kubepreflight.upgrade import Upgrade


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
        flags: ApiServerFlags | None = None,
        control_plane: ControlPlaneSettings | None = None,
    ) -> Self:
        """From the heads of manifests, but those that the kustomization beside them leaves out.

        What `flags` do not switch on may be on all the same where the settings of the control plane are not known.
        """
        found: dict[ApiKind, list[Subject]] = {}
        for header in headers.all:
            row = lifecycle.find(header.api_version, header.kind)
            if row is not None and not kustomizations.leaves_out(header.origin.file):
                found.setdefault(row, []).append(header.subject)
        told = flags.named(RUNTIME_CONFIG) if flags else ()
        off = Lack.SWITCHED_OFF if control_plane and not control_plane.gaps else Lack.PERHAPS_OFF
        lacking = [(row, _lack(row, upgrade, told, off), places) for row, places in found.items()]
        return cls(tuple(one for row, lack, places in lacking if lack for one in _by_folder(row, lack, places)))


def _lack(row: ApiKind, upgrade: Upgrade, told: Iterable[Setting], off: Lack) -> Lack | None:
    """What is in the way; `off` for what nothing switches on."""
    target = upgrade.target.minor_version
    if row.removed is not None and row.removed <= target:
        return None  # removed-api's matter
    if row.introduced > target:
        return Lack.BEYOND
    if row.served_by_default == "no" and not switched_on(row, told):
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
