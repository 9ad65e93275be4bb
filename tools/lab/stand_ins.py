"""Somebody's manifests, made runnable in a lab: each container keeps its image's name and does nothing. Pure.

What scheduling, drains and budgets look at stays: replicas, labels, resources, volumes, affinity, taints, priorities.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_DROPPED = ("command", "args", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "securityContext")
_CONTAINERS = ("containers", "initContainers")


def with_stand_ins(value: Any) -> Any:
    """A document whose every pod template can start from an image that only waits: see `images_in`.

    An initialising container would wait for ever, so there are none, but for sidecars.
    """
    if isinstance(value, list):
        return [with_stand_ins(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    result = {key: with_stand_ins(each) for key, each in value.items()}
    if _is_pod(value):
        result["containers"] = [_stand_in(each) for each in value["containers"]]
        sidecars = [
            _stand_in(each) for each in value.get("initContainers") or () if each.get("restartPolicy") == "Always"
        ]
        result["initContainers"] = sidecars
        result.pop("imagePullSecrets", None)
        result.pop("securityContext", None)
    return result


def images_in(value: Any) -> Iterator[str]:
    """The name of every image that a document's pods run."""
    if isinstance(value, list):
        for each in value:
            yield from images_in(each)
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from images_in(each)
        if _is_pod(value):
            yield from (one["image"] for kind in _CONTAINERS for one in value.get(kind) or () if one.get("image"))


def full_name(image: str) -> str:
    """The name under which a container runtime looks for an image: with registry and tag (distribution/reference)."""
    first, _, _ = image.partition("/")
    registry = "/" in image and ("." in first or ":" in first or first == "localhost")
    name = image if registry else f"docker.io/{image}" if "/" in image else f"docker.io/library/{image}"
    return name if "@" in name or ":" in name.rpartition("/")[2] else f"{name}:latest"


def _is_pod(value: Mapping[str, Any]) -> bool:
    containers = value.get("containers")
    return isinstance(containers, list) and all(isinstance(each, Mapping) and "image" in each for each in containers)


def _stand_in(container: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: each for key, each in container.items() if key not in _DROPPED}
    return kept | {"imagePullPolicy": "IfNotPresent"}
