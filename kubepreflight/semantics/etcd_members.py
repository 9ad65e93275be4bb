"""How many members etcd has, and who they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

import msgspec

from kubepreflight.finding import Gap, Subject, cannot_check
from kubepreflight.host import Host, Missing, last_flag
from kubepreflight.inputs import Unavailable
from kubepreflight.objects import Pod

API_SERVER = "kube-apiserver"


class EtcdMembers(msgspec.Struct, frozen=True):
    """The members that can be seen: `places` are etcd's pods, or its nodes; `names` nodes or client addresses.

    A member that was removed from the nodes and never from etcd itself is not seen.
    """

    names: tuple[str, ...]
    places: tuple[Subject, ...]
    is_external: bool

    @classmethod
    def provide(cls, pods: list[Pod] | None, hosts: list[Host] | None = None) -> Self:
        """From etcd's static pods, or from the addresses that API servers have for an etcd of its own.

        Raises Unavailable when neither is visible, and when one address may stand for any number of members.
        """
        system = [one for one in pods or () if one.namespace == "kube-system" and not one.is_finished]
        stacked = {one.spec.node_name or one.name: one.subject for one in system if _is(one, "etcd")}
        if stacked:
            return cls(tuple(sorted(stacked)), tuple(stacked[one] for one in sorted(stacked)), False)
        on_hosts = max((_initial_cluster(host) for host in hosts or ()), key=len, default=())
        if on_hosts:
            return cls(on_hosts, tuple(Subject(kind="Node", name=one, node=one) for one in on_hosts), False)
        addresses = sorted({one for line in _command_lines(system, hosts or ()) for one in _etcd_servers(line)})
        if len(addresses) > 1:
            return cls(tuple(addresses), (), True)
        raise Unavailable(_gap(addresses))


def _gap(addresses: list[str]) -> Gap:
    if addresses:
        reason = f"etcd runs apart from the cluster, behind {addresses[0]}: how many members stand there is not seen"
    else:
        reason = "no static pod of etcd is visible, and no API server that names its address"
    return cannot_check("etcd members", reason, how="etcdctl member list")


def _is(pod: Pod, component: str) -> bool:
    return pod.labels.get("component") == component


def _initial_cluster(host: Host) -> tuple[str, ...]:
    """The members that etcd's manifest names: all that there were when this one joined."""
    static_pods = () if isinstance(host.static_pods, Missing) else host.static_pods
    flags = (one.flag("initial-cluster") for one in static_pods if one.name.startswith("etcd"))
    members = next((flag for flag in flags if flag), "")
    return tuple(sorted({one.partition("=")[0] for one in members.split(",") if "=" in one}))


def _command_lines(pods: Iterable[Pod], hosts: Iterable[Host]) -> Iterable[tuple[str, ...]]:
    for pod in pods:
        if _is(pod, API_SERVER):
            yield from ((*(one.command or ()), *(one.args or ())) for one in pod.spec.containers or ())
    for host in hosts:
        static_pods = () if isinstance(host.static_pods, Missing) else host.static_pods
        yield from (one.command for one in static_pods if one.name.startswith(API_SERVER))


def _etcd_servers(command: tuple[str, ...]) -> list[str]:
    servers = last_flag(command, "etcd-servers") or ""
    return [one.strip() for one in servers.split(",") if one.strip()]
