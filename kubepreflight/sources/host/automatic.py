"""The settings of unattended-upgrades, dnf-automatic and yum-cron, and what starts them.

`commands/apt-automatic` is `apt-config dump` of some settings, a line `Key "value";` each, `Key:: "value";` for an item
of a list. `commands/apt-releases` is `apt-cache policy`: for each repository a line with its priority and address, one
with `release o=…,n=…` and one with `origin SITE`. `commands/upgrade-timers` is a list of systemd's unit files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from kubepreflight.host import AutomaticTool, AutomaticUpgrades, Missing, Package, Release
from kubepreflight.sources.host.host_files import HostFiles
from kubepreflight.sources.host.repositories import ini_sections

APT_TIMER = "apt-daily-upgrade.timer"
DNF_TIMERS = ("dnf-automatic.timer", "dnf5-automatic.timer")
DNF_INSTALLS = "dnf-automatic-install.timer"
"""This one installs whatever the settings say."""
YUM_SERVICE = "yum-cron.service"
MOST = 200

_SETTING = re.compile(r'(?P<key>[A-Za-z0-9:._-]+) "(?P<value>.*)";')
_REPOSITORY = re.compile(r" *-?\d+ (?P<url>[^\s:]+:\S+) (?P<rest>.*)")
_FIELDS = {"o": "origin", "l": "label", "a": "archive", "n": "codename", "c": "component"}
_FIELD = re.compile(r"(?:^|,)([olanc])=(.*?)(?=,[olanbcv]=|$)")
_TRUE = {"1", "yes", "true", "on"}


def read_automatic(
    node: HostFiles, system: Mapping[str, str] | Missing, packages: Mapping[str, Package] | Missing
) -> AutomaticUpgrades | Missing:
    """What of these tools the node has; a Missing where it was not asked for."""
    if node.command("apt-automatic") is None and node.command("upgrade-timers") is None:
        return node.missing("commands/apt-automatic") or Missing("the collector did not look at it")
    timers = _timers(node)
    apt = _unattended(node, {} if isinstance(system, Missing) else system, packages, timers)
    rpm = (*_dnf(node, timers), *_yum(node, timers))
    return AutomaticUpgrades(
        tools=apt if isinstance(apt, Missing) else (*apt, *rpm),
        releases=_releases(node),
    )


def _timers(node: HostFiles) -> Mapping[str, str] | None:
    """The state of each unit file by its name; None when systemd is not there or did not tell."""
    command = node.command("upgrade-timers")
    if command is None or command.status:
        return None
    rows = (line.split() for line in command.stdout.splitlines())
    return {row[0]: row[1] for row in rows if len(row) > 1}


def _unattended(
    node: HostFiles,
    system: Mapping[str, str],
    packages: Mapping[str, Package] | Missing,
    timers: Mapping[str, str] | None,
) -> tuple[AutomaticTool, ...] | Missing:
    command = node.command("apt-automatic")
    if command is None or not command.installed:
        return ()
    if command.status:
        return Missing(command.failure)
    if isinstance(packages, Missing):
        return packages
    settings: dict[str, list[str]] = {}
    for match in map(_SETTING.match, command.stdout.splitlines()):
        if match is not None:
            settings.setdefault(match["key"].removesuffix("::").lower(), []).append(match["value"])

    def items(name: str) -> tuple[str, ...]:
        return tuple(one for one in settings.get(f"unattended-upgrade::{name}", ()) if one)[:MOST]

    def last(name: str, default: str) -> str:
        return settings.get(f"apt::periodic::{name}", [default])[-1]

    switched_on = last("enable", "1") != "0" and last("unattended-upgrade", "0") not in ("", "0")
    starts = timers is None or timers.get(APT_TIMER, "enabled") not in ("disabled", "masked")
    strict = settings.get("unattended-upgrade::package-whitelist-strict", ["false"])[-1].lower()
    origins = (*map(_origin, items("allowed-origins")), *items("origins-pattern"))
    return (
        AutomaticTool(
            tool="unattended-upgrades",
            runs="unattended-upgrades" in packages and switched_on and starts,
            origins=tuple(_substituted(one, system) for one in origins),
            blacklist=items("package-blacklist"),
            whitelist=items("package-whitelist") if strict in _TRUE else (),
        ),
    )


def _origin(text: str) -> str:
    """An item of Allowed-Origins (`Debian:stable`) in the form of Origins-Pattern."""
    escaped = text.replace(",", "\\,")
    origin, _, archive = escaped.partition(":" if ":" in text else " ")
    return f"o={origin.strip()},a={archive.strip()}"


def _substituted(text: str, system: Mapping[str, str]) -> str:
    # What lsb_release tells: the name with a capital.
    return text.replace("${distro_id}", system.get("ID", "").capitalize()).replace(
        "${distro_codename}", system.get("VERSION_CODENAME", "")
    )


def _releases(node: HostFiles) -> tuple[Release, ...] | Missing:
    command = node.command("apt-releases")
    if command is None:
        return node.missing("commands/apt-releases") or ()
    if command.status:
        return Missing(command.failure)
    found: list[dict[str, str]] = []
    for line in command.stdout.splitlines():
        text = line.strip()
        if match := _REPOSITORY.match(line):
            found.append({"url": match["url"], "suite": match["rest"].split("/")[0].split(" ")[0]})
        elif found and text.startswith("release "):
            fields = _FIELD.findall(text.removeprefix("release "))
            found[-1] |= {_FIELDS[key]: value for key, value in fields}
        elif found and text.startswith("origin "):
            found[-1]["site"] = text.removeprefix("origin ")
    return tuple(Release(**fields) for fields in found[:MOST])


def _settings(node: HostFiles, *paths: str) -> Mapping[str, str]:
    for path in paths:
        for name, fields in ini_sections(node.text_of(path) or ""):
            if name == "commands":
                return {key: value.strip().lower() for key, (value, _) in fields.items()}
    return {}


def _enabled(timers: Mapping[str, str] | None, names: Sequence[str]) -> bool:
    return timers is not None and any(timers.get(name) == "enabled" for name in names)


def _dnf(node: HostFiles, timers: Mapping[str, str] | None) -> Iterator[AutomaticTool]:
    settings = _settings(node, "/etc/dnf/automatic.conf", "/usr/share/dnf5/dnf5-plugins/automatic.conf")
    installs = _enabled(timers, (DNF_INSTALLS,))
    applies = _enabled(timers, DNF_TIMERS) and settings.get("apply_updates") in _TRUE
    if settings or installs:
        only_security = settings.get("upgrade_type") == "security"
        yield AutomaticTool(tool="dnf-automatic", runs=installs or applies, only_security=only_security)


def _yum(node: HostFiles, timers: Mapping[str, str] | None) -> Iterator[AutomaticTool]:
    settings = _settings(node, "/etc/yum/yum-cron.conf")
    if settings:
        runs = _enabled(timers, (YUM_SERVICE,)) and settings.get("apply_updates") in _TRUE
        only_security = settings.get("update_cmd", "default") not in ("default", "minimal")
        yield AutomaticTool(tool="yum-cron", runs=runs, only_security=only_security)
