"""What the member of etcd on a node says: `etcdctl endpoint status` and `etcdctl member list`, in JSON."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from kubepreflight.host import EtcdListed, EtcdStatus, Missing
from kubepreflight.sources.host.host_files import HostFiles

T = TypeVar("T")


class _Header(msgspec.Struct, frozen=True):
    cluster_id: int = 0
    member_id: int = 0


class _Status(msgspec.Struct, frozen=True):
    header: _Header = _Header()
    version: str = ""
    db_size: int = msgspec.field(name="dbSize", default=0)
    db_size_in_use: int = msgspec.field(name="dbSizeInUse", default=0)
    db_size_quota: int = msgspec.field(name="dbSizeQuota", default=0)
    errors: tuple[str, ...] | None = None


class _Endpoint(msgspec.Struct, frozen=True):
    status: _Status = msgspec.field(name="Status", default=_Status())


class _Member(msgspec.Struct, frozen=True):
    id: int = msgspec.field(name="ID", default=0)
    name: str = ""
    is_learner: bool = msgspec.field(name="isLearner", default=False)


class _MemberList(msgspec.Struct, frozen=True):
    members: tuple[_Member, ...] | None = None


def read_etcd(node: HostFiles) -> EtcdStatus | Missing:
    """The member on this node; a Missing where there is none, where it could not be asked, or did not answer."""
    endpoints = _said(node, "etcd-status", tuple[_Endpoint, ...])
    if isinstance(endpoints, Missing):
        return endpoints
    if not endpoints:
        return Missing("etcd-status: it names no endpoint")
    status = endpoints[0].status
    if not status.header.cluster_id:
        node.gap("commands/etcd-status", "it names no cluster")
        return Missing("etcd-status: it names no cluster")
    listed = _said(node, "etcd-members", _MemberList)
    return EtcdStatus(
        member_id=status.header.member_id,
        cluster_id=status.header.cluster_id,
        version=status.version,
        size=status.db_size,
        size_in_use=status.db_size_in_use,
        quota=status.db_size_quota,
        errors=tuple(" ".join(one.split())[:200] for one in status.errors or ()),
        members=listed if isinstance(listed, Missing) else tuple(map(_listed, listed.members or ())),
    )


def _listed(one: _Member) -> EtcdListed:
    return EtcdListed(id=one.id, name=one.name if one.name.isprintable() else "", is_learner=one.is_learner)


def _said(node: HostFiles, name: str, kind: type[T]) -> T | Missing:
    command = node.command(name)
    if command is None:
        return node.missing(f"commands/{name}") or Missing("etcd was not asked on the node")
    if not command.installed:
        return Missing("the node has no etcdctl, and no running container of etcd that crictl could use")
    if command.status:
        node.gap(f"commands/{name}", command.failure)
        return Missing(command.failure)
    try:
        return msgspec.json.decode(command.stdout, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        node.gap(f"commands/{name}", str(error))
        return Missing(f"{name}: {error}")
