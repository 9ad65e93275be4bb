"""Everything that one host archive tells of its node."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from shlex import quote

import msgspec

from kubepreflight.finding import Gap, Subject, cannot_check
from kubepreflight.host.automatic import AutomaticUpgrades
from kubepreflight.host.etcd import EtcdData, EtcdStatus
from kubepreflight.host.installation import Installation
from kubepreflight.host.kubelet import KubeletSettings
from kubepreflight.host.machine import Machine
from kubepreflight.host.missing import Missing
from kubepreflight.host.package_database import PackageDatabase
from kubepreflight.host.packages import Package, Repository
from kubepreflight.host.plain_upgrade import PlainUpgrade
from kubepreflight.host.pods import StaticPod
from kubepreflight.host.runtime import ContainerRuntime
from kubepreflight.host.supply import Supply
from kubepreflight.host.trust import Certificate, Kubeconfig
from kubepreflight.host.units import Unit


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one archive tells of its node.

    `file` is the archive or directory it came from. `certificates` are those in files and in kubeconfigs, without
    kubeadm's backups and what the kubelet left behind when it rotated. `private_keys` are paths of keys seen;
    `unreadable` says which files or commands were there and could not be read. `kubelet` is all that the kubelet is
    told and where. `units` are services of systemd by name
    (`kubelet`, `containerd`, `crio`, `docker`, `cri-docker`); `runtime` is the one that the kubelet talks to.
    `package_database` tells whether the package manager can work, `plain_upgrade` what an upgrade of the whole system
    would do today, `automatic_upgrades` what upgrades by itself.
    `broken_certificates` are paths of files that should hold a certificate and hold none.
    `installation` says whose Kubernetes runs there.
    `patches` are the names of the files in /etc/kubernetes/patches, where patches for kubeadm are kept by custom.
    `versions` maps each installed program (`kubelet`, `kubeadm`, `kubectl`, `containerd`, `crio`, `docker`,
    `cri-dockerd`, `runc`) to the version that it gives of itself. `etcd` is that of kubeadm's static pod.
    `etcd_data` is what lies of etcd on its disk, and snapshots of it, which any node may have.
    `machine` is all about kernel, control groups, memory, clock and disks, each with its own Missing.
    `supply` is what its package sources and caches can give, each part with its own Missing.
    """

    name: str
    file: str
    machine_id: str = ""
    collected_at: datetime | None = None
    complete: bool = True
    addresses: tuple[str, ...] = ()
    installation: Installation | Missing = Missing("not collected")
    os: Mapping[str, str] | Missing = Missing("not collected")
    kernel: str | Missing = Missing("not collected")
    package_family: str | Missing = Missing("not collected")
    packages: Mapping[str, Package] | Missing = Missing("not collected")
    repositories: tuple[Repository, ...] | Missing = Missing("not collected")
    automatic_upgrades: AutomaticUpgrades | Missing = Missing("not collected")
    package_database: PackageDatabase | Missing = Missing("not collected")
    plain_upgrade: PlainUpgrade | Missing = Missing("not collected")
    certificates: tuple[Certificate, ...] | Missing = Missing("not collected")
    broken_certificates: frozenset[str] = frozenset()
    private_keys: frozenset[str] | Missing = Missing("not collected")
    kubeconfigs: tuple[Kubeconfig, ...] | Missing = Missing("not collected")
    static_pods: tuple[StaticPod, ...] | Missing = Missing("not collected")
    patches: tuple[str, ...] | Missing = Missing("not collected")
    kubelet: KubeletSettings = KubeletSettings()
    versions: Mapping[str, str] | Missing = Missing("not collected")
    runtime: ContainerRuntime = ContainerRuntime()
    units: Mapping[str, Unit] | Missing = Missing("not collected")
    etcd: EtcdStatus | Missing = Missing("not collected")
    etcd_data: EtcdData = EtcdData()
    machine: Machine = Machine()
    supply: Supply = Supply()
    unreadable: tuple[Gap, ...] = ()

    @property
    def subject(self) -> Subject:
        """The node."""
        return Subject(kind="Node", name=self.name, node=self.name)

    def at(self, path: str, entry: str = "") -> Subject:
        """A file on this node as the subject of a finding: `path` on the node, `entry` what within it."""
        return Subject(node=self.name, file=path, field=entry)

    def cannot_check(self, what: str, missing: Missing, *, how: str = "", asked: bool = True) -> Gap:
        """The gap for `what` (`packages`, `certificates`) of this host.

        It was asked for when the host was given, unless a node in good order may lack it; `how` says what gives it,
        where collecting again does not.
        """
        again = f"collect this node again, as root: kubepreflight collect --ssh {quote(self.name)}"
        return cannot_check(f"host {what}", missing.reason, subject=self.name, how=how or again, asked=asked)


class OnHost(msgspec.Struct, frozen=True):
    """Something about one host: it is told of as the node."""

    host: Host

    @property
    def subject(self) -> Subject:
        """The node."""
        return self.host.subject
