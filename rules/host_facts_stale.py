"""Facts of nodes that may no longer be true."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from shlex import quote

from kubepreflight.finding import WARNING, Finding, finding
from kubepreflight.host import Host, Missing
from kubepreflight.objects import Node
from kubepreflight.rule import rule
from kubepreflight.semantics.host_identity import HostIdentities, excluding
from kubepreflight.semantics.last_report import last_report
from kubepreflight.semantics.moments import duration, exact, moment, span
from kubepreflight.semantics.several import common_subject, listed
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Version

TRUSTED = timedelta(days=7)
"""In a week packages move by themselves, certificates rotate, and somebody logs in."""
APART = timedelta(hours=2)
"""Clocks of nodes may be so far apart, and a collection takes its time."""


@rule(severity=WARNING, area="nodes", phase="before")
def host_facts_stale(
    hosts: list[Host], identities: HostIdentities, upgrade: Upgrade, nodes: list[Node] | None = None
) -> Iterator[Finding]:
    """Facts of a node are old, or of a node that has changed since or is none of this cluster's.

    Why: what lies on a node's disk was read at one moment. Everything that is said about packages, holds, certificates
    and settings holds for that moment, and the upgrade begins later.

    What happens: the scan says "held" of a package that somebody has unheld, or that a certificate ends which was
    renewed last week. A blocker may be missing, and one that is there may be over.

    When it stays silent: the facts were collected at most a week before the cluster was read (before the planned start,
    where no node's report tells when that was), and nothing contradicts them. What contradicts them: the kubelet that
    runs is newer than the one on the disk; the kernel that runs is another one; the machine-id is another one, because
    the machine was set up anew under its old name. A machine that runs etcd alone need not be a node, and one without
    a collection time, a copy of files, cannot be too old. The week is generous to clocks that are wrong by hours.

    How to see it yourself: tar -xOf hosts/NODE.tar host.json

    References:
        https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-upgrade/#before-you-begin

    """
    known = {node.name: node for node in nodes or ()}
    now = last_report(known.values()) or upgrade.start
    yield from _too_old(hosts, now)
    yield from _unknown(identities)
    for host in hosts:
        yield from _contradicted(host, known.get(host.name), identities, now)


def _too_old(known: list[Host], now: datetime) -> Iterator[Finding]:
    times = [(host, host.collected_at) for host in known if host.collected_at is not None]
    old = [(host, when) for host, when in times if now - when > TRUSTED]
    if old:
        hosts, moments = [host for host, _ in old], [when for _, when in old]
        yield finding(
            common_subject(hosts, "age of its facts" if len(hosts) == 1 else "age of their facts"),
            f"What is known of {_named(hosts)} was collected {span(moments)}, {duration(now - min(moments))} ago"
            f"{' or less' if len(old) > 1 else ''}: packages, holds and certificates may be other ones by now.",
            remedy=_again(hosts),
            places=hosts,
            evidence={"collected": sorted(f"{host.name} {exact(when)}" for host, when in old)},
        )


def _unknown(identities: HostIdentities) -> Iterator[Finding]:
    hosts = [host for host in identities.unknown if not _is_etcd_alone(host)]
    if hosts:
        it, left = ("it", "has left") if len(hosts) == 1 else ("they", "have left")
        leave_out = " ".join(map(excluding, hosts))
        yield finding(
            common_subject(hosts, "not a node of this cluster"),
            f"The API has no node called {_named(hosts, 'or')}, nor one with that machine-id or address. It has left "
            "the cluster or has not joined it, and what is said of it here may be of no matter.",
            remedy=f"See whether {it} should be there; if {it} {left} the cluster, leave the facts out:\n"
            f"kubectl get nodes -o wide\nkubepreflight scan {leave_out} …",
            places=hosts,
        )


def _is_etcd_alone(host: Host) -> bool:
    pods = () if isinstance(host.static_pods, Missing) else host.static_pods
    return bool(pods) and all(pod.name.startswith("etcd") for pod in pods)


def _contradicted(host: Host, node: Node | None, identities: HostIdentities, now: datetime) -> Iterator[Finding]:
    if node is None:
        return
    reasons = list(_since(host, node, now))
    if host.name in identities.other_machine:
        machine = node.status.node_info.machine_id
        reasons.insert(0, f"its machine-id is {machine}, and {host.machine_id} in {host.file}: it was set up anew")
    if reasons:
        when = f", collected at {moment(host.collected_at)}" if host.collected_at else ""
        yield finding(
            host,
            f"{host.name} is no longer what {host.file} says{when}: {'; '.join(reasons)}. Packages, holds and "
            "certificates may be other ones by now.",
            remedy=_again([host]),
            field="facts older than the node",
            place=host,
            evidence={"file": host.file},
        )


def _since(host: Host, node: Node, now: datetime) -> Iterator[str]:
    """What the API says of a node that its archive, if it is the older of the two, could not know."""
    if host.collected_at is None or now - host.collected_at < APART:
        return
    info = node.status.node_info
    versions = {} if isinstance(host.versions, Missing) else host.versions
    runs, lies = Version.try_parse(info.kubelet_version), Version.try_parse(versions.get("kubelet", ""))
    if runs and lies and runs > lies:
        yield f"kubelet {runs} runs there, and {lies} was installed"
    if info.kernel_version and isinstance(host.kernel, str) and info.kernel_version != host.kernel:
        yield f"it runs the kernel {info.kernel_version}, and ran {host.kernel}"


def _named(hosts: list[Host], conjunction: str = "and") -> str:
    return listed((host.name for host in hosts), conjunction)


def _again(hosts: list[Host]) -> str:
    return f"kubepreflight collect --ssh {quote(','.join(host.name for host in hosts))} --to hosts/"
