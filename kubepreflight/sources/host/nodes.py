"""The nodes of a cluster as targets of ssh: their names and addresses, as the API tells them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import Final

import msgspec

from kubepreflight.errors import SourceError
from kubepreflight.inputs import Parameter, Wanted
from kubepreflight.objects import Node
from kubepreflight.snapshot import Collector
from kubepreflight.sources.cluster import read_cluster
from kubepreflight.sources.connection import Connection
from kubepreflight.sources.host.ssh import Collected, Target

ADDRESSES: Final = ("InternalIP", "ExternalIP", "Hostname", "InternalDNS", "ExternalDNS")
"""The types that Kubernetes knows; where ssh does not know a node's name, the first that it has is taken."""

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


class Nodes(msgspec.Struct, frozen=True):
    """Where to log in; the nodes for which there is no way, with the reason; those that no collector runs on."""

    targets: tuple[Target, ...]
    unreachable: tuple[Collected, ...]
    foreign: tuple[str, ...]


def nodes_of_cluster(connection: Connection, *, address: str | None = None, user: str = "") -> Nodes:
    """Every node of a cluster, ready or not. `address` and `user` as for `targets_of`.

    Raises SourceError when the nodes cannot be listed.
    """
    collector = Collector(Wanted.by([Parameter("", list, Node, False)]))
    read_cluster(collector, connection)
    snapshot = collector.snapshot()
    gaps = snapshot.gaps_of(Node.api)
    if not snapshot.has_listed(Node.api):
        raise SourceError("the nodes cannot be listed: " + "; ".join(f"{gap.reason}. {gap.how}" for gap in gaps[:1]))
    found = targets_of(snapshot.observed[Node], address=address, user=user)
    broken = tuple(Collected(host=gap.subject, reason=gap.reason) for gap in gaps)
    return msgspec.structs.replace(found, unreachable=(*found.unreachable, *broken))


def targets_of(nodes: Iterable[Node], *, address: str | None = None, user: str = "") -> Nodes:
    """What ssh is told for each of `nodes`.

    That is the node's name, which the user's ssh configuration and known hosts are likely to have, and its address
    where ssh cannot resolve the name; with `address`, one of ADDRESSES, just that. `user` logs in, or whom ssh's
    configuration names.
    """
    targets, unreachable, foreign = [], [], []
    for node in sorted(nodes, key=lambda node: node.name):
        if not node.has_collectable_disk:
            foreign.append(node.name)
            continue
        told = [found] if address and (found := _address(node, address)) else []
        if not address:
            told = list(filter(None, (_plain(node.name), *(_address(node, kind) for kind in ADDRESSES))))
        if told:
            targets.append(Target(node.name, *(f"{user}@{one}" if user else one for one in told[:2])))
        else:
            reason = f"the API tells no {address or 'name or address'} of it that ssh could be given"
            unreachable.append(Collected(host=node.name, reason=reason))
    return Nodes(tuple(targets), tuple(unreachable), tuple(foreign))


def _address(node: Node, kind: str) -> str:
    """An address of one type, or nothing: a kubelet may write there what it likes."""
    found = next((one.address for one in node.status.addresses or () if one.type == kind), "")
    if not kind.endswith("IP"):
        return _plain(found)
    try:
        return str(ipaddress.ip_address(found))
    except ValueError:
        return ""


def _plain(name: str) -> str:
    return name if _NAME.fullmatch(name) else ""
