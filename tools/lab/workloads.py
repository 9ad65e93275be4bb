"""Workloads for the stories of the replays, as plain objects."""

from __future__ import annotations

from tools.lab.kubeadm import Document

NAMESPACE = "shop"


def namespace() -> Document:
    """The one in which they all are."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}


def pod_spec(*, empty_dir: bool = False, node: str | None = None) -> Document:
    """A pod that does nothing, anywhere, control planes too; with a volume of its own or on one node when asked."""
    spec: Document = {
        "tolerations": [{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}],
        "containers": [{"name": "main", "image": "front:1"}],
        "terminationGracePeriodSeconds": 1,
    }
    if empty_dir:
        spec["volumes"] = [{"name": "uploads", "emptyDir": {}}]
        spec["containers"][0]["volumeMounts"] = [{"name": "uploads", "mountPath": "/uploads"}]
    if node:
        spec["nodeSelector"] = {"kubernetes.io/hostname": node}
    return spec


def deployment(name: str, replicas: int, spec: Document) -> Document:
    """A Deployment of that pod."""
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


def bare_pod(name: str, spec: Document) -> Document:
    """That pod, without a controller."""
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec}


def budget(name: str, minimum: int) -> Document:
    """A PodDisruptionBudget for the Deployment of that name."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"minAvailable": minimum, "selector": {"matchLabels": {"app": name}}},
    }
