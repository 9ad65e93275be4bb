"""A machine's disk in a folder: the real programs run on it as if it were the whole disk, and so does our collector."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import yaml

from kubepreflight.host import Host
from kubepreflight.sources.host.archive import read_host
from kubepreflight.sources.host.script import collect_script
from tests.collecting import members
from tests.real.cluster import Cluster
from tools.kubernetes.client import Object
from tools.kubernetes.control_plane import NODE
from tools.kubernetes.programs import program

__all__ = ("NODE", "Machine", "control_plane_node")

SECONDS = 120
_INSIDE = 'touch "$0/program" && mount --bind "$1" "$0/program" && shift && exec chroot "$0" /program "$@"'


class Machine:
    """The disk below `root`, with kubeadm's own folder on it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.kubernetes = root / "etc/kubernetes"
        for folder in (self.kubernetes, root / "tmp", root / "var/lib/kubelet/pki"):
            folder.mkdir(parents=True, exist_ok=True)

    def run(self, name: str, version: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a program of Kubernetes `version` there, with this machine's network and with nothing else of its disk.

        In user and mount namespaces of its own, so that it needs no root and leaves no mount.
        """
        command = ["unshare", "--map-root-user", "--mount", "sh", "-c", _INSIDE, str(self.root)]
        return subprocess.run(
            [*command, str(program(name, version)), *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
            stdin=subprocess.DEVNULL,
            env={},
        )

    def host(self) -> Host:
        """What our collector takes from it, and our reader makes of that."""
        command = ["sh", "-s", "--", "--root", str(self.root)]
        done = subprocess.run(command, input=collect_script().encode(), capture_output=True, check=True)
        return read_host(members(done.stdout), str(self.root), "cp1")


def control_plane_node(cluster: Cluster, root: Path) -> Machine:
    """The machine of the cluster's control-plane node, and the mirror of its API server's pod in the cluster."""
    machine, folder = Machine(root), cluster.control_plane.folder
    shutil.copytree(folder / "pki", machine.kubernetes / "pki")
    for path in folder.glob("*.conf"):
        shutil.copy(path, machine.kubernetes)
    (machine.kubernetes / "manifests").mkdir()
    for path in (folder / "manifests").rglob("*.yaml"):
        shutil.copy(path, machine.kubernetes / "manifests")
    cluster.holds(mirror(machine.kubernetes / "manifests/kube-apiserver.yaml"))
    return machine


def mirror(manifest: Path) -> Object:
    """What a kubelet shows of a static pod."""
    pod: Object = yaml.safe_load(manifest.read_bytes())
    metadata = pod["metadata"]
    hashes = dict.fromkeys(("kubernetes.io/config.hash", "kubernetes.io/config.mirror"), "0")
    metadata |= {"name": f"{metadata['name']}-{NODE}", "annotations": metadata.get("annotations", {}) | hashes}
    pod["spec"]["nodeName"] = NODE
    pod["status"] = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    return pod
