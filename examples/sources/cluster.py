"""A cluster under construction: its facts, its nodes, and the objects that its API server holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sources.eras import Era, path_of
from sources.stamps import later, number, uid

Object = dict[str, Any]

MASTER_TOLERATIONS = ("node-role.kubernetes.io/master", "node-role.kubernetes.io/control-plane")


@dataclass(frozen=True)
class Machine:
    """One node as hardware and operating system; `extended` are resources of device plugins, `labels` its own labels.

    `joined` is when it became a node. Sizes: `cpu` in cores, `memory` in KiB, `disk` in KiB.
    """

    name: str
    address: str
    joined: str
    cpu: int
    memory: int
    disk: int
    control_plane: bool = False
    extended: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def machine_id(self) -> str:
        """The content of /etc/machine-id."""
        return uid("machine", self.name, self.address).replace("-", "")


@dataclass
class Cluster:
    """What is being dumped.

    `settled` is when its pods last moved (the last drain of all nodes), `dumped` the time of the dump.
    """

    name: str
    version: str
    era: Era
    settled: str
    dumped: str
    machines: tuple[Machine, ...]
    pod_network: str
    service_network: str
    kernel: str
    os_image: str
    runtime_version: str
    objects: list[Object] = field(default_factory=list)

    def add(self, value: Object, created: str, *, owner: Object | None = None, controller: bool = True) -> Object:
        """Store an object as the API server does: with identity, version and time of creation."""
        kind, metadata = value["kind"], value.setdefault("metadata", {})
        value["apiVersion"] = self.era.listed_as.get(kind, value["apiVersion"])
        namespace, name = metadata.get("namespace", ""), metadata["name"]
        seed = (self.name, kind, namespace, name)
        metadata["uid"] = uid(*seed)
        metadata["creationTimestamp"] = created
        metadata["resourceVersion"] = str(number("resourceVersion", *seed, low=1_000, high=48_000_000))
        if self.era.self_links:
            metadata["selfLink"] = path_of(value["apiVersion"], kind, namespace, name)
        if owner is not None:
            metadata["ownerReferences"] = [owner_reference(owner, controller=controller)]
        self.objects.append(value)
        return value

    def find(self, kind: str, name: str, namespace: str = "") -> Object:
        """One object of the cluster."""
        for one in self.all(kind):
            if one["metadata"]["name"] == name and one["metadata"].get("namespace", "") == namespace:
                return one
        raise LookupError(f"there is no {kind} {namespace}/{name}")

    def all(self, kind: str, namespace: str | None = None) -> Iterator[Object]:
        """The objects of one kind, of one namespace or of all."""
        for one in self.objects:
            if one["kind"] == kind and namespace in (None, one["metadata"].get("namespace", "")):
                yield one

    def machine(self, name: str) -> Machine:
        """One of its nodes."""
        return next(one for one in self.machines if one.name == name)

    def since_settled(self, *names: str, spread: int = 5400) -> str:
        """When a pod of this name came to its place: some time within `spread` seconds after the last drain."""
        return later(self.settled, number("settled", self.name, *names, low=30, high=spread))


def owner_reference(owner: Object, *, controller: bool) -> Object:
    """How an object names the one that made it. Workloads are named in the version their controller asks for."""
    kind = owner["kind"]
    workload = kind in ("Deployment", "ReplicaSet", "DaemonSet", "StatefulSet")
    reference = {
        "apiVersion": "apps/v1" if workload else owner["apiVersion"],
        "kind": kind,
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "blockOwnerDeletion": True,
    }
    return {**reference, "controller": True} if controller else reference


def last_applied(document: Object) -> str:
    """The annotation that `kubectl apply` leaves: the document as it was sent."""
    sent = {**document, "metadata": {"annotations": {}, **document["metadata"]}}
    return json.dumps(sent, sort_keys=True, separators=(",", ":")) + "\n"
