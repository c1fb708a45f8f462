"""Days, weeks, months and billing periods: when they start and end, in any time zone.

A period is (start, end]: a bucket that ends at midnight belongs to the day that is over. Every boundary is a
wall-clock time of its zone, so a day has 23, 24 or 25 hours. Inside the columns a moment is epoch seconds;
`Zone` turns many of them at a time, `Calendar` one.
"""

import itertools
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from advisor.core.catalogue import Reset
from advisor.core.sentence import Span

Floats = NDArray[np.float64]

DAY = 86400.0  #: Nominal; never used for a boundary.
ROLLING = frozenset({Reset.ROLLING_DAY, Reset.ROLLING_MONTH})
_CLASS = {
    Reset.NEVER: "",
    Reset.UTC_DAY: "day",
    Reset.DAY: "day",
    Reset.ROLLING_DAY: "day",
    Reset.WEEK: "week",
    Reset.MONTH: "month",
    Reset.UTC_MONTH: "month",
    Reset.BILLING: "month",
    Reset.ROLLING_MONTH: "month",
}


def period_class(reset: str) -> str:
    """Return "day", "week" or "month" for a reset word; "" for what never resets."""
    return _CLASS[Reset(reset)]


@dataclass(frozen=True, slots=True)
class Calendar:
    """A reset word with what it needs: the zone and, for `billing`, the day of the month (1 to 31).

    A billing day that the month does not have is the month's last day. `NEVER` is the calendar month.
    """

    reset: Reset
    zone: str = "UTC"
    billing_day: int = 1

    @property
    def rolling(self) -> bool:
        """True where the period ends now, whenever that is, so that nothing ever resets."""
        return self.reset in ROLLING

    @property
    def period(self) -> str:
        """Return "day", "week" or "month"; what never resets counts as "month"."""
        return _CLASS[self.reset] or "month"

    def around(self, at: datetime) -> tuple[datetime, datetime]:
        """Return start and end (UTC) of the period (start, end] that `at` lies in."""
        if self.rolling:
            return shift_one(at, Span(-1, "d" if self.period == "day" else "month"), self.zone), at
        zone = ZoneInfo("UTC" if self.reset in {Reset.UTC_DAY, Reset.UTC_MONTH} else self.zone)
        # Two steps round the day of `at` always hold it, whatever a change of the clock does to midnight:
        # one day or, where a zone crossed the date line, two may have no length.
        today = at.astimezone(zone).date()
        starts = [self._start(today, steps) for steps in (-2, -1, 0, 1, 2)]
        moments = [_midnight(day, zone) for day in starts]
        for start, end in itertools.pairwise(moments):
            if start < at <= end:
                return start, end
        raise AssertionError(f"no period of {self} holds {at}")  # pragma: no cover

    def before(self, start: datetime) -> tuple[datetime, datetime]:
        """Return the period that ends where this one starts."""
        return self.around(start)

    def _start(self, today: date, steps: int) -> date:
        """Return the first day of the period that lies `steps` after the one with `today` in it."""
        if self.period == "day":
            return today + timedelta(days=steps)
        if self.period == "week":
            return today + timedelta(days=7 * steps - today.weekday())
        day = self.billing_day if self.reset == Reset.BILLING else 1
        if clamped(today.year, today.month, day) > today:
            steps -= 1
        months = today.year * 12 + today.month - 1 + steps
        return clamped(months // 12, months % 12 + 1, day)


def clamped(year: int, month: int, day: int) -> date:
    """Return that day of the month, or the month's last where it is shorter."""
    following = date(year + month // 12, month % 12 + 1, 1)
    return date(year, month, min(day, (following - timedelta(days=1)).day))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the day's first moment; where the clock jumps over midnight, the moment of the jump."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def shift_one(at: datetime, span: Span, zone: str) -> datetime:
    """Return `at` moved by a span, back where `count` is negative; days and longer keep the wall's time."""
    if span.unit in {"s", "m", "h"}:
        return at + timedelta(seconds=span.seconds)
    return datetime.fromtimestamp(float(Zone.of(zone).shift(np.array([at.timestamp()]), span)[0]), UTC)


class Zone:
    """A time zone for arrays of moments (epoch seconds)."""

    #: From 1990 to 2060: readings lie in it, and reading a zone once takes some milliseconds.
    FIRST, LAST = 1990, 2060

    def __init__(self, name: str) -> None:
        self.name = name
        zone = ZoneInfo(name)
        moments, offsets = _transitions(zone, self.FIRST, self.LAST)
        self._at = np.array(moments)
        self._offset = np.array(offsets)
        # Python reads a wall time that occurs twice, or never, with the offset before the change; so do we.
        self._wall = self._at + np.maximum(self._offset[:-1], self._offset[1:])

    @staticmethod
    @lru_cache(maxsize=600)
    def of(name: str) -> "Zone":
        """Return the zone of that IANA name. Raises ZoneInfoNotFoundError for an unknown one."""
        return Zone(name)

    @property
    def fixed(self) -> bool:
        """True where the clock never changes, so that a day is always 24 hours."""
        return self._at.size == 0

    def offset(self, at: Floats) -> Floats:
        """Return the seconds that the zone's wall clock is ahead of UTC."""
        return np.asarray(self._offset[np.searchsorted(self._at, at, "right")], dtype=np.float64)

    def wall(self, at: Floats) -> Floats:
        """Return wall-clock times as if they were epoch seconds."""
        return np.asarray(at + self.offset(at), dtype=np.float64)

    def moment(self, wall: Floats) -> Floats:
        """Return the moments of wall-clock times; the inverse of `wall`."""
        return np.asarray(wall - self._offset[np.searchsorted(self._wall, wall, "right")], dtype=np.float64)

    def shift(self, at: Floats, span: Span) -> Floats:
        """Return moments moved by a span; days, weeks and months keep the time on the wall.

        NaN and infinity stay what they are. A day that the target month lacks becomes its last.
        """
        if span.unit in {"s", "m", "h"} or (self.fixed and span.unit != "month"):
            return np.asarray(at + span.seconds, dtype=np.float64)
        known = np.isfinite(at)
        wall = self.wall(np.where(known, at, 0.0))
        moved = _add_months(wall, round(span.count)) if span.unit == "month" else wall + span.seconds
        return np.where(known, self.moment(moved), at)


def _add_months(wall: Floats, months: int) -> Floats:
    whole = np.floor(wall)
    seconds = whole.astype("datetime64[s]")
    month = seconds.astype("datetime64[M]")
    day_index = (seconds.astype("datetime64[D]") - month.astype("datetime64[D]")).astype(np.int64)
    rest = whole - seconds.astype("datetime64[D]").astype("datetime64[s]").astype(np.int64) + (wall - whole)
    target = month + months
    last = ((target + 1).astype("datetime64[D]") - target.astype("datetime64[D]")).astype(np.int64) - 1
    start = target.astype("datetime64[D]") + np.minimum(day_index, last)
    return np.asarray(start.astype("datetime64[s]").astype(np.float64) + rest, dtype=np.float64)


def _transitions(zone: ZoneInfo, first: int, last: int) -> tuple[list[float], list[float]]:
    def offset(moment: float) -> float:
        shift = datetime.fromtimestamp(moment, zone).utcoffset()
        return shift.total_seconds() if shift is not None else 0.0

    start = datetime(first, 1, 1, tzinfo=UTC).timestamp()
    end = datetime(last, 1, 1, tzinfo=UTC).timestamp()
    step = 7 * DAY
    moments: list[float] = []
    offsets = [offset(start)]
    at = start
    while at < end:
        if offset(at + step) != offsets[-1]:
            low, high = at, at + step
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset(middle) == offsets[-1] else (low, middle)
            moments.append(high)
            offsets.append(offset(high))
            at = high
        else:
            at += step
    return moments, offsets
