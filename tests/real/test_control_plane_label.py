"""Which DaemonSets lose their pods when kubeadm changes labels and taints as 1.24 did, held against the controller."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from kubepreflight.objects import Node
from kubepreflight.semantics.control_plane_nodes import NEW, OLD, ControlPlaneNodes
from kubepreflight.semantics.pod_templates import TemplatePodSpec
from tests.real.cluster import Cluster
from tests.real.objects import Object, node, workload
from tools.waiting import until

SECONDS = 40
"""The controller-manager takes its time where others are at work."""
OLD_TAINT = {"key": OLD, "effect": "NoSchedule"}
ALL = [{"operator": "Exists"}]
ONLY_OLD = [{"key": OLD, "operator": "Exists", "effect": "NoSchedule"}]
BOTH = [*ONLY_OLD, {"key": NEW, "operator": "Exists", "effect": "NoSchedule"}]


def term(*keys: str) -> Object:
    terms = [{"matchExpressions": [{"key": key, "operator": "Exists"}]} for key in keys]
    required = {"nodeSelectorTerms": terms}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}


CASES: dict[str, Object] = {
    "all": {"tolerations": ALL},
    "none": {},
    "only-old": {"tolerations": ONLY_OLD},
    "both": {"tolerations": BOTH},
    "old-label": {"nodeSelector": {OLD: ""}, "tolerations": ALL},
    "new-label": {"nodeSelector": {NEW: ""}, "tolerations": ALL},
    "old-term": {"affinity": term(OLD), "tolerations": ALL},
    "either-term": {"affinity": term(OLD, NEW), "tolerations": BOTH},
}


@pytest.fixture
def daemons(cluster: Cluster) -> Iterator[Cluster]:
    cluster.control_plane.start_controllers(controllers="daemonset-controller")
    yield cluster
    cluster.control_plane.stop_controllers()


def wanted_node(pod: Object) -> str:
    """The node for which the controller made a pod."""
    required = pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    (name,) = {term["matchFields"][0]["values"][0] for term in required["nodeSelectorTerms"]}
    return str(name)


def on_nodes(cluster: Cluster) -> dict[str, set[str]]:
    """The nodes for which each DaemonSet has a pod; each pod is put on its node, as the scheduler does."""
    found: dict[str, set[str]] = {name: set() for name in CASES}
    for pod in cluster.client.json("/api/v1/namespaces/shop/pods")["items"]:
        if "deletionTimestamp" in pod["metadata"]:
            continue
        if "nodeName" not in pod["spec"]:
            target = {"kind": "Node", "name": wanted_node(pod)}
            binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": pod["metadata"]["name"]}}
            path = f"/api/v1/namespaces/shop/pods/{pod['metadata']['name']}/binding"
            cluster.client.request("POST", path, {**binding, "target": target})
        found[pod["metadata"]["ownerReferences"][0]["name"]].add(wanted_node(pod))
    return found


def predicted(cluster: Cluster, *, then: bool) -> dict[str, set[str]]:
    known = ControlPlaneNodes(msgspec.convert(cluster.client.json("/api/v1/nodes")["items"], list[Node]))
    specs = {name: msgspec.convert(one, TemplatePodSpec) for name, one in CASES.items()}
    return {name: set((known.then if then else known.now)(spec)) for name, spec in specs.items()}


def settles(cluster: Cluster, wanted: dict[str, set[str]]) -> dict[str, set[str]]:
    """On which nodes the pods are, once that is as wanted, or in the end."""
    until(lambda: on_nodes(cluster) == wanted, SECONDS)
    return on_nodes(cluster)


def test_the_controller_does_what_is_foretold(daemons: Cluster) -> None:
    cp1, w1 = node("cp1", control_plane=True, taints=[OLD_TAINT]), node("w1")
    cp1["metadata"]["labels"][OLD] = ""
    daemons.holds(cp1, w1)
    for one in ("cp1", "w1"):
        daemons.kubectl("taint", "node", one, "node.kubernetes.io/not-ready-")
    for name, spec in CASES.items():
        daemon_set = workload("DaemonSet", name)
        daemon_set["spec"]["template"]["spec"].update(spec)
        daemons.holds(daemon_set)
    before, after = predicted(daemons, then=False), predicted(daemons, then=True)
    assert settles(daemons, before) == before

    # What kubeadm 1.24 does.
    assert daemons.kubectl("label", "node", "cp1", f"{OLD}-").returncode == 0
    assert daemons.kubectl("taint", "node", "cp1", f"{NEW}:NoSchedule").returncode == 0
    stays = {name: after[name] | ({"cp1"} & before[name] if name == "only-old" else set()) for name in CASES}
    assert settles(daemons, stays) == stays

    daemons.kubectl("-n", "shop", "delete", "pods", "--all", "--force", "--grace-period=0")
    assert settles(daemons, after) == after
    assert predicted(daemons, then=False) == after == predicted(daemons, then=True)
