"""Nodes as their kubelets report them."""

from __future__ import annotations

from sources.cluster import Cluster, Machine, Object
from sources.controllers import node_labels
from sources.stamps import later, number, uid

CONDITIONS = (
    ("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
)


def add_nodes(cluster: Cluster, annotations: dict[str, str], cri_socket: str) -> None:
    """Register all machines. `annotations` are the network's own, with `$(address)` for the node's address."""
    for position, machine in enumerate(cluster.machines):
        node: Object = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": machine.name,
                "labels": node_labels(cluster, machine),
                "annotations": {
                    **{key: text.replace("$(address)", machine.address) for key, text in annotations.items()},
                    **({"kubeadm.alpha.kubernetes.io/cri-socket": cri_socket} if cri_socket else {}),
                    "node.alpha.kubernetes.io/ttl": "0",
                    "volumes.kubernetes.io/controller-managed-attach-detach": "true",
                },
            },
            "spec": _spec(cluster, machine, position),
            "status": _status(cluster, machine),
        }
        cluster.add(node, machine.joined)


def _spec(cluster: Cluster, machine: Machine, position: int) -> Object:
    first, second, *_ = cluster.pod_network.split(".")
    network = f"{first}.{second}.{position}.0/24"
    spec: Object = {"podCIDR": network}
    if not cluster.era.self_links:
        spec["podCIDRs"] = [network]
    if machine.control_plane:
        spec["taints"] = [{"effect": "NoSchedule", "key": cluster.era.control_plane_taint}]
    return spec


def _status(cluster: Cluster, machine: Machine) -> Object:
    capacity = {
        "cpu": str(machine.cpu),
        "ephemeral-storage": f"{machine.disk}Ki",
        "hugepages-1Gi": "0",
        "hugepages-2Mi": "0",
        "memory": f"{machine.memory}Ki",
        "pods": "110",
        **machine.extended,
    }
    allocatable = {
        **capacity,
        "ephemeral-storage": str(machine.disk * 1024 * 9 // 10),
        "memory": f"{machine.memory - 102400}Ki",
    }
    return {
        "addresses": [
            {"address": machine.address, "type": "InternalIP"},
            {"address": machine.name, "type": "Hostname"},
        ],
        "allocatable": allocatable,
        "capacity": capacity,
        "conditions": _conditions(cluster, machine),
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "nodeInfo": {
            "architecture": "amd64",
            "bootID": uid(cluster.name, machine.name, "boot"),
            "containerRuntimeVersion": f"{cluster.era.runtime}://{cluster.runtime_version}",
            "kernelVersion": cluster.kernel,
            "kubeProxyVersion": cluster.version if cluster.era.self_links else "",
            "kubeletVersion": cluster.version,
            "machineID": machine.machine_id,
            "operatingSystem": "linux",
            "osImage": cluster.os_image,
            "systemUUID": uid(cluster.name, machine.name, "system").upper(),
        },
    }


def _conditions(cluster: Cluster, machine: Machine) -> list[Object]:
    heartbeat = later(cluster.dumped, -number("heartbeat", cluster.name, machine.name, low=3, high=55))
    started = cluster.since_settled(machine.name)
    conditions = [
        {
            "lastHeartbeatTime": started,
            "lastTransitionTime": started,
            "message": "Flannel is running on this node",
            "reason": "FlannelIsUp",
            "status": "False",
            "type": "NetworkUnavailable",
        }
    ]
    for kind, reason, message in CONDITIONS:
        conditions.append(
            {
                "lastHeartbeatTime": heartbeat,
                "lastTransitionTime": started,
                "message": message,
                "reason": reason,
                "status": "False",
                "type": kind,
            }
        )
    ready = {
        "lastHeartbeatTime": heartbeat,
        "lastTransitionTime": later(started, 20),
        "message": "kubelet is posting ready status" + (". AppArmor enabled" if cluster.era.self_links else ""),
        "reason": "KubeletReady",
        "status": "True",
        "type": "Ready",
    }
    return [*conditions, ready]


def add_images(cluster: Cluster) -> None:
    """Tell each node which images it holds: those of its pods."""
    for node in cluster.all("Node"):
        name = node["metadata"]["name"]
        images = {
            container["image"]
            for pod in cluster.all("Pod")
            if pod["spec"]["nodeName"] == name
            for container in pod["spec"]["containers"]
        }
        node["status"]["images"] = [
            {"names": [image], "sizeBytes": number("size", image, low=9_000_000, high=480_000_000)}
            for image in sorted(images)
        ]
