"""Dates and durations as people type them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from kubepreflight.errors import UsageError

_DURATION = re.compile(r"^\s*(\d{1,6})\s*(d|h|w|)\s*$", re.IGNORECASE | re.ASCII)
_UNITS = {"": "days", "d": "days", "h": "hours", "w": "weeks"}
LONGEST = timedelta(days=3660)
YEARS = range(1990, 3000)
"""Any other is a slip of the finger, and what is reckoned from it may not be a date any more."""


def moment(value: Any) -> datetime:
    """A date or a time in UTC: `2026-12-01`, `2026-12-01T22:00`, with or without an offset. Raises UsageError."""
    if isinstance(value, datetime):
        parsed = value
    elif isinstance(value, date):
        parsed = datetime.combine(value, time())
    else:
        try:
            parsed = datetime.fromisoformat(str(value).strip())
        except ValueError as error:
            raise UsageError(f"{value!r} is no date: write 2026-12-01 or 2026-12-01T22:00+01:00") from error
    if parsed.year not in YEARS:
        raise UsageError(f"{value!r} is out of range: the year is one from {YEARS[0]} to {YEARS[-1]}")
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def duration(value: Any) -> timedelta:
    """A number of days, hours or weeks: `14d`, `36h`, `2w`, `14`. Raises UsageError."""
    match = _DURATION.match(str(value))
    if match is None:
        raise UsageError(f"{value!r} is no duration: write 14d, 36h or 2w")
    length = timedelta(**{_UNITS[match[2].lower()]: int(match[1])})
    if length > LONGEST:
        raise UsageError(f"a window of {value} is longer than ten years")
    return length
