"""When the objects of a cluster were read, as far as they tell it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from kubepreflight.objects import Node


def last_report(nodes: Iterable[Node]) -> datetime | None:
    """The youngest heartbeat of any node: a dump is hardly older or younger. None when no node gave one."""
    reports = (one.last_heartbeat_time for node in nodes for one in node.status.conditions or ())
    return max((one for one in reports if one is not None), default=None)
