"""Moments and durations as people read them; all times are UTC."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta


def moment(when: datetime) -> str:
    """`2026-11-23 09:36 UTC`."""
    return f"{_in_utc(when):%Y-%m-%d %H:%M} UTC"


def exact(when: datetime) -> str:
    """`2026-11-23T09:36:18Z`."""
    return _in_utc(when).isoformat().replace("+00:00", "Z")


def _in_utc(when: datetime) -> datetime:
    try:
        return when.astimezone(UTC)
    except OverflowError:
        # On the last day of the year 9999, and on the first of all, hours do not matter.
        return when.replace(tzinfo=UTC)


def duration(length: timedelta) -> str:
    """Rounded down to a sensible unit, without its sign: `43 minutes`, `36 hours`, `3 days`."""
    seconds = int(abs(length).total_seconds())
    for name, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        count, rest = divmod(seconds, size)
        if count > 1 or (count == 1 and (rest == 0 or name == "minute")):
            return f"{count} {name}{'' if count == 1 else 's'}"
    return "less than a minute"


def against_start(when: datetime, start: datetime) -> str:
    """`43 minutes after the planned start`, `3 days before the planned start`."""
    if when == start:
        return "at the planned start"
    return f"{duration(when - start)} {'after' if when > start else 'before'} the planned start"


def span(moments: Iterable[datetime]) -> str:
    """When several things happen: at one moment, or between the first and the last. Raises ValueError for none."""
    texts = sorted({moment(one) for one in moments})
    if not texts:
        raise ValueError("no moments")
    first, last = texts[0], texts[-1]
    if first == last:
        return f"at {first}"
    (day, time, _), (other_day, other_time, _) = first.split(), last.split()
    return f"on {day} between {time} and {other_time} UTC" if day == other_day else f"between {first} and {last}"
