"""Whose Kubernetes a machine runs: told by what lies on its disk, and never guessed from what could not be seen."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from pathlib import Path

import pytest

from kubepreflight.host import Installation, Missing
from kubepreflight.sources.host.archive import read_host
from kubepreflight.sources.host.host_files import CUT_OFF
from kubepreflight.sources.host.script import collect_script

HEAD = {"format": "kubepreflight.host/v1", "name": "w1", "complete": True}
NONE = {f"commands/{one}-version/status": "127\n" for one in ("kubelet", "kubeadm")}
DOCKER = {"commands/docker-version/status": "0\n", "commands/docker-version/stdout": "Docker version 27.3.1, build x\n"}
K3S = {
    "commands/distributions/stdout": "etc/rancher/k3s\nvar/lib/rancher/k3s\n",
    "commands/distributions/status": "2\n",
}
RKE2 = {"commands/distributions/stdout": "var/lib/rancher/rke2\n"}
KUBELET = {"commands/kubelet-version/status": "0\n", "commands/kubelet-version/stdout": "Kubernetes v1.36.3\n"}
REFUSED = {"unreadable.txt": "/etc/kubernetes/kubelet.conf\tpermission denied\n"}
CLOSED = {"unreadable.txt": "/var/lib/kubelet\tpermission denied\n"}


@pytest.mark.parametrize(
    ("files", "manager", "found"),
    [
        ({"files/etc/kubernetes/kubelet.conf": ""}, "kubeadm", "/etc/kubernetes/kubelet.conf"),
        ({"files/etc/kubernetes/pki/ca.crt": ""}, "kubeadm", "/etc/kubernetes/pki/ca.crt"),
        # k3s was tried there once.
        ({"files/var/lib/kubelet/config.yaml": "", **K3S}, "kubeadm", "/var/lib/kubelet/config.yaml"),
        ({**REFUSED, **K3S}, "kubeadm", "/etc/kubernetes/kubelet.conf"),
        # Installed, and not joined yet.
        ({**NONE, **KUBELET}, "kubeadm", "kubelet"),
        ({**NONE, "commands/kubelet-version/status": "1\n"}, "kubeadm", "kubelet"),
        ({**NONE, **K3S}, "k3s", "/etc/rancher/k3s"),
        # A file of monitoring's lies where kubeadm has its own; and without root it is seen all the same.
        ({**K3S, "files/etc/kubernetes/manifests/x.yaml": ""}, "k3s", "/etc/rancher/k3s"),
        ({**CLOSED, **NONE, **K3S}, "k3s", "/etc/rancher/k3s"),
        ({**NONE, **RKE2}, "RKE2", "/var/lib/rancher/rke2"),
        ({**NONE, "commands/distributions/stdout": "var/snap/microk8s\n"}, "MicroK8s", "/var/snap/microk8s"),
        ({**NONE, "commands/distributions/stdout": "etc/k0s\n"}, "k0s", "/etc/k0s"),
        ({**NONE, **DOCKER}, "", "Docker"),
        (NONE, "", ""),
    ],
)
def test_whose_kubernetes_it_is(files: dict[str, str], manager: str, found: str) -> None:
    members = {path: text.encode() for path, text in ({"host.json": json.dumps(HEAD)} | files).items()}
    assert read_host(members, "w1.tar", "w1").installation == Installation(manager=manager, found=found)


@pytest.mark.parametrize(
    ("files", "head"),
    [
        ({}, HEAD),
        (NONE | CLOSED, HEAD),
        (NONE, HEAD | {"complete": False}),
        (NONE | {CUT_OFF: ""}, HEAD),
        (NONE, None),
    ],
)
def test_that_there_is_none_is_only_said_where_everything_was_seen(files: dict[str, str], head: object) -> None:
    members = {path: text.encode() for path, text in files.items()}
    if head:
        members["host.json"] = json.dumps(head).encode()
    assert isinstance(read_host(members, "w1.tar", "w1").installation, Missing)


def test_the_collector_says_which_distributions_are_there(tmp_path: Path) -> None:
    for folder in ("etc", "var/lib/rancher/rke2/agent"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "etc/machine-id").write_text("abc\n")
    command = ["sh", "-s", "--", "--root", str(tmp_path)]
    done = subprocess.run(command, input=collect_script().encode(), capture_output=True, check=True)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        streams = {one.name: archive.extractfile(one) for one in archive if one.isfile()}
        members = {name: stream.read() for name, stream in streams.items() if stream}
    one = read_host(members, "w1.tar", "w1")
    assert (one.installation, one.machine_id) == (Installation(manager="RKE2", found="/var/lib/rancher/rke2"), "abc")
    assert not [gap for gap in one.unreadable if "distributions" in gap.reason]


def test_the_machine_id_of_a_bare_copy_is_in_its_file() -> None:
    assert read_host({"files/etc/machine-id": b"abc\n"}, "w1", "w1").machine_id == "abc"
