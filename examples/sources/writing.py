"""Put what was made into files, and nothing else into their directories."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from sources.cluster import Cluster, Object

DUMP_FILES = {
    "nodes.json": ("Node",),
    "pods.json": ("Pod",),
    "workloads.json": ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob", "PodDisruptionBudget"),
    "storage.json": ("PersistentVolume", "PersistentVolumeClaim", "StorageClass", "CephCluster", "CephBlockPool"),
}

# Kinds that a cluster may have none of. A List of kubectl would not say so; the API's own answer does.
MAYBE_NONE = {
    "certificatesigningrequests": ("certificates.k8s.io/v1beta1", "CertificateSigningRequest"),
    "customresourcedefinitions": ("apiextensions.k8s.io/v1beta1", "CustomResourceDefinition"),
    "horizontalpodautoscalers": ("autoscaling/v1", "HorizontalPodAutoscaler"),
    "mutatingwebhookconfigurations": ("admissionregistration.k8s.io/v1beta1", "MutatingWebhookConfiguration"),
    "persistentvolumeclaims": ("v1", "PersistentVolumeClaim"),
    "persistentvolumes": ("v1", "PersistentVolume"),
    "statefulsets": ("apps/v1", "StatefulSet"),
    "storageclasses": ("storage.k8s.io/v1", "StorageClass"),
    "validatingwebhookconfigurations": ("admissionregistration.k8s.io/v1beta1", "ValidatingWebhookConfiguration"),
}


def write_dump(cluster: Cluster, folder: Path) -> None:
    """Write all objects into a few files by kind, as `kubectl get … -A -o json` prints them; the rest into other.json.

    Of kinds that the cluster has none of stands what `kubectl get --raw` prints: an empty list that names its kind.
    """
    fresh(folder)
    for plural, (version, kind) in MAYBE_NONE.items():
        if not any(cluster.all(kind)):
            answer = {"kind": f"{kind}List", "apiVersion": cluster.era.newest(version), "metadata": {}, "items": []}
            (folder / f"{plural}.json").write_text(json.dumps(answer, separators=(",", ":")) + "\n", encoding="utf-8")
    sorted_out = {kind for kinds in DUMP_FILES.values() for kind in kinds}
    rest = tuple(sorted({one["kind"] for one in cluster.objects} - sorted_out))
    for name, kinds in {**DUMP_FILES, "other.json": rest}.items():
        objects = [one for kind in kinds for one in sorted(cluster.all(kind), key=_place)]
        if objects:
            (folder / name).write_text(as_list(objects), encoding="utf-8")


def as_list(objects: Iterable[Object]) -> str:
    """A List as kubectl prints it."""
    value = {"apiVersion": "v1", "items": list(objects), "kind": "List", "metadata": {"resourceVersion": ""}}
    return json.dumps(value, indent=4, sort_keys=True, ensure_ascii=False) + "\n"


def write_hosts(archives: Mapping[str, Mapping[str, str]], folder: Path) -> None:
    """Write host archives as they look unpacked, one directory each."""
    fresh(folder)
    for name, members in archives.items():
        for member, text in members.items():
            path = folder / name / member
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")


def fresh(folder: Path) -> None:
    """Make an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _place(value: Object) -> tuple[str, str]:
    return value["metadata"].get("namespace", ""), value["metadata"]["name"]
