"""Ceph, run by Rook, is not healthy before a node goes away."""

import re
from collections.abc import Iterator, Mapping
from shlex import quote

from kubepreflight.finding import BLOCKER, WARNING, Finding, Gap, cannot_check, finding
from kubepreflight.objects import Pod
from kubepreflight.rule import rule
from kubepreflight.semantics.ceph import CephCluster, CephStatus, Check

HOUSEKEEPING = re.compile(
    r"AUTH_INSECURE_\w+|BLUEFS_SPILLOVER|BLUESTORE_(FRAGMENTATION|LEGACY_STATFS|NO_PER_\w+_OMAP)|DASHBOARD_DEBUG"
    r"|LARGE_OMAP_OBJECTS|MANY_OBJECTS_PER_PG|MON_MSGR2_NOT_ENABLED|OLD_CRUSH_\w+|PG_NOT_(DEEP_)?SCRUBBED"
    r"|POOL_(APP_NOT_ENABLED|HAS_TARGET_SIZE_\w+|PG_NUM_NOT_POWER_OF_TWO|TARGET_SIZE_\w+|TOO_(FEW|MANY)_PGS)"
    r"|RECENT(_MGR_MODULE)?_CRASH|TELEMETRY_CHANGED|TOO_FEW_PGS"
)
"""Health checks that say nothing about missing copies, daemons that are down, or room that runs out."""

HARMLESS_FLAGS = frozenset({"noout", "noscrub", "nodeep-scrub", "notieragent"})
"""Flags of the OSD map that do not keep data from being written or healed."""

_FLAGS = re.compile(r"([\w,-]+) flag\(s\) set")


@rule(severity=BLOCKER, area="storage", phase="node-upgrade")
def ceph_unhealthy(clusters: list[CephCluster], pods: list[Pod] | None = None) -> Iterator[Finding | Gap]:
    """A node is about to go away while Ceph is not healthy.

    Why: each node that is drained takes its Ceph daemons with it. A healthy Ceph can do without one node's; one that
    already misses copies, monitors or room cannot. Rook asks for HEALTH_OK before any upgrade.

    What happens: where copies are missing already, the drain of one more node takes the last ones: volumes stand still,
    and what was only there may be lost. Rook's own budgets then stop the drain half-way. That is a blocker. It is a
    warning when all that Ceph complains of is housekeeping (crash reports nobody has looked at, late scrubs, insecure
    old keys, the number of placement groups, the flag noout): the drain can be done, but a true fault would hide behind
    the warning that everybody has got used to.

    When it stays silent: Ceph says HEALTH_OK, whatever is muted; nothing is left but what the CephCluster itself mutes
    (healthCheck.muteHealthWarning); Ceph runs outside of this cluster; there is no Rook. What Ceph says is as old as
    the status: while Rook's operator does not run, it is named as not checked.

    How to see it yourself: kubectl get cephclusters --all-namespaces, and in the toolbox: ceph health detail

    References:
        https://rook.io/docs/rook/latest/Upgrade/health-verification/
        https://docs.ceph.com/en/latest/rados/operations/health-checks/
        https://rook.io/docs/rook/latest/CRDs/Cluster/ceph-cluster-crd/#health-settings

    """
    for cluster in clusters:
        if cluster.is_external:
            continue
        status = cluster.status.ceph if cluster.status else None
        if status is None or not status.health:
            yield _unknown(cluster, "Rook has not asked Ceph for its health yet")
            continue
        open_checks = {code: one for code, one in (status.details or {}).items() if not _is_muted(cluster, code)}
        if status.health != "HEALTH_OK" and (open_checks or not status.details):
            yield _unhealthy(cluster, status, open_checks)
        elif not _operator_runs(pods):
            when = f" at {status.last_checked}" if status.last_checked else ""
            yield _unknown(cluster, f"rook-ceph-operator, which asks Ceph, does not run; it last asked{when}")


def _is_muted(cluster: CephCluster, code: str) -> bool:
    muted = (cluster.spec.health_check.mute_health_warning if cluster.spec.health_check else None) or {}
    return code in muted and muted[code].policy == "mute"


def _operator_runs(pods: list[Pod] | None) -> bool:
    return pods is None or any(pod.is_ready for pod in pods if pod.labels.get("app") == "rook-ceph-operator")


def _is_housekeeping(code: str, check: Check) -> bool:
    if check.severity != "HEALTH_WARN":
        return False
    if code == "OSDMAP_FLAGS":
        flags = _FLAGS.fullmatch(check.message)
        return flags is not None and set(flags[1].split(",")) <= HARMLESS_FLAGS
    return HOUSEKEEPING.fullmatch(code) is not None


def _unhealthy(cluster: CephCluster, status: CephStatus, checks: Mapping[str, Check]) -> Finding:
    harmless = (
        status.health == "HEALTH_WARN" and bool(checks) and all(_is_housekeeping(*each) for each in checks.items())
    )
    told = "; ".join(f"{code}: {one.message}" for code, one in sorted(checks.items())) or "it does not say why"
    consequence = (
        "That is housekeeping and no reason not to drain a node, but a fault during the upgrade would not be seen "
        "behind it."
        if harmless
        else "Drain no node before that is mended: the next one to go may take the last copies of some data with it, "
        "and volumes stand still."
    )
    toolbox = f"kubectl -n {quote(cluster.namespace)} exec deploy/rook-ceph-tools --"
    return finding(
        cluster,
        f"Ceph is in {status.health} ({told}). {consequence}",
        remedy="Bring it to HEALTH_OK first. In Rook's toolbox:\n"
        f"{toolbox} ceph health detail\n"
        f"{toolbox} ceph osd tree\n"
        "Then, and again before each further node:\n"
        f"kubectl -n {quote(cluster.namespace)} get cephcluster {quote(cluster.name)}",
        evidence={
            "health": status.health,
            "checks": sorted(checks),
            "lastChecked": status.last_checked or "unknown",
        },
        severity=WARNING if harmless else BLOCKER,
    )


def _unknown(cluster: CephCluster, reason: str) -> Gap:
    return cannot_check(
        "Ceph's health",
        reason,
        subject=f"CephCluster {cluster.namespace}/{cluster.name}",
        how=f"kubectl -n {quote(cluster.namespace)} get cephcluster {quote(cluster.name)} -o jsonpath='{{.status}}'",
        asked=True,
    )
