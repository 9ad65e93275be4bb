"""Of budgets that cover the same pods, which do so for certain."""

from __future__ import annotations

import msgspec
import pytest

from kubepreflight.objects import Deployment, Desired, Origin, Planned
from kubepreflight.semantics.budget import PodDisruptionBudget
from kubepreflight.semantics.eviction import Budgets
from kubepreflight.semantics.kustomizations import Kustomization, Kustomizations
from kubepreflight.semantics.workloads import Workloads
from tests.kubernetes_objects import make, pod

WEB = {"app": "web"}
IN_CLUSTER = ""
PROD = {"prod/kustomization.yaml": "prod", "staging/kustomization.yaml": "staging"}
TOGETHER = {"a/kustomization.yaml": "shop"}


def budget(name: str, file: str, namespace: str = "shop") -> PodDisruptionBudget:
    metadata = {"name": name, "namespace": namespace, "uid": "" if file else name}
    one = make(
        PodDisruptionBudget, {"metadata": metadata, "spec": {"maxUnavailable": 1, "selector": {"matchLabels": WEB}}}
    )
    one.origin = Origin(file, 1)
    return one


def deployment(file: str, namespace: str = "shop") -> Deployment:
    spec = {"replicas": 2, "template": {"metadata": {"labels": WEB}}}
    one = make(Deployment, {"metadata": {"name": "web", "namespace": namespace}, "spec": spec})
    one.origin = Origin(file, 1)
    return one


def kustomizations(namespaces: dict[str, str]) -> Kustomizations:
    given = []
    for file, namespace in namespaces.items():
        one = msgspec.convert({"namespace": namespace, "resources": ["pdb.yaml", "web.yaml"]}, Kustomization)
        one.origin = Origin(file, 1)
        given.append(one)
    return Kustomizations.provide(Desired(given))


def certain(
    planned: list[PodDisruptionBudget],
    deployments: list[Deployment] | None = None,
    observed: list[PodDisruptionBudget] | None = None,
    namespaces: dict[str, str] | None = None,
    runs_in: str = "",
) -> list[bool]:
    """Of each overlap, whether it is certain."""
    pods = [pod("web-0", namespace=runs_in, labels=WEB, owner=("StatefulSet", "web"))] if runs_in else []
    found = Budgets.provide(
        Planned(planned),
        Workloads.provide(pods),
        pods,
        deployments=Planned(deployments or ()),
        observed=observed,
        kustomizations=kustomizations(namespaces or {}),
    )
    assert bool(found.blocked) == any(one.pods and one.is_certain for one in found.overlaps)
    return [one.is_certain for one in found.overlaps]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param(("x", IN_CLUSTER), ("y", IN_CLUSTER), [True], id="both in the cluster"),
        pytest.param(("x", IN_CLUSTER), ("y", "b/pdb.yaml"), [True], id="a manifest brings the second"),
        pytest.param(("x", "a/pdb.yaml"), ("y", "a/other.yaml"), [True], id="a folder brings both"),
        pytest.param(("x", "a/pdb.yaml"), ("y", "b/pdb.yaml"), [False], id="two folders bring them"),
        pytest.param(("x", "a/pdb.yaml"), ("y", "b/pdb.yaml", ""), [], id="in two namespaces as written"),
    ],
)
def test_budgets_of_running_pods(first: tuple[str, ...], second: tuple[str, ...], expected: list[bool]) -> None:
    assert certain([budget(*first), budget(*second)], runs_in="shop") == expected


def test_manifests_of_what_the_cluster_has_change_nothing() -> None:
    written = [budget("x", "a/pdb.yaml"), budget("y", "b/pdb.yaml")]
    assert certain(written, observed=[budget("x", ""), budget("y", "")], runs_in="shop") == [True]
    assert certain(written, observed=[budget("x", "")], runs_in="shop") == [True]


def test_without_a_namespace_nobody_knows_where_manifests_come_to() -> None:
    assert certain([budget("x", "", "default"), budget("y", "a/pdb.yaml", "")], runs_in="default") == [False]
    both = [budget("x", "a/pdb.yaml", ""), budget("y", "a/pdb.yaml", "")]
    assert certain(both, [deployment("a/web.yaml", "")]) == [False]


def test_kustomizations_tell_namespaces_apart_and_together() -> None:
    apart = [budget("web-prod", "prod/pdb.yaml", ""), budget("web-staging", "staging/pdb.yaml", "")]
    assert certain(apart, [deployment("prod/web.yaml", ""), deployment("staging/web.yaml", "")], namespaces=PROD) == []
    assert certain([budget("x", "", "default"), apart[0]], runs_in="default", namespaces=PROD) == []
    together = [budget("x", "a/pdb.yaml", ""), budget("y", "a/pdb.yaml", "")]
    assert certain(together, [deployment("a/web.yaml", "")], namespaces=TOGETHER) == [True]


def test_what_the_kustomization_leaves_out_is_not_certain() -> None:
    written = [budget("x", "a/pdb.yaml"), budget("y", "a/old.yaml")]
    assert certain(written, [deployment("a/web.yaml")], namespaces=TOGETHER) == [False]


def test_templates_in_manifests() -> None:
    assert certain([budget("x", "a/pdb.yaml"), budget("y", "a/pdb.yaml")], [deployment("c/web.yaml")]) == [True]
    assert certain([budget("x", "a/pdb.yaml"), budget("y", "b/pdb.yaml")], [deployment("c/web.yaml")]) == [False]
