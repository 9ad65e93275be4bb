"""What the programs do with configuration files and with --runtime-config, at once and before they do anything.

Flags, gates and plugins are test_oracle_flags.py's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from kubepreflight.knowledge.component_config import ComponentConfig
from kubepreflight.knowledge.etcd_flags import EtcdFlags
from kubepreflight.knowledge.runtime_config import RuntimeConfig
from kubepreflight.version import Minor
from tests.real.conftest import Clusters
from tests.real.machine import NODE, Machine, control_plane_node
from tests.real.objects import node
from tests.real.tables import VERSIONS, said
from tools.kubernetes.process import free_ports

CONFIG_MAP = "/api/v1/namespaces/kube-system/configmaps/kubeadm-config"
PASSED_OVER = {"policy/v1beta1": "", "batch/v1beta1": "/cronjobs", "certificates.k8s.io/v1alpha1": ""}
"""Versions that nobody serves any more, though the API server has not forgotten them; one with a resource."""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    found = Machine(tmp_path_factory.mktemp("empty-"))
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.TraditionalOpenSSL
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    (found.root / "sa.key").write_bytes(pem)
    return found


def api_server(machine: Machine, version: str, entry: str) -> str:
    """What an API server says to an entry; one that does not mind ends at a file that comes after it."""
    return said(
        machine,
        "kube-apiserver",
        version,
        f"--runtime-config={entry}",
        "--egress-selector-config-file=/none",
        "--etcd-servers=http://127.0.0.1:1",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--service-account-issuer=https://a.example",
        "--service-account-key-file=/sa.key",
        "--service-account-signing-key-file=/sa.key",
        "--cert-dir=/tmp",
        "--bind-address=127.0.0.1",
        f"--secure-port={free_ports(1)[0]}",
    )


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", [*RuntimeConfig.provide().gone, *PASSED_OVER])
def test_versions_of_which_nothing_is_left_stop_the_api_server(name: str, version: str, machine: Machine) -> None:
    gone = RuntimeConfig.provide().gone.get(name)
    text = api_server(machine, version, f"{name}{PASSED_OVER.get(name, '')}=true")
    refused = f"group version {name} that has not been registered" in text or "unknown api groups" in text
    assert refused is (gone is not None and gone <= Minor.parse(version)), text[-500:]
    assert refused is not ("failed to read egress selector config" in text)


def test_nor_may_it_be_told_to_switch_them_off(machine: Machine) -> None:
    text = api_server(machine, VERSIONS[0], "batch/v2alpha1=false")
    assert "group version batch/v2alpha1 that has not been registered" in text


def test_flags_of_etcd_that_went(machine: Machine) -> None:
    for name, flag in EtcdFlags.provide().gone.items():
        assert flag.removed is not None
        for version in VERSIONS:
            refused = f"flag provided but not defined: -{name}" in said(
                machine, "etcd", version, f"--{name}=", "--version"
            )
            assert (name, version, refused) == (name, version, flag.removed <= Minor.parse(version))


def test_those_that_stand_for_many_are_never_refused(machine: Machine) -> None:
    for version in VERSIONS:
        for entry in ("api/all=true", "api/beta=true", "api/alpha=false"):
            assert "failed to read egress selector config" in api_server(machine, version, entry)


def config(machine: Machine, name: str, **fields: object) -> str:
    (machine.root / name).write_text(yaml.safe_dump(fields), encoding="utf-8")
    return f"--config=/{name}"


SCHEDULER = ("kubescheduler.config.k8s.io/v1beta2", "kubescheduler.config.k8s.io/v1beta3")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_scheduler_reads_its_file_strictly(version: str, machine: Machine) -> None:
    kind = "KubeSchedulerConfiguration"
    for old in SCHEDULER:
        row = ComponentConfig.provide().find(old, kind)
        assert row is not None
        assert row.removed is not None
        assert row.removed <= Minor.parse(version)
        text = said(machine, "kube-scheduler", version, config(machine, "old", apiVersion=old, kind=kind))
        assert f'no kind \\"{kind}\\" is registered for version \\"{old}\\"' in text
    given = config(machine, "new", apiVersion="kubescheduler.config.k8s.io/v1", kind=kind, nothing=1)
    assert 'strict decoding error: unknown field \\"nothing\\"' in said(machine, "kube-scheduler", version, given)


LENIENT: dict[str, tuple[str, str, dict[str, Any], str]] = {
    # what they refuse tells that they got past the field
    "kubelet": ("kubelet.config.k8s.io/v1beta1", "KubeletConfiguration", {"maxPods": -1}, "must not be a negative"),
    "kube-proxy": ("kubeproxy.config.k8s.io/v1alpha1", "KubeProxyConfiguration", {"mode": "no"}, "must be iptables"),
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("program", LENIENT)
def test_a_field_that_kubelet_and_kube_proxy_do_not_know_is_passed_over(
    program: str, version: str, machine: Machine
) -> None:
    api_version, kind, wrong, refused = LENIENT[program]
    row = ComponentConfig.provide().find(api_version, kind)
    assert row is not None
    assert row.unknown_fields == "ignored"
    given = config(machine, program, apiVersion=api_version, kind=kind, nothing=1, **wrong)
    text = said(machine, program, version, given)
    assert 'strict decoding error: unknown field \\"nothing\\"' in text
    assert refused in text


@pytest.mark.parametrize("program", LENIENT)
def test_a_gate_in_their_files_is_not_passed_over(program: str, machine: Machine) -> None:
    api_version, kind, wrong, refused = LENIENT[program]
    for gates, error in (
        ({"SidecarContainers": True}, "unrecognized feature gate: SidecarContainers"),
        ({"HostnameOverride": False}, "cannot set feature gate HostnameOverride to false, feature is locked to true"),
    ):
        given = config(machine, program, apiVersion=api_version, kind=kind, featureGates=gates, **wrong)
        before, after = (said(machine, program, version, given) for version in VERSIONS)
        assert refused in before
        assert error not in before
        assert error in after


def test_kubeadm_refuses_a_gate_of_its_own_in_a_file(machine: Machine) -> None:
    document = {
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "ClusterConfiguration",
        "kubernetesVersion": "v1.37.2",
        "featureGates": {"NodeLocalCRISocket": True},
    }
    (machine.root / "kubeadm").write_text(yaml.safe_dump(document), encoding="utf-8")
    done = [machine.run("kubeadm", version, "config", "validate", "--config", "/kubeadm") for version in VERSIONS]
    assert [one.returncode == 0 for one in done] == [True, False]
    assert "NodeLocalCRISocket is not a valid feature name" in done[1].stderr


def test_kubeadm_goes_on_with_one_in_the_config_map(clusters: Clusters, tmp_path: Path) -> None:
    cluster = clusters(VERSIONS[0])
    machine = control_plane_node(cluster, tmp_path)
    cluster.holds(node(NODE, VERSIONS[0], control_plane=True))
    text = (
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: v1.36.3\n"
        "featureGates: {NodeLocalCRISocket: true}\n"
    )
    cluster.client.request("PATCH", CONFIG_MAP, {"data": {"ClusterConfiguration": text}})
    command = ("upgrade", "apply", "phase", "preflight", "v1.37.2", "-y", "--dry-run", "--ignore-preflight-errors=all")
    done = machine.run("kubeadm", VERSIONS[1], *command)
    assert done.returncode == 0, done.stderr
    assert "Unknown feature gate flag: NodeLocalCRISocket" in done.stdout
    assert not cluster.scan_here("--target", "1.37").findings("feature-gate-removed")
