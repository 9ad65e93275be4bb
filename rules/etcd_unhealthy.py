"""An etcd that is not well before the work begins."""

from collections.abc import Iterator
from shlex import quote
from typing import NamedTuple

from kubepreflight.finding import BLOCKER, WARNING, Finding, Gap, Severity, Subject, finding
from kubepreflight.knowledge.etcd_gates import EtcdGates
from kubepreflight.rule import rule
from kubepreflight.semantics.etcd_health import EtcdHealth, EtcdMember
from kubepreflight.semantics.several import grouped
from kubepreflight.semantics.work import ETCD_ENDPOINT
from kubepreflight.upgrade import Upgrade

ASK = f"kubectl -n kube-system exec etcd-NODE -- etcdctl {ETCD_ENDPOINT}"
"""NODE stands for one whose etcd is well."""


class Alarm(NamedTuple):
    """What an alarm means, as a clause, and what helps."""

    what: str
    remedy: str


ALARMS = {
    "NOSPACE": Alarm(
        what="its database has reached the quota, and it takes no writes but deletions: the API server can store "
        "nothing, and kubeadm neither makes its test Job nor writes its configuration",
        remedy="Free space, and only then take the alarm back:\n"
        f"{ASK} endpoint status -w json    # the revision, for the next line\n"
        f"{ASK} compact REVISION\n"
        f"{ASK} defrag    # on each member, one after the other\n"
        f"{ASK} alarm disarm",
    ),
    "CORRUPT": Alarm(
        what="members hold different data, and it takes no writes; an upgrade would carry the damage on",
        remedy="Find the member whose data differ, take it out, and let it join anew with an empty data directory; "
        "restore a snapshot when it is not clear which one is right:\n"
        f"{ASK} endpoint hashkv --cluster\n"
        "Only when all hold the same data, take the alarm back:\n"
        f"{ASK} alarm disarm",
    ),
}
STARTING = (
    "It became so less than two minutes ago, as when it is started: it has to be ready before the work begins, or "
    "kubeadm stops."
)
OTHER_ALARM = Alarm("etcd says no more than that", f"Find out why, first:\n{ASK} alarm list")


@rule(severity=BLOCKER, area="control-plane", phase="before")
def etcd_unhealthy(health: EtcdHealth, gates: EtcdGates, upgrade: Upgrade) -> Iterator[Finding | Gap]:
    """A member of etcd is down, an alarm is raised, members disagree, or a learner was left over.

    Why: kubeadm replaces etcd on every control-plane node, and asks its members before and after. etcd works while
    more than half of those that vote do; who is down before the upgrade is missing while another is restarted.

    What happens: until April 2026 (1.33.11, 1.34.7, 1.35.4, 1.36.0) kubeadm stops for one member that does not answer
    ("etcd cluster is not healthy"), later ones when no more than half of them answer. When they go on, the API is away
    each time another member is restarted, unless five or more are there: then it is a warning. So it is where a pod
    became unready less than two minutes before the nodes last reported, and may just be starting. With an alarm etcd
    takes no writes at all. A node with an API server and no etcd, where others have both, stops `kubeadm upgrade node`.
    A learner does not vote, and lets no other one join: a warning.

    When it stays silent: all members' pods are ready. What only etcd itself knows (alarms, learners, members whose node
    is gone) comes from host facts, where the collector could ask it with etcdctl, or with crictl in its container; else
    that part is named as not checked. Pods that were only restarted, and the other components', are told by
    control-plane-pod-unhealthy, an even number of members by even-etcd-members. An etcd that runs apart from the
    cluster is not checked.

    How to see it yourself: kubectl -n kube-system exec etcd-NODE -- etcdctl --endpoints https://127.0.0.1:2379
    --cacert /etc/kubernetes/pki/etcd/ca.crt --cert /etc/kubernetes/pki/etcd/server.crt
    --key /etc/kubernetes/pki/etcd/server.key endpoint status --cluster -w table

    References:
        https://kubernetes.io/docs/tasks/administer-cluster/configure-upgrade-etcd/
        https://etcd.io/docs/latest/op-guide/maintenance/#space-quota
        https://etcd.io/docs/latest/op-guide/data_corruption/
        https://etcd.io/docs/latest/learning/design-learner/
        https://github.com/kubernetes/kubernetes/pull/138403

    """
    yield from health.gaps
    unwell = [one for one in health.voters if one.trouble]
    if unwell:
        yield _members(health.voters, unwell, gates, upgrade)
    for alarm in health.alarms:
        known = ALARMS.get(alarm, OTHER_ALARM)
        yield finding(
            Subject(kind="Etcd", field=f"alarm {alarm}"),
            f"etcd has raised the alarm {alarm}: {known.what}.",
            remedy=known.remedy,
            places=[one.place for one in health.voters],
        )
    if len(health.clusters) > 1:
        yield _split(health)
    for node in health.without:
        yield _without(node)
    for name in health.learners:
        yield _learner(name)


def _members(voters: tuple[EtcdMember, ...], unwell: list[EtcdMember], gates: EtcdGates, upgrade: Upgrade) -> Finding:
    follows, severity = _what_follows(len(voters), len(unwell), gates, upgrade)
    if all(one.settles for one in unwell):
        follows, severity = STARTING, WARNING
    told = "; ".join(f"{one.name}: {one.trouble}" for one in unwell)
    are = "is" if len(unwell) == 1 else "are"
    return finding(
        Subject(kind="Etcd", field="members"),
        f"{len(unwell)} of {len(voters)} members of etcd {are} not well: {told}. {follows}",
        remedy="Find out why, first, and bring it back:\n"
        + "".join(
            f"kubectl -n kube-system logs {quote(one.place.name)} --tail=50\n" for one in unwell if one.place.node
        )
        + f"A member whose node is gone for good has to be taken out, from NODE where etcd is well:\n"
        f"{ASK} member list\n{ASK} member remove MEMBER_ID",
        places=[one.place for one in unwell],
        severity=severity,
        evidence={"members": [one.name for one in voters], "not well": [one.name for one in unwell]},
    )


def _what_follows(members: int, unwell: int, gates: EtcdGates, upgrade: Upgrade) -> tuple[str, Severity]:
    hop = upgrade.first_hop
    kubeadm = upgrade.version_after(hop)
    quorum, left = members // 2 + 1, members - unwell
    if left < quorum:
        return f"{quorum} are needed for it to work: kubeadm stops, when the API is there at all.", BLOCKER
    if not gates.majority_suffices(kubeadm):
        return f"kubeadm {kubeadm} asks each of them, and stops when one does not answer.", BLOCKER
    content = f"kubeadm is content with the {left} others"
    if left > quorum:
        return f"{content}, and one more may be away while it restarts them.", WARNING
    stops = "but the API stops each time it restarts etcd on one of their nodes"
    return f"{content}, {stops}, and when that one does not come back, only a snapshot helps.", BLOCKER


def _split(health: EtcdHealth) -> Finding:
    by_cluster: dict[object, tuple[str, ...]] = {f"{cluster:x}": hosts for cluster, hosts in health.clusters.items()}
    return finding(
        Subject(kind="Etcd", field="cluster"),
        f"The members of etcd belong to different clusters: {grouped(by_cluster)}. The API servers behind them do not "
        "see the same objects, and an upgrade makes it worse.",
        remedy="Decide which one holds the truth, and join the control-plane nodes of the other anew:\n"
        f"{ASK} endpoint status -w json    # with each control-plane node for NODE\n"
        "kubeadm reset    # on a node that joins anew",
        places=[Subject(kind="Node", name=name, node=name) for hosts in health.clusters.values() for name in hosts],
    )


def _without(node: str) -> Finding:
    return finding(
        Subject(kind="Node", name=node, node=node),
        f"{node} runs an API server, and no etcd beside it as the other control-plane nodes do. `kubeadm upgrade` "
        "stops there: it finds no manifest of etcd to begin from.",
        remedy="See what is in the way on the node, and join it anew when its member is lost:\n"
        "ls -l /etc/kubernetes/manifests\njournalctl -u kubelet --since -1h | grep etcd",
        field="etcd",
    )


def _learner(name: str) -> Finding:
    return finding(
        Subject(kind="Etcd", name=name, field="learner"),
        f"{name} is a learner in etcd: it follows, and does not vote, because its join never came to its end. It bears "
        "no failure of another member, and as long as it is there no other control-plane node can join.",
        remedy="Make it a voting member when its node is well, else take it out:\n"
        f"{ASK} member list\n{ASK} member promote MEMBER_ID\n{ASK} member remove MEMBER_ID",
        severity=WARNING,
    )
