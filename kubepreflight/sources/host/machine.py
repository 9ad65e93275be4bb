"""The machine: control groups, memory, what waits for a reboot, the kernel."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from kubepreflight.host import Kernel, Machine, Missing, Swap
from kubepreflight.sources.host.clock import read_clock
from kubepreflight.sources.host.disks import image_store, read_etcd_size, read_file_systems
from kubepreflight.sources.host.host_files import HostFiles, first_line

VERSIONS = {"63677270": 2, "1021994": 1, "27e0eb": 1}
"""What /sys/fs/cgroup is, by the magic number of its file system (statfs(2)): cgroup2, tmpfs, cgroup."""

_CONTROLLERS_OF_1 = "cgroup-subsystems"
_RELEASE = re.compile(r"[0-9][\w.+~-]{0,80}")
_ZRAM = ("/etc/systemd/zram-generator.conf", "/usr/lib/systemd/zram-generator.conf")
_REBOOT = "/run/reboot-required"


def read_machine(node: HostFiles) -> Machine:
    """All of it; what is not known is a Missing each by itself."""
    version = _cgroup_version(node)
    started = _started(node)
    reboot, disks = _reboot_required(node), read_file_systems(node)
    packages = node.text_of(f"{_REBOOT}.pkgs") or ""
    return Machine(
        cgroup_version=version,
        cgroup_controllers=_controllers(node, version),
        swaps=_swaps(node),
        swaps_at_boot=_swaps_at_boot(node),
        started=started,
        reboot_required=reboot,
        reboot_packages=tuple(dict.fromkeys(packages.split()[:50])) if reboot is True else (),
        installed_since_boot=_installed_since(node, started),
        io_stall=_io_stall(node),
        memory=_memory(node),
        file_systems=disks,
        image_store=image_store(node, disks),
        etcd_size=read_etcd_size(node),
        kernel=_kernel(node),
        clock=read_clock(node),
    )


def _cgroup_version(node: HostFiles) -> int | Missing:
    said = node.said("cgroup-filesystem")
    if isinstance(said, Missing):
        return said
    return VERSIONS.get(said.strip()) or Missing(f"/sys/fs/cgroup is no mount of control groups: {first_line(said)!r}")


def _controllers(node: HostFiles, version: int | Missing) -> frozenset[str] | Missing:
    if isinstance(version, Missing):
        return version
    said = node.said(_CONTROLLERS_OF_1 if version == 1 else "cgroup-controllers")
    if isinstance(said, Missing):
        return said
    if version != 1:
        return frozenset(said.split())
    rows = (line.split() for line in said.splitlines() if not line.startswith("#"))
    return frozenset(row[0] for row in rows if len(row) >= 4 and row[3] != "0")


def _swaps(node: HostFiles) -> tuple[Swap, ...] | Missing:
    command = node.command("swaps")
    if command is not None and "No such file" in command.stderr:
        return ()  # a kernel without swap
    said = node.said("swaps")
    if isinstance(said, Missing):
        return said
    rows = (line.split() for line in said.splitlines()[1:])
    return tuple(Swap(name=row[0], size=_number(row[2]) or 0) for row in rows if len(row) >= 4)


def _swaps_at_boot(node: HostFiles) -> tuple[str, ...] | Missing:
    """What fstab and zram-generator bring, unless systemd was told to leave it."""
    missing = node.missing("/etc/fstab", *_ZRAM)
    if missing is not None:
        return missing
    units = node.said("swap-units")
    if isinstance(units, Missing):
        return Missing("not collected") if node.command("swap-units") is None else _from_fstab(node)
    masked = [line for line in units.splitlines() if line.rstrip().endswith("-> /dev/null")]
    if any("swap.target" in line for line in masked):
        return ()
    found = _from_fstab(node)
    return found if len(found) > len(masked) else ()


def _from_fstab(node: HostFiles) -> tuple[str, ...]:
    rows = (line.split() for line in (node.text_of("/etc/fstab") or "").splitlines())
    lines = [
        " ".join(row[:4])[:200]
        for row in rows
        if len(row) >= 3 and row[2] == "swap" and "noauto" not in (row[3].split(",") if len(row) > 3 else ())
    ]
    zram = next((text for path in _ZRAM if (text := node.text_of(path)) is not None), "")
    lines += [line.strip("[] \t") for line in zram.splitlines() if re.match(r"\s*\[zram[0-9]+\]", line)]
    return tuple(lines)


def _started(node: HostFiles) -> datetime | Missing:
    said = node.said("boot-time")
    if isinstance(said, Missing):
        return said
    seconds = _number(said.partition(" ")[2].strip())
    if seconds is None or seconds > 1 << 40:
        return Missing(f"the time of its boot is {first_line(said)!r}")
    return datetime.fromtimestamp(seconds, UTC)


def _reboot_required(node: HostFiles) -> bool | Missing:
    if node.bytes_of(_REBOOT) is not None:
        return True
    asked = node.command("boot-time") is not None  # by the same collector
    return node.missing(_REBOOT) or (False if asked else Missing("not collected"))


def _installed_since(node: HostFiles, started: datetime | Missing) -> tuple[str, ...] | Missing:
    command = node.command("rpm-installed-at")
    if isinstance(started, Missing):
        return started
    if command is None:
        return node.missing("commands/rpm-installed-at") or ()
    if not command.installed:
        return Missing(command.failure)
    rows = (line.partition("\t") for line in command.stdout.splitlines())
    since = [name for name, _, at in rows if (_number(at) or 0) > started.timestamp()]
    return tuple(dict.fromkeys(since))


def _io_stall(node: HostFiles) -> float | Missing | None:
    """Pressure stall information: since Linux 4.20, and not in every distribution (docs.kernel.org/accounting/psi)."""
    command = node.command("io-pressure")
    if command is None:
        return node.missing("commands/io-pressure") or Missing("not collected")
    found = re.search(r"^full .*\bavg300=([0-9]{1,3}(?:\.[0-9]{1,4})?)\b", command.stdout, re.MULTILINE)
    return float(found[1]) if found else None


def _memory(node: HostFiles) -> int | Missing:
    said = node.said("meminfo")
    if isinstance(said, Missing):
        return said
    found = re.search(r"^MemTotal:\s*([0-9]{1,15}) kB", said, re.MULTILINE)
    return int(found[1]) if found else Missing(f"meminfo said {first_line(said)!r}")


def _kernel(node: HostFiles) -> Kernel:
    options = node.command("boot-options")
    modules, settings, kernels = node.said("modules"), node.said("sysctl", partly=True), node.said("kernels")
    return Kernel(
        built_with=_built_with(node),
        boot_options=node.missing("commands/boot-options") or Missing("not collected")
        if options is None
        else tuple(options.stdout.split()),
        modules=modules if isinstance(modules, Missing) else frozenset(modules.split()),
        settings=settings if isinstance(settings, Missing) else _settings(settings),
        installed=kernels if isinstance(kernels, Missing) else _releases(kernels, "/boot/vmlinuz-"),
        with_modules=kernels if isinstance(kernels, Missing) else _releases(kernels, "/lib/modules/"),
    )


def _built_with(node: HostFiles) -> frozenset[str] | Missing | None:
    command = node.command("kernel-config")
    if command is not None and command.stderr.startswith("no configuration"):
        return None
    said = node.said("kernel-config")
    if isinstance(said, Missing):
        return said
    return frozenset(re.findall(r"^CONFIG_(\w+)=[ym]", said, re.MULTILINE))


def _settings(said: str) -> tuple[str, ...]:
    pairs = (line.partition("=") for line in said.splitlines() if line)
    return tuple(f"{name.replace('/', '.')}={value}" for name, _, value in pairs if name and value)


def _releases(said: str, folder: str) -> tuple[str, ...]:
    names = (line.removeprefix(folder) for line in said.splitlines() if line.startswith(folder))
    return tuple(sorted({name for name in names if _RELEASE.fullmatch(name)}))


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None
