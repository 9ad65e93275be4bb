"""The Job by which kubeadm tests a cluster before it upgrades it. The table is `health_job.toml`."""

from __future__ import annotations

from functools import cache
from typing import Self

import msgspec

from kubepreflight.knowledge.table import DIRECTORY, TableInfo, Verified, read_toml
from kubepreflight.version import Minor


class HealthJob(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The Job of a kubeadm from `since` on: how long kubeadm waits for it, and which taints, `key:effect`, it bears."""

    since: Minor
    seconds: int
    tolerates: tuple[str, ...]
    source: str


class _HealthJobFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    verified: Verified
    job: tuple[HealthJob, ...]


class HealthJobs(msgspec.Struct, frozen=True):
    """The table, as a rule asks for it."""

    info: TableInfo
    rows: tuple[HealthJob, ...]

    @classmethod
    @cache
    def provide(cls) -> Self:
        """The table that is shipped."""
        file = read_toml(DIRECTORY / "health_job.toml", _HealthJobFile, frozenset({"from", "to", "since"}))
        return cls(file.verified.info("health-job"), file.job)

    def of(self, kubeadm: Minor) -> HealthJob | None:
        """The Job of this kubeadm; None where it does not matter how it ends."""
        return next((row for row in reversed(self.rows) if row.since <= kubeadm), None)
