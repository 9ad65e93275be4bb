"""An input with `= None`: used when it is there, and no gap when it is not."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from kubepreflight.engine import Resolver, judge
from kubepreflight.finding import NOTE, Finding, Gap, finding
from kubepreflight.inputs import Wanted
from kubepreflight.objects import Api, Desired, KubernetesObject, Origin
from kubepreflight.report import CoverageStatus
from kubepreflight.rule import Rule, rule
from kubepreflight.snapshot import Collector
from kubepreflight.testing import AT, NEWEST_KNOWN
from kubepreflight.upgrade import ScanOptions


class Widget(KubernetesObject):
    api = Api("example.com", "Widget", "widgets")


@rule(severity=NOTE, area="apis", phase="before")
def named(widgets: Desired[Widget] | None = None) -> Iterator[Finding]:
    """A widget."""
    for widget in widgets or ():
        yield finding(widget, "here", remedy="none")


@rule(severity=NOTE, area="apis", phase="before")
def missed(widgets: Desired[Widget] | None) -> Iterator[Finding]:
    """A widget."""
    yield from named(widgets)  # type: ignore[misc]  # a rule yields findings and gaps, this one findings only


@pytest.mark.parametrize(("asks", "status"), [(named, "checked"), (missed, "partial")])
def test_what_was_not_given_is_a_gap_unless_it_is_dispensable(asks: Rule, status: str) -> None:
    found, covered = judge(asks, Resolver(collector(asks).snapshot()), None)
    assert (found, covered.status) == ([], status)


@pytest.mark.parametrize("asks", [named, missed])
def test_what_was_given_is_used(asks: Rule) -> None:
    source = collector(asks)
    source.add_value({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "one"}}, Origin("a.yaml"))
    found, _ = judge(asks, Resolver(source.snapshot()), None)
    assert [one.subject.name for one in found] == ["one"]


def test_what_was_given_and_cannot_be_read_is_a_gap_all_the_same() -> None:
    source = collector(named)
    source.fail("example.com", "Widget", Gap(input="Widget", reason="cannot be decoded", asked=True))
    _, covered = judge(named, Resolver(source.snapshot()), None)
    assert covered.status is CoverageStatus.PARTIAL


def collector(asks: Rule) -> Collector:
    made = Collector(Wanted.by(asks.parameters))
    made.give(ScanOptions(start=AT, window=timedelta(days=14), newest_known=NEWEST_KNOWN))
    return made
