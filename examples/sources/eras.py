"""What an API server of 2020 gives out otherwise than one of 2026."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Era:
    """One generation of Kubernetes, as its objects show it.

    `listed_as` maps a kind to the version in which `kubectl get` lists it, where that is not the one it was applied in;
    `runtime` is the prefix of container IDs.
    """

    runtime: str
    image_prefix: str
    control_plane_labels: tuple[str, ...]
    control_plane_taint: str
    self_links: bool
    token_secrets: bool
    pod_conditions: tuple[str, ...]
    has_betas: bool
    listed_as: Mapping[str, str] = field(default_factory=dict)

    def newest(self, version: str) -> str:
        """The version of an API group in which this generation serves what 1.15 had in `version`."""
        return version if self.has_betas else version.replace("v1beta1", "v1")


V1_15 = Era(
    runtime="docker",
    image_prefix="docker-pullable://",
    control_plane_labels=("node-role.kubernetes.io/master",),
    control_plane_taint="node-role.kubernetes.io/master",
    self_links=True,
    token_secrets=True,
    pod_conditions=("Initialized", "Ready", "ContainersReady", "PodScheduled"),
    has_betas=True,
    # Until 1.15 the group extensions stood before apps in discovery's order, so kubectl asked for these kinds there.
    listed_as={
        "Deployment": "extensions/v1beta1",
        "DaemonSet": "extensions/v1beta1",
        "ReplicaSet": "extensions/v1beta1",
        "Ingress": "extensions/v1beta1",
        "StatefulSet": "apps/v1",
    },
)

V1_36 = Era(
    runtime="containerd",
    image_prefix="",
    control_plane_labels=(
        "node-role.kubernetes.io/control-plane",
        "node.kubernetes.io/exclude-from-external-load-balancers",
    ),
    control_plane_taint="node-role.kubernetes.io/control-plane",
    self_links=False,
    token_secrets=False,
    pod_conditions=("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"),
    has_betas=False,
)

PLURALS = {
    "Endpoints": "endpoints",
    "Ingress": "ingresses",
    "NetworkPolicy": "networkpolicies",
    "StorageClass": "storageclasses",
    "PriorityClass": "priorityclasses",
}


def path_of(api_version: str, kind: str, namespace: str, name: str) -> str:
    """Where the API serves an object: its selfLink."""
    base = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    inside = f"/namespaces/{namespace}" if namespace else ""
    return f"{base}{inside}/{PLURALS.get(kind, kind.lower() + 's')}/{name}"
