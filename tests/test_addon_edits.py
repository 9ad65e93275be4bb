"""Which fields of an add-on's object hold something that kubeadm does not write."""

from __future__ import annotations

from typing import Any

import pytest

from kubepreflight.knowledge.addon_templates import AddonSetting, AddonTemplate, AddonTemplates
from kubepreflight.semantics.addon_edits import addon_edits
from kubepreflight.semantics.addon_objects import KubeProxyConfigMap, SystemDeployment
from kubepreflight.semantics.kubeadm_config import host_of
from tests.kubernetes_objects import make


def edits(value: Any, **setting: Any) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    template = AddonTemplate(kind="K", name="n", setting=(AddonSetting(path="spec.a", **setting),))
    return [(one.running, one.rendered) for one in addon_edits({"spec": {"a": value}}, template)]


@pytest.mark.parametrize(
    ("value", "lost"),
    [
        (None, ()),
        ([], ()),
        ([{"name": "x"}, {"name": "y", "image": "z"}], ("y",)),
        (["x", "--v=4"], ("--v=4",)),
        ({"x": "1", "b": "2"}, ("x=1", "b=2")),
        ([{"operator": "Exists"}], ()),
        ([{"key": "k", "operator": "Equal", "value": "", "effect": None}], ('{"key":"k"}',)),
        ([7, None], ("7", "null")),
        ("text", ()),
    ],
)
def test_items_that_are_lost(value: Any, lost: tuple[str, ...]) -> None:
    expected = [(lost, ())] if lost else []
    assert edits(value, items=("x", '{"operator":"Exists"}')) == expected


def test_items_by_key_and_items_that_are_passed_over() -> None:
    assert edits({"x": "1", "b": "2"}, items=("x",), keys=True) == [(("b",), ())]
    assert edits([{"name": "HTTPS_PROXY"}, {"name": "A"}], items=(), ignored_suffix="_proxy") == [(("A",), ())]


def test_what_is_lost_is_shown_by_its_beginning() -> None:
    ((lost, _),) = edits(["x" * 5000, {"a": "y" * 5000}], items=())
    assert lost == ("x" * 200 + "…", '{"a":"' + "y" * 194 + "…")


@pytest.mark.parametrize(
    ("value", "known", "edit"),
    [
        (None, ("x",), None),
        ({}, (), None),
        ("x", ("x",), None),
        ({"b": 1, "a": 2}, ({"a": 2, "b": 1},), None),
        ("y", ("x", "z"), (("y",), ("x",))),
        ({"a": 1}, (), (('{"a":1}',), ())),
        (True, (False,), (("true",), ("false",))),
    ],
)
def test_values_that_are_set_back(value: Any, known: tuple[Any, ...], edit: Any) -> None:
    assert edits(value, values=known) == ([edit] if edit else [])


@pytest.mark.parametrize("value", [None, {}, {"template": []}, {"template": {"spec": {"containers": "x"}}}])
def test_a_spec_of_another_shape_has_nothing_to_lose(value: Any) -> None:
    template = AddonTemplates.provide().of("Deployment", "coredns")
    assert list(addon_edits({"spec": value}, template)) == []


@pytest.mark.parametrize(
    ("image", "tag"),
    [
        ("registry.k8s.io/coredns/coredns:v1.14.2", "v1.14.2"),
        ("localhost:5000/coredns", ""),
        ("localhost:5000/coredns:1.14.2@sha256:" + "0" * 64, "1.14.2"),
        ("coredns@sha256:" + "0" * 64, ""),
        ("", ""),
    ],
)
def test_the_tag_that_kubeadm_takes_for_the_version(image: str, tag: str) -> None:
    spec = {"template": {"spec": {"containers": [{"name": "coredns", "image": image}]}}}
    value = {"metadata": {"name": "coredns", "namespace": "kube-system"}, "spec": spec}
    assert make(SystemDeployment, value).tag == tag


@pytest.mark.parametrize(
    ("address", "host"), [("A.example:6443", "a.example"), ("[fd00::1]:6443", "fd00::1"), ("fd00::1", "fd00::1")]
)
def test_the_host_of_an_address(address: str, host: str) -> None:
    assert host_of(address) == host


@pytest.mark.parametrize(
    ("kubeconfig", "server"),
    [
        ("clusters:\n- cluster:\n    server: https://lb.example:6443\n", "lb.example:6443"),
        ("clusters:\n- cluster: \n  - server: 'https://[::1]:6443/'\n", "[::1]:6443"),
        ("clusters: []\n", ""),
        pytest.param("\n" * 500_000 + " " * 500_000, "", id="a million blanks, in no time"),
    ],
)
def test_the_server_of_kube_proxy(kubeconfig: str, server: str) -> None:
    value = {"metadata": {"name": "kube-proxy"}, "data": {"kubeconfig.conf": kubeconfig}}
    assert make(KubeProxyConfigMap, value).server == server
