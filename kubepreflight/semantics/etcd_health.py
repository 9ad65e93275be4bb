"""How well each member of etcd is: from its pod, and from what members on the hosts say of themselves and others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Self

import msgspec

from kubepreflight.finding import Gap, Subject, cannot_check
from kubepreflight.host import EtcdListed, EtcdStatus, Host, Missing, last_flag
from kubepreflight.objects import Node, Pod
from kubepreflight.semantics.etcd_members import EtcdMembers
from kubepreflight.semantics.last_report import last_report
from kubepreflight.semantics.pod_trouble import NOT_READY, is_settling, trouble_of

_ALARM = re.compile(r"alarm:\s*([A-Z]+)")


class EtcdMember(msgspec.Struct, frozen=True, kw_only=True):
    """One voting member, and what is wrong with it, as a clause; empty when nothing is known to be.

    It `settles` when that may pass by itself: it may just have been started.
    """

    name: str
    trouble: str
    place: Subject
    settles: bool = False


class EtcdHealth(msgspec.Struct, frozen=True, kw_only=True):
    """The members that vote, the learners, the alarms by kind, and the members' clusters by their ids.

    `without` are nodes with an API server of kubeadm's and no etcd beside it.
    """

    voters: tuple[EtcdMember, ...]
    learners: tuple[str, ...]
    alarms: tuple[str, ...]
    clusters: Mapping[int, tuple[str, ...]]
    without: tuple[str, ...]
    gaps: tuple[Gap, ...]

    @classmethod
    def provide(
        cls,
        members: EtcdMembers,
        pods: list[Pod] | None,
        hosts: list[Host] | None = None,
        nodes: list[Node] | None = None,
    ) -> Self:
        """For etcd as kubeadm's static pods; of an external one nothing is known here, which is a gap."""
        if members.is_external:
            gap = cannot_check(
                "etcd members",
                "etcd runs apart from the cluster: how well its members are does not show in it",
                how="etcdctl endpoint health --cluster; etcdctl alarm list",
            )
            return cls(voters=(), learners=(), alarms=(), clusters={}, without=(), gaps=(gap,))
        of_etcd = {_member_name(pod): pod for pod in pods or () if _is(pod, "etcd")}
        said = {host.name: host.etcd for host in _youngest_first(hosts or ()) if isinstance(host.etcd, EtcdStatus)}
        listed = next((one.members for one in said.values() if not isinstance(one.members, Missing)), None)
        errors = {one.member_id: one.errors for one in said.values()}
        voters = _by_list(listed, errors, of_etcd) if listed else _by_pods(members, of_etcd, said)
        starting = _starting(of_etcd.values(), last_report(nodes or ()))
        return cls(
            voters=tuple(
                msgspec.structs.replace(one, settles=starting.get(one.place) == one.trouble)
                for one in sorted(voters, key=lambda one: one.name)
            ),
            learners=tuple(sorted(_name(one) for one in listed or () if one.is_learner)),
            alarms=tuple(
                sorted({kind for one in said.values() for text in one.errors for kind in _ALARM.findall(text)})
            ),
            clusters=_clusters(said),
            without=tuple(_without(members, pods or ())),
            gaps=tuple(_not_asked(hosts or ())),
        )


def _youngest_first(hosts: Iterable[Host]) -> list[Host]:
    """Of several that list the members, the last one to be collected is right; of equal ones the first by name."""
    timeless = datetime.min.replace(tzinfo=UTC)
    by_name = sorted(hosts, key=lambda host: host.name)
    return sorted(by_name, key=lambda host: host.collected_at or timeless, reverse=True)


def _by_list(
    listed: Iterable[EtcdListed], errors: Mapping[int, tuple[str, ...]], pods: Mapping[str, Pod]
) -> Iterator[EtcdMember]:
    for one in listed:
        if one.is_learner:
            continue
        pod = pods.get(one.name)
        if not one.name:
            trouble = "it was added to etcd and never started"
        elif pods and pod is None:
            trouble = "etcd counts it as a member, and no pod of etcd has that name"
        else:
            trouble = (_pod_trouble(pod) if pod else "") or _no_alarm(errors.get(one.id, ()))
        place = pod.subject if pod else Subject(kind="Etcd", name=_name(one))
        yield EtcdMember(name=_name(one), trouble=trouble, place=place)


def _by_pods(members: EtcdMembers, pods: Mapping[str, Pod], said: Mapping[str, EtcdStatus]) -> Iterator[EtcdMember]:
    by_node = {pod.spec.node_name: pod for pod in pods.values()}
    for name, place in zip(members.names, members.places, strict=True):
        pod = by_node.get(name)
        of_its_own = said[name].errors if name in said else ()
        trouble = (_pod_trouble(pod) if pod else "") or _no_alarm(of_its_own)
        yield EtcdMember(name=name, trouble=trouble, place=place)


def _starting(pods: Iterable[Pod], now: datetime | None) -> Mapping[Subject, str]:
    """What is wrong with those that may just have been started, when it is no more than that."""
    troubles = {pod.subject: trouble_of(pod, None) for pod in pods if is_settling(pod, now)}
    return {place: one.text for place, one in troubles.items() if one is not None and one.reason == NOT_READY}


def _pod_trouble(pod: Pod) -> str:
    """What is wrong with its pod; restarts alone are told by control-plane-pod-unhealthy."""
    trouble = trouble_of(pod, None)
    return trouble.text if trouble else ""


def _no_alarm(errors: Iterable[str]) -> str:
    return "; ".join(one for one in errors if not _ALARM.search(one))


def _name(one: EtcdListed) -> str:
    return one.name or f"{one.id:x}"


def _member_name(pod: Pod) -> str:
    commands = ((*(one.command or ()), *(one.args or ())) for one in pod.spec.containers or ())
    names = (last_flag(command, "name") for command in commands)
    return next((name for name in names if name), pod.spec.node_name or pod.name)


def _is(pod: Pod, component: str) -> bool:
    return pod.namespace == "kube-system" and pod.labels.get("component") == component and not pod.is_finished


def _clusters(said: Mapping[str, EtcdStatus]) -> Mapping[int, tuple[str, ...]]:
    found: dict[int, list[str]] = {}
    for host, one in sorted(said.items()):
        found.setdefault(one.cluster_id, []).append(host)
    return {cluster: tuple(hosts) for cluster, hosts in found.items()}


def _without(members: EtcdMembers, pods: Iterable[Pod]) -> Iterator[str]:
    """Nodes with an API server and no etcd, where others have both."""
    serving = {pod.spec.node_name for pod in pods if _is(pod, "kube-apiserver")} - {None, ""}
    if serving & set(members.names):
        yield from sorted(name for name in serving if name and name not in members.names)


def _not_asked(hosts: Iterable[Host]) -> Iterator[Gap]:
    for host in hosts:
        static_pods = () if isinstance(host.static_pods, Missing) else host.static_pods
        if not any(pod.name.startswith("etcd") for pod in static_pods):
            continue
        if isinstance(host.etcd, Missing):
            missing: Missing | None = host.etcd
        else:
            missing = host.etcd.members if isinstance(host.etcd.members, Missing) else None
        if missing is not None:
            yield cannot_check(
                "alarms and members of etcd",
                missing.reason,
                subject=host.name,
                how="etcdctl endpoint status --cluster -w table; etcdctl member list -w table; etcdctl alarm list",
            )
