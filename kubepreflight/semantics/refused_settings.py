"""What of the static pods' flags some program on the way refuses: it must not be carried over to the next ones.

kubeadm renders the static pods anew, so that nothing of it reaches the next program by itself. It does when somebody
writes it into kubeadm-config, or gives kubeadm a patch with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Self

import msgspec

from kubepreflight.finding import Hop
from kubepreflight.knowledge.admission_plugins import AdmissionPlugins
from kubepreflight.knowledge.etcd_flags import EtcdFlags
from kubepreflight.knowledge.feature_gate_dependencies import FeatureGateDependencies
from kubepreflight.knowledge.feature_gates import FeatureGates
from kubepreflight.knowledge.flags import Flags
from kubepreflight.knowledge.kubeadm_upgrades import KubeadmUpgrades
from kubepreflight.knowledge.runtime_config import RuntimeConfig
from kubepreflight.knowledge.setting_values import SettingValues
from kubepreflight.semantics.flag_fates import FlagFate, FlagFates
from kubepreflight.semantics.gate_conflicts import GateConflict, GateConflicts
from kubepreflight.semantics.gate_fates import GateFate, GateFates
from kubepreflight.semantics.runtime_config import RUNTIME_CONFIG, entries_of
from kubepreflight.semantics.setting import API_SERVER, GATES, STATIC_COMPONENTS, Place, Setting, Where
from kubepreflight.semantics.setting_words import bites
from kubepreflight.semantics.settings import Settings
from kubepreflight.semantics.settings_of_kubeadm import of_static_pod
from kubepreflight.semantics.static_pods import StaticPods
from kubepreflight.semantics.value_fates import ValueFate, ValueFates
from kubepreflight.upgrade import Upgrade
from kubepreflight.visible import visible

ADMISSION_FLAGS = ("enable-admission-plugins", "disable-admission-plugins", "admission-control")
"""The last is what both were before 1.10; it enables."""
_LONGEST = 100
"""So much is shown of a value."""


class RefusedSetting(msgspec.Struct, frozen=True):
    """A flag of a component, or one `item` of its list, the hop with which it is refused, and what is printed then.

    `value` is that of a flag that is refused because of it. `advice` says what to do in its place, `new` is the value
    to write instead.
    """

    component: str
    flag: str
    item: str
    hop: Hop
    error: str
    value: str = ""
    advice: str = ""
    new: str = ""

    @property
    def called(self) -> str:
        """What it is called in sentences."""
        if self.item:
            return visible(f"{self.item} in --{self.flag}")
        return visible(f"--{self.flag}={self.value[:_LONGEST]}" if self.value else f"--{self.flag}")

    def is_of(self, text: str) -> bool:
        """Whether an item as it is written (`A=true`, `kube:A=true`, `batch/v2alpha1/jobs`) is the one."""
        name = text.partition("=")[0].strip().rpartition(":")[2]
        return bool(self.item) and (self.item in (name, text.strip()) or name.startswith(f"{self.item}/"))


class RefusedSettings(msgspec.Struct, frozen=True):
    """All of them, each once."""

    all: tuple[RefusedSetting, ...]

    @classmethod
    def provide(
        cls,
        *,
        static_pods: StaticPods,
        flags: Flags,
        etcd: EtcdFlags,
        gates: FeatureGates,
        dependencies: FeatureGateDependencies,
        kubeadm: KubeadmUpgrades,
        plugins: AdmissionPlugins,
        versions: RuntimeConfig,
        values: SettingValues,
        upgrade: Upgrade,
    ) -> Self:
        """Judge the static pods as they run."""
        settings = Settings.of(_running(static_pods))
        known = FlagFates.provide(settings=settings, table=flags, etcd=etcd, kubeadm=kubeadm, upgrade=upgrade)
        set_gates: tuple[GateFate | GateConflict, ...] = (
            *GateFates.provide(settings, gates, kubeadm, upgrade).all,
            *GateConflicts.provide(settings, gates, dependencies, upgrade).all,
        )
        refused_values = ValueFates.provide(
            settings=settings, table=values, gates=gates, dependencies=dependencies, upgrade=upgrade
        )
        found = [
            *map(_flag, known.all),
            *(RefusedSetting(one.setting.component, GATES, one.setting.name, one.hop, one.error) for one in set_gates),
            *_plugins(settings.flags, plugins, upgrade),
            *_versions(settings.flags, versions, upgrade),
            *map(_value, refused_values.all),
        ]
        return cls(tuple(dict.fromkeys(found)))

    def of(self, component: str, flag: str) -> list[RefusedSetting]:
        """What is refused of one flag."""
        return [one for one in self.all if (one.component, one.flag) == (component, flag)]


def unknown_plugin(flag: str, name: str) -> str:
    """What an API server prints that does not have an admission plugin."""
    return f'{flag} plugin "{name}" is unknown'


def unregistered(version: str) -> str:
    """What an API server prints that has nothing of a version in `--runtime-config`."""
    return f"group version {version} that has not been registered"


def without(refused: Sequence[RefusedSetting], values: Sequence[str]) -> tuple[str, ...]:
    """What is left of a flag's values when that is taken out; or what is written instead."""
    whole = [one for one in refused if not one.item]
    if whole:
        return tuple(dict.fromkeys(one.new for one in whole if one.new))
    lists = ([item for item in value.split(",") if not any(one.is_of(item) for one in refused)] for value in values)
    return tuple(",".join(items) for items in lists if items)


def _running(static_pods: StaticPods) -> Iterator[Setting]:
    for pod in static_pods.of(*STATIC_COMPONENTS):
        if pod.spec is not None:
            yield from of_static_pod(pod.name, pod.spec, Place(Where.STATIC_POD, pod.place))


def _flag(one: FlagFate) -> RefusedSetting:
    component, name, said = one.flag.component, one.flag.name, one.flag.last_message
    advice = f"What {component} says of --{name}: {said}" if said else ""
    return RefusedSetting(component, name, "", one.hop, one.error, advice=advice)


def _value(one: ValueFate) -> RefusedSetting:
    component, name, row = one.setting.component, one.setting.name, one.row
    item, value = (one.setting.value, "") if row.is_of_items else ("", one.setting.value)
    return RefusedSetting(component, name, item, one.hop, one.error, value, row.instead, row.new)


def _plugins(flags: Iterable[Setting], plugins: AdmissionPlugins, upgrade: Upgrade) -> Iterator[RefusedSetting]:
    for flag in flags:
        for name in flag.items if flag.component == API_SERVER and flag.name in ADMISSION_FLAGS else ():
            plugin = plugins.find(name)
            hop = bites(flag, plugin.removed, upgrade) if plugin and plugin.removed else None
            if hop:
                yield RefusedSetting(API_SERVER, flag.name, name, hop, unknown_plugin(flag.name, name))


def _versions(flags: Iterable[Setting], table: RuntimeConfig, upgrade: Upgrade) -> Iterator[RefusedSetting]:
    told = (one for one in flags if one.component == API_SERVER and one.name == RUNTIME_CONFIG)
    for entry in entries_of(told):
        gone = table.gone.get(entry.version)
        hop = bites(entry.setting, gone, upgrade) if gone else None
        if hop:
            yield RefusedSetting(API_SERVER, RUNTIME_CONFIG, entry.version, hop, unregistered(entry.version))
