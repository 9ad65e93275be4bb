"""Clocks held against each other, as far as what was measured allows."""

from __future__ import annotations

import pytest

from kubepreflight.host import Clock, Host, Machine
from kubepreflight.semantics.clocks import clocks_off


def host(name: str, least: float, most: float) -> Host:
    return Host(name=name, file="", machine=Machine(clock=Clock(ahead=(least, most), collected_from="desk")))


@pytest.mark.parametrize(
    ("clocks", "off"),
    [
        ([(0, 1), (0, 1), (0, 1)], {}),
        ([(-1, 1), (0, 2), (70, 72)], {"2": 68}),
        ([(-1, 1), (0, 2), (-80, -70)], {"2": -69}),
        # what is no more than possible is not said
        ([(-1, 1), (0, 2), (50, 90)], {}),
        ([(-1, 1), (0, 100), (70, 72)], {}),
        ([(600, 601), (600, 601), (0, 1)], {"2": -599}),
        # of one or two the collecting machine's own clock counts as right
        ([(600, 601), (0, 1)], {"0": 600}),
        ([(-5, -3)], {}),
        ([], {}),
    ],
)
def test_only_what_is_surely_apart_counts(clocks: list[tuple[float, float]], off: dict[str, float]) -> None:
    hosts = [host(str(number), *clock) for number, clock in enumerate(clocks)]
    assert {one.host.name: one.seconds for one in clocks_off(hosts, 60)} == off
