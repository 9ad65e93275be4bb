"""Pods as a scheduler, a kubelet and a container runtime leave them."""

from __future__ import annotations

import copy
from dataclasses import dataclass

from sources.cluster import Cluster, Object
from sources.stamps import hexadecimal, later, number, suffix

PRIORITIES = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}


@dataclass(frozen=True)
class Fate:
    """What became of a pod: `running`, `succeeded`, or `crashing` with its restarts and last exit code, and since when.

    `seconds` is how long a container that has ended ran.
    """

    phase: str = "running"
    since: str = ""
    restarts: int = 0
    exit_code: int = 0
    seconds: int = 0


def fill_template(template: Object) -> Object:
    """The defaults that the API server writes into a pod template."""
    spec = template.setdefault("spec", {})
    for container in (*spec.get("initContainers", ()), *spec["containers"]):
        _fill_container(container)
    for volume in spec.get("volumes", ()):
        if "hostPath" in volume:
            volume["hostPath"].setdefault("type", "")
        for source in ("configMap", "secret"):
            if source in volume:
                volume[source].setdefault("defaultMode", 420)
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("schedulerName", "default-scheduler")
    spec.setdefault("securityContext", {})
    spec.setdefault("terminationGracePeriodSeconds", 30)
    if "serviceAccountName" in spec:
        spec["serviceAccount"] = spec["serviceAccountName"]
    return template


def _fill_container(container: Object) -> None:
    image = container["image"]
    floating = "@" not in image and ("latest" in image or ":" not in image.rpartition("/")[2])
    container.setdefault("imagePullPolicy", "Always" if floating else "IfNotPresent")
    container.setdefault("resources", {})
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    for port in container.get("ports", ()):
        port.setdefault("protocol", "TCP")
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if name in container:
            defaults = {"failureThreshold": 3, "periodSeconds": 10, "successThreshold": 1, "timeoutSeconds": 1}
            container[name] = {**defaults, **container[name]}


def make_pod(
    cluster: Cluster,
    template: Object,
    *,
    name: str,
    namespace: str,
    node: str,
    created: str,
    owner: Object | None = None,
    labels: dict[str, str] | None = None,
    generate_name: str = "",
    fate: Fate | None = None,
) -> Object:
    """A pod of `template` on `node`, with the status that fits its fate."""
    fate = fate or Fate()
    copied = copy.deepcopy(template)
    spec = copied["spec"]
    metadata: Object = {**copied.get("metadata", {}), "name": name, "namespace": namespace}
    if merged := {**metadata.get("labels", {}), **(labels or {})}:
        metadata["labels"] = merged
    if generate_name:
        metadata["generateName"] = generate_name
    _schedule(cluster, spec, node, f"{namespace}/{name}")
    pod: Object = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    pod["status"] = pod_status(cluster, pod, node, created, fate)
    if not cluster.era.self_links:
        metadata["generation"] = 1
    return cluster.add(pod, created, owner=owner)


def _schedule(cluster: Cluster, spec: Object, node: str, seed: str) -> None:
    spec["nodeName"] = node
    spec["enableServiceLinks"] = True
    spec["priority"] = PRIORITIES.get(spec.get("priorityClassName", ""), 0)
    account = spec.setdefault("serviceAccountName", "default")
    spec["serviceAccount"] = account
    _mount_token(cluster, spec, account, seed)
    tolerations = spec.setdefault("tolerations", [])
    if not any(one.get("operator") == "Exists" and not one.get("key") for one in tolerations):
        for key in ("not-ready", "unreachable"):
            full = f"node.kubernetes.io/{key}"
            if not any(one.get("key") == full for one in tolerations):
                tolerations.append({"effect": "NoExecute", "key": full, "operator": "Exists", "tolerationSeconds": 300})
    if not cluster.era.token_secrets:
        spec["preemptionPolicy"] = "PreemptLowerPriority"


def _mount_token(cluster: Cluster, spec: Object, account: str, seed: str) -> None:
    if cluster.era.token_secrets:
        volume = f"{account}-token-{suffix(cluster.name, account)}"
        source: Object = {"name": volume, "secret": {"defaultMode": 420, "secretName": volume}}
    else:
        volume = f"kube-api-access-{suffix(cluster.name, seed, 'token')}"
        parts = [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"items": [{"key": "ca.crt", "path": "ca.crt"}], "name": "kube-root-ca.crt"}},
            {
                "downwardAPI": {
                    "items": [
                        {
                            "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"},
                            "path": "namespace",
                        }
                    ]
                }
            },
        ]
        source = {"name": volume, "projected": {"defaultMode": 420, "sources": parts}}
    spec.setdefault("volumes", []).append(source)
    mount = {"mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "name": volume, "readOnly": True}
    for container in (*spec.get("initContainers", ()), *spec["containers"]):
        container.setdefault("volumeMounts", []).append(mount)


def pod_status(cluster: Cluster, pod: Object, node: str, created: str, fate: Fate = Fate()) -> Object:
    """The status of a pod on `node` that was made at `created`."""
    spec, name = pod["spec"], pod["metadata"]["name"]
    started = fate.since or later(created, number("start", cluster.name, name, low=2, high=25))
    host = cluster.machine(node).address
    address = host if spec.get("hostNetwork") else _address(cluster, node)
    status: Object = {
        "conditions": [_condition(kind, created, started, fate) for kind in cluster.era.pod_conditions],
        "containerStatuses": [_container_status(cluster, pod, one, started, fate) for one in spec["containers"]],
        "hostIP": host,
        "phase": "Succeeded" if fate.phase == "succeeded" else "Running",
        "podIP": address,
        "qosClass": _quality(spec["containers"]),
        "startTime": created,
    }
    if spec.get("initContainers"):
        status["initContainerStatuses"] = [
            _container_status(cluster, pod, one, created, Fate("succeeded", seconds=2), init=True)
            for one in spec["initContainers"]
        ]
    if not cluster.era.self_links:
        status |= {"hostIPs": [{"ip": host}], "podIPs": [{"ip": address}], "observedGeneration": 1}
    return status


def _condition(kind: str, created: str, started: str, fate: Fate) -> Object:
    moment = started if kind in ("Ready", "ContainersReady") else created
    condition: Object = {"lastProbeTime": None, "lastTransitionTime": moment, "status": "True", "type": kind}
    if fate.phase == "succeeded":
        condition["reason"] = "PodCompleted"
    if fate.phase != "running" and kind in ("Ready", "ContainersReady"):
        condition["status"] = "False"
        if fate.phase == "crashing":
            condition["reason"] = "ContainersNotReady"
            condition["message"] = "containers with unready status"
    return condition


def _container_status(
    cluster: Cluster, pod: Object, container: Object, started: str, fate: Fate, *, init: bool = False
) -> Object:
    seed = (cluster.name, pod["metadata"].get("namespace", ""), pod["metadata"]["name"], container["name"])
    identity = f"{cluster.era.runtime}://{hexadecimal('container', *seed)}"
    image = container["image"]
    repository = image.partition("@")[0]
    if ":" in repository.rpartition("/")[2]:
        repository = repository.rpartition(":")[0]
    fingerprint = image.partition("@")[2] or f"sha256:{hexadecimal('image', image)}"
    done = {
        "containerID": identity,
        "exitCode": fate.exit_code,
        "finishedAt": later(started, fate.seconds),
        "reason": "Error" if fate.exit_code else "Completed",
        "startedAt": started,
    }
    status: Object = {
        "containerID": identity,
        "image": image,
        "imageID": f"{cluster.era.image_prefix}{repository}@{fingerprint}",
        "lastState": {},
        "name": container["name"],
        "ready": init or fate.phase == "running",
        "restartCount": fate.restarts,
    }
    if fate.phase == "running":
        status["state"] = {"running": {"startedAt": started}}
    elif fate.phase == "succeeded":
        status["state"] = {"terminated": done}
    else:
        status["lastState"] = {"terminated": done}
        message = f"back-off 5m0s restarting failed container={container['name']} pod={pod['metadata']['name']}"
        status["state"] = {"waiting": {"message": message, "reason": "CrashLoopBackOff"}}
    if not cluster.era.self_links:
        status["started"] = fate.phase == "running"
    return status


def _address(cluster: Cluster, node: str) -> str:
    position = [one.name for one in cluster.machines].index(node)
    first, second, *_ = cluster.pod_network.split(".")
    there = (one["spec"] for one in cluster.all("Pod") if one["spec"]["nodeName"] == node)
    taken = sum(1 for spec in there if not spec.get("hostNetwork"))
    return f"{first}.{second}.{position}.{taken + 2}"


def _quality(containers: list[Object]) -> str:
    resources = [one.get("resources") or {} for one in containers]
    if not any(resources):
        return "BestEffort"
    guaranteed = all(
        {"cpu", "memory"} <= (one.get("limits") or {}).keys() and one.get("requests") == one.get("limits")
        for one in resources
    )
    return "Guaranteed" if guaranteed else "Burstable"
