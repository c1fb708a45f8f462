"""What the services of a story measure at a moment. Pure: the same moment, the same values.

A story gives its levels as functions of time, and what is counted as rates; whatever stretch is asked for,
the parts add up to the whole, so that a provider that is asked twice says the same.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

__all__ = ["DAYS", "Level", "Outage", "Rate", "Series", "World", "noise", "rhythm"]

DAYS = 60  #: How long a story is.

_BEFORE = 75  # Days before the start that are known too, for those who look back.
_HOUR = timedelta(hours=1)

Level = Callable[[datetime], float]
Series = tuple[str, str]  #: Who measures (the provider, with its product), and what.


@dataclass(frozen=True, slots=True)
class Rate:
    """So much an hour, and where the provider stops at a limit, the most that it takes on a UTC day."""

    per_hour: Level
    most_a_day: float = math.inf


@dataclass(frozen=True, slots=True)
class Outage:
    """A provider answers with an error between two days of the story."""

    provider: str
    since: float
    until: float
    status: int


@dataclass(frozen=True)
class World:
    """A story from `start` on."""

    start: datetime
    levels: Mapping[Series, Level]
    rates: Mapping[Series, Rate]
    plans: Mapping[str, str] = field(default_factory=dict)
    outages: Sequence[Outage] = ()
    down: Sequence[tuple[float, float]] = ()  #: From which to which day the product does not answer.
    _sums: dict[Series, list[float]] = field(default_factory=dict)

    def day(self, at: datetime) -> float:
        """Days since the start."""
        return (at - self.start) / timedelta(days=1)

    def at(self, day: float) -> datetime:
        """Return the moment of a day of the story."""
        return self.start + timedelta(days=day)

    def level(self, provider: str, metric: str, at: datetime) -> float:
        """Return the value at a moment, in base units."""
        return self.levels[provider, metric](at)

    def amount(self, provider: str, metric: str, since: datetime, until: datetime) -> float:
        """Return what came between two moments, fractions included."""
        sums = self._summed((provider, metric))
        return self._until(sums, until) - self._until(sums, since)

    def count(self, provider: str, metric: str, since: datetime, until: datetime) -> int:
        """Return how many whole ones came between two moments."""
        sums = self._summed((provider, metric))
        return math.floor(self._until(sums, until)) - math.floor(self._until(sums, since))

    def moments(self, provider: str, metric: str, since: datetime, until: datetime) -> list[datetime]:
        """Return when each one came, from `since` (included) to `until`, oldest first."""
        sums = self._summed((provider, metric))
        first = math.floor(self._until(sums, since - timedelta(seconds=1)))
        last = math.floor(self._until(sums, until))
        begin = self.start - timedelta(days=_BEFORE)
        found = []
        for number in range(first + 1, last + 1):
            hour = bisect_right(sums, number - 1e-9) - 1
            if 0 <= hour < len(sums) - 1:
                share = (number - sums[hour]) / (sums[hour + 1] - sums[hour])
                found.append(begin + (hour + share) * _HOUR)
        return [one for one in found if since <= one < until]

    def status(self, provider: str, at: datetime) -> int:
        """Return the HTTP status with which a provider answers: 200, or that of its outage."""
        day = self.day(at)
        for one in self.outages:
            if one.provider == provider and one.since <= day < one.until:
                return one.status
        return 200

    def _until(self, sums: Sequence[float], at: datetime) -> float:
        hour = (at - self.start) / _HOUR + _BEFORE * 24
        whole = min(max(math.floor(hour), 0), len(sums) - 2)
        share = min(max(hour - whole, 0.0), 1.0)
        return sums[whole] + share * (sums[whole + 1] - sums[whole])

    def _summed(self, series: Series) -> list[float]:
        """Return what has come by the end of each hour, since long before the start."""
        found = self._sums.get(series)
        if found is None:
            rate = self.rates[series]
            found, today = [0.0], 0.0
            at = self.start - timedelta(days=_BEFORE)
            for hour in range((_BEFORE + DAYS + 2) * 24):
                today = 0.0 if hour % 24 == 0 else today
                more = min(rate.per_hour(at + _HOUR / 2), rate.most_a_day - today)
                today += more
                found.append(found[-1] + more)
                at += _HOUR
            self._sums[series] = found
        return found


def noise(day: float, salt: int) -> float:
    """Return something between -1 and 1 that looks random and is not."""
    x = math.sin(day * 86.1 + salt * 78.233) * 43758.5453
    return 2 * (x - math.floor(x)) - 1


def rhythm(at: datetime) -> float:
    """Return the share of the daily peak: nights are quiet, weekends quieter."""
    hour = at.hour + at.minute / 60
    wave = 0.55 + 0.45 * math.sin((hour - 9) / 24 * 2 * math.pi)
    return wave * (0.7 if at.weekday() >= 5 else 1.0)
