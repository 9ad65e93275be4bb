"""What kubectl drain decides: its own words about a real cluster, and a table that was written from its manual."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubepreflight.objects import Deployment, Planned, Pod
from kubepreflight.semantics import drain as semantics
from kubepreflight.semantics.budget import PodDisruptionBudget
from kubepreflight.semantics.drain import DaemonSet, Decision, DrainFlags, Reason, decide, drain
from kubepreflight.semantics.eviction import Budgets
from kubepreflight.semantics.node_drains import NodeDrains
from kubepreflight.semantics.workloads import Workloads
from tests.kubernetes_objects import make, pod

ORACLE = Path(__file__).parent / "data" / "drain-oracle"
NODES = ("cp1", "cp2", "cp3", "w1")


class Run(NamedTuple):
    """One `kubectl drain NODE --dry-run=server …` and what it said."""

    node: str
    flags: DrainFlags
    said: str


def runs() -> Iterator[Run]:
    for node in NODES:
        for part in (ORACLE / f"{node}.txt").read_text().split("$ ")[1:]:
            command, said = part.split("\n", 1)
            yield Run(
                node,
                DrainFlags(
                    ignore_daemonsets="--ignore-daemonsets" in command,
                    delete_emptydir_data="--delete-emptydir-data" in command,
                    force="--force" in command,
                ),
                said,
            )


class Cluster(NamedTuple):
    pods: list[Pod]
    daemon_sets: list[DaemonSet]
    budgets: Planned[PodDisruptionBudget]
    deployments: Planned[Deployment]


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    items: list[dict[str, Any]] = json.loads((ORACLE / "cluster.json").read_text())["items"]

    def of(kind: type[Any]) -> Iterable[Any]:
        return (make(kind, item) for item in items if item["kind"] == kind.__name__)

    return Cluster(list(of(Pod)), list(of(DaemonSet)), Planned(of(PodDisruptionBudget)), Planned(of(Deployment)))


def names(pods: Iterable[Pod]) -> set[str]:
    return {f"{one.namespace}/{one.name}" for one in pods}


def told(parts: Iterable[str]) -> dict[str, set[str]]:
    pairs = (part.rsplit(": ", 1) for part in parts if part)
    return {message: set(pods.split(", ")) for message, pods in pairs}


ALL_RUNS = list(runs())


def test_the_oracle_has_five_flag_sets_for_each_node() -> None:
    assert len(ALL_RUNS) == 5 * len(NODES)


@pytest.mark.parametrize("run", ALL_RUNS, ids=lambda run: f"{run.node}-{'-'.join(map(str, run.flags.__rich_repr__()))}")
def test_it_says_what_the_real_kubectl_said(run: Run, cluster: Cluster) -> None:
    existing = {(one.namespace, one.name) for one in cluster.daemon_sets}
    answer = drain([one for one in cluster.pods if one.spec.node_name == run.node], run.flags, existing)
    errors = re.findall(r"^cannot delete (.*)$", run.said, re.MULTILINE)
    assert {message: names(pods) for message, pods in answer.errors.items()} == told(errors)

    warnings = told("".join(re.findall(r"^Warning: (.*)$", run.said, re.MULTILINE)).split("; "))
    if not answer.errors:
        assert {message: names(pods) for message, pods in answer.warnings.items()} == warnings
    assert names(answer.evicted) == set(re.findall(r"^evicting pod (\S+)", run.said, re.MULTILINE))

    refused = re.findall(r'^error when evicting pods/"(\S+)" -n "(\S+)".*disruption budget', run.said, re.MULTILINE)
    blocked = names(answer.evicted) & {f"{namespace}/{name}" for namespace, name in blocked_in(cluster)}
    assert blocked == {f"{namespace}/{name}" for name, namespace in refused}

    status = int(run.said.rsplit("exit status ", 1)[1])
    assert bool(status) == bool(answer.errors or blocked)


def blocked_in(cluster: Cluster) -> frozenset[tuple[str, str]]:
    workloads = Workloads.provide(cluster.pods)
    return Budgets.provide(cluster.budgets, workloads, cluster.pods, deployments=cluster.deployments).blocked


def test_the_numbers_of_each_node(cluster: Cluster) -> None:
    workloads = Workloads.provide(cluster.pods)
    budgets = Budgets.provide(cluster.budgets, workloads, cluster.pods, deployments=cluster.deployments)
    control_plane = {"daemonset": 1, "mirror": 4}
    assert NodeDrains.provide(cluster.pods, cluster.daemon_sets, budgets).by_node == {
        "cp1": control_plane,
        "cp2": control_plane,
        "cp3": control_plane,
        "w1": {"daemonset": 1, "local-storage": 1, "bare": 1, "blocked": 2},
    }


# What the manual and upstream's tests say, as a table: the first row that fits decides. Written without looking at the
# code above, and in another form: rows of facts instead of a chain of filters.
KEPT, EVICTED = False, True


class Facts(NamedTuple):
    owner: str  # apps/v1 DaemonSet, extensions DaemonSet, gone DaemonSet, StatefulSet, none
    finished: bool
    mirror: bool
    empty_dir: bool
    ignore_daemonsets: bool
    delete_emptydir_data: bool
    force: bool


def by_the_manual(facts: Facts) -> tuple[bool, Reason]:
    alive = not facts.finished
    table = (
        (alive and facts.owner == "gone" and not facts.force, KEPT, Reason.ERROR),
        (alive and facts.owner == "daemonset" and not facts.ignore_daemonsets, KEPT, Reason.ERROR),
        (alive and facts.owner == "daemonset", KEPT, Reason.WARNING),
        (facts.mirror, KEPT, Reason.SKIP),
        (alive and facts.empty_dir and not facts.delete_emptydir_data, KEPT, Reason.ERROR),
        (alive and facts.owner == "none" and not facts.force, KEPT, Reason.ERROR),
        (alive and facts.owner == "none", EVICTED, Reason.WARNING),
        (True, EVICTED, Reason.OKAY),
    )
    return next((delete, reason) for holds, delete, reason in table if holds)


OWNERS: dict[str, tuple[tuple[str, str] | None, str]] = {
    "daemonset": (("DaemonSet", "here"), "apps/v1"),
    "gone": (("DaemonSet", "gone"), "apps/v1"),
    "old daemonset": (("DaemonSet", "here"), "extensions/v1beta1"),
    "other": (("ReplicaSet", "r"), "apps/v1"),
    "custom": (("Notebook", "n"), "kubeflow.org/v1"),
    "none": (None, ""),
}


@given(
    st.builds(
        Facts,
        owner=st.sampled_from(sorted(OWNERS)),
        finished=st.booleans(),
        mirror=st.booleans(),
        empty_dir=st.booleans(),
        ignore_daemonsets=st.booleans(),
        delete_emptydir_data=st.booleans(),
        force=st.booleans(),
    ),
    st.sampled_from(["Succeeded", "Failed"]),
    st.sampled_from([{}, {"medium": "Memory"}, {"sizeLimit": "1Gi"}]),
)
def test_every_kind_of_pod_under_every_flag(facts: Facts, ended: str, empty_dir: dict[str, str]) -> None:
    owner, version = OWNERS[facts.owner]
    one = pod(
        owner=owner,
        owner_version=version,
        phase=ended if facts.finished else "Running",
        mirror=facts.mirror,
        volumes=[{"name": "v", "emptyDir": empty_dir}]
        if facts.empty_dir
        else [{"name": "v", "hostPath": {"path": "/x"}}],
    )
    flags = DrainFlags(
        ignore_daemonsets=facts.ignore_daemonsets,
        delete_emptydir_data=facts.delete_emptydir_data,
        force=facts.force,
    )
    said = decide(one, flags, {("a", "here")})
    assert (said.delete, said.reason) == by_the_manual(facts)


IGNORE = DrainFlags(ignore_daemonsets=True)
ALL = DrainFlags(ignore_daemonsets=True, delete_emptydir_data=True, force=True)
DAEMON = ("DaemonSet", "d")
SCRATCH = [{"name": "v", "emptyDir": {}}]


@pytest.mark.parametrize(
    ("one", "flags", "existing", "expected"),
    [
        pytest.param(
            pod(owner=DAEMON, volumes=SCRATCH),
            IGNORE,
            {("a", "d")},
            Decision(False, Reason.WARNING, semantics.DAEMON_SET_KEPT),
            id="the emptyDir of a DaemonSet's pod is never looked at",
        ),
        pytest.param(
            pod(owner=DAEMON),
            IGNORE,
            set(),
            Decision(False, Reason.ERROR, 'daemonsets.apps "d" not found'),
            id="a DaemonSet that is gone is an error even with --ignore-daemonsets",
        ),
        pytest.param(
            pod(owner=DAEMON),
            ALL,
            set(),
            Decision(True, Reason.OKAY),
            id="with --force its pod goes, and a later filter's okay replaces the warning",
        ),
        pytest.param(
            pod(owner=DAEMON),
            IGNORE,
            None,
            Decision(False, Reason.WARNING, semantics.DAEMON_SET_KEPT),
            id="DaemonSets that could not be listed are taken to be there",
        ),
        pytest.param(
            pod(owner=DAEMON),
            IGNORE,
            {("b", "d")},
            Decision(False, Reason.ERROR, 'daemonsets.apps "d" not found'),
            id="one of the same name in another namespace does not count",
        ),
        pytest.param(
            pod(owner=None, volumes=SCRATCH),
            IGNORE,
            set(),
            Decision(False, Reason.ERROR, semantics.LOCAL_STORAGE_REFUSED),
            id="a bare pod with emptyDir is refused for its emptyDir first",
        ),
        pytest.param(
            pod(volumes=SCRATCH),
            ALL,
            set(),
            Decision(True, Reason.OKAY),
            id="the warning about an emptyDir is dropped for a pod with a controller",
        ),
        pytest.param(
            pod(owner=None, volumes=SCRATCH),
            ALL,
            set(),
            Decision(True, Reason.WARNING, semantics.BARE_DELETED),
            id="of two warnings the last stands",
        ),
    ],
)
def test_the_word_that_stands(one: Pod, flags: DrainFlags, existing: set[Any] | None, expected: Decision) -> None:
    assert decide(one, flags, existing) == expected


def test_an_owner_that_is_no_controller_does_not_count() -> None:
    one = make(Pod, {"metadata": {"name": "p", "ownerReferences": [{"kind": "Job", "name": "j"}]}})
    assert decide(one, IGNORE).message == semantics.BARE_REFUSED


@pytest.mark.parametrize(("seconds", "skipped"), [(60, False), (61, True)])
def test_pods_deleted_long_ago_are_skipped_when_that_is_asked_for(seconds: int, skipped: bool) -> None:
    deleted = datetime(2026, 11, 23, tzinfo=UTC)
    one = pod(owner=None, deleted=deleted.isoformat())
    flags = DrainFlags(skip_wait_for_delete_timeout=60)
    said = decide(one, flags, now=deleted + timedelta(seconds=seconds))
    assert (said.reason is Reason.SKIP) == skipped


def test_one_refused_pod_keeps_all_others_on_the_node() -> None:
    answer = drain([pod("good"), pod("bare", owner=None)], IGNORE)
    assert answer.evicted == ()
    assert list(answer.errors) == [semantics.BARE_REFUSED]
