"""What the table of refused values says, the programs say themselves, at once and before they do anything.

Those that came before the oldest of them are refused by all; what takes a value goes on to what stops it.
"""

from __future__ import annotations

import re
import shutil
from typing import NamedTuple

import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from kubepreflight.knowledge.default_changes import DefaultChanges
from kubepreflight.knowledge.setting_values import RefusedValue, SettingValues
from kubepreflight.version import Minor
from tests.real.cluster import Cluster
from tests.real.machine import Machine
from tests.real.tables import VERSIONS, minor, said
from tools.kubernetes.process import free_ports

VALUES = SettingValues.provide().values
API_SERVER, CONTROLLERS, SCHEDULER = "kube-apiserver", "kube-controller-manager", "kube-scheduler"
STOPS: dict[str, tuple[tuple[str, ...], str]] = {
    # what stops a program that takes its flags and fields, and what it says then
    "etcd": (("--version",), "etcd Version"),
    API_SERVER: (
        (
            "--etcd-servers=http://127.0.0.1:1",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--service-account-issuer=https://a.example",
            "--service-account-key-file=/sa.key",
            "--service-account-signing-key-file=/sa.key",
            "--cert-dir=/tmp",
            "--egress-selector-config-file=/none",
        ),
        "failed to read egress selector config",
    ),
    CONTROLLERS: (("--kubeconfig=/none",), "stat /none: no such file"),
    SCHEDULER: (("--kubeconfig=/none",), "/none: no such file"),
    "kubelet": (("--kubeconfig=/none", "--fail-cgroupv1=false", "--cert-dir=/tmp", "--root-dir=/tmp"), "/none"),
}
API_VERSIONS = {
    "kubelet": ("kubelet.config.k8s.io/v1beta1", "KubeletConfiguration"),
    "kube-proxy": ("kubeproxy.config.k8s.io/v1alpha1", "KubeProxyConfiguration"),
}


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    made = Machine(tmp_path_factory.mktemp("empty-"))
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.TraditionalOpenSSL
    (made.root / "sa.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    )
    return made


def row_of(name: str, *, flag: str = "", field: str = "", value: str) -> RefusedValue:
    return next(
        row
        for row in VALUES
        if row.name == name and (row.flag == flag if flag else row.field == field) and row.refuses(value)
    )


def refusal(row: RefusedValue, value: str) -> str:
    """The quoted error, as far as it is told."""
    return row.error.replace("{value}", row.bare(value)).partition("…")[0].strip()


def outcome(machine: Machine, program: str, version: str, error: str, *arguments: str) -> bool | str:
    """True where it refuses these arguments in these words, False where it goes on; else what it says."""
    stop, told = STOPS[program]
    text = said(machine, program, version, *arguments, *stop).replace('\\"', '"')
    return error in text if (error in text) is not (told in text) else text[-800:]


class Tried(NamedTuple):
    """A value of a flag that the row of this name refuses, and one that it does not, with what must be set besides."""

    program: str
    name: str
    flag: str
    refused: str
    taken: str
    besides: tuple[str, ...] = ()


V1 = "audit.k8s.io/v1"
THROTTLING = "memoryThrottlingFactor"
FLAGS = [
    Tried("etcd", "v2-deprecation", "v2-deprecation", "not-yet", "write-only"),
    Tried(API_SERVER, "audit-version", "audit-log-version", f"{V1}beta1", V1, ("--audit-log-path=-",)),
    Tried(API_SERVER, "cors-origins", "cors-allowed-origins", ".*", "//a(:|$)"),
    Tried(API_SERVER, "emulated-version", "emulated-version", "kube=1.33", "kube=1.34"),
    Tried(API_SERVER, "hidden-metrics", "show-hidden-metrics-for-version", "1.30", ""),
    Tried(CONTROLLERS, "controllers", "controllers", "-service", "*,bootstrapsigner"),
    Tried(CONTROLLERS, "controllers", "controllers", "service-lb-controller", "-serviceaccount"),
    Tried(CONTROLLERS, "controllers", "controllers", "-route", "*"),
    Tried(CONTROLLERS, "controllers", "controllers", "node-route-controller", "*"),
    Tried(CONTROLLERS, "controllers", "controllers", "-cloud-node-lifecycle", "*"),
    Tried(CONTROLLERS, "controllers", "controllers", "cloud-node-lifecycle-controller", "*"),
    Tried(CONTROLLERS, "cidr-allocator", "cidr-allocator-type", "CloudAllocator", "RangeAllocator"),
    Tried(CONTROLLERS, "emulated-version", "emulated-version", "1.33", "1.34"),
    Tried(CONTROLLERS, "emulated-version", "min-compatibility-version", "kube=1.33", "kube=1.34"),
    Tried(CONTROLLERS, "hidden-metrics", "show-hidden-metrics-for-version", "1.35", ""),
    Tried(CONTROLLERS, "leader-election-lock", "leader-elect-resource-lock", "endpointsleases", "leases"),
    Tried(SCHEDULER, "emulated-version", "emulated-version", "kube=1.33", "kube=1.35"),
    Tried(SCHEDULER, "hidden-metrics", "show-hidden-metrics-for-version", "1.35", ""),
    Tried("kubelet", "node-labels", "node-labels", "node-role.kubernetes.io/a=", "x.node.kubernetes.io/a=b,a=b"),
    Tried("kubelet", "node-labels", "node-labels", "kubernetes.io/instance-type=a", "kubernetes.io/hostname=a"),
    Tried("kubelet", "run-once", "runonce", "true", "false"),
]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("one", FLAGS, ids=lambda one: f"{one.program} {one.flag} {one.refused}")
def test_values_of_flags(one: Tried, version: str, machine: Machine) -> None:
    row = row_of(one.name, flag=one.flag, value=one.refused)
    error, expected = refusal(row, one.refused), is_refused(row, one.refused, minor(version))
    for value, is_told in ((one.refused, expected), (one.taken, False)):
        found = outcome(machine, one.program, version, error, f"--{one.flag}={value}", *one.besides)
        assert found is is_told


def is_refused(row: RefusedValue, value: str, program: Minor) -> bool:
    since, refused = row.span(value)
    return (refused is not None and refused <= program) or (since is not None and program < since)


def config(machine: Machine, program: str, **fields: object) -> str:
    api_version, kind = API_VERSIONS[program]
    text = yaml.safe_dump({"apiVersion": api_version, "kind": kind, **fields})
    (machine.root / f"{program}.yaml").write_text(text, encoding="utf-8")
    return f"--config=/{program}.yaml"


FIELDS: dict[str, tuple[str, object, object]] = {
    # the row, the field, a value that is refused, and one that is taken
    "swap-behavior": ("memorySwap.swapBehavior", "UnlimitedSwap", "LimitedSwap"),
    "run-once": ("runOnce", True, False),
    "hidden-metrics": ("showHiddenMetricsForVersion", "1.35", ""),
    "memory-throttling": ("memoryThrottlingFactor", 0.8, 0.9),
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", FIELDS)
def test_fields_of_the_kubelet(name: str, version: str, machine: Machine) -> None:
    field, refused, taken = FIELDS[name]
    text = str(refused).lower() if isinstance(refused, bool) else str(refused)
    row = row_of(name, field=field, value=text)
    gates = {one.gate: one.value == "true" for one in row.when}
    outer, _, inner = field.partition(".")
    for value, expected in ((refused, is_refused(row, text, minor(version))), (taken, False)):
        fields = {outer: {inner: value} if inner else value, "featureGates": gates}
        given = config(machine, "kubelet", failSwapOn=False, **fields)
        assert outcome(machine, "kubelet", version, refusal(row, text), given) is expected


@pytest.mark.parametrize("version", VERSIONS)
def test_what_lies_over_the_configuration_of_the_kubelet(version: str, machine: Machine) -> None:
    """A flag or a drop-in counts, for the value and for the gate on which it depends."""
    fields = {"runOnce": True, "memoryThrottlingFactor": 0.8, "featureGates": {"MemoryQoS": False}}
    given = config(machine, "kubelet", failSwapOn=False, **fields)
    folder = machine.root / "over"
    folder.mkdir(exist_ok=True)
    api_version, kind = API_VERSIONS["kubelet"]
    over = {"apiVersion": api_version, "kind": kind, "runOnce": False, "featureGates": {"MemoryQoS": True}}
    (folder / "9.conf").write_text(yaml.safe_dump(over), encoding="utf-8")
    once, memory = (
        row_of("run-once", field="runOnce", value="true"),
        row_of("memory-throttling", field=THROTTLING, value="0.8"),
    )
    for row, value in ((once, "true"), (memory, "0.8")):
        error = refusal(row, value)
        told = said(machine, "kubelet", version, given, *STOPS["kubelet"][0])
        assert (error in told) is is_refused(row, value, minor(version))
        for above in (("--runonce=F", "--feature-gates=MemoryQoS=true"), ("--config-dir=/over",)):
            assert outcome(machine, "kubelet", version, error, given, *above) is False


@pytest.mark.parametrize("version", VERSIONS)
def test_gates_that_are_off_with_their_stage(version: str, machine: Machine) -> None:
    row = row_of("memory-throttling", field=THROTTLING, value="0.8")
    gates = {"AllBeta": False}
    given = config(machine, "kubelet", failSwapOn=False, memoryThrottlingFactor=0.8, featureGates=gates)
    assert (refusal(row, "0.8") in said(machine, "kubelet", version, given, *STOPS["kubelet"][0])) is (
        is_refused(row, "0.8", minor(version))
    )


@pytest.mark.parametrize("written", ["0", "f", "False", "FALSE"])
def test_each_way_to_write_false(written: str, machine: Machine) -> None:
    row = row_of("leader-election-lock", flag="leader-elect-resource-lock", value="endpointsleases")
    lock = "--leader-elect-resource-lock=endpointsleases"
    error = refusal(row, "endpointsleases")
    assert outcome(machine, CONTROLLERS, VERSIONS[-1], error, lock, f"--leader-elect={written}") is False


@pytest.mark.parametrize("written", ["1", "T", "True"])
def test_each_way_to_write_true(written: str, machine: Machine) -> None:
    error = refusal(row_of("run-once", flag="runonce", value="true"), "true")
    assert outcome(machine, "kubelet", VERSIONS[-1], error, f"--runonce={written}") is True


@pytest.mark.parametrize("version", VERSIONS)
def test_modes_of_kube_proxy(version: str, machine: Machine) -> None:
    refused = said(machine, "kube-proxy", version, config(machine, "kube-proxy", mode="userspace"))
    assert 'ProxyMode: Invalid value: "userspace": must be iptables' in refused.replace('\\"', '"')
    for mode in ("iptables", "nftables", "ipvs"):
        # a field that is refused for itself shows that the mode is not
        taken = said(machine, "kube-proxy", version, config(machine, "kube-proxy", mode=mode, bindAddress="x"))
        assert "BindAddress: Invalid value" in taken
        assert "ProxyMode" not in taken


@pytest.mark.parametrize("version", VERSIONS)
def test_locks_of_the_scheduler(version: str, machine: Machine) -> None:
    """It looks at its lock when it has a kubeconfig, before it asks the server."""
    cluster = {"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}
    context = {"name": "c", "context": {"cluster": "c"}}
    text = {"apiVersion": "v1", "kind": "Config", "clusters": [cluster], "contexts": [context], "current-context": "c"}
    (machine.root / "kubeconfig").write_text(yaml.safe_dump(text))
    for row in VALUES:
        for value in row.values if row.name == "leader-election-lock" else ():
            flag = f"--leader-elect-resource-lock={value}"
            found = said(machine, SCHEDULER, version, flag, "--kubeconfig=/kubeconfig", "--cert-dir=/tmp")
            assert f"{value} lock is removed" in found


def test_how_long_audit_logs_are_kept(machine: Machine) -> None:
    """Where --audit-log-maxage and the others are not set, from 1.36 on."""
    (change,) = (one for one in DefaultChanges.provide().notes if one.name == "audit-log-retention")
    for version in VERSIONS:
        told = said(machine, API_SERVER, version, "--help")
        defaults = dict(re.findall(r"--(audit-log-max\w+) int .*\(default (\d+)\)", told))
        assert defaults == {"audit-log-maxage": "366", "audit-log-maxbackup": "100", "audit-log-maxsize": "100"}
        assert minor(version) >= change.at


def test_an_address_of_which_no_endpoint_can_be_made(cluster: Cluster, machine: Machine) -> None:
    """An API server finds that out once it has its storage; one that takes it does not end."""
    arguments = [one for one in STOPS[API_SERVER][0] if not one.startswith(("--etcd-servers", "--egress"))]
    shutil.copytree(cluster.control_plane.folder / "pki", machine.root / "pki")
    client = "/pki/apiserver-etcd-client"
    keys = ["--etcd-cafile=/pki/etcd/ca.crt", f"--etcd-certfile={client}.crt", f"--etcd-keyfile={client}.key"]
    storage = [f"--etcd-servers={cluster.control_plane.etcd_url}", "--etcd-prefix=/of-another", *keys]
    listening = ["--bind-address=127.0.0.1", f"--secure-port={free_ports(1)[0]}"]
    for address in ("127.0.0.1", "127.0.1.1", "169.254.10.1", "::1", "fe80::1"):
        services = "fd00::/120" if ":" in address else "10.0.0.0/24"
        row = row_of("advertise-address", flag="advertise-address", value=address)
        given = [
            *arguments,
            *storage,
            *listening,
            f"--advertise-address={address}",
            f"--service-cluster-ip-range={services}",
        ]
        assert refusal(row, address) in said(machine, API_SERVER, VERSIONS[-1], *given)
        assert row.refused == minor(VERSIONS[-1])
