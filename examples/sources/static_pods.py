"""The control plane's static pods: their manifests on the nodes, and the mirror pods by which the API shows them."""

from __future__ import annotations

import copy
from pathlib import Path

from sources.cluster import Cluster, Machine, Object, owner_reference
from sources.documents import read_document
from sources.pods import fill_template, pod_status
from sources.stamps import hexadecimal, later, number

COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")


def manifests(cluster: Cluster, machine: Machine, folder: Path, etcd: str) -> dict[str, Object]:
    """The manifests of a control-plane node by component. `etcd` is the tag of its image."""
    planes = [one for one in cluster.machines if one.control_plane]
    members = planes[: planes.index(machine) + 1]
    values = {
        "name": machine.name,
        "address": machine.address,
        "version": cluster.version,
        "etcd": etcd,
        "members": ",".join(f"{one.name}=https://{one.address}:2380" for one in members),
        "pod network": cluster.pod_network,
        "service network": cluster.service_network,
    }
    return {name: read_document(folder / f"{name}.yaml", values) for name in COMPONENTS}


def add_mirror_pods(cluster: Cluster, machine: Machine, made: dict[str, Object], since: str) -> None:
    """Show the static pods of a node in the API. `since` is when the kubelet last found a manifest changed."""
    for component, manifest in made.items():
        name = f"{component}-{machine.name}"
        fingerprint = hexadecimal(cluster.name, name, cluster.version, length=32)
        seen = later(since, number("seen", name, low=1, high=40))
        pod = fill_template(copy.deepcopy(manifest))
        pod["metadata"] = {
            "name": name,
            "namespace": "kube-system",
            "labels": manifest["metadata"]["labels"],
            "annotations": {
                **manifest["metadata"].get("annotations", {}),
                "kubernetes.io/config.hash": fingerprint,
                "kubernetes.io/config.mirror": fingerprint,
                "kubernetes.io/config.seen": seen.replace("Z", ".256351175Z"),
                "kubernetes.io/config.source": "file",
            },
        }
        pod["spec"] |= {
            "nodeName": machine.name,
            "enableServiceLinks": True,
            "tolerations": [{"effect": "NoExecute", "operator": "Exists"}],
        }
        pod["spec"].setdefault("priority", 2_000_000_000)
        if not cluster.era.self_links:
            node = cluster.find("Node", machine.name)
            pod["metadata"]["generation"] = 1
            pod["metadata"]["ownerReferences"] = [owner_reference(node, controller=True)]
            pod["spec"]["preemptionPolicy"] = "PreemptLowerPriority"
        pod["status"] = pod_status(cluster, pod, machine.name, seen)
        cluster.add(pod, seen)
