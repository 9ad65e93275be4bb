"""An etcd of which there is no recent snapshot."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from shlex import quote

from kubepreflight.finding import WARNING, Finding, Gap, Subject, cannot_check, finding
from kubepreflight.host import Host, Missing
from kubepreflight.knowledge.component_versions import ComponentVersions
from kubepreflight.objects import Node, Pod
from kubepreflight.rule import rule
from kubepreflight.semantics.components import Components
from kubepreflight.semantics.etcd_backups import CronJob, Seen, may_save_etcd, snapshots_on
from kubepreflight.semantics.etcd_members import EtcdMembers
from kubepreflight.semantics.etcd_steps import EtcdStep, etcd_steps
from kubepreflight.semantics.kubeadm_config import KubeadmConfig
from kubepreflight.semantics.last_report import last_report
from kubepreflight.semantics.moments import duration
from kubepreflight.semantics.several import common_subject, listed
from kubepreflight.semantics.sizes import size
from kubepreflight.semantics.work import save_etcd_snapshot
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Version

RECENT = timedelta(days=2)
"""So old a snapshot may be: one a day, of which one may have failed."""


@rule(severity=WARNING, area="recovery", phase="before")
def etcd_backup_missing(
    *,
    members: EtcdMembers,
    cron_jobs: list[CronJob] | None,
    pods: list[Pod] | None,
    upgrade: Upgrade,
    versions: ComponentVersions,
    components: Components | None = None,
    config: KubeadmConfig | None = None,
    nodes: list[Node] | None = None,
    hosts: list[Host] | None = None,
) -> Iterator[Finding | Gap]:
    """No snapshot of etcd younger than two days was found, nor anything that takes one.

    Why: all that the cluster is lies in etcd. When an upgrade leaves it broken, or the new version has changed objects
    in a way that has to be undone, a snapshot is the only way back. Once etcd has come up at its new version, kubeadm
    does not take it back: not when it rolls the rest back, and not when the older Kubernetes is put in again.

    What happens: nothing, until it is needed. What kubeadm copies to /etc/kubernetes/tmp before it upgrades etcd does
    not stand in for it: these are files of a member that is running, of the last upgrade, on the same disk. Nor does
    Velero: it saves objects and volumes, not etcd.

    When it stays silent: a node has a whole snapshot (by its name and size; packed ones by their name) in one of the
    usual places, not older than two days when it was collected, or a CronJob that takes snapshots of etcd (by its name,
    image and command) succeeded within that time. Without facts from all nodes with etcd only a CronJob counts, and
    without any it is not checked; so it is where something else may take them: an operator's pod, a timer or a crontab.
    Snapshots that are kept elsewhere alone are not seen. etcd apart from the cluster is saved apart from it.

    How to see it yourself: kubectl get cronjobs -A; ls -l /var/backups /var/lib/etcd-backup* /root/*.db;
    etcdutl snapshot status FILE -w table

    References:
        https://kubernetes.io/docs/tasks/administer-cluster/configure-upgrade-etcd/#backing-up-an-etcd-cluster
        https://etcd.io/docs/latest/op-guide/recovery/
        https://github.com/kubernetes/kubernetes/blob/master/cmd/kubeadm/app/phases/upgrade/staticpods.go

    """
    if members.is_external:
        yield _unknown("etcd runs apart from the cluster, and so do its backups")
        return
    now = last_report(nodes or ()) or upgrade.start
    seen = sorted(snapshots_on(hosts or (), now), key=lambda one: one.snapshot.modified, reverse=True)
    if any(one.snapshot.is_whole and one.looked_at - one.snapshot.modified <= RECENT for one in seen):
        return
    takers = sorted((one for one in cron_jobs or () if one.saves_etcd), key=lambda one: (one.namespace, one.name))
    if any(_state(one, now) == "" for one in takers):
        return
    crossing = _crossing(upgrade, components, config, versions)
    remedy = _remedy(members, nodes or ())
    if takers:
        yield _failing(takers, now, crossing, remedy)
        return
    if not hosts:
        yield cannot_check(
            "backups of etcd",
            f"no CronJob takes snapshots of it; whether any lie on {listed(members.names)} is not seen",
            how=f"kubepreflight collect --ssh {quote(','.join(members.names))} --to hosts/",
        )
        return
    gaps = [*_unseen(members, hosts), *_others(hosts, pods or ())]
    yield from gaps
    is_seen = {host.name for host in hosts}.issuperset(members.names)
    if is_seen and not gaps and cron_jobs is not None and pods is not None:
        yield _none(members, seen, crossing, remedy)


def _unknown(reason: str, subject: str = "") -> Gap:
    return cannot_check(
        "backups of etcd", reason, subject=subject, how="see where its snapshots are kept, and how old the last one is"
    )


def _state(one: CronJob, now: datetime) -> str:
    """What is wrong with a CronJob, as a clause; empty when it does its work."""
    last, success = one.status.last_schedule_time, one.status.last_successful_time
    if one.spec.suspend:
        return "is suspended"
    if one.cannot_tell_success:
        success = last
    if success is None:
        return "has never succeeded" if last else "has not run yet"
    return "" if now - success <= RECENT else f"last succeeded {duration(now - success)} ago"


def _unseen(members: EtcdMembers, hosts: Sequence[Host]) -> Iterator[Gap]:
    """The nodes with etcd on which nobody looked for snapshots, or not everywhere."""
    for host in hosts:
        if host.name not in members.names:
            continue
        if isinstance(host.etcd_data.snapshots, Missing):
            yield host.cannot_check("etcd", host.etcd_data.snapshots)
        elif host.etcd_data.not_looked:
            places = listed(host.etcd_data.not_looked)
            yield host.cannot_check("etcd", Missing(f"snapshots were not looked for everywhere: {places}"))


def _others(hosts: Sequence[Host], pods: Sequence[Pod]) -> Iterator[Gap]:
    """What else may take snapshots."""
    for host in hosts:
        if host.etcd_data.schedules:
            reason = f"{listed(host.etcd_data.schedules)} may save etcd: whether that works is not seen"
            yield _unknown(reason, host.name)
    for pod in sorted(filter(may_save_etcd, pods), key=lambda one: (one.namespace, one.name)):
        yield _unknown("this pod may save etcd: whether that works is not seen", str(pod.subject))


def _crossing(
    upgrade: Upgrade, components: Components | None, config: KubeadmConfig | None, versions: ComponentVersions
) -> EtcdStep | None:
    """The first hop that takes etcd to another minor."""
    known = [one.version for one in components.of("etcd") if one.version] if components else []
    fixed = Version.try_parse(config.etcd_image_tag) if config else None
    steps = etcd_steps(upgrade, min(known), fixed, versions) if known else iter(())
    return next((one for one in steps if one.after.minor_version > one.before.minor_version), None)


def _way_back(crossing: EtcdStep | None) -> str:
    if crossing is None:
        return " When the upgrade damages etcd's data, there is no way back."
    return (
        f" The upgrade to {crossing.hop.end} takes etcd from {crossing.before.minor_version} to "
        f"{crossing.after.minor_version}. Once that has come up, kubeadm does not take it back, not even when it rolls "
        "the rest back: only a snapshot from before brings the old data back."
    )


def _remedy(members: EtcdMembers, nodes: Sequence[Node]) -> str:
    name = members.names[0]
    kubelet = next((node.status.node_info.kubelet_version for node in nodes if node.name == name), "")
    return (
        f"Take one right before the upgrade, on {name}, and keep it off the nodes:\n"
        f"{save_etcd_snapshot(name, kubelet)}\n"
        "See that it is whole, where there is an etcdutl (before etcd 3.6 etcdctl does that, too):\n"
        "etcdutl snapshot status /root/before-upgrade.db -w table\n"
        "Then let a CronJob or a timer take one every day."
    )


def _failing(takers: Sequence[CronJob], now: datetime, crossing: EtcdStep | None, remedy: str) -> Finding:
    told = "; ".join(f"{one.namespace}/{one.name} {_state(one, now)}" for one in takers[:5])
    return finding(
        common_subject(takers, "snapshots of etcd"),
        f"No snapshot of etcd younger than {duration(RECENT)} is known: the CronJob that should take them does not do "
        f"its work: {told}.{_way_back(crossing)}",
        remedy=f"Find out why, and mend it:\nkubectl -n {quote(takers[0].namespace)} get cronjobs,jobs\n{remedy}",
        places=takers,
    )


def _none(members: EtcdMembers, seen: Sequence[Seen], crossing: EtcdStep | None, remedy: str) -> Finding:
    whole = next((one for one in seen if one.snapshot.is_whole), None)
    broken = next((one for one in seen if not one.snapshot.is_whole), None)
    youngest = (
        ""
        if whole is None
        else (
            f" The youngest one, {whole.snapshot.path} on {whole.host.name}, was "
            f"{duration(whole.looked_at - whole.snapshot.modified)} old."
        )
    )
    if broken and (whole is None or broken.snapshot.modified > whole.snapshot.modified):
        youngest += (
            f" {broken.snapshot.path} on {broken.host.name} ({size(broken.snapshot.size)}) is not a whole snapshot."
        )
    return finding(
        Subject(kind="Etcd", field="snapshots"),
        f"No snapshot of etcd younger than {duration(RECENT)} was found in the usual places on "
        f"{listed(members.names)}, and no CronJob takes any.{youngest}{_way_back(crossing)}",
        remedy=remedy,
        places=members.places,
    )
