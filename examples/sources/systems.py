"""What a node tells of its system: control groups, kernel, memory, clock and disks; all in good order."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from sources.cluster import Cluster, Machine
from sources.stamps import later, number

CONTROLLERS = ("cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma", "misc")
OF_VERSION_1 = ("cpuset", "cpu", "cpuacct", "blkio", "memory", "devices", "freezer", "hugetlb", "pids")
BUILT_IN = (
    *("CGROUPS", "MEMCG", "CGROUP_SCHED", "FAIR_GROUP_SCHED", "CFS_BANDWIDTH", "CGROUP_PIDS", "CGROUP_FREEZER"),
    *("CGROUP_HUGETLB", "CPUSETS", "CGROUP_DEVICE", "CGROUP_CPUACCT", "CGROUP_BPF", "NAMESPACES", "UTS_NS", "IPC_NS"),
    *("USER_NS", "PID_NS", "NET_NS", "SECCOMP", "SECCOMP_FILTER", "SWAP", "INET", "PROC_FS"),
)
AS_MODULES = (
    *("BRIDGE_NETFILTER", "NF_CONNTRACK", "NF_TABLES", "NETFILTER_XT_TARGET_REDIRECT", "NETFILTER_XT_MATCH_COMMENT"),
    *("IP_NF_TARGET_REDIRECT", "IP_VS", "BLK_DEV_DM", "EXT4_FS", "OVERLAY_FS"),
)
MODULES = ("overlay", "br_netfilter", "bridge", "nf_conntrack", "nf_tables", "ext4", "xt_comment")
SETTINGS = "net/ipv4/ip_forward=1\nnet/bridge/bridge-nf-call-iptables=1\nnet/bridge/bridge-nf-call-ip6tables=1\n"
NO_SWAP = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"


def collected_by(collected: str) -> str:
    """What `kubepreflight collect` adds: when it asked, and when the archive was there."""
    told = {"machine": "desk", "asked_at": later(collected, -1), "answered_at": later(collected, 3)}
    return json.dumps(told) + "\n"


PRESSURE = (
    "some avg10=0.00 avg60=0.21 avg300=0.34 total=90210774\nfull avg10=0.00 avg60=0.18 avg300=0.29 total=81170233\n"
)


def system(cluster: Cluster, machine: Machine) -> Mapping[str, tuple[str, str]]:
    """The command lines and their answers by the names of the commands."""
    modern = cluster.era.runtime != "docker"
    started = int(datetime.fromisoformat(cluster.settled).replace(tzinfo=UTC).timestamp())
    built = [f"CONFIG_{name}=y" for name in BUILT_IN] + [f"CONFIG_{name}=m" for name in AS_MODULES]
    said = {
        "cgroup-filesystem": ("stat -f -c %t /sys/fs/cgroup", "63677270\n" if modern else "1021994\n"),
        "cgroup-subsystems": ("cat /proc/cgroups", "".join(f"{one}\t1\t90\t1\n" for one in OF_VERSION_1)),
        "boot-time": ("grep ^btime  /proc/stat", f"btime {started}\n"),
        "kernel-config": (f"grep CONFIG_ /boot/config-{cluster.kernel}", "".join(f"{one}\n" for one in built)),
        "boot-options": ("grep /proc/cmdline", ""),
        "modules": ("cut /proc/modules", "".join(f"{one}\n" for one in MODULES)),
        "sysctl": ("cat /proc/sys", SETTINGS),
        "kernels": ("ls /boot", f"/boot/vmlinuz-{cluster.kernel}\n/lib/modules/{cluster.kernel}\n"),
        "meminfo": ("grep MemTotal /proc/meminfo", f"MemTotal:       {machine.memory} kB\n"),
        "swaps": ("cat /proc/swaps", NO_SWAP),
        "swap-units": ("find /etc/systemd/system -name '*.swap'", ""),
        "timedatectl": ("timedatectl status", "System clock synchronized: yes\n              NTP service: active\n"),
        "disk-space": ("df -P -k", _rows(cluster, machine, machine.disk)),
        "disk-inodes": ("df -P -i", _rows(cluster, machine, machine.disk // 16)),
    }
    if modern:
        said["io-pressure"] = ("cat /proc/pressure/io", PRESSURE)
        said["cgroup-controllers"] = ("cat /sys/fs/cgroup/cgroup.controllers", " ".join(CONTROLLERS) + "\n")
    if machine.control_plane:
        size = number("etcd size", cluster.name, machine.name, low=180_000, high=320_000)
        said["etcd-size"] = ("du -sk /var/lib/etcd", f"{size}\t/var/lib/etcd\n")
    return said


def _rows(cluster: Cluster, machine: Machine, size: int) -> str:
    """One file system for all: df's lines for each path that is there."""
    runtime = "/var/lib/containerd" if cluster.era.runtime != "docker" else "/var/lib/docker"
    etcd = ("/var/lib/etcd",) if machine.control_plane else ()
    used = size * number("disk", cluster.name, machine.name, low=31, high=48) // 100
    free = size - used - size // 20
    paths = ("/", "/usr", "/var", "/var/lib/kubelet", runtime, *etcd, "/var/cache", "/etc/kubernetes", "/boot", "/tmp")
    percent = 100 * used // (used + free)
    return "".join(f"{path}\t/dev/sda1 {size} {used} {free} {percent}% /\n" for path in paths)
