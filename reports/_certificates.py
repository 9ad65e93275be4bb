"""The timeline of certificates: which bars, where on the axis, and what to say beside them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import groupby

import msgspec

from kubepreflight.report import CertificateRow, Report
from kubepreflight.reports._words import counted, day, minute

FEW_BARS = 24
"""With more bars than this, nodes whose certificates are alike share one."""
MOST_BARS = 60
_LOOK_AHEAD = timedelta(days=182)
"""What ends later is drawn as running on, so that the planned work stays broad enough to see."""
_LOOK_BACK = timedelta(days=45)
_TICKS = 7
_ABOUT = 8
"""Per cent of the axis within which ends of many nodes are told as one."""


class State(StrEnum):
    """What the end of a certificate means for the plan."""

    ENDED = "ended"
    BEFORE = "ends before the upgrade"
    IN_WINDOW = "ends in the window"
    RENEWED = "renewed before its end"
    LATER = "ends after the window"


class Axis(msgspec.Struct, frozen=True):
    """The part of time that is drawn."""

    start: datetime
    end: datetime

    def percent(self, moment: datetime) -> float:
        """Where a moment lies: 0 at the left end, 100 at the right one, and never beyond."""
        share = (moment - self.start) / (self.end - self.start)
        return round(min(max(share, 0.0), 1.0) * 100, 2)


class Tick(msgspec.Struct, frozen=True):
    """A labelled moment of the axis."""

    at: float
    label: str


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """One row: the certificates `names` of `nodes`, drawn from `left` to `end`, and paler on to `last` if it is later.

    `beyond` says that the end lies to the right of the picture; `ends` are the first and the last end, in words;
    `renewal` is where the plan renews them, None where it does not, or where nobody knows the moment.
    """

    nodes: tuple[str, ...]
    names: tuple[str, ...]
    count: int
    state: State
    is_authority: bool
    renewed: bool | None
    left: float
    end: float
    last: float
    beyond: bool
    renewal: float | None
    ends: tuple[str, ...]


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """The picture. `window` is the planned work as left and right end, None without a plan; `now` is None for a scan
    that was made after it; `rest` says what is not drawn.
    """

    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    now: float | None
    window: tuple[float, float] | None
    rest: str


class _Bundle(msgspec.Struct, kw_only=True):
    certificates: list[CertificateRow]
    state: State

    @property
    def first(self) -> datetime:
        return min(one.not_after for one in self.certificates)

    @property
    def last(self) -> datetime:
        return max(one.not_after for one in self.certificates)


def timeline(report: Report) -> Timeline | None:
    """Draw the report's certificates against its plan; None when there are none."""
    if not report.certificates:
        return None
    axis = _axis(report)
    tolerance = min(timedelta(days=1), (axis.end - axis.start) / 150)
    bundles = _bundles(report, tolerance)
    bundles = sorted(
        bundles if len(bundles) <= FEW_BARS else _alike(bundles, axis),
        key=lambda one: (one.certificates[0].is_authority, one.first),
    )
    upgrade = report.upgrade
    hidden = sum(len(one.certificates) for one in bundles[MOST_BARS:])
    return Timeline(
        bars=tuple(_bar(one, axis) for one in bundles[:MOST_BARS]),
        ticks=tuple(_ticks(axis)),
        now=axis.percent(report.created) if axis.start <= report.created <= axis.end else None,
        window=(axis.percent(upgrade.planned_start), axis.percent(upgrade.planned_end)) if upgrade else None,
        rest=f"{counted(hidden, 'certificate')} that end later are not drawn." if hidden else "",
    )


def _today(report: Report) -> datetime:
    """The moment from which the plan is seen: one that lies in the past (`--at`) is seen from its own beginning."""
    return min(report.created, report.upgrade.planned_start) if report.upgrade else report.created


def _axis(report: Report) -> Axis:
    moments = [max(_today(report), report.upgrade.planned_start - _LOOK_BACK) if report.upgrade else report.created]
    if report.upgrade:
        start, end = report.upgrade.planned_start, report.upgrade.planned_end
        moments += [start, end, end + (end - start) / 2]
    earliest, latest = min(moments) - _LOOK_BACK, max(moments) + _LOOK_AHEAD
    moments += [one.not_after for one in report.certificates if earliest <= one.not_after <= latest]
    length = max(moments) - min(moments) or timedelta(days=1)
    return Axis(min(moments) - length / 10, max(moments) + length / 12)


def _state(one: CertificateRow, report: Report) -> State:
    if one.not_after <= _today(report):
        return State.ENDED
    if report.upgrade is None or one.not_after > report.upgrade.planned_end:
        return State.LATER
    if one.not_after < report.upgrade.planned_start:
        return State.BEFORE
    return State.IN_WINDOW if one.renewed_at is None else State.RENEWED


def _file(one: CertificateRow) -> tuple[str, str]:
    return one.node, one.path.partition("#")[0]


def _bundles(report: Report, tolerance: timedelta) -> list[_Bundle]:
    """The certificates of a node that end together; an authority that a kubelet made beside its own leaf is no row."""

    def owner(one: CertificateRow) -> tuple[bool, str]:
        return (one.is_authority, "" if one.is_authority else one.node)

    leaves = {(*_file(one), one.not_after) for one in report.certificates if not one.is_authority}
    drawn = (one for one in report.certificates if not one.is_authority or (*_file(one), one.not_after) not in leaves)
    found: list[_Bundle] = []
    ordered = sorted(drawn, key=lambda one: (owner(one), one.not_after, one.name, one.node))
    for _, group in groupby(ordered, key=owner):
        found += _together(group, report, tolerance)
    return found


def _alike(bundles: Iterable[_Bundle], axis: Axis) -> list[_Bundle]:
    """Join the bundles of several nodes that hold the same certificates and end at about the same time."""
    alike: dict[object, _Bundle] = {}
    for bundle in bundles:
        names = tuple(sorted({one.name.replace(one.node, "…") for one in bundle.certificates}))
        about = int(axis.percent(bundle.first) // _ABOUT)
        key = (bundle.certificates[0].is_authority, bundle.state, names, about)
        alike.setdefault(key, _Bundle(certificates=[], state=bundle.state)).certificates += bundle.certificates
    return list(alike.values())


def _together(certificates: Iterable[CertificateRow], report: Report, tolerance: timedelta) -> Iterator[_Bundle]:
    bundle: _Bundle | None = None
    for one in certificates:
        state = _state(one, report)
        if bundle is None or bundle.state != state or one.not_after - bundle.certificates[0].not_after > tolerance:
            if bundle is not None:
                yield bundle
            bundle = _Bundle(certificates=[], state=state)
        bundle.certificates.append(one)
    if bundle is not None:
        yield bundle


def _bar(bundle: _Bundle, axis: Axis) -> Bar:
    certificates = bundle.certificates
    names = tuple(dict.fromkeys(one.name for one in certificates))
    renewed = {one.renewed_by_upgrade for one in certificates}
    renewal, *others = {one.renewed_at for one in certificates}
    return Bar(
        nodes=tuple(dict.fromkeys(one.node for one in certificates if one.node)),
        names=names,
        count=len(names) if certificates[0].is_authority else len(certificates),
        state=bundle.state,
        is_authority=certificates[0].is_authority,
        renewed=renewed.pop() if len(renewed) == 1 else None,
        left=axis.percent(min(one.not_before for one in certificates)),
        end=axis.percent(bundle.first),
        last=axis.percent(bundle.last),
        beyond=bundle.first > axis.end,
        renewal=None if renewal is None or others else axis.percent(renewal),
        ends=_ends(bundle),
    )


def _ends(bundle: _Bundle) -> tuple[str, ...]:
    form = minute if bundle.state in {State.IN_WINDOW, State.RENEWED, State.BEFORE} else day
    first, last = form(bundle.first), form(bundle.last)
    same_day = first != last and day(bundle.first) == day(bundle.last)
    return tuple(dict.fromkeys((first, last.rpartition(" ")[2] if same_day else last)))


def _ticks(axis: Axis) -> Iterator[Tick]:
    length = axis.end - axis.start
    hours = (1, 2, 3, 6, 12, 24, 48, 7 * 24, 14 * 24)
    step = next((one for one in hours if length / timedelta(hours=one) <= _TICKS), None)
    moments = _months(axis) if step is None else _hours(axis, timedelta(hours=step))
    form = "%Y-%m" if step is None else "%m-%d" if step >= 24 else "%m-%d %H:%M"
    for moment in moments:
        at = axis.percent(moment)
        if 4 <= at <= 96:
            yield Tick(at, moment.strftime(form))


def _hours(axis: Axis, step: timedelta) -> Sequence[datetime]:
    zero = datetime(2000, 1, 3, tzinfo=UTC)
    first = zero + ((axis.start - zero) // step + 1) * step
    return [first + index * step for index in range(int((axis.end - first) / step) + 1)]


def _months(axis: Axis) -> Sequence[datetime]:
    months = (axis.end - axis.start) / timedelta(days=30.44)
    step = next((one for one in (1, 2, 3, 6) if months / one <= _TICKS), 12)
    first, last = (one.year * 12 + one.month for one in (axis.start, axis.end))
    whole = (index for index in range(first, last + 1) if (index - 1) % step == 0)
    return [datetime((index - 1) // 12, (index - 1) % 12 + 1, 1, tzinfo=UTC) for index in whole]
