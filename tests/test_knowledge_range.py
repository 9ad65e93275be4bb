"""Beyond what a table was verified for, nothing that stands on it is said to have been looked at."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kubepreflight.engine import Resolver, judge
from kubepreflight.finding import Hop
from kubepreflight.inputs import Wanted
from kubepreflight.knowledge import tables
from kubepreflight.knowledge.table import TableInfo
from kubepreflight.policy import verdict
from kubepreflight.report import CoverageStatus, Verdict
from kubepreflight.rule import Rule, load_rules
from kubepreflight.snapshot import Collector
from kubepreflight.testing import AT
from kubepreflight.upgrade import ScanOptions, ServerVersion
from kubepreflight.version import Minor, Version

RULES = load_rules()
CLOSED = {kind: info for kind in tables.kinds() if not (info := kind.provide().info).open_ended}


def tables_of(rule: Rule) -> dict[str, TableInfo]:
    return {CLOSED[kind].table: CLOSED[kind] for kind in Wanted.by(rule.parameters).others if kind in CLOSED}


@pytest.mark.parametrize("target", ["1.39", "1.40"])
@pytest.mark.parametrize("rule", [rule for rule in RULES if tables_of(rule)], ids=lambda rule: rule.name)
def test_a_rule_whose_table_ends_before_the_target_is_not_checked(rule: Rule, target: str) -> None:
    collector = Collector(Wanted.by(rule.parameters))
    collector.give(
        ScanOptions(start=AT, window=timedelta(days=1), target=Version.parse(target), newest_known=Minor(1, 37))
    )
    collector.give(ServerVersion(Version.parse("1.36.3")))
    _, covered = judge(rule, Resolver(collector.snapshot()), Hop(Minor(1, 36), Minor(1, 37)))
    assert covered.status is CoverageStatus.NOT_CHECKED
    gaps = {gap.input.removeprefix("knowledge: "): gap for gap in covered.gaps if gap.input.startswith("knowledge: ")}
    assert {name: gap.reason for name, gap in gaps.items()} == {
        name: f"knowledge ends at {info.end}, the target is {target}" for name, info in tables_of(rule).items()
    }
    assert all(gap.asked for gap in gaps.values())
    assert verdict((), (covered,), ()) is Verdict.INCOMPLETE


def test_no_table_begins_later_than_the_others() -> None:
    """Else no scan of an older cluster would be complete, whether it has anything to judge by that table or not."""
    assert {info.start for rule in RULES for info in tables_of(rule).values()} == {Minor(1, 15)}
