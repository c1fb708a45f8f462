"""Readings: written at every poll, read back in time order.

Levels go into `recent`, one row a poll, and are folded into `chunks` (one row a series and UTC day) once an
hour or when they have become many. Amounts, shares and histograms go into `buckets`, where a corrected one
replaces and one resolution is kept (see `resolution.py`). A reader always sees both places.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, cast

import numpy as np
from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select

from advisor.core.model import Observed, Quality, Reading
from advisor.errors import InputError
from advisor.store import codec
from advisor.store.codec import Floats, Ints
from advisor.store.moment import DAY, micros, moment
from advisor.store.resolution import Bucket, settle
from advisor.store.schema import buckets, chunks, recent, revisions, stale_days
from advisor.store.series import Key, Series, SeriesIndex, key_of, kind_of, of
from advisor.store.sql import ignoring, replacing, slices

FOLD_AFTER = 3_600.0  #: Seconds that samples may wait in `recent`.
FOLD_ABOVE = 2_000_000  #: Samples that may wait in `recent`.
QUALITIES = tuple(Quality)  #: A quality's number is its place here.
_NUMBER = {quality: number for number, quality in enumerate(QUALITIES)}


#: Statements of every poll, built once.
_ADD = insert(recent)
_HELD = select(buckets).where(
    buckets.c.series_id.in_(bindparam("numbers", expanding=True)),
    buckets.c.end_at >= bindparam("begins"),
    buckets.c.start_at <= bindparam("ends"),
)
_DROP = delete(buckets).where(
    buckets.c.series_id == bindparam("number"), buckets.c.end_at == bindparam("end")
)


@dataclass(frozen=True, slots=True)
class Samples:
    """Values of one series in time order, as columns. Times are microseconds since 1970.

    `start` differs from `at` where the value belongs to a bucket; low, high and of are NaN where there is
    none; `quality` is a place in `QUALITIES`; `histograms` are JSON by row.
    """

    at: Ints
    start: Ints
    value: Floats
    low: Floats
    high: Floats
    of: Floats
    seen_at: Ints
    quality: Ints
    histograms: Mapping[int, str]

    def __len__(self) -> int:
        return len(self.at)

    def rows(self, which: Any) -> "Samples":
        """Return the chosen rows (a mask, a slice or places)."""
        histograms: dict[int, str] = {}
        if self.histograms:
            picked = enumerate(np.arange(len(self))[which].tolist())
            histograms = {new: self.histograms[old] for new, old in picked if old in self.histograms}
        return self.of_columns([column[which] for column in self.columns()], histograms)

    def columns(self) -> tuple[Any, ...]:
        """Return the columns in their order."""
        return (self.at, self.start, self.value, self.low, self.high, self.of, self.seen_at, self.quality)

    @classmethod
    def of_columns(cls, columns: Sequence[Any], histograms: Mapping[int, str]) -> "Samples":
        """Return the samples whose `columns` these are."""
        at, start, value, low, high, of_, seen_at, quality = columns
        return cls(at, start, value, low, high, of_, seen_at, quality, histograms)

    @classmethod
    def join(cls, pieces: Sequence["Samples"]) -> "Samples":
        """Return all rows in time order; of two levels at one time the later piece's counts."""
        if len(pieces) == 1 and (pieces[0].at[1:] > pieces[0].at[:-1]).all():
            return pieces[0]
        histograms: dict[int, str] = {}
        offset = 0
        for piece in pieces:
            histograms |= {row + offset: text for row, text in piece.histograms.items()}
            offset += len(piece)
        columns = zip(*(piece.columns() for piece in pieces), strict=True)
        whole = cls.of_columns([np.concatenate(column) for column in columns], histograms)
        order = np.argsort(whole.at, kind="stable")
        last = np.append(np.diff(whole.at[order]) != 0, True)
        return whole.rows(order[last])

    def observed(self, series: Series) -> Iterator[Observed]:
        """Yield the readings as they were added."""
        for row in range(len(self)):
            start, at = int(self.start[row]), int(self.at[row])
            histogram = self.histograms.get(row)
            edges = tuple((edge, count) for edge, count in json.loads(histogram)) if histogram else ()
            reading = Reading(
                series.metric,
                float(self.value[row]),
                moment(at),
                since=moment(start) if start != at else None,
                part=series.part,
                stat=series.stat,
                of=_some(self.of[row]),
                low=_some(self.low[row]),
                high=_some(self.high[row]),
                buckets=edges,
                quality=QUALITIES[int(self.quality[row])],
            )
            seen_at = moment(int(self.seen_at[row]))
            yield Observed(reading, series.subject, series.source, seen_at, series.fresh)


def add_readings(connection: Connection, index: SeriesIndex, observed: Sequence[Observed]) -> int:
    """Write readings, all of one poll or of many; return how many went to `recent`.

    Raises:
        InputError: if a value is not a finite number or a bucket ends before it begins; nothing is written.
    """
    wanted: dict[Key, Any] = {}
    keyed: list[tuple[Key, Observed]] = []
    for one in observed:
        _check(one)
        key = key_of(one)
        wanted[key] = (kind_of(one.reading), one.fresh)
        keyed.append((key, one))
    if not keyed:
        return 0
    series = index.number(connection, wanted)
    levels: list[tuple[int, Observed]] = []
    bucketed: dict[int, list[Bucket]] = {}
    for key, one in keyed:
        number = series[key].id
        if one.reading.since is None and not one.reading.buckets:
            levels.append((number, one))
        else:
            bucketed.setdefault(number, []).append(_bucket(one))
    if levels:
        _add_levels(connection, levels)
    if bucketed:
        _add_buckets(connection, bucketed)
    return len(levels)


def _check(one: Observed) -> None:
    reading = one.reading
    numbers = [reading.value, reading.of, reading.low, reading.high]
    if not all(number is None or math.isfinite(number) for number in numbers):
        raise InputError(f"a reading of {reading.metric} of {one.subject} is no finite number: leave it out")
    if reading.since is not None and reading.since > reading.at:
        raise InputError(f"a bucket of {reading.metric} of {one.subject} ends before it begins: leave it out")


def _add_levels(connection: Connection, levels: Sequence[tuple[int, Observed]]) -> None:
    at = np.array([micros(one.reading.at) for _, one in levels], np.int64)
    seen = np.array([micros(one.seen_at) for _, one in levels], np.int64)
    readings = [one.reading for _, one in levels]
    block = codec.encode(
        [
            np.array([number for number, _ in levels], np.int64),
            at,
            seen - at,
            np.array([_NUMBER[reading.quality] for reading in readings], np.int64),
        ],
        [
            np.array([reading.value for reading in readings], np.float64),
            _floats([reading.low for reading in readings]),
            _floats([reading.high for reading in readings]),
            _floats([reading.of for reading in readings]),
        ],
    )
    row = {"rows": len(levels), "first_at": int(at.min()), "last_at": int(at.max()), "data": block}
    connection.execute(_ADD, row)


def _bucket(one: Observed) -> Bucket:
    reading = one.reading
    return Bucket(
        micros(reading.since or reading.at),
        micros(reading.at),
        float(reading.value),
        micros(one.seen_at),
        of=reading.of,
        low=reading.low,
        high=reading.high,
        histogram=json.dumps(reading.buckets) if reading.buckets else None,
        quality=_NUMBER[reading.quality],
    )


def _add_buckets(connection: Connection, new: Mapping[int, Sequence[Bucket]]) -> None:
    held: dict[int, list[Bucket]] = {number: [] for number in new}
    begins = min(bucket.start for some in new.values() for bucket in some)
    ends = max(bucket.end for some in new.values() for bucket in some)
    for numbers in slices(list(new)):
        for row in connection.execute(_HELD, {"numbers": numbers, "begins": begins, "ends": ends}):
            held[row.series_id].append(_kept(row))
    put, drop, revised, stale = [], [], [], set()
    for number, some in new.items():
        change = settle(held[number], some)
        put += [_row(number, bucket) for bucket in change.put]
        drop += [{"number": number, "end": end} for end in change.drop]
        revised += [_row(number, bucket, replaced_at=at) for bucket, at in change.revised]
        stale |= {(number, (end - 1) // DAY) for end in change.drop}
        stale |= {(number, (bucket.end - 1) // DAY) for bucket in change.put}
    if drop:
        connection.execute(_DROP, drop)
    if put:
        connection.execute(replacing(connection, buckets), put)
    if revised:
        connection.execute(insert(revisions), revised)
    _mark_stale(connection, stale)


def _row(number: int, bucket: Bucket, replaced_at: int | None = None) -> dict[str, Any]:
    row = {
        "series_id": number,
        "start_at": bucket.start,
        "end_at": bucket.end,
        "value": bucket.value,
        "of": bucket.of,
        "seen_at": bucket.seen_at,
        "quality": bucket.quality,
    }
    if replaced_at is not None:
        return row | {"replaced_at": replaced_at}
    return row | {"low": bucket.low, "high": bucket.high, "histogram": bucket.histogram}


def _kept(row: Row[Any]) -> Bucket:
    return Bucket(
        row.start_at,
        row.end_at,
        row.value,
        row.seen_at,
        of=row.of,
        low=row.low,
        high=row.high,
        histogram=row.histogram,
        quality=row.quality,
    )


def _mark_stale(connection: Connection, days: Iterable[tuple[int, int]]) -> None:
    rows = [{"series_id": number, "day": day} for number, day in days]
    if rows:
        connection.execute(ignoring(connection, stale_days), rows)


def waiting(connection: Connection) -> tuple[int, datetime | None]:
    """Return how many samples wait in `recent`, and the time of the oldest poll among them."""
    count, first = connection.execute(select(func.sum(recent.c.rows), func.min(recent.c.last_at))).one()
    return int(count or 0), moment(first) if first is not None else None


def fold(connection: Connection) -> int:
    """Move what waits in `recent` into the days' chunks; return how many samples were moved."""
    if connection.dialect.name == "postgresql":
        # Two foldings at a time would write the same day's chunk over one another.
        connection.exec_driver_sql("LOCK TABLE chunks IN SHARE ROW EXCLUSIVE MODE")
    rows = connection.execute(select(recent.c.id, recent.c.data).order_by(recent.c.id)).all()
    if not rows:
        return 0
    numbers, samples = _unpack([row.data for row in rows])
    days = samples.at // DAY
    order = np.lexsort((samples.at, days, numbers))  # Stable: later polls stay behind earlier ones.
    keys = np.stack([numbers[order], days[order]])
    edges = np.flatnonzero(np.any(np.diff(keys) != 0, axis=0)) + 1
    pieces = {(int(numbers[places[0]]), int(days[places[0]])): places for places in np.split(order, edges)}
    # The keys are in order, so that a slice is a short range of days of neighbouring series.
    for some in slices(list(pieces)):
        held = _chunks_of(connection, some)
        packed = []
        for number, day in some:
            news = samples.rows(pieces[number, day])
            old = held.get((number, day))
            whole = Samples.join([news] if old is None else [old, news])
            packed.append(_pack(number, day, whole))
        connection.execute(replacing(connection, chunks), packed)
    for row in slices([row.id for row in rows]):
        connection.execute(delete(recent).where(recent.c.id.in_(row)))
    _mark_stale(connection, pieces)
    return len(samples)


def _chunks_of(connection: Connection, keys: Sequence[tuple[int, int]]) -> dict[tuple[int, int], Samples]:
    wanted = set(keys)
    query = select(chunks.c.series_id, chunks.c.day, chunks.c.data).where(
        chunks.c.series_id.in_({number for number, _ in keys}),
        chunks.c.day.in_({day for _, day in keys}),
    )
    return {
        (row.series_id, row.day): _levels(row.data)
        for row in connection.execute(query)
        if (row.series_id, row.day) in wanted
    }


def _pack(number: int, day: int, samples: Samples) -> dict[str, Any]:
    block = codec.encode(
        [samples.at, samples.seen_at - samples.at, samples.quality],
        [samples.value, samples.low, samples.high, samples.of],
    )
    return {
        "series_id": number,
        "day": day,
        "codec": codec.CODEC,
        "rows": len(samples),
        "first_at": int(samples.at[0]),
        "last_at": int(samples.at[-1]),
        "data": block,
    }


def _levels(block: bytes) -> Samples:
    (at, lag, quality), (value, low, high, of_) = codec.decode(block)
    return Samples(at, at, value, low, high, of_, at + lag, quality, {})


def _unpack(blocks: Sequence[bytes]) -> tuple[Ints, Samples]:
    """Return the series' numbers and the samples of rows of `recent`, in the order of writing."""
    decoded = [codec.decode(block) for block in blocks]
    ints = [np.concatenate(column) for column in zip(*(ints for ints, _ in decoded), strict=True)]
    floats = [np.concatenate(column) for column in zip(*(floats for _, floats in decoded), strict=True)]
    numbers, at, lag, quality = ints
    value, low, high, of_ = floats
    return numbers, Samples(at, at, value, low, high, of_, at + lag, quality, {})


def samples(
    connection: Connection,
    since: datetime,
    until: datetime | None = None,
    *,
    subject: str | None = None,
    metric: str | None = None,
) -> Iterator[tuple[Series, Samples]]:
    """Yield each series with what it has from `since` to `until` (both included), as columns."""
    wanted = {one.id: one for one in of(connection, subject, metric)}
    few = sorted(wanted) if subject is not None or metric is not None else None
    yield from (
        (wanted[number], found)
        for number, found in _between(
            connection, few, micros(since), None if until is None else micros(until)
        )
        if number in wanted
    )


def _between(
    connection: Connection, numbers: Sequence[int] | None, since: int, until: int | None
) -> Iterator[tuple[int, Samples]]:
    """Yield number and samples by series; `numbers` None means all."""
    # What waits is read first: should it be folded meanwhile, it is seen twice, never not at all.
    waits = _recent_by_series(connection, numbers, since, until)
    if numbers is None:
        yield from _merged(connection, None, waits, since, until)
        return
    for some in slices(numbers):
        yield from _merged(connection, some, waits, since, until)


def _merged(
    connection: Connection,
    numbers: Sequence[int] | None,
    waits: dict[int, Samples],
    since: int,
    until: int | None,
) -> Iterator[tuple[int, Samples]]:
    kept, days = buckets.c, chunks.c
    bucketed = select(buckets).where(kept.end_at >= since).order_by(kept.series_id, kept.end_at)
    chunked = (
        select(days.series_id, days.data)
        .where(days.day >= since // DAY, days.last_at >= since)
        .order_by(days.series_id, days.day)
    )
    if until is not None:
        bucketed = bucketed.where(kept.end_at <= until)
        chunked = chunked.where(days.day <= until // DAY, days.first_at <= until)
    if numbers is not None:
        bucketed = bucketed.where(kept.series_id.in_(numbers))
        chunked = chunked.where(days.series_id.in_(numbers))
    first = itemgetter(0)
    by_bucket = groupby(connection.execute(bucketed), key=first)
    by_chunk = groupby(connection.execute(chunked.execution_options(yield_per=2000)), key=first)
    waiting_now = sorted(waits if numbers is None else waits.keys() & set(numbers))
    steps = _in_step(
        ((number, [_bucket_samples(list(rows))]) for number, rows in by_bucket),
        ((number, [_levels(row.data) for row in rows]) for number, rows in by_chunk),
        ((number, [waits[number]]) for number in waiting_now),
    )
    for number, pieces in steps:
        whole = Samples.join(pieces)
        if whole.at[0] >= since and (until is None or whole.at[-1] <= until):
            yield number, whole
            continue
        inside = whole.at >= since
        if until is not None:
            inside &= whole.at <= until
        if inside.any():
            yield number, whole.rows(inside)


def _in_step(*streams: Iterator[tuple[int, list[Samples]]]) -> Iterator[tuple[int, list[Samples]]]:
    """Merge streams ordered by number; pieces of one number keep the order of the streams."""
    heads = [next(stream, None) for stream in streams]
    while True:
        open_heads = [head for head in heads if head is not None]
        if not open_heads:
            return
        number = min(head[0] for head in open_heads)
        pieces: list[Samples] = []
        for place, head in enumerate(heads):
            if head is not None and head[0] == number:
                pieces += head[1]
                heads[place] = next(streams[place], None)
        yield number, pieces


def _bucket_samples(rows: Sequence[Row[Any]]) -> Samples:
    def ints(name: str) -> Ints:
        return np.array([getattr(row, name) for row in rows], np.int64)

    return Samples(
        ints("end_at"),
        ints("start_at"),
        np.array([row.value for row in rows], np.float64),
        _floats([row.low for row in rows]),
        _floats([row.high for row in rows]),
        _floats([row.of for row in rows]),
        ints("seen_at"),
        ints("quality"),
        {place: row.histogram for place, row in enumerate(rows) if row.histogram is not None},
    )


def _recent_by_series(
    connection: Connection, numbers: Sequence[int] | None, since: int, until: int | None
) -> dict[int, Samples]:
    query = select(recent.c.data).where(recent.c.last_at >= since).order_by(recent.c.id)
    if until is not None:
        query = query.where(recent.c.first_at <= until)
    blocks = list(connection.scalars(query))
    if not blocks:
        return {}
    found, whole = _unpack(blocks)
    if numbers is not None:
        mask = np.isin(found, np.array(numbers, np.int64))
        found, whole = found[mask], whole.rows(mask)
        if not len(found):
            return {}
    order = np.lexsort((whole.at, found))
    edges = np.flatnonzero(np.diff(found[order])) + 1
    return {int(found[places[0]]): whole.rows(places) for places in np.split(order, edges)}


def newest(connection: Connection) -> list[Observed]:
    """Return the newest reading of every series."""
    known = {one.id: one for one in of(connection)}
    best: dict[int, tuple[int, Observed]] = {}

    def offer(number: int, found: Samples) -> None:
        at = int(found.at[-1])
        if number in known and (number not in best or best[number][0] <= at):
            # As columns, the last row would keep its whole day in memory.
            best[number] = (at, next(found.rows(slice(-1, None)).observed(known[number])))

    waits = _recent_by_series(connection, None, 0, None)
    tops = (
        select(chunks.c.series_id, func.max(chunks.c.day).label("day"))
        .group_by(chunks.c.series_id)
        .subquery()
    )
    chunked = select(chunks.c.series_id, chunks.c.data).join(
        tops, (chunks.c.series_id == tops.c.series_id) & (chunks.c.day == tops.c.day)
    )
    for row in connection.execute(chunked.execution_options(yield_per=2000)):
        offer(row.series_id, _levels(row.data))
    for number, found in waits.items():
        offer(number, found)
    ends = (
        select(buckets.c.series_id, func.max(buckets.c.end_at).label("end"))
        .group_by(buckets.c.series_id)
        .subquery()
    )
    bucketed = select(buckets).join(
        ends, (buckets.c.series_id == ends.c.series_id) & (buckets.c.end_at == ends.c.end)
    )
    for row in connection.execute(bucketed):
        offer(row.series_id, _bucket_samples([cast("Row[Any]", row)]))
    return [one for _, (_, one) in sorted(best.items())]


def history(
    connection: Connection, subject: str, metric: str, since: datetime, until: datetime | None = None
) -> list[Observed]:
    """Return what a subject's metric was from `since` to `until` (both included), in time order."""
    found = [
        one
        for series, some in samples(connection, since, until, subject=subject, metric=metric)
        for one in some.observed(series)
    ]
    return sorted(found, key=lambda one: one.reading.at)


def revised(connection: Connection, subject: str, metric: str, since: datetime) -> list[Observed]:
    """Return what buckets that end since then said before, each with when we had seen it, oldest first."""
    known = {one.id: one for one in of(connection, subject, metric)}
    query = (
        select(revisions)
        .where(revisions.c.series_id.in_(list(known)), revisions.c.end_at >= micros(since))
        .order_by(revisions.c.seen_at, revisions.c.id)
    )
    return [
        Observed(
            Reading(
                known[row.series_id].metric,
                row.value,
                moment(row.end_at),
                since=moment(row.start_at) if row.start_at != row.end_at else None,
                part=known[row.series_id].part,
                stat=known[row.series_id].stat,
                of=row.of,
                quality=QUALITIES[row.quality],
            ),
            known[row.series_id].subject,
            known[row.series_id].source,
            moment(row.seen_at),
            known[row.series_id].fresh,
        )
        for row in connection.execute(query)
    ]


def _floats(numbers: Sequence[float | None]) -> Floats:
    return np.array([math.nan if number is None else number for number in numbers], np.float64)


def _some(number: float) -> float | None:
    return None if math.isnan(number) else float(number)
