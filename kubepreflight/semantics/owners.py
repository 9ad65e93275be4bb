"""Whose pod it is: what somebody would change, found from the pod alone."""

from __future__ import annotations

from kubepreflight.finding import Subject
from kubepreflight.objects import Pod

_DEPLOYMENTS, _ROLLOUTS = "pod-template-hash", "rollouts-pod-template-hash"
"""The labels whose values stand at the end of the names of the ReplicaSets that a Deployment makes, or a Rollout."""


def owner_of(pod: Pod) -> Subject:
    """The Deployment, DaemonSet, StatefulSet or whatever else replaces a pod; the pod itself when nothing does.

    A ReplicaSet whose name ends in the hash of its pods' template belongs to a Deployment, or to a Rollout of
    Argo's. A static pod belongs to
    nobody: its node is no owner.
    """
    owner = pod.metadata.controller
    if owner is None or owner.kind == "Node":
        return pod.subject
    api_version, kind, name = owner.api_version, owner.kind, owner.name
    if kind == "ReplicaSet" and name.endswith(suffix := _suffix(pod, _DEPLOYMENTS)):
        kind, name = "Deployment", name.removesuffix(suffix)
    elif kind == "ReplicaSet" and name.endswith(suffix := _suffix(pod, _ROLLOUTS)):
        api_version, kind, name = "argoproj.io/v1alpha1", "Rollout", name.removesuffix(suffix)
    return Subject(api_version=api_version, kind=kind, namespace=pod.namespace, name=name)


def _suffix(pod: Pod, label: str) -> str:
    """What no name ends in where there is no such label."""
    return f"-{pod.labels.get(label) or '/'}"
