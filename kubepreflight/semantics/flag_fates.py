"""What becomes of the flags that are set: the hop with which a program comes that does not know one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

import msgspec

from kubepreflight.finding import Gap, Hop, cannot_check
from kubepreflight.knowledge.etcd_flags import EtcdFlags
from kubepreflight.knowledge.flags import Flag, Flags
from kubepreflight.knowledge.kubeadm_upgrades import KubeadmUpgrades
from kubepreflight.semantics.setting import ETCD, Setting
from kubepreflight.semantics.setting_words import bites, running_minor
from kubepreflight.semantics.settings import Settings
from kubepreflight.semantics.several import listed
from kubepreflight.upgrade import Upgrade
from kubepreflight.visible import visible


class FlagFate(msgspec.Struct, frozen=True):
    """A flag that is set and goes, and the first hop with which a program comes that does not know it."""

    setting: Setting
    flag: Flag
    hop: Hop

    @property
    def error(self) -> str:
        """What that program prints; etcd reads its flags with Go's own package."""
        go = self.flag.component == ETCD
        return f"flag provided but not defined: -{self.flag.name}" if go else f"unknown flag: --{self.flag.name}"


class FlagFates(msgspec.Struct, frozen=True):
    """All of them; those that go right after the plan, and what could not be judged."""

    all: tuple[FlagFate, ...]
    next: tuple[tuple[Setting, Flag], ...]
    gaps: tuple[Gap, ...]

    @classmethod
    def provide(
        cls, *, settings: Settings, table: Flags, etcd: EtcdFlags, kubeadm: KubeadmUpgrades, upgrade: Upgrade
    ) -> Self:
        """Judge every flag by the hops that its program makes."""
        fates, after, unknown = [], [], []
        following = upgrade.target.minor_version.plus(1)
        for one in settings.flags:
            flag = etcd.find(one.name) if one.component == ETCD else table.find(one.component, one.name)
            if flag is None and one.component != ETCD:
                unknown.append(one)
            if flag is None or flag.removed is None or _is_dropped(one, flag, kubeadm, upgrade):
                continue
            if flag.removed == following:
                after.append((one, flag))
            for setting in one.as_it_may_run:
                hop = bites(setting, flag.removed, upgrade)
                if hop is not None:
                    fates.append(FlagFate(setting, flag, hop))
                    break
        return cls(tuple(fates), tuple(after), (*settings.gaps, *([_unknown(unknown)] if unknown else [])))

    def by_flag(self) -> Iterator[list[FlagFate]]:
        """Those that go within the plan, together by component, name and hop."""
        groups: dict[tuple[str, str, Hop], list[FlagFate]] = {}
        for one in self.all:
            groups.setdefault((one.flag.component, one.flag.name, one.hop), []).append(one)
        return iter(groups.values())


def _is_dropped(setting: Setting, flag: Flag, kubeadm: KubeadmUpgrades, upgrade: Upgrade) -> bool:
    """Whether kubeadm takes it out of its own file before the kubelet comes that does not know it, be it one hop on."""
    running, target = running_minor(setting, upgrade), upgrade.target.minor_version
    hops = [hop for hop in (*upgrade.hops, Hop(target, target.plus(1))) if hop.end > running]
    return setting.place.is_kubeadms and flag.removed is not None and kubeadm.drops(flag.name, hops, flag.removed)


def _unknown(flags: list[Setting]) -> Gap:
    names = listed(sorted({f"--{visible(one.name)[:80]} of {one.component}" for one in flags}))
    return cannot_check(
        "flags",
        f"no version of Kubernetes is known to have {names}: misspelt, newer, or a distribution's own",
        how="try the new program with that flag and --version",
    )
