"""The commands of an upgrade's steps, as remedies show them."""

from __future__ import annotations

from collections.abc import Iterable
from shlex import quote

import msgspec

from kubepreflight.knowledge.component_versions import ComponentVersions
from kubepreflight.knowledge.kubeadm_upgrades import DroppedFlag
from kubepreflight.knowledge.names import Names
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Minor, Version

WINDOWS = (
    "\nOn Windows nodes, between drain and uncordon, put kubelet.exe of that version in place of the old one "
    "(https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/upgrading-windows-nodes/)."
)
KUBEADM_FLAGS = "/var/lib/kubelet/kubeadm-flags.env"
ETCD_ENDPOINT = (
    "--endpoints https://127.0.0.1:2379 --cacert /etc/kubernetes/pki/etcd/ca.crt "
    "--cert /etc/kubernetes/pki/etcd/server.crt --key /etc/kubernetes/pki/etcd/server.key"
)
"""The flags with which etcdctl speaks with the member of etcd in whose container it runs."""


def save_etcd_snapshot(node: str = "NODE", kubelet: str = "") -> str:
    """Take a snapshot of etcd through its static pod, and a copy of what a restore needs besides, on this node.

    `kubelet` is the version of the node's kubelet: beside old ones etcdctl speaks the API of etcd 2, which knows no
    snapshot. The pod can write to etcd's own directory only.
    """
    version = Version.try_parse(kubelet)
    is_old = version is not None and version.minor_version < ComponentVersions.provide().first_with_v3_by_default
    etcdctl = "env ETCDCTL_API=3 etcdctl" if is_old else "etcdctl"
    return (
        f"kubectl -n kube-system exec {quote(f'etcd-{node}')} -- {etcdctl} {ETCD_ENDPOINT} "
        "snapshot save /var/lib/etcd/before-upgrade.db\n"
        "mv /var/lib/etcd/before-upgrade.db /root/\n"
        "tar czf /root/kubernetes-before-upgrade.tar.gz /etc/kubernetes"
    )


class DrainCommand(msgspec.Struct, frozen=True):
    """`kubectl drain` as the kubectl of the running version takes it; `flag` lets it delete emptyDir volumes."""

    flag: str

    @classmethod
    def provide(cls, names: Names, upgrade: Upgrade) -> DrainCommand:
        """For the kubectl that belongs to the oldest API server: the newer ones beside it still know its flag."""
        return cls(names.drain_flag(upgrade.first_hop.start))

    def on(self, node: str = "NODE", *, force: bool = False) -> str:
        """The command for one node; `force` to delete pods without a controller too."""
        return f"kubectl drain {quote(node)} --ignore-daemonsets {self.flag}{' --force' if force else ''}"


def install_kubeadm(version: Version) -> str:
    """Install exactly this kubeadm."""
    return (
        f"apt-mark unhold kubeadm && apt-get update && apt-get install -y kubeadm='{version}-*'\napt-mark hold kubeadm"
    )


def move_kubelet_back(minor: Minor, drain: DrainCommand, *, windows: bool = False) -> str:
    """Bring the kubelet of a node back to the newest patch of an older minor.

    `windows` when some of the nodes run Windows, where no package manager has it.
    """
    return (
        f"On each of these nodes, one after the other, with the package repository of {minor} configured "
        f"(with rpm: dnf downgrade --disableexcludes=kubernetes kubelet-'{minor}.*' kubectl-'{minor}.*'):\n"
        f"{drain.on()}\n"
        "apt-mark unhold kubelet kubectl\n"
        f"apt-get update && apt-get install -y --allow-downgrades kubelet='{minor}.*' kubectl='{minor}.*'\n"
        "apt-mark hold kubelet kubectl\n"
        "systemctl daemon-reload && systemctl restart kubelet\n"
        "kubectl uncordon NODE" + (WINDOWS if windows else "")
    )


def catch_up_kubelet(
    minor: Minor, kubeadm: Minor, drain: DrainCommand, left: Iterable[DroppedFlag] = (), *, windows: bool = False
) -> str:
    """Bring the kubelet of a node forward to the newest patch of a minor, over any others between.

    `kubeadm` is the minor that the cluster's kubeadm-config is of. It writes the kubelet's configuration anew; flags
    that only the kubeadm of a minor between takes out are `left` to be taken out by hand.
    """
    repositories = f"repositories of {minor} and {kubeadm}" if kubeadm != minor else f"repository of {minor}"
    by_hand = "".join(
        f"sed -i 's/ *--{one.flag}=[^ \"]*//' {KUBEADM_FLAGS}   # kubeadm {one.by} alone takes it out\n" for one in left
    )
    return (
        f"On each of these nodes, one after the other, with the package {repositories} configured "
        f"(with rpm: dnf install -y --disableexcludes=kubernetes kubeadm-'{kubeadm}.*', and so on):\n"
        f"{drain.on()}\n"
        "apt-mark unhold kubeadm kubelet kubectl\n"
        f"apt-get update && apt-get install -y kubeadm='{kubeadm}.*'\n"
        "kubeadm upgrade node\n"
        f"{by_hand}"
        f"apt-get install -y kubelet='{minor}.*' kubectl='{minor}.*'\n"
        "apt-mark hold kubeadm kubelet kubectl\n"
        "systemctl daemon-reload && systemctl restart kubelet\n"
        "kubectl uncordon NODE" + (WINDOWS if windows else "")
    )
