"""Parts that objects of several kinds have: selectors, devices, volumes, scale, the state of containers."""

from __future__ import annotations

import operator
from datetime import datetime
from typing import Annotated, Any

import msgspec

Timestamp = Annotated[datetime, msgspec.Meta(tz=True)]
"""A moment as Kubernetes writes it, with its offset: one without could not be compared with any other."""


class Part(msgspec.Struct, rename="camel", kw_only=True, frozen=True):
    """Base of the parts of objects."""


class SelectorRequirement(Part, frozen=True):
    """One expression of a label selector, or of a node selector."""

    key: str = ""
    operator: str = ""
    values: list[str] | None = None


class LabelSelector(Part, frozen=True):
    """A label selector; null and empty differ, and each kind says how."""

    match_labels: dict[str, str] | None = None
    match_expressions: list[SelectorRequirement] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it is `{}`."""
        return not self.match_labels and not self.match_expressions

    def matches(self, labels: dict[str, str]) -> bool:
        """Whether a set of labels satisfies it; `{}` matches everything, as in `metav1.LabelSelectorAsSelector`.

        Raises ValueError for an operator that Kubernetes does not know.
        """
        for key, value in (self.match_labels or {}).items():
            if labels.get(key) != value:
                return False
        return all(_satisfies(one, labels) for one in self.match_expressions or ())


def _satisfies(requirement: SelectorRequirement, labels: dict[str, str]) -> bool:
    values = requirement.values or ()
    match requirement.operator:
        case "In":
            return labels.get(requirement.key) in values
        case "NotIn":
            return labels.get(requirement.key) not in values
        case "Exists":
            return requirement.key in labels
        case "DoesNotExist":
            return requirement.key not in labels
    raise ValueError(f"unknown selector operator {requirement.operator!r}")


class NodeSelectorTerm(Part, frozen=True):
    """One way in which a node may fit; one without any expression fits no node."""

    match_expressions: list[SelectorRequirement] | None = None
    match_fields: list[SelectorRequirement] | None = None


class NodeSelector(Part, frozen=True):
    """Which nodes fit: those that satisfy one of the terms."""

    node_selector_terms: list[NodeSelectorTerm] | None = None


class NodeAffinity(Part, frozen=True):
    """The nodes that a pod insists on."""

    required_during_scheduling_ignored_during_execution: NodeSelector | None = None


class Affinity(Part, frozen=True):
    """Where a pod may run, as far as it is about nodes."""

    node_affinity: NodeAffinity | None = None


class Resources(Part, frozen=True):
    """The extended resources (devices such as GPUs) that a container takes; all others are dropped once decoded.

    A container's limit of such a resource is its request too, so either may stand alone.
    """

    requests: dict[str, Any] | None = None
    limits: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        """Keep what is read: nearly every container has a dict or two here, hardly any names a device."""
        if self.requests is not None:
            msgspec.structs.force_setattr(self, "requests", _extended(self.requests))
        if self.limits is not None:
            msgspec.structs.force_setattr(self, "limits", _extended(self.limits))

    @property
    def extended(self) -> set[str]:
        """The names of the devices, as far as any is taken."""
        return {*(self.requests or ()), *(self.limits or ())}


def _extended(resources: dict[str, Any]) -> dict[str, Any] | None:
    kept = [name for name in resources if "/" in name and "kubernetes.io/" not in name]
    return {name: resources[name] for name in kept if str(resources[name]) != "0"} if kept else None


class ClaimSource(Part, frozen=True):
    """The claim that a volume mounts."""

    claim_name: str = ""


class HostPath(Part, frozen=True):
    """A directory of the node."""

    path: str = ""
    type: str | None = None


class EmptyDir(Part, frozen=True):
    """Scratch space that ends with the pod."""

    medium: str | None = None


class Present(Part, frozen=True):
    """Something of which it only matters that it is there."""


class Volume(Part, frozen=True):
    """A volume of a pod; at most one source is set. Those that a plugin of Kubernetes' own brings come last."""

    name: str = ""
    empty_dir: EmptyDir | None = None
    host_path: HostPath | None = None
    persistent_volume_claim: ClaimSource | None = None
    ephemeral: dict[str, Any] | None = None
    flex_volume: dict[str, Any] | None = None
    git_repo: dict[str, Any] | None = None
    aws_elastic_block_store: Present | None = None
    azure_disk: Present | None = None
    azure_file: Present | None = None
    cephfs: Present | None = None
    cinder: Present | None = None
    flocker: Present | None = None
    gce_persistent_disk: Present | None = None
    glusterfs: Present | None = None
    photon_persistent_disk: Present | None = None
    portworx_volume: Present | None = None
    quobyte: Present | None = None
    rbd: Present | None = None
    scale_io: Present | None = msgspec.field(name="scaleIO", default=None)
    storageos: Present | None = None
    vsphere_volume: Present | None = None

    @property
    def in_tree(self) -> str:
        """The field of the plugin of Kubernetes' own, as the API has it; empty where there is none."""
        given = _in_tree_of(self)
        if given == _NO_IN_TREE:  # nearly always: a large cluster has half a million volumes
            return ""
        return next(name for name, source in zip(IN_TREE, given, strict=True) if source is not None)

    @property
    def has_source(self) -> bool:
        """Whether its source is one of those above, and not a ConfigMap, a Secret or the like."""
        return (
            self.empty_dir is not None
            or self.host_path is not None
            or self.persistent_volume_claim is not None
            or self.ephemeral is not None
            or self.flex_volume is not None
            or self.git_repo is not None
            or bool(self.in_tree)
        )


_OF_PLUGINS = tuple(one for one in msgspec.structs.fields(Volume) if one.type == Present | None)
IN_TREE = tuple(one.encode_name for one in _OF_PLUGINS)
"""What plugins of Kubernetes' own bring, or brought: fields of a pod's volume and of a PersistentVolume alike."""
_in_tree_of = operator.attrgetter(*(one.name for one in _OF_PLUGINS))
_NO_IN_TREE = (None,) * len(IN_TREE)


class SELinuxOptions(Part, frozen=True):
    """An SELinux label."""

    user: str = ""
    role: str = ""
    type: str = ""
    level: str = ""


class PodSecurity(Part, frozen=True):
    """What a pod's processes may do, as far as its SELinux label goes."""

    se_linux_options: SELinuxOptions | None = None
    se_linux_change_policy: str | None = None


class TemplateMetadata(Part, frozen=True):
    """What every pod made from a template carries."""

    labels: dict[str, str] | None = None


class PodTemplate(Part, frozen=True):
    """What pods are made from."""

    metadata: TemplateMetadata | None = None


class ScaleSpec(Part, frozen=True):
    """The desired number of pods; 1 when it is not given."""

    replicas: int | None = None
    template: PodTemplate | None = None


class Waiting(Part, frozen=True):
    """Why a container does not run."""

    reason: str | None = None
    message: str | None = None


class Terminated(Part, frozen=True):
    """How and when a container ended."""

    reason: str | None = None
    finished_at: Timestamp | None = None


class ContainerState(Part, frozen=True):
    """Why a container waits, or how it ended."""

    waiting: Waiting | None = None
    terminated: Terminated | None = None


class ContainerStatus(Part, frozen=True):
    """A container's status."""

    name: str = ""
    image: str | None = None
    ready: bool = False
    restart_count: int = 0
    state: ContainerState | None = None
    last_state: ContainerState | None = None


class NodeInfo(Part, frozen=True):
    """What the kubelet tells of its node."""

    kubelet_version: str = ""
    container_runtime_version: str = ""
    kernel_version: str = ""
    os_image: str = ""
    architecture: str = ""
    operating_system: str = ""
    machine_id: str = msgspec.field(name="machineID", default="")


class NodeAddress(Part, frozen=True):
    """An address of a node."""

    type: str = ""
    address: str = ""
