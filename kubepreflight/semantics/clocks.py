"""Clocks of nodes, held against each other by way of the machine that collected from them."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

import msgspec

from kubepreflight.host import Host, Missing

Range = tuple[float, float]


class Off(msgspec.Struct, frozen=True):
    """A clock that is surely this many `seconds` ahead of `reference` (the other nodes, or a machine's name).

    Negative when it is behind.
    """

    host: Host
    seconds: float
    reference: str


def clocks_off(hosts: Iterable[Host], tolerance: float) -> list[Off]:
    """The hosts whose clocks are surely more than `tolerance` seconds from those of the others.

    Of three or more that one machine collected from, the middle one counts as right; of fewer that machine's own, which
    may as well be the one that is wrong.
    """
    by_collector: dict[str, list[tuple[Host, Range]]] = {}
    for host in hosts:
        ahead = host.machine.clock.ahead
        if not isinstance(ahead, Missing):
            by_collector.setdefault(host.machine.clock.collected_from, []).append((host, ahead))
    off = []
    for collector, clocks in by_collector.items():
        several = len(clocks) > 2
        right = _middle([ahead for _, ahead in clocks]) if several else (0.0, 0.0)
        reference = "the other nodes" if several else collector or "the machine that collected"
        for host, ahead in clocks:
            seconds = _apart(ahead, right)
            if abs(seconds) > tolerance:
                off.append(Off(host, seconds, reference))
    return off


def _middle(clocks: list[Range]) -> Range:
    middle = median(sum(one) / 2 for one in clocks)
    return min(clocks, key=lambda one: abs(sum(one) / 2 - middle))


def _apart(one: Range, other: Range) -> float:
    if one[0] > other[1]:
        return one[0] - other[1]
    return one[1] - other[0] if one[1] < other[0] else 0.0
