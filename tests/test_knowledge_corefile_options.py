"""What the tables of CoreDNS make of what each kubeadm can migrate."""

import csv

import pytest

from kubepreflight.version import Minor
from tools.knowledge import makers, records
from tools.knowledge.pins import Pin

OLD, NEW = Minor(1, 36), Minor(1, 37)
FORWARD, EXPIRE, GREASE = ("forward", "", ""), ("forward", "expire", ""), ("forward", "", "gr.*")
KNOWN = {
    OLD: {"1.9.3": {FORWARD: "", GREASE: ""}, "1.10.0": {FORWARD: "", GREASE: ""}},
    NEW: {
        "1.9.3": {FORWARD: "", EXPIRE: "", GREASE: ""},
        "1.10.0": {FORWARD: "deprecated", GREASE: ""},
        "1.11.0": {FORWARD: "removed"},
    },
}


@pytest.fixture(autouse=True)
def migrations(monkeypatch: pytest.MonkeyPatch) -> None:
    for table in ("coredns_versions", "corefile_options"):
        monkeypatch.setattr(makers.maker(table), "migrations", lambda pin: KNOWN[pin.minor])


def made(table: str) -> list[list[str]]:
    """The table, of records that went through files' text."""
    maker, read = makers.maker(table), {}
    for minor in KNOWN:
        pin = Pin(f"{minor}.1")
        lines = records.text_of(pin, maker.read(pin)).splitlines()[1:]
        read[minor] = [tuple(row) for row in csv.reader(lines)]
    text = maker.compose(read)
    return list(csv.reader(line for line in text.splitlines() if not line.startswith("#")))[1:]


def test_a_version_is_known_from_the_first_kubeadm_on() -> None:
    assert made("coredns_versions") == [["1.9.3", "1.36"], ["1.10.0", "1.36"], ["1.11.0", "1.37"]]


def test_changes_stand_in_the_order_of_versions_with_the_kubeadm_that_first_knew_them() -> None:
    assert made("corefile_options") == [
        ["forward", "", "", "1.9.3", "", ""],
        ["forward", "", "gr.*", "1.9.3", "", ""],
        ["forward", "expire", "", "1.9.3", "", "1.37"],
        ["forward", "", "", "1.10.0", "deprecated", "1.37"],
        ["forward", "expire", "", "1.10.0", "absent", ""],
        ["forward", "", "", "1.11.0", "removed", ""],
        ["forward", "", "gr.*", "1.11.0", "absent", ""],
    ]
