"""What the kubelet of a node is told, and where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from kubepreflight.host.missing import Missing

ADDED_UP = frozenset(
    {
        *("feature-gates", "node-labels", "kube-reserved", "system-reserved", "qos-reserved"),
        *("eviction-hard", "eviction-soft", "eviction-soft-grace-period", "eviction-minimum-reclaim"),
    }
)
"""Flags whose values the kubelet adds up when they are given several times; of any other the last one counts."""


class KubeletFlag(msgspec.Struct, frozen=True, kw_only=True):
    """One flag where it is written: `name` without `--` and with `-` for `_`, `value` empty for a bare flag.

    `file` is the unit, its drop-in or the environment file (`variable` is then the variable in it), or the process'
    `/proc/PID/cmdline`; `line` counts from 1 where the logical line begins, 0 when that is not known.
    """

    name: str
    value: str = ""
    file: str = ""
    line: int = 0
    variable: str = ""


class KubeletConfigFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of KubeletConfiguration as decoded; `lines` has the line of each dotted key written in block style."""

    path: str
    values: Mapping[str, Any]
    lines: Mapping[str, int] = {}


class SettingPlace(msgspec.Struct, frozen=True, kw_only=True):
    """One place where a setting is made: `entry` is the flag with its dashes, or the dotted key of the file."""

    file: str
    line: int
    entry: str
    value: Any


class KubeletSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the kubelet is told: by its flags, which win, then by its configuration file with its drop-ins.

    `flags` are those with which systemd starts it the next time (an upgrade does), in the order of the command line;
    `running` those of the process that ran when the node was collected, () when none did. `files` are that of
    `--config` and those of `--config-dir`, in the order in which the kubelet lays them over each other.
    `instance` is kubeadm's instance-config.yaml (1.32 and later), which no kubelet reads: each `kubeadm upgrade` lays
    it over what it writes as config.yaml. `unread` says why there may be more flags than these, else it is empty.
    """

    flags: tuple[KubeletFlag, ...] | Missing = Missing("not collected")
    running: tuple[KubeletFlag, ...] | Missing = Missing("not collected")
    files: tuple[KubeletConfigFile, ...] | Missing = Missing("not collected")
    instance: KubeletConfigFile | None = None
    unread: str = ""

    @property
    def command_line(self) -> tuple[KubeletFlag, ...] | Missing:
        """The flags that count: those of the next start, else those of the running process."""
        return self.running if isinstance(self.flags, Missing) and self.running else self.flags

    @property
    def given(self) -> Mapping[str, str]:
        """The value of each flag that counts, as far as they are known."""
        flags = self.command_line
        return {} if isinstance(flags, Missing) else values_of(flags)

    @property
    def config(self) -> Mapping[str, Any] | Missing:
        """The configuration files laid over each other, without the flags that override them."""
        return self.files if isinstance(self.files, Missing) else merged(one.values for one in self.files)

    def flag(self, name: str) -> str | Missing | None:
        """The value of `--name`, "" for a bare one, None when it is not given."""
        flags = self.command_line
        if isinstance(flags, Missing):
            return flags
        value = values_of(flags).get(name)
        return Missing(self.unread) if value is None and self.unread else value

    def value(self, key: str, flag: str = "") -> Any | Missing | None:
        """The value of the dotted `key` of KubeletConfiguration that counts, None when the default does.

        `flag` is the flag that sets the same; its value comes as text.
        """
        given = self.flag(flag) if flag else None
        if given is not None:
            return given
        config = self.config
        return config if isinstance(config, Missing) else below(config, key)

    def places(self, key: str = "", flag: str = "") -> tuple[SettingPlace, ...]:
        """Every place where a setting is made, the one that counts first.

        The running process' command line is among them where it says something else than the files; last comes
        kubeadm's instance-config.yaml.
        """
        written = _written(self.flags, flag)
        running = [one for one in _written(self.running, flag) if one.value not in {other.value for other in written}]
        files = () if isinstance(self.files, Missing) else self.files
        in_files = [place for one in reversed(files) for place in _in_file(one, key)]
        instance = [] if self.instance is None else [*_in_file(self.instance, key)]
        return (*written[::-1], *running[::-1], *in_files, *instance)


def values_of(flags: Iterable[KubeletFlag]) -> dict[str, str]:
    """Each flag's value as the kubelet takes it."""
    values: dict[str, str] = {}
    for one in flags:
        earlier = values.get(one.name)
        values[one.name] = f"{earlier},{one.value}" if earlier and one.name in ADDED_UP else one.value
    return values


def merged(documents: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Documents laid over each other as a JSON merge patch (RFC 7396), which is how the kubelet merges drop-ins."""
    result: dict[str, Any] = {}
    for document in documents:
        for key, value in document.items():
            if isinstance(value, Mapping):
                earlier = result.get(key)
                result[key] = merged((earlier if isinstance(earlier, Mapping) else {}, value))
            elif value is None:
                result.pop(key, None)
            else:
                result[key] = value
    return result


def below(document: Mapping[str, Any], key: str) -> Any | None:
    """What stands at a dotted key."""
    value: Any = document
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _written(flags: tuple[KubeletFlag, ...] | Missing, name: str) -> list[SettingPlace]:
    if isinstance(flags, Missing) or not name:
        return []
    return [
        SettingPlace(file=one.file, line=one.line, entry=f"--{name}", value=one.value)
        for one in flags
        if one.name == name
    ]


def _in_file(file: KubeletConfigFile, key: str) -> Iterator[SettingPlace]:
    value = below(file.values, key) if key else None
    if value is not None:
        yield SettingPlace(file=file.path, line=file.lines.get(key, 0), entry=key, value=value)
