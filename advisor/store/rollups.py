"""A day of a series in one row, and what is thrown away when.

Roll-ups are made from chunks and buckets, again when late readings arrive, for the local days of the
subject's zone. What they are made of may then be thrown away.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Connection, delete, select, update

from advisor.core.model import Kind
from advisor.store.history import Samples, fold, samples
from advisor.store.moment import DAY, EPOCH, SECOND, micros, moment
from advisor.store.outbox import Delivery
from advisor.store.schema import (
    attention,
    buckets,
    chunks,
    daily,
    flips,
    meta,
    outbox,
    revisions,
    stale_days,
)
from advisor.store.series import Series, of
from advisor.store.sql import replacing, slices


@dataclass(frozen=True, slots=True)
class Retention:
    """For how many days single readings are kept, and for how many roll-ups and what people were told."""

    raw_days: int = 90
    rollup_days: int = 1100

    def __post_init__(self) -> None:
        if not 2 <= self.raw_days <= self.rollup_days:
            raise ValueError("raw_days is at least 2 and at most rollup_days")


@dataclass(frozen=True, slots=True)
class Daily:
    """A series' day in `zone`: of an amount `sum` is the total, of a share `sum` ÷ `of` the ratio.

    `mean` is weighted by time over the `weight` seconds that readings cover; None where they cover none.
    `min` and `max` bound a distribution's quantile; its mean is not one.
    """

    series: Series
    zone: str
    day: date
    count: int
    sum: float
    min: float
    max: float
    mean: float | None
    weight: float
    last: float
    last_at: datetime
    of: float | None


def roll_up(connection: Connection, zones: Mapping[str, str]) -> int:
    """Make the roll-ups of every day that has new readings; return how many were written.

    `zones` gives subjects their IANA zone; the others have UTC days.
    """
    fold(connection)
    raw_since = _raw_since(connection)
    stale: dict[int, list[int]] = {}
    for row in connection.execute(select(stale_days).order_by(stale_days.c.series_id, stale_days.c.day)):
        stale.setdefault(row.series_id, []).append(row.day)
    if not stale:
        return 0
    known = {series.id: series for series in of(connection)}
    by_subject: dict[tuple[str, str], dict[int, list[int]]] = {}
    for number, days in stale.items():
        series = known[number]
        by_subject.setdefault((series.subject, series.metric), {})[number] = days
    written = 0
    for (subject, metric), wanted in by_subject.items():
        rows = _days(connection, subject, metric, zones.get(subject, "UTC"), wanted, raw_since)
        for some in slices(list(rows)):
            connection.execute(replacing(connection, daily), some)
            written += len(some)
    connection.execute(delete(stale_days))
    return written


def _days(
    connection: Connection,
    subject: str,
    metric: str,
    zone: str,
    wanted: Mapping[int, Sequence[int]],
    raw_since: int,
) -> Iterator[dict[str, Any]]:
    """Yield the rows of the local days that touch the wanted UTC days of some series."""
    days = sorted({day for some in wanted.values() for day in some})
    local = ZoneInfo(zone)
    # One day more in front: its last value may still count after midnight.
    since, until = moment((days[0] - 2) * DAY), moment((days[-1] + 2) * DAY)
    for series, found in samples(connection, since, until, subject=subject, metric=metric):
        if series.id not in wanted:
            continue
        dates = {
            moment(day * DAY + hours * 3600 * SECOND).astimezone(local).date()
            for day in wanted[series.id]
            for hours in (0, 24)
        }
        for one in sorted(dates):
            start, end = _bounds(one, local)
            if start < raw_since * DAY:
                continue  # Its readings are gone, its roll-up is what is left of them.
            row = _roll(series, found, start, end)
            if row is not None:
                yield {"series_id": series.id, "zone": zone, "day": _number(one)} | row


def _roll(series: Series, found: Samples, start: int, end: int) -> dict[str, Any] | None:
    # A level at midnight is the new day's first; a bucket that ends at midnight is the old day's last.
    bucketed = bool(len(found)) and bool((found.start != found.at).any())
    inside = (found.at > start) & (found.at <= end) if bucketed else (found.at >= start) & (found.at < end)
    if not inside.any():
        return None
    value, of_ = found.value[inside], found.of[inside]
    if bucketed:
        weight = float((found.at[inside] - found.start[inside]).sum() / SECOND)
        mean = None
    else:
        mean, weight = _weighted(found, start, end, series.fresh)
    return {
        "rows": len(value),
        "sum": float(value.sum()),
        "min": float(value.min()),
        "max": float(value.max()),
        "mean": mean if series.kind is Kind.LEVEL else None,
        "weight": weight,
        "last": float(value[-1]),
        "last_at": int(found.at[inside][-1]),
        "of": None if np.isnan(of_).any() else float(of_.sum()),
    }


def _weighted(found: Samples, start: int, end: int, fresh: float) -> tuple[float | None, float]:
    """Return the mean by time and the seconds covered; a value counts until the next, while fresh."""
    until = np.append(found.at[1:], np.iinfo(np.int64).max)
    until = np.minimum(until, found.at + round(fresh * SECOND))
    seconds = np.clip(np.minimum(until, end) - np.maximum(found.at, start), 0, None) / SECOND
    weight = float(seconds.sum())
    return (float((found.value * seconds).sum() / weight) if weight else None), weight


def daily_of(
    connection: Connection, subject: str, metric: str, since: date, until: date | None = None
) -> list[Daily]:
    """Return the roll-ups of a subject's metric from one day to another (both included), by day."""
    known = {series.id: series for series in of(connection, subject, metric)}
    columns = daily.c
    query = (
        select(daily)
        .where(columns.series_id.in_(list(known)), columns.day >= _number(since))
        .order_by(columns.day, columns.series_id, columns.zone)
    )
    if until is not None:
        query = query.where(columns.day <= _number(until))
    return [
        Daily(
            known[row.series_id],
            row.zone,
            EPOCH.date() + timedelta(days=row.day),
            row.rows,
            row.sum,
            row.min,
            row.max,
            row.mean,
            row.weight,
            row.last,
            moment(row.last_at),
            row.of,
        )
        for row in connection.execute(query)
    ]


def prune(connection: Connection, now: datetime, retention: Retention, zones: Mapping[str, str]) -> int:
    """Throw away what is too old, after rolling it up; return how many chunks and buckets went."""
    roll_up(connection, zones)
    raw = micros(now) // DAY - retention.raw_days
    old = (micros(now) // DAY - retention.rollup_days) * DAY
    gone = connection.execute(delete(chunks).where(chunks.c.day < raw)).rowcount
    gone += connection.execute(delete(buckets).where(buckets.c.end_at <= raw * DAY)).rowcount
    if raw > _raw_since(connection):
        connection.execute(update(meta).where(meta.c.key == "raw_since").values(number=raw))
    long_ago = moment(old)
    connection.execute(delete(revisions).where(revisions.c.end_at <= old))
    connection.execute(delete(daily).where(daily.c.day < old // DAY))
    connection.execute(delete(flips).where(flips.c.at < long_ago))
    connection.execute(delete(attention).where(attention.c.ended_at < long_ago))
    connection.execute(
        delete(outbox).where(outbox.c.state == Delivery.SENT.value, outbox.c.sent_at < moment(raw * DAY))
    )
    return gone


def _raw_since(connection: Connection) -> int:
    return int(connection.execute(select(meta.c.number).where(meta.c.key == "raw_since")).scalar_one())


def _bounds(day: date, zone: ZoneInfo) -> tuple[int, int]:
    """Return where a local day begins and ends, however long it is."""
    begin = datetime.combine(day, time(), zone)
    end = datetime.combine(day + timedelta(days=1), time(), zone)
    return micros(begin.astimezone(UTC)), micros(end.astimezone(UTC))


def _number(day: date) -> int:
    return (day - EPOCH.date()).days
