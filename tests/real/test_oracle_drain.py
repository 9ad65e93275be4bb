"""What we say that `kubectl drain` does with a pod, held against what it says itself: every kind of pod, every flag."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kubepreflight.objects import Pod
from kubepreflight.semantics.drain import OKAY, SKIP, DaemonSet, Decision, DrainFlags, Reason, decide, drain
from kubepreflight.semantics.node_drains import PLAIN
from tests.kubernetes_objects import make
from tests.real import kubectl_drain
from tests.real.cluster import Cluster
from tests.real.kubectl_drain import CASE
from tests.real.objects import Object, node, pod, workload
from tests.real.side_by_side import side_by_side
from tools.waiting import until

ANOTHER_KUBECTL = "1.36.3"
LONG_AGO = 1
"""What `--skip-wait-for-delete-timeout` is set to, in seconds: short, since a test must wait until a pod is past it."""


def owner(kind: str, name: str, version: str = "apps/v1", *, controller: bool | None = True) -> Object:
    reference = {"apiVersion": version, "kind": kind, "name": name, "uid": f"uid-of-{name}", "controller": controller}
    return {key: value for key, value in reference.items() if value is not None}


AGENT = owner("DaemonSet", "agent")
OWNERS: dict[str, list[Object]] = {
    "nobody": [],
    "a DaemonSet": [AGENT],
    "a DaemonSet that is being deleted": [owner("DaemonSet", "leaving")],
    "a DaemonSet that is gone": [owner("DaemonSet", "gone")],
    "a DaemonSet of another namespace": [owner("DaemonSet", "elsewhere")],
    "a DaemonSet of an old version": [owner("DaemonSet", "agent", "extensions/v1beta1")],
    "a DaemonSet of apps/v1beta2": [owner("DaemonSet", "agent", "apps/v1beta2")],
    "a foreign DaemonSet": [owner("DaemonSet", "agent", "apps.kruise.io/v1alpha1")],
    "a DaemonSet that does not control it": [owner("DaemonSet", "agent", controller=None)],
    "a DaemonSet that says that it does not control it": [owner("DaemonSet", "agent", controller=False)],
    "a Job beside the DaemonSet that controls it": [owner("Job", "once", "batch/v1", controller=None), AGENT],
    "a DaemonSet beside the Job that controls it": [
        owner("DaemonSet", "agent", controller=False),
        owner("Job", "once", "batch/v1"),
    ],
    "a ReplicaSet": [owner("ReplicaSet", "web-1")],
    "a ReplicationController": [owner("ReplicationController", "web", "v1")],
    "a StatefulSet": [owner("StatefulSet", "db")],
    "a Job": [owner("Job", "once", "batch/v1")],
    "a Node": [owner("Node", "w1", "v1")],
    "a Notebook": [owner("Notebook", "mine", "kubeflow.org/v1")],
    "a Notebook that does not control it": [owner("Notebook", "mine", "kubeflow.org/v1", controller=None)],
}
FEW_OWNERS = ("nobody", "a DaemonSet", "a DaemonSet that is gone", "a ReplicaSet")

EMPTY_DIRS: tuple[Object, ...] = (
    {"emptyDir": {}},
    {"emptyDir": {"medium": ""}},
    {"emptyDir": {"medium": "Memory"}},
    {"emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}},
    {"emptyDir": {"medium": "HugePages"}},
    {"emptyDir": {"medium": "HugePages-2Mi"}},
    {"emptyDir": {"sizeLimit": "1Gi"}},
    {"emptyDir": None},
    {},
)
"""The last two have no source: the server makes an emptyDir of that."""
CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
OTHER_VOLUMES: tuple[Object, ...] = (
    {"hostPath": {"path": "/data"}},
    {"persistentVolumeClaim": {"claimName": "data"}},
    {"ephemeral": {"volumeClaimTemplate": {"spec": CLAIM}}},
    {"configMap": {"name": "settings"}},
    {"secret": {"secretName": "password"}},
    {"projected": {"sources": [{"configMap": {"name": "settings"}}]}},
    {"downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
    {"csi": {"driver": "secrets-store.csi.k8s.io"}},
    {"nfs": {"server": "192.0.2.7", "path": "/"}},
    {"image": {"reference": "registry.example/model:1"}},
)
SCRATCH = EMPTY_DIRS[:1]
GOING, GONE_LONG = 3600, 0
"""The grace period with which a pod was deleted; a finalizer holds it."""


def case(
    number: int | str,
    node_name: str,
    owners: Iterable[Object] = (),
    phase: str = "Running",
    volumes: Iterable[Object] = (),
    *,
    mirror: bool = False,
    deleted: int | None = None,
) -> Object:
    """One pod of a table; `deleted` is the grace period, kept in an annotation until it is really deleted."""
    annotations = {"kubernetes.io/config.mirror": "hash"} if mirror else {}
    value = pod(
        f"p{number}",
        node=node_name,
        labels={CASE: str(number)},
        phase=phase,
        annotations=annotations,
        volumes=[{"name": f"v{index}", **one} for index, one in enumerate(volumes)],
        terminationGracePeriodSeconds=30,
    )
    value["metadata"]["ownerReferences"] = list(owners)
    if deleted is not None:
        value["metadata"] |= {"finalizers": ["example.org/held"]}
        annotations["example.org/grace-period"] = str(deleted)
    return value


def table() -> list[Object]:
    """Owners by phases by storage by mirror on w1, with every sort of volume; what is being deleted on w2."""
    numbers = itertools.count()
    storage: tuple[tuple[Object, ...], ...] = ((), (OTHER_VOLUMES[0], EMPTY_DIRS[0]))
    mirrors = (False, True)
    found = [
        case(next(numbers), "w1", owners, phase, volumes, mirror=mirror)
        for owners in OWNERS.values()
        for phase in ("Running", "Succeeded", "Failed")
        for volumes in storage
        for mirror in mirrors
    ]
    found += [
        case(next(numbers), "w1", OWNERS[name], phase, [volume])
        for volume in EMPTY_DIRS + OTHER_VOLUMES
        for name in ("nobody", "a ReplicaSet")
        for phase in ("Pending", "Unknown")
    ]
    found += [
        case(next(numbers), "w2", OWNERS[name], phase, volumes, mirror=mirror, deleted=deleted)
        for name in FEW_OWNERS
        for phase in ("Running", "Failed")
        for volumes in storage
        for mirror in mirrors
        for deleted in (GOING, GONE_LONG)
    ]
    return found


class Question(NamedTuple):
    """One thing that kubectl is asked: about all pods of a node."""

    node: str
    flags: DrainFlags
    more: tuple[str, ...] = ()
    dry_run: str = "client"
    version: str = ""


class Pods:
    """Pods in the cluster, with the DaemonSets that exist: what both sides are asked about."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.heard: set[Decision] = set()
        if not list(cluster.listed("/apis/apps/v1/daemonsets")):
            elsewhere = workload("DaemonSet", "elsewhere", namespace="other")
            leaving = workload("DaemonSet", "leaving")
            leaving["metadata"]["finalizers"] = ["example.org/held"]
            cluster.holds(workload("DaemonSet", "agent"), leaving, elsewhere)
            cluster.client.delete(leaving)
        sets = (make(DaemonSet, one) for one in cluster.listed("/apis/apps/v1/daemonsets"))
        self.daemon_sets = {(one.namespace, one.name) for one in sets}

    def hold(self, nodes: Collection[str], pods: Iterable[Object]) -> None:
        """Write nodes and pods down, delete those that are to be deleted, and wait until that is long enough ago."""
        self.cluster.holds(*map(node, nodes))
        side_by_side(self._hold, pods)
        self.pods = {name: [make(Pod, one) for one in self._on(name)] for name in nodes}
        deleted = [one.metadata.deletion_timestamp for pods in self.pods.values() for one in pods]
        past = [one for one in deleted if one is not None and one < datetime.now(UTC)]
        long_ago = max(past, default=datetime.now(UTC)) + timedelta(seconds=LONG_AGO + 1)
        assert until(lambda: datetime.now(UTC) > long_ago)

    def _hold(self, value: Object) -> None:
        self.cluster.holds(value)
        grace_period = value["metadata"]["annotations"].get("example.org/grace-period")
        if grace_period is not None:
            path = self.cluster.client.path_of(value)
            self.cluster.client.request("DELETE", path, {"gracePeriodSeconds": int(grace_period)})

    def _on(self, node_name: str) -> Iterable[Object]:
        return self.cluster.listed(f"/api/v1/pods?fieldSelector=spec.nodeName%3D{node_name}")

    def disagreements(self, question: Question) -> list[str]:
        """Where kubectl and we differ, with the pod in full."""
        one = question
        known = {named(pod): pod for pod in self.pods[one.node]}
        cases = {name: pod.labels[CASE] for name, pod in known.items()}
        said = kubectl_drain.decisions(
            self.cluster, one.node, one.flags, cases, one.more, dry_run=one.dry_run, version=one.version
        )
        self.heard |= set(said.values())
        now = datetime.now(UTC)
        expected = {name: decide(pod, one.flags, self.daemon_sets, now) for name, pod in known.items()}
        return [
            f"{one}: kubectl says {said[name]}, we {expected[name]} of {known[name]}"
            for name in cases
            if said[name] != expected[name]
        ]

    def all_disagreements(self, questions: Iterable[Question]) -> list[str]:
        """Ask side by side: kubectl mostly waits, since it holds itself to 5 requests a second."""
        return list(itertools.chain(*side_by_side(self.disagreements, questions)))


def named(one: Pod) -> str:
    return f"{one.namespace}/{one.name}"


def all_flags(skip: int = 0) -> list[DrainFlags]:
    return [
        DrainFlags(
            ignore_daemonsets=ignore,
            delete_emptydir_data=delete,
            force=force,
            skip_wait_for_delete_timeout=skip,
        )
        for ignore, delete, force in itertools.product((False, True), repeat=3)
    ]


NO_FLAG, *_, EVERY_FLAG = all_flags()
EVERY_SET = all_flags() + all_flags(LONG_AGO)
NOT_FOUND = {Decision(False, Reason.ERROR, f'daemonsets.apps "{name}" not found') for name in ("gone", "elsewhere")}
EVERYTHING_THAT_KUBECTL_SAYS = NOT_FOUND | {
    OKAY,
    SKIP,
    Decision(False, Reason.WARNING, "ignoring DaemonSet-managed Pods"),
    Decision(False, Reason.ERROR, "DaemonSet-managed Pods (use --ignore-daemonsets to ignore)"),
    Decision(False, Reason.ERROR, "Pods with local storage (use --delete-emptydir-data to override)"),
    Decision(False, Reason.ERROR, "Pods that declare no controller (use --force to override)"),
    Decision(True, Reason.WARNING, "deleting Pods that declare no controller"),
}


def test_every_kind_of_pod_under_every_set_of_flags(cluster: Cluster) -> None:
    pods = Pods(cluster)
    pods.hold(("w1", "w2"), table())
    asked = [Question("w1", flags) for flags in all_flags()]
    asked += [Question("w2", flags) for flags in (PLAIN, *all_flags(LONG_AGO))]
    for flags in PLAIN, EVERY_FLAG:
        asked += [Question("w2", flags, more=("--disable-eviction",)), Question("w2", flags, dry_run="server")]
    assert pods.all_disagreements(asked) == []
    assert pods.heard == EVERYTHING_THAT_KUBECTL_SAYS


def test_the_kubectl_of_the_minor_before_says_the_same(cluster: Cluster) -> None:
    pods = Pods(cluster)
    pods.hold(("w1", "w2"), table())
    asked = [Question("w1", flags, version=ANOTHER_KUBECTL) for flags in (NO_FLAG, PLAIN, EVERY_FLAG)]
    asked += [Question("w2", flags, version=ANOTHER_KUBECTL) for flags in all_flags(LONG_AGO)[::3]]
    assert pods.all_disagreements(asked) == []
    assert pods.heard == EVERYTHING_THAT_KUBECTL_SAYS


def one_controller(owners: list[Object]) -> bool:
    """What the server insists on."""
    return sum(bool(one.get("controller")) for one in owners) <= 1


REFERENCES = st.sampled_from([AGENT, *OWNERS["a DaemonSet that is gone"]]) | st.builds(
    owner,
    st.sampled_from(["DaemonSet", "Job", "Node", "Notebook", "Pod", "ReplicaSet", "StatefulSet"]),
    st.sampled_from(["agent", "elsewhere", "gone", "leaving", "web"]),
    st.sampled_from(["apps/v1", "apps/v1beta1", "batch/v1", "extensions/v1beta1", "kubeflow.org/v1", "v1"]),
    controller=st.sampled_from([True, False, None]),
)
CASES = st.fixed_dictionaries(
    {
        "owners": st.lists(REFERENCES, max_size=3).filter(one_controller),
        "phase": st.sampled_from(["Pending", "Running", "Running", "Succeeded", "Failed", "Unknown"]),
        "volumes": st.lists(st.sampled_from(EMPTY_DIRS + OTHER_VOLUMES), max_size=3),
        "mirror": st.sampled_from([False, False, False, True]),
        "deleted": st.sampled_from([None, None, None, GOING, GONE_LONG]),
    }
)


@settings(
    max_examples=4,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(CASES, min_size=40, max_size=40), st.lists(st.sampled_from(EVERY_SET), min_size=2, max_size=2))
def test_pods_of_any_sort(cluster: Cluster, cases: list[dict[str, Any]], flags: list[DrainFlags]) -> None:
    pods = Pods(cluster)
    name = f"w{len(list(cluster.listed('/api/v1/nodes')))}"
    pods.hold([name], [case(f"{name}-{number}", name, **one) for number, one in enumerate(cases)])
    assert pods.all_disagreements(Question(name, one) for one in flags) == []


def test_a_drain_that_is_really_done(cluster: Cluster) -> None:
    pods = Pods(cluster)
    kinds = itertools.product((*FEW_OWNERS, "a foreign DaemonSet", "a Notebook"), ("Running", "Failed"), (False, True))
    values = [
        case(n, "w1", OWNERS[name], phase, SCRATCH, mirror=mirror) for n, (name, phase, mirror) in enumerate(kinds)
    ]
    pods.hold(["w1"], values)
    for flags in PLAIN, EVERY_FLAG:
        before = pods.pods["w1"]
        expected = drain(before, flags, pods.daemon_sets)
        command = ["drain", "w1", "--grace-period=0", *kubectl_drain.arguments(flags)]
        assert bool(cluster.kubectl(*command).returncode) == bool(expected.errors)
        left = {named(make(Pod, one)) for one in cluster.listed("/api/v1/pods")}
        assert left == {named(one) for one in before} - {named(one) for one in expected.evicted}
    assert not expected.errors
    assert cluster.client.json("/api/v1/nodes/w1")["spec"]["unschedulable"]
