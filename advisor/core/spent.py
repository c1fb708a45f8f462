"""What something costs, by day: estimated or reported, as readings, and what of it is not known. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from advisor.core.catalogue import Reset
from advisor.core.model import Observed, Quality, Reading
from advisor.core.periods import Calendar

__all__ = ["ESTIMATE", "FRESH", "Day", "Spent", "in_part", "of_days", "readings", "total"]

#: What readings of estimated cost name as their source.
ESTIMATE = "estimate"
#: Seconds that an estimate stays usable.
FRESH = 36 * 3600.0


@dataclass(frozen=True, slots=True)
class Day:
    """What a day costs, USD; the day that still runs ends at now."""

    since: datetime
    until: datetime
    usd: float


@dataclass(frozen=True, slots=True)
class Spent:
    """What a service (or a stack, where it reports that itself) costs.

    `days` are those of the running month and, where something was seen of it, of the last; `so_far` is what
    the running month came to, `expected` what it comes to at its end at the pace of now. Where `unknown`
    names something, all three are only the known part. `unmeasured` are metrics that cost above what is
    included and that nothing measures: they are taken to lie within. `estimated` False: a source reports it.
    """

    subject: str
    days: tuple[Day, ...] = ()
    so_far: float = 0.0
    expected: float = 0.0
    unknown: tuple[str, ...] = ()
    unmeasured: tuple[str, ...] = ()
    estimated: bool = True


def readings(spent: Iterable[Spent], now: datetime) -> list[Observed]:
    """Return the days that were estimated, as readings of `cost`."""
    return [
        Observed(
            Reading("cost", day.usd, day.until, day.since, quality=Quality.ESTIMATED),
            one.subject,
            ESTIMATE,
            now,
            FRESH,
        )
        for one in spent
        if one.estimated
        for day in one.days
    ]


def in_part(spent: Iterable[Spent], rows: Mapping[str, int]) -> dict[int, str]:
    """Return whose cost is known only in part, or not at all, by row: what `Columns.partial` holds."""
    return {
        rows[one.subject]: f"what `{one.subject}` costs is not all known: {'; '.join(one.unknown)}"
        for one in spent
        if one.unknown and one.subject in rows
    }


def of_days(subject: str, days: Sequence[Day], zone: str, now: datetime) -> Spent:
    """Return what a subject costs of which a source reports the days: the rest of the month at their pace.

    The pace is the middle one of the last 28 whole days, which a flat price on one of them does not change.
    """
    start, end = Calendar(Reset.MONTH, zone).around(now + timedelta(microseconds=1))
    so_far = total(day for day in days if start <= day.since and day.until <= now)
    recent = sorted(
        day.usd / max((day.until - day.since) / timedelta(days=1), 1e-9)
        for day in days
        if now - day.until < timedelta(days=28) and day.until - day.since > timedelta(hours=20)
    )
    pace = recent[(len(recent) - 1) // 2] if recent else 0.0
    newest = max((day.until for day in days), default=start)
    left = max((end - max(newest, start)) / timedelta(days=1), 0.0)
    return Spent(subject, tuple(days), so_far, round(so_far + pace * left, 2), estimated=False)


def total(days: Iterable[Day]) -> float:
    """Return what days cost together, to the cent."""
    return round(sum(day.usd for day in days), 2)
