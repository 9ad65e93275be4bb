"""What kubeadm makes of a ClusterConfiguration is the oracle for what we read of it.

`kubeadm config migrate` reads files, strictly; `kubeadm upgrade apply --print-config` reads the ConfigMap, leniently,
as the upgrade does. Both print what they made of it in kubeadm.k8s.io/v1beta4: that we must read as what went in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kubepreflight.knowledge.component_config import ComponentConfig
from kubepreflight.semantics.kubeadm_config import READABLE, Arguments, KubeadmConfig
from kubepreflight.version import Version
from tests.real.cluster import Cluster
from tests.real.conftest import Clusters
from tests.real.machine import NODE, Machine, control_plane_node
from tests.real.objects import node
from tests.real.tables import VERSIONS

COMPONENTS = (("apiServer",), ("controllerManager",), ("scheduler",), ("etcd", "local"))
DEFAULT_REPOSITORY = "registry.k8s.io"
CONFIG_MAP = "/api/v1/namespaces/kube-system/configmaps/kubeadm-config"


class Meaning(msgspec.Struct, frozen=True, kw_only=True):
    """What we read of a ClusterConfiguration, kubeadm's defaults filled in; not the version, which an upgrade sets."""

    endpoint_host: str
    repository: str
    certificates: str
    validity: float
    etcd_is_external: bool
    etcd_endpoints: tuple[str, ...]
    arguments: tuple[Arguments, ...]


def meaning(text: str) -> Meaning:
    """What we read. Raises ValueError."""
    config = KubeadmConfig.parse(text)
    validity = config.certificate_validity
    return Meaning(
        endpoint_host=config.endpoint_host,
        repository=config.image_repository or DEFAULT_REPOSITORY,
        certificates=config.certificates_directory,
        validity=8760 * 3600 if validity is None else validity.total_seconds(),
        etcd_is_external=config.etcd_is_external,
        etcd_endpoints=config.etcd_endpoints,
        arguments=tuple(config.extra_arguments(*component) for component in COMPONENTS),
    )


def migrated(machine: Machine, version: str, text: str) -> str:
    """What kubeadm makes of a file. Raises ValueError with its error."""
    (machine.root / "old.yaml").write_bytes(text.encode())
    done = machine.run("kubeadm", version, "config", "migrate", "--old-config", "/old.yaml")
    if done.returncode:
        raise ValueError(done.stderr)
    return next(one for one in done.stdout.split("---\n") if "kind: ClusterConfiguration" in one)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return Machine(tmp_path_factory.mktemp("kubeadm-"))


# PyYAML writes a bare Y as text; for kubeadm it is a truth value, which it refuses.
WORDS = st.text(st.sampled_from("abc-XY09=,./:"), min_size=1, max_size=12).filter(lambda word: word != "Y")
NAMES = st.from_regex(r"[a-z][a-z-]{0,10}[a-z]", fullmatch=True)
FLAGS = st.lists(
    st.tuples(NAMES, WORDS | st.sampled_from(["", "true", "4", "yes", "null", "~", "1.0", " a", "é", "a\nb"])),
    max_size=4,
)
HOURS = st.integers(1, 90000).map(lambda hours: f"{hours}h")
ETCD = st.one_of(
    st.none(),
    st.fixed_dictionaries({"local": st.fixed_dictionaries({"dataDir": st.just("/d")}, optional={"extraArgs": FLAGS})}),
    st.just({"external": {"endpoints": ["https://a.example:2379", "https://b.example:2379"]}}),
)
CLUSTERS = st.fixed_dictionaries(
    {},
    optional={
        "controlPlaneEndpoint": st.sampled_from(
            ["api.example.com", "api.example.com:8443", "192.0.2.7", "[fd00::1]:6443", "fd00::1"]
        ),
        "imageRepository": st.sampled_from(["", "registry.example", "registry.example:5000/k8s"]),
        "certificatesDir": st.sampled_from(["", "/srv/pki", "/srv/pki/", "/etc/kubernetes/pki"]),
        "certificateValidityPeriod": HOURS | st.sampled_from(["1.5h", "90m", "1h500ms", "5m1h", "+1h", ".5h"]),
        "clusterName": st.just("other"),
        "apiServer": st.none() | st.fixed_dictionaries({}, optional={"extraArgs": FLAGS}),
        "controllerManager": st.fixed_dictionaries({"extraArgs": FLAGS}),
        "scheduler": st.fixed_dictionaries({"extraArgs": FLAGS}),
        "etcd": ETCD,
    },
)


def written(cluster: Mapping[str, Any], version: str, style: Mapping[str, Any]) -> str:
    """A ClusterConfiguration as YAML, its flags in the shape that its version has."""

    def shaped(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: arguments(one) if key == "extraArgs" else shaped(one) for key, one in value.items()}
        return value

    def arguments(flags: list[tuple[str, str]]) -> Any:
        return dict(flags) if version == "v1beta3" else [{"name": name, "value": value} for name, value in flags]

    head = {"apiVersion": f"kubeadm.k8s.io/{version}", "kind": "ClusterConfiguration", "kubernetesVersion": "v1.36.3"}
    text: str = yaml.safe_dump({**head, **shaped(cluster)}, allow_unicode=True, **style)
    return text


@pytest.mark.parametrize(("version", "kubeadm"), [("v1beta3", "1.36.3"), ("v1beta4", "1.36.3"), ("v1beta4", "1.37.2")])
@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(cluster=CLUSTERS, style=st.sampled_from([{}, {"default_style": '"'}]))
def test_a_migration_changes_nothing_of_what_we_read(
    version: str, kubeadm: str, cluster: dict[str, Any], style: dict[str, Any], machine: Machine
) -> None:
    if version == "v1beta3":
        cluster.pop("certificateValidityPeriod", None)
    text = written(cluster, version, style)
    assert meaning(text) == meaning(migrated(machine, kubeadm, text))


KINDS: dict[str, dict[str, Any]] = {
    "ClusterConfiguration": {"kubernetesVersion": "v1.36.3"},
    "InitConfiguration": {"localAPIEndpoint": {"advertiseAddress": "192.0.2.1"}},
    "JoinConfiguration": {
        "discovery": {
            "bootstrapToken": {
                "token": "abcdef.0123456789abcdef",
                "apiServerEndpoint": "192.0.2.1:6443",
                "unsafeSkipCAVerification": True,
            }
        },
        "nodeRegistration": {"criSocket": "unix:///var/run/none.sock"},
    },
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("version", ["v1alpha3", "v1beta1", "v1beta2", "v1beta3", "v1beta4", "v1beta5", "v1", "v2"])
def test_which_kubeadm_reads_which_version(version: str, kind: str, machine: Machine) -> None:
    document = {"apiVersion": f"kubeadm.k8s.io/{version}", "kind": kind, **KINDS[kind]}
    (machine.root / "config.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    readers = {
        kubeadm
        for kubeadm in VERSIONS
        if machine.run("kubeadm", kubeadm, "config", "validate", "--config", "/config.yaml").returncode == 0
    }
    row = ComponentConfig.provide().find(f"kubeadm.k8s.io/{version}", kind)
    assert readers == {kubeadm for kubeadm in VERSIONS if row and row.read_by(Version.parse(kubeadm).minor_version)}
    if readers:
        assert document["apiVersion"] in READABLE


HEAD = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: v1.36.3\n"
OLD = HEAD.replace("v1beta4", "v1beta3")
IN_THE_CLUSTER = {
    "as it is": HEAD,
    "unknown fields": f"{HEAD}foo: 1\napiServer: {{bar: 2, extraArgs: [{{name: v, value: '4', other: x}}]}}\n",
    "a key twice": f"{HEAD}imageRepository: a.example\nimageRepository: b.example\n",
    "another case": f"{HEAD}ImageRepository: a.example\n",
    "no Kubernetes version": HEAD.partition("kubernetesVersion")[0],
    "nulls": f"{HEAD}apiServer: null\nscheduler: {{extraArgs: null}}\netcd: null\nimageRepository:\n",
    "a flag without value": f"{HEAD}apiServer: {{extraArgs: [{{name: v}}]}}\n",
    "a flag twice": f"{HEAD}scheduler: {{extraArgs: [{{name: b, value: '2'}}, {{name: a}}, {{name: b}}]}}\n",
    "an empty external etcd": f"{HEAD}etcd: {{external: {{}}}}\n",
    "a null external etcd": f"{HEAD}etcd: {{external: null}}\n",
    "both etcds": f"{HEAD}etcd: {{local: {{dataDir: /d}}, external: {{endpoints: ['https://a.example:2379']}}}}\n",
    "a second document": f"{HEAD}---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n",
    "a mark behind": f"{HEAD}---\n",
    "a mark and a comment before": f"# ours\n---\n{HEAD}",
    "a byte order mark": f"\ufeff{HEAD}",
    "lines of DOS": HEAD.replace("\n", "\r\n"),
    "JSON": '{"apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "ClusterConfiguration", "imageRepository": "a.example"}',
    "a tag": f"{HEAD}imageRepository: !!str 5\n",
    "no lifetime": f"{HEAD}certificateValidityPeriod: 0s\n",
    "a negative lifetime": f"{HEAD}certificateValidityPeriod: -1h\n",
    "microseconds": f"{HEAD}certificateValidityPeriod: 1us\n",
    "a folder with dots": f"{HEAD}certificatesDir: /srv/../srv/pki\n",
    "the experimental version": HEAD.replace("v1beta4", "v1"),
    # and what kubeadm refuses
    "a tab": f"{HEAD}apiServer:\n\textraArgs: []\n",
    "no YAML": "a: [",
    "nothing": "",
    "a list": "- 1\n",
    "another kind": HEAD.replace("ClusterConfiguration", "InitConfiguration"),
    "a kind in lower case": HEAD.replace("ClusterC", "clusterC"),
    "another group": HEAD.replace("kubeadm.k8s.io", "kubeadm.example"),
    "a later version": HEAD.replace("v1beta4", "v1beta5"),
    "two wrong values": f"{HEAD}certificatesDir: [1]\nimageRepository: !!float x\n",
}
READS_MORE = (
    "we read what kubeadm refuses: what it meant is told all the same, and whether kubeadm reads it is another question"
)
CLUSTER_DIFFERS = {
    "a version of other kubeadms": (OLD, READS_MORE),
    "a map of flags in v1beta4": (f"{HEAD}apiServer: {{extraArgs: {{v: '4'}}}}\n", READS_MORE),
    "a number for a flag": (f"{HEAD}apiServer: {{extraArgs: [{{name: v, value: 4}}]}}\n", READS_MORE),
    "a number for a repository": (f"{HEAD}imageRepository: 5\n", READS_MORE),
    "days": (f"{HEAD}certificateValidityPeriod: 365d\n", READS_MORE),
    "upper case in the endpoint": (f"{HEAD}controlPlaneEndpoint: API.example.com\n", READS_MORE),
    "all in flow style": ("{apiVersion: kubeadm.k8s.io/v1beta4, kind: ClusterConfiguration}", READS_MORE),
    "a directive": (f"%YAML 1.2\n---\n{HEAD}", READS_MORE),
    "aliases": (
        f"{HEAD}apiServer: &a {{}}\nscheduler: *a\n",
        "kubeadm writes none, and they may be a bomb: we refuse and say so",
    ),
    "nested deep": (f"{HEAD}x: {'[' * 60}{']' * 60}\n", "as aliases"),
    "a tag of its own": (f"{HEAD}imageRepository: !foo a\n", "no tool writes it: we refuse and say so"),
    "a flag without name": (f"{HEAD}apiServer: {{extraArgs: [{{value: '4'}}]}}\n", "kubeadm init refuses it: so do we"),
}


@pytest.fixture
def stopped(clusters: Clusters, tmp_path: Path) -> tuple[Cluster, Machine]:
    """A control-plane node on which an upgrade prints its configuration, and stops at a kubelet that is too old."""
    cluster = clusters(VERSIONS[-1])
    machine = control_plane_node(cluster, tmp_path)
    cluster.holds(node(NODE, "1.30.0", control_plane=True))
    return cluster, machine


def used(cluster: Cluster, machine: Machine, text: str) -> str:
    """What kubeadm makes of the ConfigMap. Raises ValueError with its error."""
    cluster.client.request("PATCH", CONFIG_MAP, {"data": {"ClusterConfiguration": text}})
    arguments = (
        "upgrade",
        "apply",
        f"v{VERSIONS[-1]}",
        "--print-config",
        "--dry-run",
        "-y",
        "--ignore-preflight-errors=all",
    )
    done = machine.run("kubeadm", VERSIONS[-1], *arguments)
    printed = re.search(r"Configuration used:\n((?:\t.*\n)+)", done.stdout)
    if printed is None:
        raise ValueError(done.stderr)
    return re.sub(r"(?m)^\t", "", printed[1])


def read_or_refused(text: str) -> Meaning | None:
    try:
        return meaning(text)
    except ValueError:
        return None


def test_the_config_map_is_read_as_the_upgrade_reads_it(stopped: tuple[Cluster, Machine]) -> None:
    disagreements = {}
    texts = IN_THE_CLUSTER | {name: text for name, (text, _) in CLUSTER_DIFFERS.items()}
    for name, text in texts.items():
        try:
            told = meaning(used(*stopped, text))
        except ValueError:
            told = None
        if told != read_or_refused(text):
            disagreements[name] = told
    assert disagreements.keys() == CLUSTER_DIFFERS.keys()


@pytest.mark.parametrize("version", ["v1beta2", "v1beta3", "v1beta4", "v1"])
def test_the_rule_says_which_config_map_ends_an_upgrade(version: str, stopped: tuple[Cluster, Machine]) -> None:
    refused = ""
    try:
        used(*stopped, HEAD.replace("v1beta4", version))
    except ValueError as error:
        refused = str(error)
    assert bool(refused) == bool(stopped[0].scan().findings("kubeadm-config-unreadable"))
    assert not refused or f'is registered for version "kubeadm.k8s.io/{version}"' in refused
