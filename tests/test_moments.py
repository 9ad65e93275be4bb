"""How moments and durations read."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from kubepreflight.semantics.moments import against_start, duration, exact, moment, span

START = datetime(2026, 11, 23, 8, 53, tzinfo=UTC)


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(0), "less than a minute"),
        (timedelta(seconds=59), "less than a minute"),
        (timedelta(minutes=1, seconds=59), "1 minute"),
        (timedelta(minutes=-43), "43 minutes"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(days=1), "1 day"),
        (timedelta(hours=36), "36 hours"),
        (timedelta(days=-14, hours=-5), "14 days"),
    ],
)
def test_durations(length: timedelta, text: str) -> None:
    assert duration(length) == text


def test_moments_are_told_in_utc() -> None:
    there = datetime(2026, 11, 23, 10, 36, 18, tzinfo=timezone(timedelta(hours=1)))
    assert moment(there) == "2026-11-23 09:36 UTC"
    assert exact(there) == "2026-11-23T09:36:18Z"


def test_moments_against_the_plan() -> None:
    assert against_start(START, START) == "at the planned start"
    assert against_start(START + timedelta(minutes=43), START) == "43 minutes after the planned start"
    assert against_start(START - timedelta(days=3), START) == "3 days before the planned start"


def test_what_happens_in_one_minute_happens_at_one_moment() -> None:
    assert span([START, START + timedelta(seconds=9)]) == "at 2026-11-23 08:53 UTC"
    later = START + timedelta(days=1)
    assert span([later, START]) == "between 2026-11-23 08:53 UTC and 2026-11-24 08:53 UTC"
    with pytest.raises(ValueError, match="no moments"):
        span([])
