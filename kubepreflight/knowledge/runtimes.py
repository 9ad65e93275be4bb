"""What Kubernetes asks of the container runtime. The tables are `runtimes.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Literal, Self

import msgspec

from kubepreflight.knowledge.table import DIRECTORY, TableInfo, Verified, read_toml
from kubepreflight.version import Minor, Version

_MINORS = frozenset(
    {"from", "to", "since", "dockershim_gone", "protecting_flag_gone", "warned_of_since", "announced_for"}
    | {"kubeadm_default_since", "gate_since", "default_since", "always_since", "rewritten_until"}
)


class OldestRuntime(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The oldest release of a runtime that a kubelet `since` a minor can talk to; it has to know `speaks`."""

    since: Minor
    runtime: Literal["containerd", "cri-o", "cri-dockerd"]
    version: str
    speaks: str
    source: str


class RuntimeConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which runtimes serve RuntimeConfig, since when kubeadm warns, and for when the kubelet's demand is announced."""

    warned_of_since: Minor
    announced_for: Minor
    oldest: Mapping[str, str]
    source: str


class CgroupDriver(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Since when the kubelet asks the runtime for its driver, and what each takes where nothing is set."""

    gate: str
    gate_since: Minor
    default_since: Minor
    always_since: Minor
    kubelet_default: str
    kubeadm_default: str
    kubeadm_default_since: Minor
    source: str

    def asked_by(self, kubelet: Minor, *, gate: bool | None) -> bool:
        """Whether a kubelet of this minor asks, when its feature gate is set so (None: not set)."""
        if kubelet >= self.always_since:
            return True
        return kubelet >= self.gate_since and (kubelet >= self.default_since if gate is None else gate)


class FrozenRegistry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A registry, or a part of one, that gets no new images.

    `state` is a clause about it, `instead` where the same images are. `rewritten_until` is the last kubeadm that puts
    that into its record by itself, where one does.
    """

    registry: str
    state: str
    instead: str
    rewritten_until: Minor | None = None
    source: str


class _RuntimesFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    verified: Verified
    dockershim_gone: Minor
    dockershim_source: str
    protecting_flag_gone: Minor
    protecting_flag_source: str
    oldest: tuple[OldestRuntime, ...]
    runtime_config: RuntimeConfig
    cgroup_driver: CgroupDriver
    frozen: tuple[FrozenRegistry, ...]


class Runtimes(msgspec.Struct, frozen=True):
    """The tables, as rules ask for them."""

    info: TableInfo
    file: _RuntimesFile

    @classmethod
    @cache
    def provide(cls) -> Self:
        """The tables that are shipped."""
        file = read_toml(DIRECTORY / "runtimes.toml", _RuntimesFile, _MINORS)
        return cls(file.verified.info("runtimes"), file)

    def too_old(self, runtime: str, version: Version, kubelet: Minor) -> OldestRuntime | None:
        """Why a kubelet of this minor cannot talk to this runtime; None when it can, or the runtime is not known."""
        return next(
            (
                row
                for row in self.file.oldest
                if row.runtime == runtime and row.since <= kubelet and version < Version.parse(row.version)
            ),
            None,
        )

    def tells_cgroup_driver(self, runtime: str, version: Version) -> bool | None:
        """Whether this runtime serves RuntimeConfig; None for a runtime of which that is not known."""
        oldest = self.file.runtime_config.oldest.get(runtime)
        return None if oldest is None else version >= Version.parse(oldest)

    def frozen(self, image: str) -> FrozenRegistry | None:
        """The frozen registry from which an image comes, None for any other."""
        return next((row for row in self.file.frozen if image.startswith(f"{row.registry}/")), None)
