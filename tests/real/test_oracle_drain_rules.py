"""The rules about drains fire for the nodes where a drain really stops, with the documented severity, and nowhere else.

Each case has its own node: kubectl and the eviction API say what a drain would meet there, a scan must say the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from kubepreflight.semantics.drain import BARE_REFUSED, LOCAL_STORAGE_REFUSED, DrainFlags
from kubepreflight.semantics.node_drains import PLAIN, NodeDrains
from tests.real import kubectl_drain
from tests.real.cluster import Cluster, Scan
from tests.real.disruption import BLOCKED, GOES, SEVERAL, Seen, controlled, evict
from tests.real.objects import Object, budget, node
from tests.real.owners import GONE, NOBODY, READY, UNREADY, Replicas, State, define_custom_kinds
from tests.real.side_by_side import side_by_side

BARE, STORAGE, BUDGET = "drain-stops-at-bare-pod", "drain-stops-at-local-storage", "drain-blocked-by-budget"
TWO_BUDGETS = "drain-blocked-by-two-budgets"
BLOCKER, WARNING, NOTE = "blocker", "warning", "note"

DATA: Object = {"volumes": [{"name": "data", "emptyDir": {}}]}
MEMORY: Object = {"volumes": [{"name": "data", "emptyDir": {"medium": "Memory"}}]}
CLAIM: Object = {"name": "claim", "persistentVolumeClaim": {"claimName": "data"}}
MIRROR: Object = {"annotations": {"kubernetes.io/config.mirror": "hash"}}
APPLIED: Object = {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}}
FINISHED = State(ready=False, phase="Succeeded")
TWO, THREE = [READY] * 2, [READY] * 3


ALL_BUT_FORCE = DrainFlags(ignore_daemonsets=True, delete_emptydir_data=True)


class Case(NamedTuple):
    """Pods of one controller on one node, under some budgets; and what the rules must say of it."""

    kind: str
    states: list[State]
    says: Mapping[str, str] = MappingProxyType({})
    fields: Mapping[str, Any] = MappingProxyType({})
    budgets: tuple[Object, ...] = ()


CASES = {
    "bare": Case(NOBODY, [READY], {BARE: BLOCKER}),
    "bare-ends": Case(NOBODY, [READY], {BARE: WARNING}, {"restartPolicy": "Never"}),
    "bare-applied": Case(NOBODY, [READY], {BARE: WARNING}, APPLIED),
    "bare-unready": Case(NOBODY, [UNREADY], {BARE: BLOCKER}),
    "bare-finished": Case(NOBODY, [FINISHED]),
    "bare-mirror": Case(NOBODY, [READY], fields=MIRROR),
    "bare-data": Case(NOBODY, [READY], {BARE: BLOCKER, STORAGE: NOTE}, DATA),
    "data-one": Case("Deployment", [READY], {STORAGE: WARNING}, DATA),
    "data-some": Case("Deployment", THREE, {STORAGE: NOTE}, DATA),
    "data-memory": Case("Deployment", [READY], {STORAGE: NOTE}, MEMORY),
    "data-scratch": Case("Deployment", [READY], {STORAGE: NOTE}, {"volumes": [{"name": "tmp", "emptyDir": {}}]}),
    "data-set": Case("StatefulSet", THREE, {STORAGE: WARNING}, DATA),
    "data-claim": Case("StatefulSet", THREE, {STORAGE: NOTE}, {"volumes": [*DATA["volumes"], CLAIM]}),
    "data-host": Case("StatefulSet", THREE, fields={"volumes": [{"name": "data", "hostPath": {"path": "/data"}}]}),
    "data-job": Case("Job", [READY], {STORAGE: NOTE}, DATA),
    "data-custom": Case("Widget", [READY], {STORAGE: WARNING}, DATA),
    "data-gone": Case(GONE, THREE, {STORAGE: NOTE}, DATA),
    "data-agent": Case("DaemonSet", [READY], fields=DATA),
    "data-finished": Case("Job", [FINISHED], fields=DATA),
    "data-going": Case("ReplicaSet", [State(deleted=True), READY, READY], {STORAGE: NOTE}, DATA),
    "never-one": Case("StatefulSet", [READY], {BUDGET: BLOCKER}, budgets=({"minAvailable": 1},)),
    "never-zero": Case("Deployment", THREE, {BUDGET: BLOCKER}, budgets=({"maxUnavailable": 0},)),
    "never-all": Case("ReplicaSet", TWO, {BUDGET: BLOCKER}, budgets=({"minAvailable": "100%"},)),
    "never-bare": Case(NOBODY, TWO, {BUDGET: BLOCKER, BARE: BLOCKER}, budgets=({"maxUnavailable": 1},)),
    "never-job": Case("Job", TWO, {BUDGET: BLOCKER}, budgets=({"maxUnavailable": 1},)),
    "never-neither": Case("StatefulSet", TWO, {BUDGET: BLOCKER}, budgets=({},)),
    "never-gone": Case(GONE, TWO, {BUDGET: BLOCKER}, budgets=({"minAvailable": "1%"},)),
    "operator": Case("Widget", TWO, {BUDGET: WARNING}, budgets=({"maxUnavailable": 0},)),
    "operator-fails": Case("Gadget", TWO, {BUDGET: WARNING}, budgets=({"maxUnavailable": 1},)),
    "not-now": Case("StatefulSet", [READY, UNREADY], {BUDGET: WARNING}, budgets=({"maxUnavailable": 1},)),
    "not-now-sick": Case("Deployment", [READY, UNREADY, UNREADY], {BUDGET: WARNING}, budgets=({"minAvailable": 2},)),
    "room": Case("Deployment", THREE, budgets=({"minAvailable": 2},)),
    "room-bare": Case(NOBODY, TWO, {BARE: BLOCKER}, budgets=({"minAvailable": 1},)),
    "room-unready": Case("Deployment", [READY, READY, UNREADY], budgets=({"minAvailable": 1},)),
    "agents": Case("DaemonSet", [READY], budgets=({"minAvailable": 1},)),
    "finished": Case("Job", [FINISHED], budgets=({"maxUnavailable": 1},)),
    "others": Case("StatefulSet", TWO, budgets=({"maxUnavailable": 0, "selector": None},)),
    "several": Case("StatefulSet", TWO, {TWO_BUDGETS: BLOCKER}, budgets=({"maxUnavailable": 1}, {"minAvailable": 1})),
}


def told(scan: Scan, rule: str) -> dict[str, str]:
    """The severity that a rule gives for each node; the worst one, if several."""
    found: dict[str, str] = {}
    for severity in (NOTE, WARNING, BLOCKER):
        for one in scan.findings(rule):
            if one["severity"] == severity:
                found |= {place["node"]: severity for place in one["places"]}
    return found


def refused(cluster: Cluster, flags: DrainFlags, message: str) -> set[str]:
    """The nodes on which kubectl refuses a pod with this message."""
    said = cluster.kubectl("drain", *CASES, "--dry-run=client", *kubectl_drain.arguments(flags)).stderr
    return set(re.findall(rf'unable to drain node "(\S+)" due to error: .*{re.escape(message)}: ', said))


def evictions(cluster: Cluster, seen: Seen) -> dict[str, list[int]]:
    """What the eviction API answers about the pods of each node that a drain would have to evict."""
    found: dict[str, list[int]] = {name: [] for name in CASES}
    for one, answer in zip(seen.drained, side_by_side(lambda one: evict(cluster, one), seen.drained), strict=True):
        found[one.spec.node_name or ""].append(answer)
    return found


def test_the_rules_fire_where_a_drain_stops_and_nowhere_else(cluster: Cluster) -> None:
    define_custom_kinds(cluster)
    cluster.holds(node("cp1", control_plane=True))

    def hold(name: str) -> Replicas:
        case = CASES[name]
        cluster.holds(node(name), *(budget(f"{name}-{n}", name, **one) for n, one in enumerate(case.budgets)))
        count = len(case.states)
        return Replicas(cluster, case.kind, name, case.states, wanted=count, node=name, **case.fields)

    everybody = side_by_side(hold, CASES)
    controlled(cluster)
    scan = cluster.scan()
    for rule in (BARE, STORAGE, BUDGET, TWO_BUDGETS):
        assert told(scan, rule) == {name: one.says[rule] for name, one in CASES.items() if rule in one.says}, rule
        assert scan.coverage(rule)["status"] == "checked"

    assert told(scan, STORAGE).keys() == refused(cluster, PLAIN, LOCAL_STORAGE_REFUSED)
    assert told(scan, BARE).keys() == refused(cluster, ALL_BUT_FORCE, BARE_REFUSED)
    seen = Seen(cluster)
    answered = evictions(cluster, seen)
    assert told(scan, BUDGET).keys() == {name for name, answers in answered.items() if BLOCKED in answers}
    assert told(scan, TWO_BUDGETS).keys() == {name for name, answers in answered.items() if SEVERAL in answers}
    numbers = NodeDrains.provide(seen.pods, budgets=seen.told).by_node
    for name in CASES.keys() - told(scan, BARE).keys() - told(scan, STORAGE).keys():
        assert numbers[name].get("blocked", 0) == sum(answer != GOES for answer in answered[name]), name

    side_by_side(Replicas.get_well, everybody)
    controlled(cluster)
    never = {name for name, answers in evictions(cluster, Seen(cluster)).items() if BLOCKED in answers}
    operated = {name for name, one in CASES.items() if one.kind in ("Widget", "Gadget")}
    assert {name for name, severity in told(scan, BUDGET).items() if severity == BLOCKER} == never - operated
