"""Rows of a GraphQL answer as readings. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from advisor.collectors.cloudflare.datasets import CLASS_A, CLASS_B, FREE, Dataset, Gauge
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Kind, Quality, Reading
from advisor.polling.body import Body

__all__ = ["Found", "moment", "stored", "unlisted", "usage"]

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
Key = tuple[datetime, datetime]


@dataclass(slots=True)
class Found:
    """What the rows of a dataset came to, by the stretch of time that they cover."""

    sums: dict[tuple[Key, str], tuple[float, float | None]] = field(default_factory=dict)
    stats: dict[tuple[Key, str, str], list[float]] = field(default_factory=dict)
    estimated: set[Key] = field(default_factory=set)


def moment(row: Body, asked: Key) -> Key:
    """Return the stretch that a row covers: its hour, its UTC day, else all that was asked."""
    at = row.get("dimensions")
    if at is not None:
        for name, width in (("datetimeHour", HOUR), ("datetime", HOUR), ("date", DAY)):
            if at.get(name) is not None:
                start = at.time(name)
                return start, start + width
    return asked


def usage(
    dataset: Dataset, rows: Iterable[Body], asked: Key, now: datetime, *, quiet_is_zero: bool
) -> list[Reading]:
    """Return the readings of a dataset's rows within `asked`.

    Hours without traffic have no row. With `quiet_is_zero` (the dataset is known to be there) they are read
    as amounts of zero; without it nothing is said of them.
    """
    found = Found()
    for row in rows:
        key = moment(row, asked)
        sampled = row.number("avg", "sampleInterval")
        if dataset.hidden or (sampled is not None and sampled > 1):
            found.estimated.add(key)
        for seen in dataset.read(row):
            if seen.stat:
                found.stats.setdefault((key, seen.metric, seen.stat), []).append(seen.value)
                continue
            value, of = found.sums.get((key, seen.metric), (0.0, None))
            whole = None if seen.of is None else (of or 0.0) + seen.of
            found.sums[key, seen.metric] = (value + seen.value, whole)
    if quiet_is_zero:
        _fill(found, dataset, asked)
    readings = []
    for ((since, end), metric), (value, of) in found.sums.items():
        quality = Quality.ESTIMATED if (since, end) in found.estimated else Quality.MEASURED
        readings.append(Reading(metric, value, min(end, now), since, of=of, quality=quality))
    for ((since, end), metric, stat), values in found.stats.items():
        if len(values) == 1:  # Quantiles of several rows make none of the whole.
            quality = Quality.ESTIMATED if (since, end) in found.estimated else Quality.MEASURED
            readings.append(Reading(metric, values[0], min(end, now), since, stat=stat, quality=quality))
    readings = [one for one in readings if one.since is not None and one.since < one.at]
    return sorted(readings, key=lambda one: (one.metric, one.stat, one.at))


def _fill(found: Found, dataset: Dataset, asked: Key) -> None:
    width = DAY if dataset.dimensions[0] == "date" else HOUR
    amounts = [name for name in dataset.metrics if VOCABULARY[name].kind is Kind.AMOUNT]
    covered = {key for key, _ in found.sums}
    if any(end - since != width for since, end in covered):
        return
    start = asked[0]
    while start < asked[1]:
        for name in amounts:
            found.sums.setdefault(((start, start + width), name), (0.0, None))
        start += width


def stored(gauge: Gauge, rows: Iterable[Body], now: datetime) -> tuple[list[Reading], Mapping[str, float]]:
    """Return the bytes stored, the day's peak for each day, and the newest by name, largest first.

    A bucket that today has no row yet counts with what it had yesterday, and the sum is an estimate.
    """
    days: dict[date, dict[str, float]] = {}
    for row in rows:
        at = row["dimensions"]
        sizes = [row.number("max", name) for name in gauge.fields]
        if all(size is None for size in sizes):
            continue
        key = "/".join(str(part.value) for name in gauge.by if (part := at.get(name)) is not None)
        names = days.setdefault(at.time("date").date(), {})
        names[key] = max(names.get(key, 0.0), sum(size or 0.0 for size in sizes))
    readings: list[Reading] = []
    newest: dict[str, float] = {}
    for day, names in sorted(days.items()):
        end = min(datetime.combine(day, time(), UTC) + DAY, now)
        missing = {}
        if end == now:
            missing = {k: v for k, v in days.get(day - DAY, {}).items() if k not in names}
        quality = Quality.ESTIMATED if missing else Quality.MEASURED
        newest = {**missing, **names}
        readings.append(Reading("storage", sum(newest.values()), end, part=gauge.part, quality=quality))
    return readings, dict(sorted(newest.items(), key=lambda one: -one[1]))


def unlisted(rows: Sequence[Body]) -> Mapping[str, float]:
    """Return R2's operations that no price list names, with their count."""
    found: Counter[str] = Counter()
    for row in rows:
        action = row["dimensions"].text("actionType")
        if action not in CLASS_A | CLASS_B | FREE:
            found[action] += int(row.number("sum", "requests") or 0)
    return found
