"""The generated tables are what their records make of them."""

import pytest

from tools.knowledge import makers, records
from tools.knowledge.pins import pins

PINS = pins()


@pytest.mark.parametrize("table", makers.names())
def test_every_release_was_read(table: str) -> None:
    assert [pin.release for pin in makers.pins_of(table).pins if not records.is_current(table, pin)] == []


@pytest.mark.parametrize("table", makers.names())
def test_a_table_is_what_its_records_make_of_it(table: str) -> None:
    stale = "python -m tools.knowledge writes it anew"
    assert makers.path_of(table).read_text(encoding="utf-8") == makers.text_of(table), stale


def test_minors_follow_each_other() -> None:
    minors = [pin.minor for pin in PINS.pins]
    assert minors == [minors[0].plus(count) for count in range(len(minors))]
