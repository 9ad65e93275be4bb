"""Host archives, unpacked, as `kubepreflight/sources/host/collect.sh` would have left them for each node."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from sources.cluster import Cluster, Machine, Object
from sources.documents import fill
from sources.etcd import etcdctl, on_disk, said
from sources.stamps import hexadecimal, later
from sources.supplies import supplies
from sources.systems import collected_by, system
from sources.trust import Issued, Trust

ASKED_PACKAGES = (
    *("kubeadm", "kubelet", "kubectl", "kubernetes-cni", "cri-tools", "containerd", "containerd.io"),
    *("cri-o", "cri-o-runc", "cri-dockerd", "docker-ce", "docker-ce-cli", "docker.io", "moby-engine"),
    *("moby-containerd", "runc", "moby-runc", "crun", "conntrack", "socat", "ebtables"),
    *("unattended-upgrades", "dnf-automatic", "dnf5-plugin-automatic", "yum-cron"),
)
LOCKS = tuple(
    f"/var/{name}"
    for name in ("lib/dpkg/lock-frontend", "lib/dpkg/lock", "lib/apt/lists/lock", "cache/apt/archives/lock")
)
ASKED = " ".join(ASKED_PACKAGES)
RPM_FORMAT = r"%{NAME}\t%{VERSION}-%{RELEASE}\t%{ARCH}\n"
FORMAT = r"${Package}\t${Version}\t${db:Status-Want}\t${db:Status-Eflag}\t${db:Status-Status}\n"


@dataclass(frozen=True)
class Command:
    """What a command was, said and how it ended."""

    command: str
    stdout: str = ""
    stderr: str = ""
    status: int = 0


@dataclass(frozen=True)
class Software:
    """What is installed on the nodes of a cluster.

    `packages` maps names to versions; `folder` holds the files that all nodes have, with `$(name)` and the like in
    them; `programs` maps a command's name in the archive to the command line and what it prints. `newer` are packages
    of which the repositories have a later version, and from where. `etcd` is the tag of its image, where the runtime
    tells of its images.
    """

    packages: Mapping[str, str]
    folder: Path
    programs: Mapping[str, tuple[str, str]]
    build: str
    newer: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    etcd: str = ""


@dataclass(frozen=True)
class Node:
    """One node to be told of: `held` are its held packages, `collected` the time at which it was looked at."""

    machine: Machine
    issued: Issued
    held: tuple[str, ...]
    collected: str
    static_pods: Mapping[str, Object]


def client_version(version: str) -> str:
    """What `kubectl version --client -o json` prints."""
    major, minor, _ = version.removeprefix("v").split(".")
    told = {"major": major, "minor": minor, "gitVersion": version, "gitTreeState": "clean", "platform": "linux/amd64"}
    return json.dumps({"clientVersion": told}, indent=2) + "\n"


def archive(cluster: Cluster, trust: Trust, software: Software, node: Node) -> dict[str, str]:
    """The files of one archive by their paths in it, in the order in which the collector packs them."""
    machine = node.machine
    head = {
        "format": "kubepreflight.host/v1",
        "name": machine.name,
        "machine_id": machine.machine_id,
        "collected_at": later(node.collected, 2),
        "complete": True,
        "root": True,
        "addresses": [machine.address],
    }
    members = {
        "collected-by.json": collected_by(node.collected),
        "host.json": json.dumps(head) + "\n",
        "unreadable.txt": "",
        "private-keys.txt": _key_lines(trust, node),
    }
    for name, command in _commands(cluster, software, node).items():
        folder = f"commands/{name}"
        members[f"{folder}/command"] = command.command + "\n"
        members[f"{folder}/stdout"] = command.stdout
        members[f"{folder}/stderr"] = command.stderr
        members[f"{folder}/status"] = f"{command.status}\n"
    for path, text in _files(trust, software, node).items():
        members[f"files{path}"] = text
    return members


def _files(trust: Trust, software: Software, node: Node) -> dict[str, str]:
    machine = node.machine
    values = {"name": machine.name, "address": machine.address, "machine id": machine.machine_id}
    files = {
        f"/{path.relative_to(software.folder)}": fill(path.read_text(encoding="utf-8"), values)
        for path in sorted(software.folder.rglob("*"))
        if path.is_file()
    }
    for component, manifest in node.static_pods.items():
        files[f"/etc/kubernetes/manifests/{component}.yaml"] = yaml.safe_dump(manifest, width=100_000)
    return {**files, **trust.files(machine, node.issued)}


def _key_lines(trust: Trust, node: Node) -> str:
    lines = []
    for folder in ("/etc/kubernetes", "/var/lib/kubelet/pki"):
        paths = [path for path in trust.key_paths(node.machine, node.issued) if path.startswith(folder)]
        lines += [*(f"present {path}" for path in paths), f"looked {folder}"]
    return "".join(line + "\n" for line in lines)


def _commands(cluster: Cluster, software: Software, node: Node) -> dict[str, Command]:
    machine = node.machine
    commands = {
        "uname": Command("uname -a", f"Linux {machine.name} {cluster.kernel} {software.build} x86_64 GNU/Linux\n"),
        "date": Command("date -u +%Y-%m-%dT%H:%M:%SZ", node.collected + "\n"),
        "hostname": Command("uname -n", machine.name + "\n"),
        "ip-address": Command("ip -o addr show", _addresses(machine)),
        "dpkg-query": _packages(software, node.held),
        "apt-mark-showhold": Command(
            "apt-mark -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= showhold",
            "".join(name + "\n" for name in sorted(node.held)),
        ),
        "rpm-qa": _absent(f"rpm --root / -qa --qf {RPM_FORMAT} {ASKED}"),
        **{f"apt-{name}": _simulated(name, software, node.held) for name in ("upgrade", "dist-upgrade")},
        "dpkg-audit": Command("dpkg --admindir=/var/lib/dpkg --audit"),
        "dpkg-journal": Command("ls /var/lib/dpkg/updates"),
        "package-locks": Command(f"stat -c %i %d %n {' '.join(LOCKS)}", _lock_files(machine)),
        "kernel-locks": Command("cat /proc/locks"),
        "apt-automatic": Command(
            "apt-config dump APT::Periodic Unattended-Upgrade::Allowed-Origins Unattended-Upgrade::Origins-Pattern "
            "Unattended-Upgrade::Package-Blacklist Unattended-Upgrade::Package-Whitelist "
            "Unattended-Upgrade::Package-Whitelist-Strict"
        ),
        "upgrade-timers": Command(
            "systemctl --root=/ --no-legend --no-pager list-unit-files apt-daily-upgrade.timer dnf-automatic.timer "
            "dnf-automatic-install.timer dnf5-automatic.timer yum-cron.service",
            "apt-daily-upgrade.timer enabled enabled\n",
        ),
        "crio-version": _absent("crio --version"),
        "cri-dockerd-version": _absent("cri-dockerd --version"),
        "docker-version": _absent("docker --version"),
    }
    programs = dict(software.programs) | system(cluster, machine) | on_disk(cluster, machine, node.collected)
    if software.etcd:
        programs |= supplies(cluster, machine, software.packages, software.etcd)
    if (etcd := node.static_pods.get("etcd")) is not None and cluster.era.runtime == "docker":
        commands["etcd-status"] = _absent(f"{etcdctl(etcd)} endpoint status -w json")
    elif etcd is not None:
        programs |= said(cluster, machine, etcd)
    return {**commands, **{name: Command(line, answer) for name, (line, answer) in programs.items()}}


def _absent(line: str) -> Command:
    return Command(line, "", f"{line.partition(' ')[0]}: not found\n", 127)


def _packages(software: Software, held: tuple[str, ...]) -> Command:
    missing = [name for name in ASKED_PACKAGES if name not in software.packages]
    lines = [
        f"{name}\t{version}\t{'hold' if name in held else 'install'}\tok\tinstalled\n"
        for name, version in sorted(software.packages.items())
    ]
    return Command(
        f"dpkg-query --admindir=/var/lib/dpkg -W -f={FORMAT} {ASKED}",
        "".join(lines),
        "".join(f"dpkg-query: no packages found matching {name}\n" for name in missing),
        1,
    )


def _lock_files(machine: Machine) -> str:
    inodes = {path: 131_072 + int(hexadecimal("inode", machine.name, path, length=4), 16) for path in LOCKS}
    return "".join(f"{inode} 66306 {path}\n" for path, inode in inodes.items())


def _simulated(name: str, software: Software, held: tuple[str, ...]) -> Command:
    kept = [one for one in software.newer if one in held]
    moved = [one for one in software.newer if one not in held]
    lines = ["Reading package lists...", "Building dependency tree...", "Reading state information..."]
    lines.append("Calculating upgrade...")
    if kept:
        lines += ["The following packages have been kept back:", f"  {' '.join(kept)}"]
    if moved:
        lines += ["The following packages will be upgraded:", f"  {' '.join(moved)}"]
    lines.append(f"{len(moved)} upgraded, 0 newly installed, 0 to remove and {len(kept)} not upgraded.")
    to = {one: f"({' '.join(software.newer[one])} [amd64])" for one in moved}
    lines += [f"Inst {one} [{software.packages[one]}] {to[one]}" for one in moved]
    lines += [f"Conf {one} {to[one]}" for one in moved]
    return Command(f"apt-get -c /dev/shm/kubepreflight.yq3wZk/apt.conf -s -q {name}", "\n".join([*lines, ""]))


def _addresses(machine: Machine) -> str:
    ether = f"fe80::{hexadecimal('link', machine.name, length=4)}:ff:fe00:{hexadecimal('host', machine.name, length=4)}"
    forever = r"\       valid_lft forever preferred_lft forever"
    network = machine.address.rpartition(".")[0]
    return (
        rf"1: lo    inet 127.0.0.1/8 scope host lo{forever}" + "\n"
        rf"2: eno1    inet {machine.address}/24 brd {network}.255 scope global eno1{forever}" + "\n"
        rf"2: eno1    inet6 {ether}/64 scope link {forever}" + "\n"
    )
