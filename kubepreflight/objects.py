"""Kubernetes objects, as far as rules read them: structs with just the fields that somebody asks for.

A kind that one rule needs stands beside that rule; here are those that several share. Field names follow upstream's
JSON names through `rename="camel"`; where that would give a wrong one (`podIP`) the name is given in full, and a test
holds all of them against upstream. Anything may be null or absent in the field, hence the defaults.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, TypeVar

import msgspec

from kubepreflight.finding import Subject
from kubepreflight.parts import (
    Affinity,
    ContainerStatus,
    NodeAddress,
    NodeInfo,
    Part,
    PodSecurity,
    Resources,
    ScaleSpec,
    Timestamp,
    Volume,
)


class Api(NamedTuple):
    """Where the API serves a kind. `also` are older groups of the same kind (Ingress in `extensions`).

    `namespace`, `name`, `selector` (a field selector, as in `kubectl get --field-selector`) and `labels` (a label
    selector, `kubectl get --selector`) narrow it to one namespace, one object or one sort of object when rules need no
    more: the scan then asks for no more.
    """

    group: str
    kind: str
    plural: str
    namespaced: bool = True
    also: tuple[str, ...] = ()
    namespace: str = ""
    name: str = ""
    selector: str = ""
    labels: str = ""

    @property
    def part(self) -> tuple[str, str]:
        """The namespace, and the name or selector, to which it is narrowed; either may be empty."""
        return self.namespace, self.name or self.selector or self.labels

    @property
    def resource(self) -> str:
        """The full resource name, as RBAC and discovery have it: `deployments.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def label(self) -> str:
        """How reports call it: `pods`, `configmaps kube-system/kubeadm-config`."""
        return " ".join(part for part in (self.plural, f"{self.namespace}/{self.name}".strip("/")) if part)

    def serves(self, group: str, kind: str) -> bool:
        """Whether an object of this group and kind is one of these."""
        return kind == self.kind and (group == self.group or group in self.also)

    def covers(self, namespace: str, name: str) -> bool:
        """Whether the object of this name is among those asked for."""
        return self.namespace in ("", namespace) and self.name in ("", name)

    def selects(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels is among those asked for."""
        return all(labels.get(key) == value for key, _, value in (one.partition("=") for one in self.labels.split(",")))


class Origin(msgspec.Struct, frozen=True):
    """Where an object was read: `file` is empty for a live cluster; `line` counts from 1, 0 when not known."""

    file: str = ""
    line: int = 0


def group_of(api_version: str) -> str:
    """The API group of an `apiVersion`; the core group is the empty string."""
    group, slash, _ = api_version.partition("/")
    return group if slash else ""


class OwnerReference(Part, frozen=True):
    """Who made an object. `controller` marks the one that replaces it."""

    kind: str = ""
    name: str = ""
    api_version: str = ""
    controller: bool | None = None

    def __post_init__(self) -> None:
        """Share what thousands of pods have in common."""
        msgspec.structs.force_setattr(self, "kind", sys.intern(self.kind))
        msgspec.structs.force_setattr(self, "api_version", sys.intern(self.api_version))


MIRROR = "kubernetes.io/config.mirror"
"""The annotation of the pods that show static pods."""


class Annotations(Part, frozen=True):
    """The annotations that rules read; all others are passed over unread."""

    mirror: str | None = msgspec.field(name=MIRROR, default=None)
    last_applied: str | None = msgspec.field(name="kubectl.kubernetes.io/last-applied-configuration", default=None)
    cri_socket: str | None = msgspec.field(name="kubeadm.alpha.kubernetes.io/cri-socket", default=None)


class Metadata(Part, frozen=True):
    """What every object carries."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    creation_timestamp: Timestamp | None = None
    deletion_timestamp: Timestamp | None = None
    labels: dict[str, str] | None = None
    annotations: Annotations | None = None
    owner_references: list[OwnerReference] | None = None

    def __post_init__(self) -> None:
        """Refuse a name that could break out of the line that it stands in. Raises ValueError."""
        if not (self.name.isprintable() and self.namespace.isprintable()):
            raise ValueError("no object can have a name with line breaks or control characters")

    @property
    def controller(self) -> OwnerReference | None:
        """The owner that would replace it, as `metav1.GetControllerOf` finds it."""
        for one in self.owner_references or ():
            if one.controller:
                return one
        return None


class KubernetesObject(msgspec.Struct, rename="camel", kw_only=True):
    """Base of all kinds. A subclass names its `api` and the fields it reads.

    `origin` is set by the source after decoding, whatever the input says. `opt_in` names what the user must allow
    before it is fetched (Secrets); empty for everything else. `annotated` names an annotation: of a kind of which there
    are many, only the objects that have it are decoded into this struct.
    """

    api: ClassVar[Api]
    opt_in: ClassVar[str] = ""
    annotated: ClassVar[str] = ""

    metadata: Metadata
    api_version: str = ""
    kind: str = ""
    origin: Origin = msgspec.field(default=Origin(), name="@origin")

    @classmethod
    def apis(cls) -> tuple[Api, ...]:
        """What to fetch for this struct: one kind, or several for a struct that reads what many have in common."""
        return (cls.api,)

    @property
    def name(self) -> str:
        """Its name."""
        return self.metadata.name

    @property
    def namespace(self) -> str:
        """Its namespace; empty for what has none."""
        return self.metadata.namespace

    @property
    def labels(self) -> dict[str, str]:
        """Its labels, never null."""
        return self.metadata.labels or {}

    @property
    def is_part(self) -> bool:
        """Whether it is certainly no whole object, but what an overlay lays over one: it takes the place of none."""
        return not (self.metadata.uid or self.is_whole)

    @property
    def is_whole(self) -> bool:
        """Whether a manifest has all that no API server takes one without, as far as its kind tells."""
        return True

    @property
    def subject(self) -> Subject:
        """How reports name it; with file and line when it was read from a file that somebody edits."""
        return Subject(
            api_version=self.api_version,
            kind=self.kind,
            namespace=self.metadata.namespace,
            name=self.metadata.name,
            file="" if self.metadata.uid else self.origin.file,
            line=0 if self.metadata.uid else self.origin.line,
        )


K = TypeVar("K", bound=KubernetesObject)


class Desired(list[K]):
    """The objects of one kind that somebody will apply."""


class Planned(list[K]):
    """The objects of one kind after everything given is applied: desired over observed of the same identity.

    What is only a part of an object stands beside the whole one.
    """


class Condition(Part, frozen=True):
    """A condition of a status."""

    type: str = ""
    status: str = ""
    reason: str | None = None
    message: str | None = None
    last_transition_time: Timestamp | None = None


class NodeCondition(Condition, frozen=True):
    """A condition of a node, and when its kubelet last said so."""

    last_heartbeat_time: Timestamp | None = None


class Taint(Part, frozen=True):
    """A taint of a node."""

    key: str = ""
    value: str | None = None
    effect: str = ""
    time_added: Timestamp | None = None


class NodeSpec(Part, frozen=True):
    """A node's spec."""

    unschedulable: bool | None = None
    taints: list[Taint] | None = None


class NodeStatus(Part, frozen=True):
    """A node's status."""

    node_info: NodeInfo = NodeInfo()
    conditions: list[NodeCondition] | None = None
    addresses: list[NodeAddress] | None = None
    capacity: dict[str, Any] | None = None


class Node(KubernetesObject):
    """A node."""

    api = Api("", "Node", "nodes", namespaced=False)
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()

    @property
    def subject(self) -> Subject:
        """The node, as host facts name it too."""
        return Subject(api_version=self.api_version, kind="Node", name=self.name, node=self.name)

    @property
    def is_control_plane(self) -> bool:
        """Whether kubeadm labelled it as control plane, by the present label or the one it used until 1.24."""
        return bool(CONTROL_PLANE_LABELS & self.labels.keys())

    @property
    def has_collectable_disk(self) -> bool:
        """Whether the host collector, a POSIX shell script, could run there: not on Windows, not on a virtual node."""
        return self.status.node_info.operating_system != "windows" and self.labels.get("type") != "virtual-kubelet"

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles that `kubectl get nodes` would print."""
        prefix = "node-role.kubernetes.io/"
        return tuple(sorted(label.removeprefix(prefix) for label in self.labels if label.startswith(prefix)))

    def condition(self, kind: str) -> NodeCondition | None:
        """One of its conditions: `Ready`, `DiskPressure` …"""
        return next((one for one in self.status.conditions or () if one.type == kind), None)


CONTROL_PLANE_LABELS = {"node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"}


class Container(Part, frozen=True):
    """A container of a pod."""

    name: str = ""
    image: str | None = None
    command: list[str] | None = None
    args: list[str] | None = None
    resources: Resources | None = None


class PodSpec(Part, frozen=True):
    """A pod's spec."""

    node_name: str | None = None
    volumes: list[Volume] | None = None
    containers: list[Container] | None = None
    init_containers: list[Container] | None = None
    node_selector: dict[str, str] | None = None
    affinity: Affinity | None = None
    restart_policy: str | None = None
    security_context: PodSecurity | None = None

    def __post_init__(self) -> None:
        """Share what thousands of pods have in common, and drop the parts of which nothing is read."""
        if self.security_context and self.security_context.se_linux_options is None:
            msgspec.structs.force_setattr(self, "security_context", None)
        if self.volumes:
            msgspec.structs.force_setattr(self, "volumes", [one for one in self.volumes if one.has_source])
        if self.node_name:
            msgspec.structs.force_setattr(self, "node_name", sys.intern(self.node_name))
        if self.restart_policy:
            msgspec.structs.force_setattr(self, "restart_policy", sys.intern(self.restart_policy))


class PodStatus(Part, frozen=True):
    """A pod's status. Of its conditions only Ready is kept, and those not met: the others are much of a pod."""

    phase: str | None = None
    reason: str | None = None
    conditions: list[Condition] | None = None
    container_statuses: list[ContainerStatus] | None = None
    init_container_statuses: list[ContainerStatus] | None = None

    def __post_init__(self) -> None:
        """Drop what nobody reads."""
        if self.conditions:
            kept = [one for one in self.conditions if one.status != "True" or one.type == "Ready"]
            msgspec.structs.force_setattr(self, "conditions", kept)


class Pod(KubernetesObject):
    """A pod."""

    api = Api("", "Pod", "pods")
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()

    @property
    def subject(self) -> Subject:
        """The pod and the node it runs on."""
        return msgspec.structs.replace(super().subject, node=self.spec.node_name or "")

    @property
    def is_finished(self) -> bool:
        """Whether it has ended for good (kubectl drain's and the eviction API's test)."""
        return self.status.phase in ("Succeeded", "Failed")

    @property
    def is_mirror(self) -> bool:
        """Whether it shows a static pod."""
        return self.metadata.annotations is not None and self.metadata.annotations.mirror is not None

    @property
    def is_ready(self) -> bool:
        """Whether its Ready condition is true."""
        return any(one.type == "Ready" and one.status == "True" for one in self.status.conditions or ())


class Scaled(KubernetesObject):
    """What several kinds have that keep a number of equal pods."""

    spec: ScaleSpec = ScaleSpec()

    @property
    def replicas(self) -> int:
        """The desired number of pods."""
        return 1 if self.spec.replicas is None else self.spec.replicas

    @property
    def pod_labels(self) -> dict[str, str]:
        """The labels of its pods, never null."""
        metadata = self.spec.template.metadata if self.spec.template else None
        return (metadata.labels if metadata else None) or {}


class Deployment(Scaled):
    """A Deployment."""

    api = Api("apps", "Deployment", "deployments", also=("extensions",))


class StatefulSet(Scaled):
    """A StatefulSet."""

    api = Api("apps", "StatefulSet", "statefulsets")
