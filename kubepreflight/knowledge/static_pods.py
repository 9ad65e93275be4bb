"""What kubeadm renders into static pods by itself, by its own version. The table is `static_pods.csv`."""

from __future__ import annotations

from functools import cache
from typing import Literal, Self

import msgspec

from kubepreflight.knowledge.table import DIRECTORY, TableInfo, read_csv
from kubepreflight.version import Minor

ANY, NOTHING = "{any}", "{nothing}"
LOCAL_ETCD = "local etcd"
Setting = Literal["flag", "volume"]


class RenderedSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A flag with its value, or a volume with its path, that is the same on the node and in the container.

    kubeadm renders it from `since` to `until`, when the condition `when` is met; a value may have `{names}` of fields
    of the ClusterConfiguration in it. A name with several rows has one of their values.
    """

    component: str
    setting: Setting
    name: str
    value: str
    since: Minor | None = None
    until: Minor | None = None
    when: str = ""

    def covers(self, minor: Minor) -> bool:
        """Whether kubeadm renders it for this minor of Kubernetes."""
        return (self.since is None or self.since <= minor) and (self.until is None or minor <= self.until)


class StaticPodRendering(msgspec.Struct, frozen=True):
    """The table, as a rule asks for it."""

    info: TableInfo
    rows: tuple[RenderedSetting, ...]

    @classmethod
    @cache
    def provide(cls) -> Self:
        """The table that is shipped."""
        info, rows = read_csv(DIRECTORY / "static_pods.csv", RenderedSetting, frozenset({"since", "until"}))
        return cls(info, tuple(rows))

    def of(self, component: str, setting: Setting) -> dict[str, list[RenderedSetting]]:
        """The rows of one component by the name of the flag or the volume, of all versions."""
        found: dict[str, list[RenderedSetting]] = {}
        for row in self.rows:
            if (row.component, row.setting) == (component, setting):
                found.setdefault(row.name, []).append(row)
        return found

    def renders(self, component: str, flag: str, value: str) -> bool:
        """Whether some kubeadm may have rendered a flag so by itself."""
        rows = (row for row in self.rows if (row.component, row.setting, row.name) == (component, "flag", flag))
        return any("{" in row.value or row.value == value for row in rows)
