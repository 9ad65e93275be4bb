"""Kubernetes objects for tests, from as few words as a test needs."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from kubepreflight.objects import KubernetesObject, Pod

K = TypeVar("K", bound=KubernetesObject)


def make(kind: type[K], value: dict[str, Any], *, api_version: str = "") -> K:
    """An object as a source would make it: decoded, and told what it is."""
    one = msgspec.convert(value, kind)
    group = kind.api.group
    one.api_version = api_version or value.get("apiVersion", "") or (f"{group}/v1" if group else "v1")
    one.kind = kind.api.kind
    return one


def pod(
    name: str = "p",
    *,
    namespace: str = "a",
    node: str | None = "n1",
    owner: tuple[str, str] | None = ("StatefulSet", "s"),
    owner_version: str = "apps/v1",
    phase: str = "Running",
    ready: bool = True,
    mirror: bool = False,
    labels: dict[str, str] | None = None,
    volumes: list[dict[str, Any]] | None = None,
    deleted: str | None = None,
    **spec: Any,
) -> Pod:
    """A pod on a node; `owner` is kind and name of its controller, None for a bare one."""
    metadata: dict[str, Any] = {"name": name, "namespace": namespace, "uid": f"uid-{name}", "labels": labels or {}}
    if owner is not None:
        reference = {"apiVersion": owner_version, "kind": owner[0], "name": owner[1], "controller": True}
        metadata["ownerReferences"] = [reference]
    if mirror:
        metadata["annotations"] = {"kubernetes.io/config.mirror": "hash"}
    if deleted is not None:
        metadata["deletionTimestamp"] = deleted
    status = {"phase": phase, "conditions": [{"type": "Ready", "status": "True" if ready else "False"}]}
    value = {"metadata": metadata, "spec": {"nodeName": node, "volumes": volumes or [], **spec}, "status": status}
    return make(Pod, value)
