"""Kubernetes' packages as pkgs.k8s.io has them: names, versions, dependencies. The programs in them are stand-ins.

A stand-in is a script that says its version as the real program does, for the collector asks no more of it.

The dependencies: https://github.com/kubernetes/release/tree/master/cmd/krel/templates/latest (metadata.yaml, and the
spec files, from which the debs are made too). The CNI plugins' version: build/dependencies.yaml of each Kubernetes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from kubepreflight.version import Minor, Version
from tools.packages.deb import Package

HELD = ("kubelet", "kubeadm", "kubectl")
"""The packages that Kubernetes' documentation has one hold."""
NAMES = (*HELD, "kubernetes-cni", "cri-tools")
REVISION = "1.1"
Found = TypeVar("Found")

# Each row counts from its minor on, until the next.
KUBEADM_DEPENDS = {
    "1.28": "kubelet (>= 1.19.0), kubectl (>= 1.19.0), kubernetes-cni (>= 1.2.0), cri-tools (>= 1.28.0)",
    "1.30": "cri-tools (>= 1.30.0)",
    "1.32": "",
}
KUBELET_DEPENDS = {"1.28": "kubernetes-cni (>= 1.2.0), mount, util-linux"}
KUBELET_RECOMMENDS = {"1.28": "iptables (>= 1.8.4)"}
CNI_PLUGINS = {"1.28": "1.2.0", "1.35": "1.8.0", "1.36": "1.9.1"}
SAYS = {
    "kubelet": ("--version", "Kubernetes v{version}"),
    "kubeadm": ("version -o short", "v{version}"),
    "kubectl": ("version --client -o json", '{{"clientVersion": {{"gitVersion": "v{version}"}}}}'),
}
"""What the collector asks each program, and what it answers."""


def deb_version(version: str) -> str:
    """The package's version of a Kubernetes version: `1.36.3-1.1`."""
    return f"{version}-{REVISION}"


def packages(version: str, architecture: str) -> list[Package]:
    """The five packages of the Kubernetes `version` (`1.36.3`), for dpkg's `architecture`. From 1.28 on."""
    minor = Version.parse(version).minor_version
    parts: dict[str, dict[str, str]] = {
        "kubelet": {"depends": _since(KUBELET_DEPENDS, minor), "recommends": _since(KUBELET_RECOMMENDS, minor)},
        "kubeadm": {"depends": _since(KUBEADM_DEPENDS, minor)},
        "kubectl": {},
    }
    made = [
        Package(
            name=name,
            version=deb_version(version),
            architecture=architecture,
            files=_files(name, version),
            depends=more.get("depends", ""),
            recommends=more.get("recommends", ""),
        )
        for name, more in parts.items()
    ]
    others = {"kubernetes-cni": _since(CNI_PLUGINS, minor), "cri-tools": f"{minor}.0"}
    return made + [
        Package(name=name, version=deb_version(own), architecture=architecture) for name, own in others.items()
    ]


def _files(name: str, version: str) -> Mapping[str, str]:
    question, answer = SAYS[name]
    script = f"#!/bin/sh\n[ \"$*\" = '{question}' ] || exit 1\necho '{answer.format(version=version)}'\n"
    defaults = {"/etc/default/kubelet": "KUBELET_EXTRA_ARGS=\n"} if name == "kubelet" else {}
    return {f"/usr/bin/{name}": script, **defaults}


def _since(rows: Mapping[str, Found], minor: Minor) -> Found:
    known = {Minor.parse(each): row for each, row in rows.items()}
    return known[max(each for each in known if each <= minor)]
