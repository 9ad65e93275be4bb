from __future__ import annotations

from datetime import timedelta

import pytest

from kubepreflight.inputs import Unavailable
from kubepreflight.objects import Metadata
from kubepreflight.semantics.kubeadm_config import READABLE, KubeadmConfig, KubeadmConfigMap
from kubepreflight.semantics.kubeadm_config_types import wrong_types

parse = KubeadmConfig.parse
HEAD = "apiVersion: kubeadm.k8s.io/{version}\nkind: ClusterConfiguration\n"
LIST = "apiServer: {extraArgs: [{name: v, value: '4'}, {name: audit-policy-file, value: /a}, {name: v, value: '5'}]}\n"


@pytest.mark.parametrize("version", READABLE)
def test_every_version_is_read(version: str) -> None:
    config = parse(f"apiVersion: {version}\nkind: ClusterConfiguration\nkubernetesVersion: v1.30.2\n")
    assert config.kubernetes_version == "v1.30.2"
    assert config.control_plane_endpoint == config.endpoint_host == config.image_repository == ""
    assert config.certificates_directory == "/etc/kubernetes/pki"
    assert not config.etcd_is_external


@pytest.mark.parametrize(
    ("version", "text", "arguments"),
    [
        ("v1beta3", "apiServer: {extraArgs: {v: '4', profiling: false}}\n", (("profiling", "false"), ("v", "4"))),
        (
            "v1beta3",
            "apiServer: {extraArgs: {v: '4', audit-policy-file: /a}}\n",
            (("audit-policy-file", "/a"), ("v", "4")),
        ),
        ("v1beta4", LIST, (("v", "4"), ("audit-policy-file", "/a"), ("v", "5"))),
        ("v1beta4", "apiServer: {}\n", ()),
        ("v1beta4", "apiServer: null\n", ()),
        ("v1beta4", "apiServer: {extraArgs: null}\n", ()),
    ],
)
def test_extra_arguments_are_read_in_both_shapes(
    version: str, text: str, arguments: tuple[tuple[str, str], ...]
) -> None:
    assert parse(HEAD.format(version=version) + text).extra_arguments("apiServer") == arguments


def test_arguments_of_etcd() -> None:
    text = "etcd: {local: {dataDir: /var/lib/etcd, extraArgs: {quota-backend-bytes: 8589934592}}}\n"
    config = parse(HEAD.format(version="v1beta3") + text)
    assert config.extra_arguments("etcd", "local") == (("quota-backend-bytes", "8589934592"),)


@pytest.mark.parametrize("text", ["apiServer: {extraArgs: 7}\n", "apiServer: {extraArgs: [v]}\n"])
def test_arguments_of_another_shape_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="neither a map nor a list"):
        parse(HEAD.format(version="v1beta4") + text).extra_arguments("apiServer")


@pytest.mark.parametrize(
    ("text", "external"), [("", False), ("etcd: {external: null}\n", False), ("etcd: {external: {}}\n", True)]
)
def test_etcd_is_external_where_the_field_is_there(text: str, external: bool) -> None:
    assert parse(HEAD.format(version="v1beta4") + text).etcd_is_external is external


@pytest.mark.parametrize("behind", ["---\n", "---\nkind: Other\n", "...\n"])
def test_the_first_document_counts(behind: str) -> None:
    assert parse(HEAD.format(version="v1beta4") + "clusterName: a\n" + behind).document["clusterName"] == "a"


def test_external_etcd() -> None:
    text = "etcd: {external: {endpoints: ['https://a:2379', 'https://b:2379']}}\n"
    config = parse(HEAD.format(version="v1beta3") + text)
    assert config.etcd_is_external
    assert config.etcd_endpoints == ("https://a:2379", "https://b:2379")


@pytest.mark.parametrize(
    ("text", "validity"),
    [
        ("certificateValidityPeriod: 1h0m0s\n", timedelta(hours=1)),
        ("certificateValidityPeriod: 8760h\n", timedelta(days=365)),
        ("certificateValidityPeriod: 1.5h\n", timedelta(minutes=90)),
        ("certificateValidityPeriod: 5m1h.5s1500ms+\n", None),
        ("certificateValidityPeriod: +5m1h.5s1500ms\n", timedelta(hours=1, minutes=5, seconds=2)),
        ("certificateValidityPeriod: -1h\n", timedelta(hours=-1)),
        ("certificateValidityPeriod: '0'\n", timedelta(0)),
        ("certificateValidityPeriod: '5'\n", None),
        ("certificateValidityPeriod: 365d\n", None),
        ("certificateValidityPeriod: .h\n", None),
        ("certificateValidityPeriod: a year\n", None),
        ("certificateValidityPeriod: ١h\n", None),
        (f"certificateValidityPeriod: {'9' * 400}h\n", timedelta.max),
        (f"certificateValidityPeriod: '{'9' * 1_000_000}'\n", None),
        ("", None),
    ],
)
def test_certificate_validity(text: str, validity: timedelta | None) -> None:
    assert parse(HEAD.format(version="v1beta4") + text).certificate_validity == validity


@pytest.mark.parametrize(
    ("endpoint", "host"),
    [
        ("api.example.com:6443", "api.example.com"),
        ("API.example.com", "api.example.com"),
        ("10.0.0.1:6443", "10.0.0.1"),
        ("[fd00::1]:6443", "fd00::1"),
        ("fd00::1", "fd00::1"),
        ("", ""),
    ],
)
def test_the_endpoints_host(endpoint: str, host: str) -> None:
    assert parse(HEAD.format(version="v1beta4") + f"controlPlaneEndpoint: '{endpoint}'\n").endpoint_host == host


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [", "no YAML"),
        ("a:\n\tb: c", "no YAML"),
        ("", "not a mapping"),
        ("- 1\n", "not a mapping"),
        ("apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n", "InitConfiguration"),
        ("apiVersion: v1\nkind: ClusterConfiguration\n", "understood are"),
        (HEAD.format(version="v1beta9"), "v1beta9"),
        (HEAD.format(version="v1beta4") + "etcd: " + "[" * 20000, "too deep|nesting depth"),
        (HEAD.format(version="v1beta4") + "a: &a [1]\nb: [*a, *a]\n", "aliases"),
        (HEAD.format(version="v1beta4") + "when: 2024-13-45\n", "month"),
    ],
)
def test_what_is_no_configuration_says_why(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse(text)


def config_map(data: dict[str, str] | None) -> KubeadmConfigMap:
    metadata = Metadata(name="kubeadm-config", namespace="kube-system", uid="u")
    return KubeadmConfigMap(metadata=metadata, data=data, api_version="v1", kind="ConfigMap")


def test_the_input_names_its_config_map() -> None:
    config = KubeadmConfig.provide([config_map({"ClusterConfiguration": HEAD.format(version="v1beta4")})])
    assert str(config.subject) == "ConfigMap kube-system/kubeadm-config"


@pytest.mark.parametrize(
    ("config_maps", "asked", "reason"),
    [
        ([], False, "not made by kubeadm"),
        ([config_map(None)], True, "has no ClusterConfiguration"),
        ([config_map({"ClusterConfiguration": "a: ["})], True, "cannot be read"),
    ],
)
def test_missing_and_unreadable_differ(config_maps: list[KubeadmConfigMap], asked: bool, reason: str) -> None:
    with pytest.raises(Unavailable) as error:
        KubeadmConfig.provide(config_maps)
    (gap,) = error.value.gaps
    assert gap.asked is asked
    assert reason in gap.reason


@pytest.mark.parametrize("value", ["=", "<<"])
def test_values_that_yaml_once_gave_a_meaning_are_texts(value: str) -> None:
    config = parse(HEAD.format(version="v1beta4") + f"apiServer: {{extraArgs: [{{name: a, value: {value}}}]}}")
    assert config.extra_arguments("apiServer") == (("a", value),)


@pytest.mark.parametrize(
    ("version", "arguments", "wrong"),
    [
        ("v1beta3", {"a": "1", "b": None}, []),
        ("v1beta3", {"a": True}, ["apiServer.extraArgs: the value of a is a bool, not a string"]),
        ("v1beta3", "x", ["apiServer.extraArgs is a string, not an object with the flags' names and values"]),
        ("v1beta3", [], ["apiServer.extraArgs is an array, not an object with the flags' names and values"]),
        ("v1beta4", [{"name": "a", "value": "1"}, {"name": "b"}, None, 5], []),
        (
            "v1beta4",
            [{"name": "a\x1b", "value": [1]}],
            [r"apiServer.extraArgs: the value of a\x1b is an array, not a string"],
        ),
        ("v1beta4", {}, ["apiServer.extraArgs is an object, not an array of names and values"]),
        ("v1beta4", 5, ["apiServer.extraArgs is a number, not an array of names and values"]),
    ],
)
def test_types_that_kubeadm_refuses(version: str, arguments: object, wrong: list[str]) -> None:
    document = {
        "apiVersion": f"kubeadm.k8s.io/{version}",
        "apiServer": {"extraArgs": arguments},
        "etcd": {"local": [1]},
    }
    assert list(wrong_types(document)) == wrong
    assert not list(wrong_types({"apiVersion": f"kubeadm.k8s.io/{version}", "apiServer": 5, "featureGates": [1]}))
