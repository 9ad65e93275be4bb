"""Whose pod it is: what somebody would change, found from the pod alone."""

from __future__ import annotations

from kubepreflight.finding import Subject
from kubepreflight.objects import Pod

_HASH = "pod-template-hash"


def owner_of(pod: Pod) -> Subject:
    """The Deployment, DaemonSet, StatefulSet or whatever else replaces a pod; the pod itself when nothing does.

    A ReplicaSet whose name ends in the hash of its pods' template belongs to a Deployment. A static pod belongs to
    nobody: its node is no owner.
    """
    owner = pod.metadata.controller
    if owner is None or owner.kind == "Node":
        return pod.subject
    kind, name = owner.kind, owner.name
    suffix = f"-{pod.labels.get(_HASH, '')}"
    if kind == "ReplicaSet" and len(suffix) > 1 and name.endswith(suffix):
        kind, name = "Deployment", name.removesuffix(suffix)
    return Subject(api_version=owner.api_version, kind=kind, namespace=pod.namespace, name=name)
