"""What is known of volume plugins that were part of Kubernetes holds together, and with what is known of gates."""

from __future__ import annotations

import pytest

from kubepreflight.knowledge.feature_gates import FeatureGates
from kubepreflight.knowledge.in_tree_volumes import InTreePlugin, InTreePlugins
from kubepreflight.parts import IN_TREE
from kubepreflight.version import Minor

TABLE = InTreePlugins.provide()
GATES = FeatureGates.provide()
MINORS = [Minor(1, minor) for minor in range(15, 38)]
MIGRATED = [one for one in TABLE.all if one.driver]


def first(gate: str, *, locked: bool) -> Minor:
    """The first minor that has a gate on by default, or locked."""
    states = ((minor, GATES.state("kubelet", gate, minor)) for minor in MINORS)
    return next(minor for minor, one in states if one and one.default and (one.locked or not locked))


def test_every_volume_that_is_read_is_one_of_the_table() -> None:
    assert sorted(one.field for one in TABLE.all) == sorted(IN_TREE)


@pytest.mark.parametrize("plugin", TABLE.all, ids=lambda one: one.field)
def test_a_plugin_is_removed_or_migrated(plugin: InTreePlugin) -> None:
    assert bool(plugin.removed) != bool(plugin.driver)
    assert all((plugin.gate, plugin.migrated, plugin.locked, plugin.instead)) == bool(plugin.driver)
    assert plugin.source.startswith("https://")


@pytest.mark.parametrize("plugin", MIGRATED, ids=lambda one: one.field)
def test_the_gates_say_when(plugin: InTreePlugin) -> None:
    assert (plugin.migrated, plugin.locked) == (first(plugin.gate, locked=False), first(plugin.gate, locked=True))


def test_the_common_gate_says_when() -> None:
    assert TABLE.common.locked == first(TABLE.common.gate, locked=True)
