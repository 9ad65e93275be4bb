"""What the API server and the controllers make of an applied document.

A source document is what somebody would apply, and beside it the key `x-cluster`, which says what became of it:

    created: when it was first applied            nodes: where its pods run, one entry per pod
    owner: Kind/name of the object that made it, or     by: the program that did, if it was not a person
    fate: how its pods are (see `pods.Fate`), by node or for all
    settled: when its pods came there, if not at the cluster's last drain
    status: what its controller wrote, for kinds that are not known here
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

from sources.cluster import Cluster, Machine, Object, last_applied
from sources.pods import Fate, fill_template, make_pod
from sources.stamps import later, number, suffix

DAEMON_COUNTS = (
    "currentNumberScheduled",
    "desiredNumberScheduled",
    "numberReady",
    "numberAvailable",
    "updatedNumberScheduled",
)
Handler = Callable[[Cluster, Object, Object], None]


def apply(cluster: Cluster, document: Object) -> None:
    """Take one source document into the cluster, with everything that follows from it."""
    told: Object = document.pop("x-cluster")
    value = copy.deepcopy(document)
    metadata = value["metadata"]
    owner = None
    if "owner" in told:
        kind, _, name = told["owner"].partition("/")
        owner = cluster.find(kind, name, metadata.get("namespace", ""))
    elif "by" not in told:
        metadata["annotations"] = {
            **metadata.get("annotations", {}),
            "kubectl.kubernetes.io/last-applied-configuration": last_applied(document),
        }
    if value["kind"] != "Pod":
        cluster.add(value, told["created"], owner=owner, controller=told.get("controller", True))
    HANDLERS.get(value["kind"], _keep)(cluster, value, told)


def _keep(_cluster: Cluster, value: Object, told: Object) -> None:
    if "status" in told:
        value["status"] = told["status"]
    if "generation" in told:
        value["metadata"]["generation"] = told["generation"]


def _pod(cluster: Cluster, value: Object, told: Object) -> None:
    metadata = value["metadata"]
    template = fill_template({"metadata": metadata, "spec": value["spec"]})
    make_pod(
        cluster,
        template,
        name=metadata["name"],
        namespace=metadata["namespace"],
        node=told["nodes"][0],
        created=told["created"],
        fate=_fate(told),
    )


def _deployment(cluster: Cluster, value: Object, told: Object) -> None:
    metadata, spec = value["metadata"], value["spec"]
    template = fill_template(spec["template"])
    spec.setdefault("selector", {"matchLabels": template["metadata"]["labels"]})
    spec.setdefault(
        "strategy", {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}
    )
    replicas = spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    assert len(told["nodes"]) == replicas, f"{metadata['name']}: {replicas} replicas on {told['nodes']}"
    metadata["generation"] = 1
    metadata.setdefault("annotations", {})["deployment.kubernetes.io/revision"] = "1"

    revision = suffix(cluster.name, metadata["namespace"], metadata["name"], "revision", length=10)
    hashed = {"pod-template-hash": revision}
    selected = {**spec["selector"]["matchLabels"], **hashed}
    inner = copy.deepcopy(template)
    inner["metadata"]["labels"] = {**inner["metadata"]["labels"], **hashed}
    replica_set = cluster.add(
        {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "annotations": {
                    "deployment.kubernetes.io/desired-replicas": str(replicas),
                    "deployment.kubernetes.io/max-replicas": str(replicas + math.ceil(replicas / 4)),
                    "deployment.kubernetes.io/revision": "1",
                },
                "generation": 1,
                "labels": inner["metadata"]["labels"],
                "name": f"{metadata['name']}-{revision}",
                "namespace": metadata["namespace"],
            },
            "spec": {"replicas": replicas, "selector": {"matchLabels": selected}, "template": inner},
        },
        told["created"],
        owner=value,
    )
    ready = _run(cluster, replica_set, inner, told, replicas)
    counts = {"observedGeneration": 1, "replicas": replicas, "readyReplicas": ready, "availableReplicas": ready}
    replica_set["status"] = {**_present(counts), "fullyLabeledReplicas": replicas}
    value["status"] = {
        **_present({**counts, "unavailableReplicas": replicas - ready}),
        "updatedReplicas": replicas,
        "conditions": _deployment_conditions(cluster, value, replica_set, ready == replicas),
    }


def _run(cluster: Cluster, owner: Object, template: Object, told: Object, replicas: int) -> int:
    """Start the pods of a ReplicaSet; how many of them are ready."""
    metadata = owner["metadata"]
    ready = 0
    for index in range(replicas):
        name = f"{metadata['name']}-{suffix(cluster.name, metadata['namespace'], metadata['name'], str(index))}"
        fate = _fate(told, told["nodes"][index])
        ready += fate.phase == "running"
        make_pod(
            cluster,
            template,
            name=name,
            namespace=metadata["namespace"],
            node=told["nodes"][index],
            created=told.get("settled") or max(told["created"], cluster.since_settled(name)),
            owner=owner,
            generate_name=f"{metadata['name']}-",
            fate=fate,
        )
    return ready


def _deployment_conditions(cluster: Cluster, value: Object, replica_set: Object, available: bool) -> list[Object]:
    created = value["metadata"]["creationTimestamp"]
    progressed = later(created, number("progressed", cluster.name, value["metadata"]["name"], low=4, high=90))
    return [
        {
            "lastTransitionTime": created,
            "lastUpdateTime": progressed,
            "message": f'ReplicaSet "{replica_set["metadata"]["name"]}" has successfully progressed.',
            "reason": "NewReplicaSetAvailable",
            "status": "True",
            "type": "Progressing",
        },
        {
            "lastTransitionTime": progressed,
            "lastUpdateTime": progressed,
            "message": f"Deployment {'has' if available else 'does not have'} minimum availability.",
            "reason": "MinimumReplicasAvailable" if available else "MinimumReplicasUnavailable",
            "status": str(available),
            "type": "Available",
        },
    ]


def _stateful_set(cluster: Cluster, value: Object, told: Object) -> None:
    metadata, spec = value["metadata"], value["spec"]
    template = fill_template(spec["template"])
    spec.setdefault("podManagementPolicy", "OrderedReady")
    spec.setdefault("updateStrategy", {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}})
    spec.setdefault("revisionHistoryLimit", 10)
    replicas = spec.setdefault("replicas", 1)
    assert len(told["nodes"]) == replicas, f"{metadata['name']}: {replicas} replicas on {told['nodes']}"
    revision = f"{metadata['name']}-{suffix(cluster.name, metadata['name'], 'revision', length=9)}"
    for index, node in enumerate(told["nodes"]):
        name = f"{metadata['name']}-{index}"
        inner = copy.deepcopy(template)
        inner["spec"]["hostname"], inner["spec"]["subdomain"] = name, spec["serviceName"]
        for claim in spec.get("volumeClaimTemplates", ()):
            claim_name = claim["metadata"]["name"]
            volume = {"name": claim_name, "persistentVolumeClaim": {"claimName": f"{claim_name}-{name}"}}
            inner["spec"].setdefault("volumes", []).append(volume)
        make_pod(
            cluster,
            inner,
            name=name,
            namespace=metadata["namespace"],
            node=node,
            created=told.get("settled") or max(told["created"], cluster.since_settled(name)),
            owner=value,
            labels={"controller-revision-hash": revision, "statefulset.kubernetes.io/pod-name": name},
            generate_name=f"{metadata['name']}-",
        )
    metadata["generation"] = 1
    counts = dict.fromkeys(("replicas", "readyReplicas", "currentReplicas", "updatedReplicas"), replicas)
    revisions = {"currentRevision": revision, "updateRevision": revision}
    value["status"] = {**counts, **revisions, "observedGeneration": 1, "collisionCount": 0}


def _daemon_set(cluster: Cluster, value: Object, told: Object) -> None:
    metadata, spec = value["metadata"], value["spec"]
    template = fill_template(spec["template"])
    spec.setdefault("selector", {"matchLabels": template["metadata"]["labels"]})
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("updateStrategy", {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}})
    if value["apiVersion"] == "extensions/v1beta1":
        spec["templateGeneration"] = 1
    metadata["generation"] = 1
    metadata.setdefault("annotations", {})["deprecated.daemonset.template.generation"] = "1"
    revision = suffix(cluster.name, metadata["namespace"], metadata["name"], "revision", length=9)
    machines = [one for one in cluster.machines if _takes(cluster, one, template["spec"])]
    for machine in machines:
        name = f"{metadata['name']}-{suffix(cluster.name, metadata['name'], machine.name)}"
        inner = copy.deepcopy(template)
        _pin(inner["spec"], machine.name)
        make_pod(
            cluster,
            inner,
            name=name,
            namespace=metadata["namespace"],
            node=machine.name,
            created=max(told["created"], machine.joined, told.get("settled", "")),
            owner=value,
            labels={"controller-revision-hash": revision, "pod-template-generation": "1"},
            generate_name=f"{metadata['name']}-",
        )
    value["status"] = {**dict.fromkeys(DAEMON_COUNTS, len(machines)), "numberMisscheduled": 0, "observedGeneration": 1}


def _takes(cluster: Cluster, machine: Machine, spec: Object) -> bool:
    labels = node_labels(cluster, machine)
    if any(labels.get(key) != wanted for key, wanted in spec.get("nodeSelector", {}).items()):
        return False
    if not machine.control_plane:
        return True
    taint = cluster.era.control_plane_taint
    return any(
        one.get("key") == taint or (one.get("operator") == "Exists" and not one.get("key"))
        for one in spec.get("tolerations", ())
    )


def _pin(spec: Object, node: str) -> None:
    """What the DaemonSet controller adds to each of its pods."""
    field = {"key": "metadata.name", "operator": "In", "values": [node]}
    terms = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    spec["affinity"] = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    tolerations = spec.setdefault("tolerations", [])
    for key in ("not-ready", "unreachable", "disk-pressure", "memory-pressure", "pid-pressure", "unschedulable"):
        effect = "NoExecute" if key in ("not-ready", "unreachable") else "NoSchedule"
        tolerations.append({"effect": effect, "key": f"node.kubernetes.io/{key}", "operator": "Exists"})


def _job(cluster: Cluster, value: Object, told: Object) -> None:
    metadata, spec = value["metadata"], value["spec"]
    template = fill_template(spec["template"])
    fate = _fate(told)
    identity = {"controller-uid": metadata["uid"], "job-name": metadata["name"]}
    template["metadata"] = {"labels": {**template.get("metadata", {}).get("labels", {}), **identity}}
    spec.update({"backoffLimit": spec.get("backoffLimit", 6), "completions": 1, "parallelism": 1})
    spec["selector"] = {"matchLabels": {"controller-uid": metadata["uid"]}}
    name = f"{metadata['name']}-{suffix(cluster.name, metadata['name'], 'pod')}"
    make_pod(
        cluster,
        template,
        name=name,
        namespace=metadata["namespace"],
        node=told["nodes"][0],
        created=told["created"],
        owner=value,
        generate_name=f"{metadata['name']}-",
        fate=fate,
    )
    end = later(told["created"], fate.seconds + 25)
    done = {"lastProbeTime": end, "lastTransitionTime": end, "status": "True", "type": "Complete"}
    value["status"] = {"completionTime": end, "conditions": [done], "startTime": told["created"], "succeeded": 1}


def _fate(told: Object, node: str = "") -> Fate:
    fates: Any = told.get("fate", {})
    return Fate(**(fates.get(node, {}) if node and "phase" not in fates else fates))


def _present(counts: dict[str, int]) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count}


def node_labels(cluster: Cluster, machine: Machine) -> dict[str, str]:
    """The labels of a node: its own, those of kubeadm and those of the kubelet."""
    labels = {
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": machine.name,
        "kubernetes.io/os": "linux",
        **machine.labels,
    }
    return {**labels, **dict.fromkeys(cluster.era.control_plane_labels, "")} if machine.control_plane else labels


HANDLERS: dict[str, Handler] = {
    "Pod": _pod,
    "Deployment": _deployment,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "Job": _job,
}
