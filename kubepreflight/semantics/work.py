"""The commands of an upgrade's steps, as remedies show them."""

from __future__ import annotations

from kubepreflight.version import Minor, Version

WINDOWS = (
    "\nOn Windows nodes, between drain and uncordon, put kubelet.exe of that version in place of the old one "
    "(https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/upgrading-windows-nodes/)."
)


def install_kubeadm(version: Version) -> str:
    """Install exactly this kubeadm."""
    return (
        f"apt-mark unhold kubeadm && apt-get update && apt-get install -y kubeadm='{version}-*'\napt-mark hold kubeadm"
    )


def move_kubelet(minor: Minor, *, back: bool = False, windows: bool = False) -> str:
    """Bring the kubelet of a node to the newest patch of a minor; `back` when it is newer now.

    `windows` when some of the nodes run Windows, where no package manager has it.
    """
    older = " --allow-downgrades" if back else ""
    install = "downgrade" if back else "install"
    return (
        f"On each of these nodes, one after the other, with the package repository of {minor} configured "
        f"(with rpm: dnf {install} --disableexcludes=kubernetes kubelet-'{minor}.*' kubectl-'{minor}.*'):\n"
        "kubectl drain NODE --ignore-daemonsets --delete-emptydir-data\n"
        "apt-mark unhold kubelet kubectl\n"
        f"apt-get update && apt-get install -y{older} kubelet='{minor}.*' kubectl='{minor}.*'\n"
        "apt-mark hold kubelet kubectl\n"
        "systemctl daemon-reload && systemctl restart kubelet\n"
        "kubectl uncordon NODE" + (WINDOWS if windows else "")
    )
