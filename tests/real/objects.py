"""Kubernetes objects as JSON, from as few words as a test needs: what a cluster under test is filled with."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]
IMAGE = "registry.example/app:1"
READY = [{"type": "Ready", "status": "True"}]


def node(
    name: str,
    version: str = "1.37.2",
    *,
    control_plane: bool = False,
    ready: bool = True,
    taints: Any = (),
    **spec: Any,
) -> Object:
    """A node with its kubelet's version, as it would report itself."""
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
    if control_plane:
        labels["node-role.kubernetes.io/control-plane"] = ""
    room = {"cpu": "4", "memory": "8Gi", "pods": "110"}
    info = {"kubeletVersion": f"v{version}", "containerRuntimeVersion": "containerd://2.1.4", "osImage": "Linux"}
    others = (
        "machineID",
        "systemUUID",
        "bootID",
        "kernelVersion",
        "kubeProxyVersion",
        "operatingSystem",
        "architecture",
    )
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "spec": {"taints": list(taints), **spec},
        "status": {
            "conditions": [{"type": "Ready", "status": "True" if ready else "False", "reason": "KubeletReady"}],
            "capacity": room,
            "allocatable": room,
            "addresses": [{"type": "InternalIP", "address": "192.0.2.10"}],
            "nodeInfo": {**dict.fromkeys(others, ""), **info},
        },
    }


def pod(
    name: str,
    *,
    namespace: str = "shop",
    node: str = "w1",
    owner: Object | None = None,
    labels: dict[str, str] | None = None,
    phase: str = "Running",
    ready: bool = True,
    volumes: Any = (),
    annotations: dict[str, str] | None = None,
    **spec: Any,
) -> Object:
    """A pod on a node; `owner` is the object that controls it, as the server gave it back."""
    metadata: Object = {"name": name, "namespace": namespace, "labels": labels or {}, "annotations": annotations or {}}
    if owner is not None:
        metadata["ownerReferences"] = [controller(owner)]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {
            "nodeName": node,
            "containers": [{"name": "app", "image": IMAGE}],
            "volumes": list(volumes),
            "terminationGracePeriodSeconds": 0,
            **spec,
        },
        "status": {"phase": phase, "conditions": [{"type": "Ready", "status": "True" if ready else "False"}]},
    }


def controller(owner: Object) -> Object:
    """The reference to an object that controls another."""
    metadata = owner["metadata"]
    names = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": metadata["name"]}
    return {**names, "uid": metadata["uid"], "controller": True}


def workload(kind: str, name: str, *, namespace: str = "shop", replicas: int | None = 1, **spec: Any) -> Object:
    """A Deployment, StatefulSet, ReplicaSet or DaemonSet (of no `replicas`) whose pods have the label app=NAME."""
    labels = {"app": name}
    pod_spec = {"containers": [{"name": "app", "image": IMAGE}]}
    count = {} if replicas is None or kind == "DaemonSet" else {"replicas": replicas}
    if kind == "StatefulSet":
        spec = {"serviceName": name, **spec}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            **count,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod_spec},
            **spec,
        },
    }


def budget(name: str, app: str | None = None, *, namespace: str = "shop", **spec: Any) -> Object:
    """A PodDisruptionBudget over the pods with the label app=APP (NAME unless given)."""
    selector = {"matchLabels": {"app": app or name}}
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": selector, **spec},
    }


def custom_resource_definition(
    group: str, kind: str, versions: dict[str, bool], *, storage: str, **spec: Any
) -> Object:
    """A CRD of any fields; `versions` says of each whether it is served."""
    plural = f"{kind.lower()}s"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"},
            "versions": [
                {"name": name, "served": served, "storage": name == storage, "schema": schema}
                for name, served in versions.items()
            ],
            **spec,
        },
    }
