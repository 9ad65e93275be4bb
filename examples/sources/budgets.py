"""The status that the disruption controller writes, and the addresses that Services get.

The formula is that of `pkg/controller/disruption/disruption.go`: both percentages round up. Here every controller
has the pods that it wants, so the pods that there are stand for those that are expected.
"""

from __future__ import annotations

import math

from sources.cluster import Cluster, Object
from sources.stamps import number


def settle_budgets(cluster: Cluster) -> None:
    """Fill in the status of every PodDisruptionBudget."""
    for budget in cluster.all("PodDisruptionBudget"):
        budget["status"] = _status(cluster, budget)
        budget["metadata"]["generation"] = 1


def _status(cluster: Cluster, budget: Object) -> Object:
    spec, namespace = budget["spec"], budget["metadata"]["namespace"]
    wanted = spec["selector"]["matchLabels"].items()
    pods = [pod for pod in cluster.all("Pod", namespace) if wanted <= pod["metadata"].get("labels", {}).items()]
    healthy = sum(1 for pod in pods if _is_ready(pod))
    if "minAvailable" in spec:
        desired = _scaled(spec["minAvailable"], len(pods))
    else:
        desired = max(0, len(pods) - _scaled(spec["maxUnavailable"], len(pods)))
    allowed = max(0, healthy - desired) if pods else 0
    status: Object = {
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "disruptionsAllowed": allowed,
        "expectedPods": len(pods),
        "observedGeneration": 1,
    }
    if not cluster.era.self_links:
        status["conditions"] = [
            {
                "lastTransitionTime": budget["metadata"]["creationTimestamp"],
                "message": "",
                "observedGeneration": 1,
                "reason": "SufficientPods" if allowed else "InsufficientPods",
                "status": str(allowed > 0),
                "type": "DisruptionAllowed",
            }
        ]
    return status


def _is_ready(pod: Object) -> bool:
    return any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"]["conditions"])


def _scaled(value: int | str, total: int) -> int:
    return math.ceil(int(value.removesuffix("%")) * total / 100) if isinstance(value, str) else value


def give_addresses(cluster: Cluster) -> None:
    """Fill in what the API server adds to Services."""
    first, second, *_ = cluster.service_network.split(".")
    for service in cluster.all("Service"):
        names = (cluster.name, service["metadata"]["namespace"], service["metadata"]["name"])
        third, fourth = number("third", *names, low=1, high=200), number("fourth", *names, low=2, high=250)
        spec = service["spec"]
        spec.setdefault("clusterIP", f"{first}.{second}.{third}.{fourth}")
        spec.setdefault("sessionAffinity", "None")
        spec.setdefault("type", "ClusterIP")
        if not cluster.era.self_links:
            spec.setdefault("clusterIPs", [spec["clusterIP"]])
            spec |= {"internalTrafficPolicy": "Cluster", "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack"}
        for index, port in enumerate(spec.get("ports", ())):
            port.setdefault("protocol", "TCP")
            port.setdefault("targetPort", port["port"])
            if spec["type"] == "LoadBalancer":
                port.setdefault("nodePort", number("nodePort", *names, str(index), low=30_000, high=32_767))
        service.setdefault("status", {"loadBalancer": {}})
