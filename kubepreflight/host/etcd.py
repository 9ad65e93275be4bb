"""The member of etcd on a node."""

from __future__ import annotations

import msgspec

from kubepreflight.host.missing import Missing


class EtcdListed(msgspec.Struct, frozen=True, kw_only=True):
    """One member as etcd knows it; `name` is empty when it was added and never started."""

    id: int
    name: str = ""
    is_learner: bool = False


class EtcdStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What the member of etcd on a node says of itself, and whom it knows.

    `errors` are its own words: alarms of any member (`memberID:1 alarm:NOSPACE`), the lack of a leader.
    """

    member_id: int
    cluster_id: int
    version: str = ""
    errors: tuple[str, ...] = ()
    members: tuple[EtcdListed, ...] | Missing = Missing("not collected")
