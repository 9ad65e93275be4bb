"""An apt upgrade on a node whose hold was forgotten: what the scan says of it, and what apt then does.

A node gets the three packages of one patch from a real apt, and variants of it are played: all held or the kubelet's
hold forgotten, the next minor's repository beside the first or not, a pin or none. Of each a scan is made, then
`apt-get upgrade` really runs, and dpkg is asked.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from kubepreflight.policy import ExitStatus
from kubepreflight.report import Report
from tools.packages import kubernetes
from tools.packages.base import architecture, base
from tools.packages.kubernetes import HELD, deb_version
from tools.packages.machine import PackagesError
from tools.packages.repository import publish
from tools.packages.root import Root
from tools.packages.server import serving
from tools.packages.signing import key

NOW, PATCH, NEXT = "1.36.3", "1.36.4", "1.37.2"
"""What the cluster runs, a later patch of it, the next minor: what the repositories hold."""
REPOSITORIES = {"1.36": (NOW, PATCH), "1.37": (NEXT,)}
CONTROL_PLANE, NODE = "cp1", "w1"


@dataclass(frozen=True, kw_only=True)
class Variant:
    """The node as somebody left it: what is held, the minors whose repositories are configured, apt's preferences."""

    name: str
    held: tuple[str, ...] = ("kubeadm", "kubectl")
    minors: tuple[str, ...] = ("1.36",)
    preferences: str = ""


ALL_HELD = Variant(name="all held", held=HELD)
FORGOTTEN = Variant(name="kubelet not held")
BOTH = ("1.36", "1.37")
HELD_NEXT_TOO = Variant(name="all held, two repositories", held=HELD, minors=BOTH)
NEXT_TOO = Variant(name="kubelet not held, two repositories", minors=BOTH)
PINNED = Variant(
    name="kubelet not held but pinned, two repositories",
    minors=BOTH,
    preferences="Package: kube*\nPin: version 1.36.*\nPin-Priority: 1000\n",
)
VARIANTS = (ALL_HELD, HELD_NEXT_TOO, FORGOTTEN, NEXT_TOO, PINNED)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one variant.

    The scan `before`, what apt said of the `upgrade`; afterwards dpkg's `versions` of Kubernetes' packages, what is
    `held`, what the `kubelet` on the disk says of itself, and the scan.
    """

    before: Report
    upgrade: str
    versions: Mapping[str, str]
    held: list[str]
    kubelet: str
    after: Report


@dataclass(frozen=True)
class World:
    """The node with the packages of NOW and nothing held, and what was collected on the control plane's, all held."""

    node: Root
    control_plane: Path


@contextmanager
def world(*more: str) -> Iterator[World]:
    """Make a world, and serve its repositories meanwhile. `more` are packages of Debian that the node has besides.

    Raises PackagesError.
    """
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="packages-")))
        signing = stack.enter_context(key())
        for minor, versions in REPOSITORIES.items():
            publish(scratch / "served", minor, versions, architecture(), signing)
        proxy = stack.enter_context(serving(scratch / "served"))
        root = Root.copy(base(*more), scratch / NODE, NODE)
        root.trust(signing.public, proxy)
        root.use_repositories(["1.36"])
        root.said("apt-get", "install", "-y", *(f"{name}={deb_version(NOW)}" for name in HELD))
        root.hold_only(HELD)
        collected = Root(root.folder, CONTROL_PLANE).archive(scratch / f"{CONTROL_PLANE}.tar")
        root.hold_only(())
        yield World(root, collected)


def play(world: World, variant: Variant) -> Outcome:
    """Play one variant on a copy of the node. Raises PackagesError."""
    with tempfile.TemporaryDirectory(prefix="packages-") as name:
        scratch = Path(name)
        root = Root.copy(world.node.folder, scratch / NODE, NODE)
        root.use_repositories(variant.minors)
        root.hold_only(variant.held)
        if variant.preferences:
            root.write("/etc/apt/preferences.d/kubernetes", variant.preferences)
        before = _scan(world, root, scratch)
        upgrade = root.said("apt-get", "-o", "Dpkg::Use-Pty=0", "upgrade", "-y")
        return Outcome(
            before=before,
            upgrade=upgrade,
            versions={name: version for name, version in root.installed().items() if name in kubernetes.NAMES},
            held=root.held(),
            kubelet=root.said("kubelet", "--version").strip(),
            after=_scan(world, root, scratch),
        )


def _scan(world: World, root: Root, scratch: Path) -> Report:
    """Scan both nodes beside a dump of their cluster, as an operator would."""
    dump, report = scratch / "cluster.json", scratch / "report.json"
    dump.write_bytes(msgspec.json.encode(cluster(NOW)))
    program = Path(sys.executable).with_name("kubepreflight")
    archive = root.archive(scratch / f"{root.name}.tar")
    inputs = [str(dump), str(archive), str(world.control_plane)]
    command = [str(program), "scan", *inputs, "--target", NEXT, "-o", f"json={report}"]
    done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False)
    if done.returncode not in (ExitStatus.NOTHING, ExitStatus.FOUND, ExitStatus.INCOMPLETE):
        raise PackagesError(f"the scan does not run: {done.stderr.strip()}")
    return msgspec.json.decode(report.read_bytes(), type=Report)


def cluster(version: str) -> dict[str, Any]:
    """What `kubectl get nodes,pods -A -o json` would give of a small cluster: one control plane, and the node."""
    label = {"node-role.kubernetes.io/control-plane": ""}
    nodes = [_node(CONTROL_PLANE, version, label), _node(NODE, version, {})]
    metadata = {
        "name": f"kube-apiserver-{CONTROL_PLANE}",
        "namespace": "kube-system",
        "uid": f"uid-kube-apiserver-{CONTROL_PLANE}",
        "labels": {"component": "kube-apiserver", "tier": "control-plane"},
        "annotations": {"kubernetes.io/config.mirror": "hash"},
    }
    server = {"name": "kube-apiserver", "image": f"registry.k8s.io/kube-apiserver:v{version}"}
    spec = {"nodeName": CONTROL_PLANE, "containers": [server]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": {"phase": "Running"}}
    return {"apiVersion": "v1", "kind": "List", "items": [*nodes, pod]}


def _node(name: str, version: str, labels: Mapping[str, str]) -> dict[str, Any]:
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "uid": f"uid-{name}", "labels": labels},
        "status": {"nodeInfo": {"kubeletVersion": f"v{version}"}, "conditions": [ready]},
    }
