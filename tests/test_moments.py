from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from kubepreflight.errors import UsageError
from kubepreflight.moments import duration, moment


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-12-01", datetime(2026, 12, 1, tzinfo=UTC)),
        ("2026-12-01T22:00", datetime(2026, 12, 1, 22, tzinfo=UTC)),
        ("2026-12-01T22:00+01:00", datetime(2026, 12, 1, 21, tzinfo=UTC)),
        ("2026-12-01T22:00:00Z", datetime(2026, 12, 1, 22, tzinfo=UTC)),
        (date(2026, 12, 1), datetime(2026, 12, 1, tzinfo=UTC)),
    ],
)
def test_moments_are_read_in_utc(text: Any, expected: datetime) -> None:
    assert moment(text) == expected


@pytest.mark.parametrize(
    "text", ["tomorrow", "", "2026-13-01", "99999-01-01", "9999-12-31", "0001-01-01T00:00+23:00", 3.5]
)
def test_what_is_no_date(text: Any) -> None:
    with pytest.raises(UsageError):
        moment(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("14d", timedelta(days=14)),
        ("36h", timedelta(hours=36)),
        ("2w", timedelta(weeks=2)),
        (14, timedelta(days=14)),
        ("0", timedelta()),
    ],
)
def test_durations(text: Any, expected: timedelta) -> None:
    assert duration(text) == expected


@pytest.mark.parametrize("text", ["", "long", "-1d", "1.5d", "999999d", "1y", "١٤d", "14\u2003d"])
def test_what_is_no_duration(text: Any) -> None:
    with pytest.raises(UsageError):
        duration(text)
