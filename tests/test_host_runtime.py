"""The container runtime of a node, from its files and from what it says through crictl."""

from __future__ import annotations

import json

import pytest

from kubepreflight.host import SANDBOX_DEFAULTS, ContainerRuntime, Missing, RuntimeImage
from kubepreflight.sources.host.archive import read_host

HEAD = json.dumps({"format": "kubepreflight.host/v1", "name": "w1", "complete": True})
KUBELET = "files/var/lib/kubelet/config.yaml"
CONTAINERD = "files/etc/containerd/config.toml"
VERSION_2 = """\
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "registry.k8s.io/pause:3.8"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
    SystemdCgroup = true
"""
VERSION_3 = """\
version = 3
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = 'registry.k8s.io/pause:3.10'
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
  SystemdCgroup = false
"""


def runtime(socket: str = "run/containerd/containerd.sock", **files: str) -> ContainerRuntime:
    members = {"host.json": HEAD, KUBELET: f"containerRuntimeEndpoint: unix:///{socket}\n"} | files
    return read_host({path: text.encode() for path, text in members.items()}, "w1.tar", "w1").runtime


def said(name: str, stdout: str = "", stderr: str = "", status: int = 0) -> dict[str, str]:
    folder = f"commands/{name}"
    return {f"{folder}/stdout": stdout, f"{folder}/stderr": stderr, f"{folder}/status": f"{status}\n"}


@pytest.mark.parametrize(
    ("socket", "name"),
    [
        ("run/containerd/containerd.sock", "containerd"),
        ("var/run/crio/crio.sock", "cri-o"),
        ("run/cri-dockerd.sock", "docker"),
        ("var/run/dockershim.sock", "dockershim"),
        ("run/other.sock", ""),
    ],
)
def test_the_runtime_behind_the_kubelets_socket(socket: str, name: str) -> None:
    assert (runtime(socket).name, runtime(socket).endpoint) == (name, f"/{socket}")


def test_a_kubelet_that_is_told_none() -> None:
    told_nothing = {KUBELET: "kind: KubeletConfiguration\n"}
    assert isinstance(runtime(**told_nothing).endpoint, Missing)
    assert runtime(**told_nothing, **said("kubelet-version", "Kubernetes v1.23.17\n")).name == "dockershim"
    assert runtime(**told_nothing, **said("kubelet-version", "Kubernetes v1.36.3\n")).name == "containerd"
    process = {"files/proc/9/cmdline": "/usr/bin/containerd\n"}
    assert runtime(**told_nothing, **process).endpoint == "/run/containerd/containerd.sock"


@pytest.mark.parametrize(
    ("files", "driver", "sandbox"),
    [
        ({CONTAINERD: VERSION_2}, "systemd", "registry.k8s.io/pause:3.8"),
        ({CONTAINERD: VERSION_3}, "cgroupfs", "registry.k8s.io/pause:3.10"),
        # What stands in the place of another version of the file is not looked at.
        ({CONTAINERD: VERSION_2.replace("version = 2", "version = 3")}, None, None),
        ({CONTAINERD: VERSION_3.replace("version = 3", "version = 2")}, None, None),
        ({CONTAINERD: "[plugins.cri]\nsystemd_cgroup = true\nsandbox_image = 'a'\n"}, "systemd", "a"),
        # The runtime that counts is the default one.
        (
            {
                CONTAINERD: "version = 2\n[plugins.'io.containerd.grpc.v1.cri'.containerd]\n"
                "default_runtime_name = 'x'\n[plugins.'io.containerd.grpc.v1.cri'.containerd.runtimes.x.options]\n"
                "SystemdCgroup = false\n[plugins.'io.containerd.grpc.v1.cri'.containerd.runtimes.runc.options]\n"
                "SystemdCgroup = true\n"
            },
            "cgroupfs",
            None,
        ),
        # containerd 1 takes the whole section from the file that is imported.
        (
            {
                CONTAINERD: f"imports = ['conf.d/1.toml']\n{VERSION_2}",
                "files/etc/containerd/conf.d/1.toml": "version = 2\n[plugins.'io.containerd.grpc.v1.cri']\nx = 1\n",
            },
            None,
            None,
        ),
        (
            {
                CONTAINERD: f"imports = ['/etc/containerd/conf.d/*.toml']\n{VERSION_3}",
                "files/etc/containerd/conf.d/1.toml": VERSION_3.replace("false", "true"),
            },
            None,
            "registry.k8s.io/pause:3.10",
        ),
        ({CONTAINERD: "version = "}, None, None),
        ({CONTAINERD: "version = 2\nplugins = 7\n"}, None, None),
        ({}, None, None),
        # What the program itself puts together goes before its files.
        ({CONTAINERD: VERSION_3, **said("containerd-config", VERSION_2)}, "systemd", "registry.k8s.io/pause:3.8"),
        ({**said("containerd-version", "containerd github.com/containerd/containerd 1.7.27 x\n")}, "cgroupfs", None),
        ({**said("containerd-version", "containerd github.com/containerd/containerd/v2 2.1.4 x\n")}, None, None),
        ({**said("crictl-runtime-config", "cgroup driver: SYSTEMD\n"), CONTAINERD: "version = 3"}, "systemd", None),
        (
            said(
                "crictl-info",
                '{"config": {"containerd": {"runtimes": {"runc": {"options": {"SystemdCgroup": true}}}},'
                ' "sandboxImage": "pause:9"}}',
            ),
            "systemd",
            "pause:9",
        ),
    ],
)
def test_containerd(files: dict[str, str], driver: str | None, sandbox: str | None) -> None:
    found = runtime(**files)
    assert (None if isinstance(found.cgroup_driver, Missing) else found.cgroup_driver) == driver
    assert (None if isinstance(found.sandbox_image, Missing) else found.sandbox_image) == sandbox


def test_crio_and_docker() -> None:
    crio = "run/crio/crio.sock"
    assert runtime(crio).cgroup_driver == "systemd"
    set_to = '[crio.runtime]\ncgroup_manager = "cgroupfs"\n[crio.image]\npause_image = "p:1"\n'
    found = runtime(
        crio,
        **{"files/etc/crio/crio.conf": '[crio.image]\npause_image = "p:0"\n', "files/etc/crio/crio.conf.d/1": set_to},
    )
    assert (found.cgroup_driver, found.cgroup_place) == ("cgroupfs", "/etc/crio/crio.conf.d/1")
    assert found.sandbox_image == "p:1"
    docker = "run/cri-dockerd.sock"
    assert isinstance(runtime(docker).cgroup_driver, Missing)
    daemon = {"files/etc/docker/daemon.json": '{"exec-opts": ["native.cgroupdriver=systemd"]}'}
    assert runtime(docker, **daemon).cgroup_driver == "systemd"
    assert runtime(docker, **daemon, **said("docker-info", "cgroupfs\n")).cgroup_driver == "cgroupfs"
    process = {"files/proc/9/cmdline": "/usr/bin/cri-dockerd\n--pod-infra-container-image=p:2\n"}
    assert runtime(docker, **process).sandbox_image == "p:2"


def test_the_image_of_the_dockershim_is_the_kubelets() -> None:
    shim, kubelet = "var/run/dockershim.sock", "files/proc/9/cmdline"
    plain = {kubelet: "/usr/bin/kubelet\n--config=/var/lib/kubelet/config.yaml\n"}
    assert runtime(shim, **plain).sandbox_image == SANDBOX_DEFAULTS["dockershim"]
    told = {kubelet: f"{plain[kubelet]}--pod-infra-container-image=p:3\n"}
    assert runtime(shim, **told).sandbox_image == "p:3"
    assert runtime(shim, **told).sandbox_place == "the kubelet's --pod-infra-container-image"


def test_what_it_says_itself() -> None:
    images = {
        "images": [
            {"id": "sha256:1", "repoTags": ["registry.k8s.io/pause:3.10"], "size": "320368", "pinned": True},
            {"id": "sha256:2", "repoTags": None, "size": "x"},
        ]
    }
    found = runtime(
        **said("crictl-version", "Version:  0.1.0\nRuntimeName:  containerd\nRuntimeVersion:  v2.1.4\n"),
        **said("crictl-images", json.dumps(images)),
        **said("crictl-runtime-config", stderr="rpc error: code = Unimplemented desc = unknown method", status=1),
    )
    assert (found.version, found.tells_cgroup_driver) == ("v2.1.4", False)
    assert found.images == (
        RuntimeImage(tags=("registry.k8s.io/pause:3.10",), size=320368, pinned=True),
        RuntimeImage(),
    )


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "the runtime was not asked on the node"),
        (said("crictl-version", status=127), "the node has no crictl"),
        (said("crictl-version", stderr="deadline exceeded", status=1), "deadline exceeded"),
        (said("crictl-version", status=0) | said("crictl-images", "[", status=0), "crictl-images: "),
        (said("crictl-version", status=0) | said("crictl-images", status=124), "did not end in time"),
    ],
)
def test_why_it_said_nothing(files: dict[str, str], reason: str) -> None:
    found = runtime(**files).images
    assert isinstance(found, Missing)
    assert reason in found.reason
