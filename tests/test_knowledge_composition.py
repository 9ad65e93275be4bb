"""What the tables of gates, flags and plugins make of records, one minor after the other."""

import csv
from collections.abc import Sequence

import pytest

from kubepreflight.version import Minor
from tools.knowledge.makers import Records
from tools.knowledge.pins import pins
from tools.knowledge.tables import admission_plugins, feature_gate_dependencies, feature_gates, flags

FIRST = Minor(1, 34)


def minors(*records: Sequence[tuple[str, ...]]) -> Records:
    """Records of 1.34 and the minors after it."""
    return {FIRST.plus(number): list(rows) for number, rows in enumerate(records)}


def made(text: str) -> list[list[str]]:
    return list(csv.reader(line for line in text.splitlines() if not line.startswith("#")))[1:]


@pytest.mark.parametrize(
    ("states", "history"),
    [
        (["alpha off", "alpha off", "beta on"], "1.34 alpha off; 1.36 beta on"),
        (["", "ga on locked", ""], "1.35 ga on locked; 1.36 gone"),
        (["beta on", "", "beta on"], "1.34 beta on; 1.35 gone; 1.36 beta on"),
    ],
)
def test_a_gates_history_is_its_changes(states: list[str], history: str) -> None:
    records = minors(*([("SomeGate", state, "core")] if state else [] for state in states))
    assert made(feature_gates.compose(records)) == [["core", "SomeGate", history]]


def test_a_gate_that_the_programs_know_differently_has_a_row_for_each() -> None:
    records = minors([("SomeGate", "beta on", "kubelet kubeadm")], [("SomeGate", "ga on", "core")])
    rows = {component: history for component, _gate, history in made(feature_gates.compose(records))}
    assert rows == {
        "kubeadm": "1.34 beta on; 1.35 gone",
        "kubelet": "1.34 beta on; 1.35 ga on",
        "kube-apiserver": "1.35 ga on",
        "kube-controller-manager": "1.35 ga on",
        "kube-proxy": "1.35 ga on",
        "kube-scheduler": "1.35 ga on",
    }


def test_a_gate_needs_another_from_the_first_minor_on_to_the_last() -> None:
    text = feature_gate_dependencies.compose(minors([], [("A", "B"), ("A", "C")], [("A", "C")]))
    assert made(text) == [["A", "B", "1.35", "1.36"], ["A", "C", "1.35", ""]]


@pytest.mark.parametrize(
    ("messages", "life"),
    [
        (["", "", ""], ["", "", "", "", ""]),
        ([None, "", ""], ["1.35", "", "", "", ""]),
        (["", "gone\n soon", "gone now"], ["", "1.35", "", "gone now", ""]),
        (["once", "now", ""], ["", "1.34", "1.36", "now", ""]),
        (["once", "", "again"], ["", "1.36", "", "again", ""]),
        (["once", "", None], ["", "1.34", "1.35", "once", "1.36"]),
        (["soon", None, None], ["", "1.34", "", "soon", "1.35"]),
        (["", None, ""], ["", "", "", "", ""]),
    ],
)
def test_the_life_of_a_flag(messages: list[str | None], life: list[str]) -> None:
    records = minors(*([("kubelet", "some-flag", one)] if one is not None else [] for one in messages))
    assert [row[:-1] for row in made(flags.compose(records))] == [["kubelet", "some-flag", *life]]


def test_the_source_of_a_flag_is_the_release_that_has_the_last_word() -> None:
    releases = {pin.minor: pin.release for pin in pins().pins}
    ((*_, source),) = made(flags.compose(minors([("kubelet", "some-flag", "")], [])))
    assert source.split()[0] == releases[FIRST.plus(1)]


@pytest.mark.parametrize(
    ("states", "row"),
    [
        (["", "", ""], ["", "", "", ""]),
        (["on", "on", "on"], ["", "", "1.34", ""]),
        ([None, "", "on"], ["1.35", "", "1.36", ""]),
        (["on", "", None], ["", "1.36", "1.34", "1.35"]),
    ],
)
def test_when_a_plugin_exists_and_is_on(states: list[str | None], row: list[str]) -> None:
    records = minors(*([("SomePlugin", one)] if one is not None else [] for one in states))
    assert made(admission_plugins.compose(records)) == [["SomePlugin", *row]]


def test_a_plugin_that_comes_back_needs_another_table() -> None:
    with pytest.raises(ValueError, match="SomePlugin went and came back"):
        admission_plugins.compose(minors([("SomePlugin", "")], [], [("SomePlugin", "")]))
