"""What a window of a ring amounts to: sums, means, lowest and highest, for all subjects at once.

`since` and `until` bound the window, epoch seconds: one number, or one a subject. Results are arrays over
`fleet.subjects`, NaN or zero covered where nothing is known. No loop runs over subjects, only over blocks of
rows that fit the processor's cache.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advisor.core.judgement import Floats, Rows
from advisor.core.model import Combine
from advisor.core.ring import Ring, Slice

Bound = Floats | float
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Total:
    """An amount or a share in a window.

    `value` counts a bucket that crosses the window's edge by the part within, `least` leaves it out,
    `most` counts it whole; `whole` is a share's denominator; `covered` the seconds that buckets cover.
    """

    value: Floats
    least: Floats
    most: Floats
    whole: Floats
    covered: Floats


@dataclass(frozen=True, slots=True)
class Course:
    """A level's course through a window: integral over time, seconds covered, lowest and highest."""

    integral: Floats
    covered: Floats
    low: Floats
    high: Floats


def summed(owner: Rows, values: Floats | Mask, size: int) -> Floats:
    """Return the sum of the values of every owner."""
    return np.asarray(np.bincount(owner, values, size), dtype=np.float64)


def overlap(part: Slice, since: Bound, until: Bound) -> Floats:
    """Return the seconds that each segment lies within the window."""
    start = since if isinstance(since, float) else since[part.owner][:, None]
    end = until if isinstance(until, float) else until[part.owner][:, None]
    within = np.minimum(part.b, end)
    within -= np.maximum(part.a, start)
    return np.asarray(np.maximum(within, 0.0, out=within), dtype=np.float64)


def course(
    ring: Ring, size: int, since: Bound, until: Bound, combine: Combine, wanted: Mask, *, ends: bool = False
) -> Course:
    """Return the course of a level; lowest and highest only where `ends` asks for them.

    Parts make one value by their own means: the sum or mean of means, or the highest mean.
    """

    def look(part: Slice) -> list[Floats]:
        seconds = overlap(part, since, until)
        columns = [np.einsum("ij,ij->i", seconds, part.v), seconds.sum(axis=1)]
        if ends:
            columns.append(np.where(seconds > 0, part.low, np.inf).min(axis=1))
            columns.append(np.where(seconds > 0, part.high, -np.inf).max(axis=1))
        return columns

    owner, columns = _rows(ring, wanted, look, 4 if ends else 2)
    integral, covered = columns[0], columns[1]
    nothing = np.full(size, np.nan)
    low, high = nothing, nothing
    if not ring.parted:
        if ends:
            low, high = _placed(size, owner, columns[2], np.nan), _placed(size, owner, columns[3], np.nan)
            low, high = np.where(np.isinf(low), np.nan, low), np.where(np.isinf(high), np.nan, high)
        return Course(_placed(size, owner, integral, 0.0), _placed(size, owner, covered, 0.0), low, high)
    keep = _speaking(ring, size, owner, covered, wanted)
    owner, integral, covered = owner[keep], integral[keep], covered[keep]
    longest = np.zeros(size)
    np.maximum.at(longest, owner, covered)
    if combine in {Combine.MAX, Combine.EACH}:
        highest = np.full(size, -np.inf)
        np.maximum.at(highest, owner, integral / np.where(covered > 0, covered, np.inf))
        total = np.where(longest > 0, highest * longest, 0.0)
    else:
        total = summed(owner, integral, size)
        if combine == Combine.MEAN:
            seconds = summed(owner, covered, size)
            total = total / np.where(seconds > 0, seconds, 1.0) * longest
    if ends:
        # Parts may be lowest at different moments: for sums that bounds the whole, it does not give it.
        low, high = _parts_ends(size, owner, columns[2][keep], columns[3][keep], combine)
    return Course(total, longest, low, high)


def _parts_ends(
    size: int, owner: Rows, lows: Floats, highs: Floats, combine: Combine
) -> tuple[Floats, Floats]:
    seen = np.isfinite(lows)
    owner, lows, highs = owner[seen], lows[seen], highs[seen]
    count = np.bincount(owner, minlength=size)
    if combine == Combine.SUM:
        low, high = summed(owner, lows, size), summed(owner, highs, size)
    elif combine == Combine.MEAN:
        low = summed(owner, lows, size) / np.maximum(count, 1)
        high = summed(owner, highs, size) / np.maximum(count, 1)
    else:
        low, high = np.full(size, -np.inf), np.full(size, -np.inf)
        np.maximum.at(low, owner, lows)
        np.maximum.at(high, owner, highs)
    return np.where(count > 0, low, np.nan), np.where(count > 0, high, np.nan)


def rolling(ring: Ring, size: int, since: Bound, until: Bound, wanted: Mask) -> Total:
    """Return the total of the buckets in a rolling window; a bucket across its edge counts by its part."""

    def look(part: Slice) -> list[Floats]:
        seconds = overlap(part, since, until)
        length = part.b - part.a
        start = since if isinstance(since, float) else since[part.owner][:, None]
        end = until if isinstance(until, float) else until[part.owner][:, None]
        point = (length == 0) & (part.b > start) & (part.b <= end)
        share = np.where(length > 0, seconds / np.where(length > 0, length, 1.0), point)
        whole = share >= 1 - 1e-9
        columns = [
            np.einsum("ij,ij->i", share, part.v),
            np.where(whole, part.v, 0.0).sum(axis=1),
            np.where(share > 0, part.v, 0.0).sum(axis=1),
            seconds.sum(axis=1),
        ]
        if part.w is not None:
            columns.append(np.einsum("ij,ij->i", share, part.w))
        return columns

    return _total(ring, size, wanted, look)


def periodic(ring: Ring, size: int, since: Bound, until: Bound, wanted: Mask) -> Total:
    """Return the total of a calendar's period (since, until]; a bucket belongs where its middle lies."""

    def look(part: Slice) -> list[Floats]:
        start = since if isinstance(since, float) else since[part.owner][:, None]
        end = until if isinstance(until, float) else until[part.owner][:, None]
        length = part.b - part.a
        middle = part.a + length / 2
        within = (middle > start) & (middle <= end)
        total = np.where(within, part.v, 0.0).sum(axis=1)
        columns = [total, total, total, np.where(within, length, 0.0).sum(axis=1)]
        if part.w is not None:
            columns.append(np.where(within, part.w, 0.0).sum(axis=1))
        return columns

    return _total(ring, size, wanted, look)


def _total(ring: Ring, size: int, wanted: Mask, look: Callable[[Slice], list[Floats]]) -> Total:
    owner, columns = _rows(ring, wanted, look, 4 if ring.w is None else 5)
    if ring.parted:
        keep = _speaking(ring, size, owner, columns[3], wanted)
        owner, columns = owner[keep], [column[keep] for column in columns]
    sums = [summed(owner, column, size) for column in columns]
    covered = np.zeros(size)
    np.maximum.at(covered, owner, columns[3])
    return Total(sums[0], sums[1], sums[2], sums[4] if len(sums) > 4 else sums[0], covered)


def _rows(
    ring: Ring, wanted: Mask, look: Callable[[Slice], list[Floats]], width: int
) -> tuple[Rows, list[Floats]]:
    owners: list[Rows] = []
    found: list[list[Floats]] = []
    for part in ring.blocks(wanted):
        owners.append(part.owner)
        found.append(look(part))
    if not owners:
        return np.zeros(0, dtype=np.intp), [np.zeros(0)] * width
    if len(owners) == 1:
        return owners[0], found[0]
    return np.concatenate(owners), [np.concatenate(columns) for columns in zip(*found, strict=True)]


def _placed(size: int, owner: Rows, values: Floats, empty: float) -> Floats:
    placed = np.full(size, empty)
    placed[owner] = values
    return placed


def _speaking(ring: Ring, size: int, owner: Rows, covered: Floats, wanted: Mask) -> Mask:
    """Return which rows count: a subject's readings without a part, or those of its parts, never both."""
    rows = np.flatnonzero(wanted[ring.owner[: ring.used]])
    is_part = ring.part_row[rows]
    whole = np.zeros(size)
    np.maximum.at(whole, owner[~is_part], covered[~is_part])
    parts = np.zeros(size)
    np.maximum.at(parts, owner[is_part], covered[is_part])
    whole_speaks = (whole > 0) & (whole >= 0.8 * parts)
    return np.asarray(whole_speaks[owner] != is_part, dtype=np.bool_)


def oldest_start(ring: Ring, size: int) -> Floats:
    """Return for every subject the start of its oldest segment, NaN where there is none."""
    start = np.full(size, np.inf)
    np.minimum.at(start, ring.owner[: ring.used], ring.a[: ring.used].min(axis=1, initial=np.inf))
    return np.where(np.isinf(start), np.nan, start)


def first_start(ring: Ring, size: int, since: Bound, until: Bound) -> Floats:
    """Return for every subject from when on the window is covered, NaN where nothing covers any of it."""
    first = np.full(size, np.inf)
    for part in ring.blocks():
        start = since if isinstance(since, float) else since[part.owner][:, None]
        began = np.where(overlap(part, since, until) > 0, np.maximum(part.a, start), np.inf)
        np.minimum.at(first, part.owner, began.min(axis=1, initial=np.inf))
    return np.where(np.isinf(first), np.nan, first)


def at_moment(ring: Ring, size: int, moment: Bound, combine: Combine, wanted: Mask) -> Floats:
    """Return the level in force at a moment, NaN where no reading covers it."""

    def look(part: Slice) -> list[Floats]:
        when = moment if isinstance(moment, float) else moment[part.owner][:, None]
        there = (part.a <= when) & (part.b > when)
        seen = there.any(axis=1)
        return [np.where(there, part.v, 0.0).max(axis=1) * seen, seen.astype(np.float64)]

    owner, (value, seen) = _rows(ring, wanted, look, 2)
    if ring.parted:
        keep = _speaking(ring, size, owner, seen, wanted)
        owner, value, seen = owner[keep], value[keep], seen[keep]
    count = summed(owner, seen, size)
    if combine in {Combine.MAX, Combine.EACH}:
        total = np.zeros(size)
        np.maximum.at(total, owner, value)
    else:
        total = summed(owner, value, size)
        if combine == Combine.MEAN:
            total = total / np.maximum(count, 1)
    return np.where(count > 0, total, np.nan)


def quantile(ring: Ring, size: int, since: Bound, until: Bound, share: float, wanted: Mask) -> Floats:
    """Return the level that was not exceeded for that share of the covered time (parts: the highest)."""

    def look(part: Slice) -> list[Floats]:
        seconds = overlap(part, since, until)
        order = np.argsort(part.v, axis=1)
        weight = np.take_along_axis(seconds, order, axis=1).cumsum(axis=1)
        total = weight[:, -1:]
        place = np.argmax(weight >= share * total, axis=1)
        value = np.take_along_axis(np.take_along_axis(part.v, order, axis=1), place[:, None], axis=1)[:, 0]
        return [np.where(total[:, 0] > 0, value, -np.inf)]

    owner, (value,) = _rows(ring, wanted, look, 1)
    highest = np.full(size, -np.inf)
    np.maximum.at(highest, owner, value)
    return np.where(np.isinf(highest), np.nan, highest)


def daily(
    ring: Ring, size: int, since: float, days: int, combine: Combine, wanted: Mask
) -> tuple[Floats, Floats]:
    """Return a level's mean of each of so many times 24 hours, and whether it is known (subject × day)."""
    width = 86400.0
    sums = np.zeros((size, days))
    seconds = np.zeros((size, days))
    means = np.full((size, days), -np.inf)
    for part in ring.blocks(wanted):
        within = np.maximum(part.b - np.maximum(part.a, since), 0.0)
        middle = np.maximum(part.a, since) + np.where(within > 0, within, 0.0) / 2
        day = np.where(within > 0, np.floor((middle - since) / width), -1)
        for index in range(days):
            weight = np.where(day == index, within, 0.0)
            total = weight.sum(axis=1)
            mean = np.einsum("ij,ij->i", weight, part.v) / np.where(total > 0, total, 1.0)
            if combine in {Combine.MAX, Combine.EACH}:
                np.maximum.at(means[:, index], part.owner, np.where(total > 0, mean, -np.inf))
            elif combine == Combine.SUM:
                # Parts share a day: each adds its own mean.
                np.add.at(sums[:, index], part.owner, np.where(total > 0, mean, 0.0))
                np.maximum.at(seconds[:, index], part.owner, total)
                continue
            else:
                np.add.at(sums[:, index], part.owner, mean * total)
            np.add.at(seconds[:, index], part.owner, total)
    known = seconds > 0
    if combine in {Combine.MAX, Combine.EACH}:
        return np.where(known, means, 0.0), known.astype(np.float64)
    if combine == Combine.SUM:
        return sums, known.astype(np.float64)
    return sums / np.where(known, seconds, 1.0), known.astype(np.float64)
