"""Controllers of every sort, and pods of theirs in any state: what budgets are put over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from tests.real.cluster import Cluster
from tests.real.objects import IMAGE, Object, controller, custom_resource_definition, pod, workload
from tools.kubernetes.client import Refused
from tools.waiting import until

GROUP = "example.org"
HASH = "5d8f"
"""What a Deployment would make of its pods' template."""


class State(NamedTuple):
    """How a pod is; `deleted` when it is going, and only waits for its finalizer."""

    ready: bool = True
    phase: str = "Running"
    deleted: bool = False


READY = State()
UNREADY = State(ready=False)


def define_custom_kinds(cluster: Cluster) -> None:
    """Define Widget, which has a scale subresource, and Gadget, which has none."""
    widget = custom_resource_definition(GROUP, "Widget", {"v1": True}, storage="v1")
    paths = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}
    widget["spec"]["versions"][0]["subresources"] = {"scale": paths}
    gadget = custom_resource_definition(GROUP, "Gadget", {"v1": True}, storage="v1")
    cluster.holds(widget, gadget)
    kinds = {"widgets", "widgets/scale", "gadgets"}
    assert until(lambda: served(cluster) >= kinds)


def served(cluster: Cluster) -> set[str]:
    """The resources of our group that the server knows."""
    try:
        return {one["name"] for one in cluster.client.json(f"/apis/{GROUP}/v1")["resources"]}
    except Refused:
        return set()


def reference(api_version: str, kind: str, name: str) -> Object:
    """An object as far as a reference to it goes, which is not in the cluster."""
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "uid": f"uid-of-{name}"}}


MADE_ANEW, GONE, FOREIGN = "ReplicaSet made anew", "ReplicaSet that is gone", "Notebook of an API that is not there"
MISSING = {GONE: ("apps/v1", "ReplicaSet"), FOREIGN: ("kubeflow.org/v1", "Notebook"), "Node": ("v1", "Node")}
NOBODY = "nobody"
SCALED = ("Deployment", "ReplicaSet", "StatefulSet", "ReplicationController", "Widget")
"""Owners that tell how many pods they want."""
UNSCALED = ("Gadget", "Job", "DaemonSet", *MISSING, MADE_ANEW)


def own(cluster: Cluster, kind: str, name: str, replicas: int, namespace: str) -> Object | None:
    """Make the controller of pods with the label app=NAME; None for `nobody`."""
    if kind == NOBODY:
        return None
    if kind in MISSING:
        api_version, kind = MISSING[kind]
        return reference(api_version, kind, name)
    (made,) = cluster.holds(_controller(kind, name, replicas, namespace))
    if kind == "Deployment":
        replica_set = workload("ReplicaSet", f"{name}-{HASH}", namespace=namespace, replicas=replicas)
        replica_set["metadata"]["ownerReferences"] = [controller(made)]
        (made,) = cluster.holds(replica_set)
    if kind == MADE_ANEW:
        made["metadata"]["uid"] = "uid-of-the-old-one"
    return made


def _controller(kind: str, name: str, replicas: int, namespace: str) -> Object:
    if kind in ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", MADE_ANEW):
        return workload(kind.partition(" ")[0], name, namespace=namespace, replicas=replicas)
    labels, containers = {"app": name}, [{"name": "app", "image": IMAGE}]
    template: Object = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
    ends: Object = {**template, "spec": {"containers": containers, "restartPolicy": "Never"}}
    specs: dict[str, tuple[str, Object]] = {
        "ReplicationController": ("v1", {"replicas": replicas, "selector": labels, "template": template}),
        "Job": ("batch/v1", {"template": ends}),
        "Widget": (f"{GROUP}/v1", {"replicas": replicas}),
        "Gadget": (f"{GROUP}/v1", {"replicas": replicas}),
    }
    api_version, spec = specs[kind]
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


class Replicas:
    """The pods of one controller, called NAME-0, NAME-1 … with the label app=NAME, in the cluster."""

    WANTED = 3

    def __init__(
        self,
        cluster: Cluster,
        kind: str,
        name: str,
        states: Sequence[State],
        *,
        wanted: int = WANTED,
        namespace: str = "shop",
        labels: dict[str, str] | None = None,
        **fields: Any,
    ) -> None:
        self.kind, self.name, self.wanted, self.states = kind, name, wanted, states
        self._cluster, self._fields = cluster, {**fields, "namespace": namespace}
        self._labels = {"app": name, **({"pod-template-hash": HASH} if kind == "Deployment" else {}), **(labels or {})}
        self._owner = own(cluster, kind, name, wanted, namespace)
        for number, state in enumerate(states):
            self._hold(number, state)

    def _hold(self, number: int, state: State) -> None:
        one = self._pod(number, state)
        if state.deleted:
            one["metadata"]["finalizers"] = ["example.org/held"]
        self._cluster.holds(one)
        if state.deleted:
            self._cluster.client.delete(one)

    def _pod(self, number: int, state: State) -> Object:
        how: Object = {"owner": self._owner, "labels": self._labels, "phase": state.phase, "ready": state.ready}
        return pod(f"{self.name}-{number}", **how, **self._fields)

    def get_well(self) -> None:
        """Bring it to where its controller wants it: what ended or is going goes, what is missing comes.

        A Job wants no more than what it has.
        """
        client = self._cluster.client
        for number, state in enumerate(self.states):
            one = self._pod(number, READY)
            path = client.path_of(one)
            if state.deleted:
                client.request("PATCH", path, {"metadata": {"finalizers": None}})
            elif state.phase in ("Succeeded", "Failed"):
                client.delete(one)
            else:
                client.request("PATCH", f"{path}/status", {"status": one["status"]})
        if self._owner is not None and self.kind != "Job":
            staying = sum(not (one.deleted or one.phase in ("Succeeded", "Failed")) for one in self.states)
            for number in range(staying, self.wanted):
                self._hold(100 + number, READY)
