"""The machine that a node is: its kernel and how it was booted, its clock, its memory, its disks."""

from __future__ import annotations

from datetime import datetime

import msgspec

from kubepreflight.host.missing import Missing

NOT_COLLECTED = Missing("not collected")


class Swap(msgspec.Struct, frozen=True, kw_only=True):
    """One swap area in use: the device or file, and its size in KiB."""

    name: str
    size: int = 0


class FileSystem(msgspec.Struct, frozen=True, kw_only=True):
    """What df says of the file system on which `path` lies. Sizes are in KiB.

    `available` is what others than root may still take, which is what the kubelet counts. `inodes` is 0 on a file
    system that makes them as they are needed; where df gave no answer it is a Missing, as is `inodes_free`.
    """

    path: str
    device: str
    mounted_on: str
    size: int
    available: int
    inodes: int | Missing = NOT_COLLECTED
    inodes_free: int | Missing = NOT_COLLECTED


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """The node's clock.

    `synchronized` says whether something keeps it right, by the word of `told_by` (`chronyc`, `timedatectl`, `ntpq`,
    the kernel). `ahead` is how many seconds it was ahead of the clock of the machine `collected_from`: at least and at
    most; negative when it was behind.
    """

    synchronized: bool | Missing = NOT_COLLECTED
    told_by: str = ""
    ahead: tuple[float, float] | Missing = NOT_COLLECTED
    collected_from: str = ""


class Kernel(msgspec.Struct, frozen=True, kw_only=True):
    """The running kernel; its release is `Host.kernel`.

    `built_with` are the options of its configuration that Kubernetes depends on and that are set, without `CONFIG_`,
    None where the configuration lies nowhere that kubeadm looks;
    `boot_options` the words about control groups and swap that it was booted with; `modules` those that are loaded;
    `settings` the sysctls that Kubernetes needs, as `net.ipv4.ip_forward=1`. `installed` are the releases of the
    kernels in /boot, `with_modules` those in /lib/modules.
    """

    built_with: frozenset[str] | Missing | None = NOT_COLLECTED
    boot_options: tuple[str, ...] | Missing = NOT_COLLECTED
    modules: frozenset[str] | Missing = NOT_COLLECTED
    settings: tuple[str, ...] | Missing = NOT_COLLECTED
    installed: tuple[str, ...] | Missing = NOT_COLLECTED
    with_modules: tuple[str, ...] | Missing = NOT_COLLECTED


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """The machine as it was when it was collected.

    `cgroup_version` is that of the kubelet's own test: 2 when /sys/fs/cgroup itself is of version 2, else 1.
    `cgroup_controllers` are those that can be used. `swaps` are in use; `swaps_at_boot` what a boot would take into
    use (a line of fstab's, a zram device). `started` is when it was booted. `reboot_required` says whether the system
    itself says that it waits for a reboot, `reboot_packages` because of which packages; `installed_since_boot` are
    packages that take effect at a boot only (the kernel, the C library, systemd) and are younger than the last one, of
    rpm only.
    `io_stall` is the share of the last five minutes, in percent, in which nothing could go on for want of disks; None
    where the kernel does not count it.
    `memory` and `etcd_size`, that of the data directory of etcd's static pod, are in KiB. `image_store` is where the
    container runtime keeps images, among the paths of `file_systems`; empty when none of the usual places is there.
    """

    cgroup_version: int | Missing = NOT_COLLECTED
    cgroup_controllers: frozenset[str] | Missing = NOT_COLLECTED
    swaps: tuple[Swap, ...] | Missing = NOT_COLLECTED
    swaps_at_boot: tuple[str, ...] | Missing = NOT_COLLECTED
    started: datetime | Missing = NOT_COLLECTED
    reboot_required: bool | Missing = NOT_COLLECTED
    reboot_packages: tuple[str, ...] = ()
    installed_since_boot: tuple[str, ...] | Missing = NOT_COLLECTED
    io_stall: float | Missing | None = NOT_COLLECTED
    memory: int | Missing = NOT_COLLECTED
    file_systems: tuple[FileSystem, ...] | Missing = NOT_COLLECTED
    etcd_size: int | Missing = NOT_COLLECTED
    image_store: str = ""
    kernel: Kernel = Kernel()
    clock: Clock = Clock()
