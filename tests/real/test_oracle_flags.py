"""The programs themselves say which flags, feature gates and plugins they refuse, at once and before they do anything.

The rows are samples of what is known to go at these minors; each has to be refused from the version on that is told,
and taken before it.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from kubepreflight.version import Minor, Version
from tests.real.machine import Machine
from tests.real.tables import VERSIONS, said

STOPS: dict[str, tuple[str, ...]] = {
    # With these each program reads its command line and ends without having begun.
    "etcd": ("--version",),
    "kube-apiserver": ("--version",),
    "kube-controller-manager": ("--version",),
    "kube-proxy": ("--version",),
    "kube-scheduler": ("--version",),
    "kubelet": ("--version",),
}
CORE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet")
READS_GATES = {**STOPS, "kubelet": ("--max-pods=-1",)}
"""The kubelet looks at its gates after its version, and at its settings after those."""


def refusing(machine: Machine, program: str, arguments: Sequence[str], *words: str) -> set[str]:
    """The versions that refuse these arguments with any of these words."""
    return {
        version for version in VERSIONS if any(word in said(machine, program, version, *arguments) for word in words)
    }


def from_on(minor: str) -> set[str]:
    return {version for version in VERSIONS if Version.parse(version).minor_version >= Minor.parse(minor)}


FLAGS = [
    # program, flag, the minor of Kubernetes that no longer knows it ("" for none of these)
    ("etcd", "--enable-v2=true", "1.34"),
    # deprecated with etcd 3.6, gone with 3.7
    ("etcd", "--experimental-initial-corrupt-check=true", "1.37"),
    ("etcd", "--snapshot-count=10000", ""),
    ("kube-apiserver", "--basic-auth-file=/a", "1.19"),
    ("kube-apiserver", "--insecure-port=0", "1.24"),
    ("kube-apiserver", "--service-account-api-audiences=a", "1.25"),
    ("kube-apiserver", "--cloud-provider=external", "1.33"),
    ("kube-apiserver", "--profiling=false", ""),
    ("kube-controller-manager", "--pod-eviction-timeout=5m", "1.27"),
    ("kube-controller-manager", "--horizontal-pod-autoscaler-upscale-delay=1m", "1.31"),
    ("kube-controller-manager", "--concurrent-service-syncs=1", "1.37"),
    ("kube-controller-manager", "--cloud-provider=external", ""),
    ("kube-proxy", "--udp-timeout=1s", "1.26"),
    ("kube-proxy", "--proxy-port-range=1-2", "1.31"),
    ("kube-proxy", "--v=2", ""),
    ("kube-scheduler", "--policy-config-file=/a", "1.23"),
    ("kube-scheduler", "--lock-object-name=a", "1.28"),
    ("kube-scheduler", "--profiling=false", ""),
    ("kubelet", "--container-runtime=remote", "1.27"),
    ("kubelet", "--network-plugin=cni", "1.24"),
    ("kubelet", "--cloud-config=/a", "1.34"),
    ("kubelet", "--register-schedulable=true", "1.34"),
    ("kubelet", "--pod-infra-container-image=pause", "1.35"),
    ("kubelet", "--containerd=/a", "1.37"),
    ("kubelet", "--boot-id-file=/a", "1.37"),
    ("kubelet", "--global-housekeeping-interval=1m", "1.37"),
    ("kubelet", "--storage-driver-db=a", "1.37"),
    ("kubelet", "--housekeeping-interval=10s", ""),
    ("kubelet", "--cgroup-driver=systemd", ""),
    ("kubelet", "--node-ip=192.0.2.1", ""),
]


@pytest.mark.parametrize(("program", "flag", "gone"), FLAGS)
def test_removed_flags(program: str, flag: str, gone: str, machine: Machine) -> None:
    arguments = (flag, *STOPS[program])
    found = refusing(machine, program, arguments, "unknown flag", "flag provided but not defined")
    assert found == (from_on(gone) if gone else set())


GATES = [
    # gate, the minor that no longer knows it
    ("CSIMigrationPortworx", "1.36"),
    ("HonorPVReclaimPolicy", "1.36"),
    ("SizeMemoryBackedVolumes", "1.35"),
    ("APIServerTracing", "1.37"),
    ("ConsistentListFromCache", "1.37"),
    ("PreventStaticPodAPIReferences", "1.37"),
    ("SidecarContainers", "1.37"),
    ("OrderedNamespaceDeletion", "1.37"),
    ("GangScheduling", "1.37"),
    ("AllAlpha", ""),
    ("NodeSwap", ""),
]
LOCKED = [
    # gate, the value that is refused, the minor from which on it is
    ("DisableNodeKubeProxyVersion", "false", "1.36"),
    ("SeparateCacheWatchRPC", "true", "1.36"),
    ("VolumeAttributesClass", "false", "1.36"),
    ("DRAPrioritizedList", "false", "1.37"),
    ("DeclarativeValidationTakeover", "true", "1.37"),
    ("HostnameOverride", "false", "1.37"),
]


@pytest.mark.parametrize("program", CORE)
def test_removed_and_locked_gates(program: str, machine: Machine) -> None:
    for gate, gone in GATES:
        arguments = (f"--feature-gates={gate}=false", *READS_GATES[program])
        found = refusing(machine, program, arguments, "unrecognized feature gate")
        assert (gate, found) == (gate, from_on(gone) if gone else set())
    for gate, value, locked in LOCKED:
        other = "true" if value == "false" else "false"
        for one, expected in ((value, from_on(locked)), (other, set())):
            arguments = (f"--feature-gates={gate}={one}", *READS_GATES[program])
            assert (gate, one, refusing(machine, program, arguments, "is locked to")) == (gate, one, expected)


PLUGINS = [("PodSecurityPolicy", "1.25"), ("SecurityContextDeny", "1.30"), ("PodSecurity", ""), ("AlwaysAdmit", "")]


@pytest.mark.parametrize(("plugin", "gone"), PLUGINS)
@pytest.mark.parametrize("flag", ["enable-admission-plugins", "disable-admission-plugins"])
def test_removed_admission_plugins(flag: str, plugin: str, gone: str, machine: Machine) -> None:
    # Without a key for service accounts it does not begin, and tells all that is wrong with its flags.
    arguments = (f"--{flag}={plugin}", "--etcd-servers=http://127.0.0.1:1", "--cert-dir=/tmp")
    found = refusing(machine, "kube-apiserver", arguments, f'plugin \\"{plugin}\\" is unknown')
    assert found == (from_on(gone) if gone else set())


@pytest.mark.parametrize(("value", "refused"), [("nope/v1=true", True), ("policy/v1beta1=true", False)])
def test_of_an_api_that_is_switched_on_only_the_group_is_looked_at(value: str, refused: bool, machine: Machine) -> None:
    arguments = (f"--runtime-config={value}", "--etcd-servers=http://127.0.0.1:1", "--cert-dir=/tmp")
    assert refusing(machine, "kube-apiserver", arguments, "unknown api groups") == (set(VERSIONS) if refused else set())
