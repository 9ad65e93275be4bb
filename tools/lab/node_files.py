"""The files that a node begins with: names, network, container runtime, the kubelet's units as packages bring them.

Those come from kubernetes/release, cmd/krel/templates/latest.
"""

from __future__ import annotations

import hashlib
import json
from ipaddress import IPv4Network
from pathlib import Path

from tools.lab.plan import SWITCH, Member, Plan

HERE = Path(__file__).parent / "node"


def node_files(plan: Plan, member: Member, pause: str, cni: Path) -> dict[str, str]:
    """What the files of `member` hold, by their path from the root. `pause` is the sandbox's image."""
    hosts = "".join(f"{each.address} {each.name}\n" for each in plan.members)
    return {
        "etc/hostname": f"{member.name}\n",
        "etc/hosts": f"127.0.0.1 localhost\n{hosts}",
        "etc/machine-id": hashlib.sha256(f"{plan.name}/{member.name}".encode()).hexdigest()[:32] + "\n",
        "etc/resolv.conf": f"nameserver {SWITCH}\n",
        "etc/containerd/config.toml": _data("containerd.toml").format(pause=pause, cni=cni),
        "etc/systemd/system/containerd.service": _data("containerd.service"),
        "usr/lib/systemd/system/kubelet.service": _data("kubelet.service"),
        "usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf": _data("10-kubeadm.conf"),
        "usr/bin/systemctl": _data("systemctl"),
    }


def _data(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def pod_network(subnet: IPv4Network) -> str:
    """The CNI configuration of a node whose pods live in `subnet`."""
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isDefaultGateway": True,
        "hairpinMode": True,
        "ipam": {"type": "host-local", "ranges": [[{"subnet": str(subnet)}]]},
    }
    return json.dumps({"cniVersion": "0.4.0", "name": "lab", "plugins": [bridge]}, indent=2) + "\n"
