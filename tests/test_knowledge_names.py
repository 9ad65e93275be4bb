"""What is called otherwise in older versions."""

from __future__ import annotations

import pytest

from kubepreflight.inputs import parameters_of
from kubepreflight.knowledge.names import Names
from kubepreflight.version import Minor

NAMES = Names.provide()


@pytest.mark.parametrize(
    ("kubectl", "flag"),
    [
        ("1.15", "--delete-local-data"),
        ("1.19", "--delete-local-data"),
        ("1.20", "--delete-emptydir-data"),
        ("1.31", "--delete-emptydir-data"),
        ("1.50", "--delete-emptydir-data"),
    ],
)
def test_the_flag_of_kubectl_drain(kubectl: str, flag: str) -> None:
    assert NAMES.drain_flag(Minor.parse(kubectl)) == flag


@pytest.mark.parametrize(
    ("api_server", "label"),
    [("1.15", ""), ("1.20", ""), ("1.21", "kubernetes.io/metadata.name"), ("1.37", "kubernetes.io/metadata.name")],
)
def test_the_label_with_a_namespaces_name(api_server: str, label: str) -> None:
    assert NAMES.namespace_label(Minor.parse(api_server)) == label


@pytest.mark.parametrize(
    ("control_plane", "name"),
    [
        ("1.15", "kubelet-config-1.15"),
        ("1.23", "kubelet-config-1.23"),
        ("1.24", "kubelet-config"),
        ("1.50", "kubelet-config"),
    ],
)
def test_the_config_map_of_the_kubelets(control_plane: str, name: str) -> None:
    assert NAMES.kubelet_config(Minor.parse(control_plane)) == name


@pytest.mark.parametrize(
    ("kubeadm", "flag"),
    [
        ("1.15", ""),
        ("1.18", "--experimental-kustomize"),
        ("1.21", "--experimental-patches"),
        ("1.22", "--patches"),
        ("1.50", "--patches"),
    ],
)
def test_the_flag_that_gives_kubeadm_patches(kubeadm: str, flag: str) -> None:
    assert NAMES.patches_flag(Minor.parse(kubeadm)) == flag


@pytest.mark.parametrize(
    ("api_server", "field"),
    [("1.15", ""), ("1.26", ""), ("1.27", "unhealthyPodEvictionPolicy"), ("1.50", "unhealthyPodEvictionPolicy")],
)
def test_the_field_that_lets_unready_pods_go(api_server: str, field: str) -> None:
    assert NAMES.unready_policy(Minor.parse(api_server)) == field


def test_a_target_beyond_what_was_verified_keeps_no_rule_from_its_work() -> None:
    assert parameters_of(Names.provide) == ()
    assert NAMES.info.covers(Minor(1, 99))


def test_every_name_has_its_source() -> None:
    rows = [
        *NAMES.drain_flags,
        *NAMES.kubelet_configs,
        *NAMES.namespace_labels,
        *NAMES.patches_flags,
        *NAMES.unready_policies,
    ]
    assert [row for row in rows if not row.source.startswith("https://")] == []
