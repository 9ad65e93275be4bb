"""What a node's package sources offer, and what its container runtime says of itself and its images."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sources.cluster import Cluster, Machine
from sources.stamps import hexadecimal, number

CRICTL = (
    "crictl --runtime-endpoint unix:///run/containerd/containerd.sock "
    "--image-endpoint unix:///run/containerd/containerd.sock --timeout 5s"
)
REGISTRY = "registry.k8s.io"
SANDBOX = f"{REGISTRY}/pause:3.10.2"
FROM_KUBERNETES = ("cri-tools", "kubeadm", "kubectl", "kubelet", "kubernetes-cni")


def supplies(cluster: Cluster, machine: Machine, packages: Mapping[str, str], etcd: str) -> dict[str, tuple[str, str]]:
    """The command lines and their answers by the names of the commands; `etcd` is the tag of its image."""
    minor = cluster.version.removeprefix("v").rpartition(".")[0]
    url = f"https://pkgs.k8s.io/core:/stable:/v{minor}/deb"
    offered = {name: packages[name] for name in FROM_KUBERNETES}
    runs = f"Version:  0.1.0\nRuntimeName:  containerd\nRuntimeVersion:  v{cluster.runtime_version}\n"
    return {
        "apt-cache-policy": (
            f"apt-cache -c /dev/shm/kubepreflight.yq3wZk/apt.conf policy {' '.join(FROM_KUBERNETES)}",
            "".join(_policy(name, version, url) for name, version in offered.items()),
        ),
        "cached-packages": ("find /var/cache/apt/archives -name partial -prune -o -type f -print", ""),
        "kubeadm-patches": ("ls /etc/kubernetes/patches", ""),
        "crictl-version": (f"{CRICTL} version", f"{runs}RuntimeApiVersion:  v1\n"),
        "crictl-info": (f"{CRICTL} info", json.dumps({"config": {"sandboxImage": SANDBOX}}, indent=2) + "\n"),
        "crictl-runtime-config": (f"{CRICTL} runtime-config", "cgroup driver: SYSTEMD\n"),
        "crictl-images": (f"{CRICTL} images -o json", _images(cluster, machine, etcd)),
    }


def _policy(name: str, version: str, url: str) -> str:
    return (
        f"{name}:\n  Installed: {version}\n  Candidate: {version}\n  Version table:\n *** {version} 500\n"
        f"        500 {url}  Packages\n        100 /var/lib/dpkg/status\n"
    )


def _images(cluster: Cluster, machine: Machine, etcd: str) -> str:
    tags = [f"{REGISTRY}/kube-proxy:{cluster.version}", SANDBOX]
    if machine.control_plane:
        programs = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
        tags += [f"{REGISTRY}/{name}:{cluster.version}" for name in programs]
        tags += [f"{REGISTRY}/etcd:{etcd}", f"{REGISTRY}/coredns/coredns:v1.14.2"]
    images = [
        {
            "id": f"sha256:{hexadecimal('image', tag, length=64)}",
            "repoTags": [tag],
            "repoDigests": [f"{tag.rpartition(':')[0]}@sha256:{hexadecimal('digest', tag, length=64)}"],
            "size": str(number("image", tag, low=321_000, high=41_000_000)),
            "pinned": tag == SANDBOX,
        }
        for tag in sorted(tags)
    ]
    return json.dumps({"images": images}, indent=2) + "\n"
