"""The records from which tables are made are what the modules of the newest minors say, read anew."""

import pytest

from tools.knowledge import makers, records
from tools.knowledge.pins import Pin, pins

NEWEST = pins().pins[-3:]


@pytest.mark.parametrize("pin", NEWEST, ids=lambda pin: pin.release)
@pytest.mark.parametrize("table", makers.names())
def test_a_record_is_what_the_modules_say(table: str, pin: Pin) -> None:
    committed = records.path_of(table, pin.minor).read_text(encoding="utf-8")
    assert records.text_of(pin, makers.maker(table).read(pin)) == committed
