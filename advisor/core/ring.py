"""The history of one series: for every subject and part a row of segments, in no particular order.

A segment is (a, b, v, w): from a to b (epoch seconds) the level was v; or in the bucket (a, b] there were v,
of w where it is a share. What asks for a window adds up over a row, so the order never matters, and a
late or corrected segment needs no move of the others.

A row never forgets what the horizon needs. Where that is more than six hours, segments older than six
hours are merged by the hour (split where a zone's midnight would fall within one), as weighted means of
levels and sums of amounts and shares; lowest and highest are kept beside.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advisor.core.judgement import Floats, Rows

RAW = 6 * 3600.0  #: Seconds within which segments are kept as they came.
HOUR = 3600.0
_FIRST_SLOTS = 8


@dataclass(slots=True)
class Slice:
    """Some rows of a ring: matrices (row × slot), and whose they are."""

    owner: Rows
    a: Floats
    b: Floats
    v: Floats
    w: Floats | None
    low: Floats
    high: Floats


class Ring:
    """Segments of one (metric, stat) over all its subjects and parts."""

    def __init__(
        self, subjects: int, horizon: float, *, level: bool, share: bool = False, bounds: bool = False
    ) -> None:
        self.horizon = horizon
        self.level = level  #: A segment holds until the next one starts, at most until its own end.
        self.bounds = bounds  #: Values are quantiles: merging keeps the lowest and the highest.
        self.parted = False  #: Some subject has parts.
        self.index = np.full(subjects, -1, dtype=np.intp)  #: A subject's row of readings without a part.
        self.parts: dict[tuple[int, str], int] = {}
        self.used = 0
        self.owner: Rows = np.zeros(0, dtype=np.intp)
        self.part_row: NDArray[np.bool_] = np.zeros(0, dtype=np.bool_)
        self.count: NDArray[np.intp] = np.zeros(0, dtype=np.intp)
        self.newest: NDArray[np.intp] = np.zeros(0, dtype=np.intp)  #: Slot of the newest segment, -1: none.
        self.phase: Floats = np.zeros(0)  #: Where a zone's hours start, seconds after UTC's.
        self.a = np.zeros((0, _FIRST_SLOTS))
        self.b = np.zeros((0, _FIRST_SLOTS))
        self.v = np.zeros((0, _FIRST_SLOTS))
        self.w = np.zeros((0, _FIRST_SLOTS)) if share else None
        # Lowest and highest are the value itself until something is merged, or came with ends of its own.
        self.low: Floats | None = None
        self.high: Floats | None = None
        self.changes: dict[int, int] = {}  #: UTC day to how often something within it changed.

    # -- rows ------------------------------------------------------------------------------------------

    def row_of(self, subject: int, part: str, phase: float = 0.0) -> int:
        """Return the row of a subject's part, made where it is new."""
        row = self.parts.get((subject, part), -1) if part else int(self.index[subject])
        if row >= 0:
            return row
        row = self.used
        self._rows_for(row + 1)
        self.used += 1
        self.owner[row] = subject
        self.phase[row] = phase
        if part:
            self.parts[(subject, part)] = row
            self.part_row[row] = True
            self.parted = True
        else:
            self.index[subject] = row
        return row

    def rows_of(self, subjects: Rows) -> Rows:
        """Return the rows of many subjects' readings without a part, made where they are new."""
        rows = self.index[subjects]
        new = np.flatnonzero(rows < 0)
        if new.size:
            first = self.used
            self._rows_for(first + new.size, exactly=True)
            self.used += new.size
            self.owner[first : self.used] = subjects[new]
            self.index[subjects[new]] = np.arange(first, self.used)
            rows = self.index[subjects]
        return np.asarray(rows, dtype=np.intp)

    def _rows_for(self, needed: int, *, exactly: bool = False) -> None:
        have = self.owner.size
        if needed <= have:
            return
        size = needed if exactly else max(needed, 16, have * 3 // 2)
        more = size - have
        self.owner = np.concatenate([self.owner, np.zeros(more, dtype=np.intp)])
        self.part_row = np.concatenate([self.part_row, np.zeros(more, dtype=np.bool_)])
        self.count = np.concatenate([self.count, np.zeros(more, dtype=np.intp)])
        self.newest = np.concatenate([self.newest, np.full(more, -1, dtype=np.intp)])
        self.phase = np.concatenate([self.phase, np.zeros(more)])
        for name, empty in self._matrices():
            matrix = getattr(self, name)
            setattr(self, name, np.concatenate([matrix, np.full((more, matrix.shape[1]), empty)]))

    def _matrices(self) -> Iterable[tuple[str, float]]:
        # An empty slot starts after it ends, so that it overlaps no window.
        yield from (("a", np.inf), ("b", -np.inf), ("v", 0.0))
        if self.w is not None:
            yield "w", 0.0
        if self.low is not None:
            yield from (("low", 0.0), ("high", 0.0))

    def _widen(self, slots: int) -> None:
        for name, empty in list(self._matrices()):
            matrix = getattr(self, name)
            wider = np.full((matrix.shape[0], slots), empty)
            wider[:, : matrix.shape[1]] = matrix
            setattr(self, name, wider)

    # -- adding ----------------------------------------------------------------------------------------

    def add(
        self, row: int, a: float, b: float, v: float, w: float = 0.0, ends: tuple[float, float] | None = None
    ) -> None:
        """Add one segment; one that is there already is replaced, a late one finds its place.

        `ends` are between which values `v` lies where it was not measured exactly; only where the ring keeps
        bounds.
        """
        low, high = (v, v) if ends is None or not self.bounds else ends
        if low < high and self.low is None:
            self.low, self.high = self.v.copy(), self.v.copy()
        slot = int(self.newest[row])
        if slot < 0 or (a > self.a[row, slot] and (self.level or a >= self.b[row, slot])):
            if slot >= 0 and self.level and self.b[row, slot] > a:
                self.b[row, slot] = a
            self._write(row, a, b, v, w, low, high, newest=True)
        elif self.level:
            self._add_late_level(row, a, b, v, low, high)
        else:
            self._add_overlapping(row, a, b, v, w, low, high)
        day = int(a // 86400)
        self.changes[day] = self.changes.get(day, 0) + 1
        if len(self.changes) > 400:
            oldest = min(self.changes)
            del self.changes[oldest]

    def _write(
        self, row: int, a: float, b: float, v: float, w: float, low: float, high: float, *, newest: bool
    ) -> None:
        slot = int(self.newest[row])
        if not newest and slot >= 0 and b < self._moment(row, slot) - self.horizon:
            return
        slot = self._free(row, a if self.level else b)
        self.a[row, slot], self.b[row, slot], self.v[row, slot] = a, b, v
        if self.w is not None:
            self.w[row, slot] = w
        self._bound(row, slot, low, high)
        if newest:
            self.newest[row] = slot

    def _bound(self, row: int, slot: int, low: float, high: float) -> None:
        if self.low is not None and self.high is not None:
            self.low[row, slot], self.high[row, slot] = low, high

    def _add_late_level(self, row: int, a: float, b: float, v: float, low: float, high: float) -> None:
        starts = self.a[row, : self.count[row]]
        same = np.flatnonzero(starts == a)
        if same.size:
            self.v[row, same[0]] = v
            self._bound(row, int(same[0]), low, high)
            return
        after = starts > a
        before = np.flatnonzero(~after)
        following = float(starts[after].min())
        if before.size:
            previous = before[np.argmax(starts[before])]
            self.b[row, previous] = min(self.b[row, previous], a)
        self._write(row, a, min(b, following), v, 0.0, low, high, newest=False)

    def _add_overlapping(
        self, row: int, a: float, b: float, v: float, w: float, low: float, high: float
    ) -> None:
        n = int(self.count[row])
        starts, ends = self.a[row, :n], self.b[row, :n]
        touching = np.flatnonzero((starts < b) & (ends > a) | (starts == a) & (ends == b))
        newest = self.b[row, self.newest[row]] if self.newest[row] >= 0 else -np.inf
        for other in touching:
            if (
                self.horizon > RAW
                and ends[other] < newest - RAW
                and b - a < ends[other] - starts[other] <= HOUR
            ):
                return  # Within an hour that is merged: it cannot be told from what is in there.
        if touching.size == 1 and starts[touching[0]] == a:
            # The same bucket again, corrected or grown: it replaces.
            slot = int(touching[0])
            self.b[row, slot], self.v[row, slot] = b, v
            self._bound(row, slot, low, high)
            if self.w is not None:
                self.w[row, slot] = w
            return
        if touching.size:
            finer = (ends[touching] - starts[touching]).sum()
            if touching.size > 1 and finer >= 0.8 * (b - a):
                return  # The finer buckets are there: never both.
            self._drop(row, touching)
        end = self.b[row, self.newest[row]] if self.newest[row] >= 0 else -np.inf
        self._write(row, a, b, v, w, low, high, newest=bool(b >= end))

    def _drop(self, row: int, slots: Rows) -> None:
        for name, _ in self._matrices():
            matrix = getattr(self, name)
            matrix[row, : self.count[row]] = _without(matrix[row, : self.count[row]], slots, name)
        self.count[row] -= slots.size
        n = int(self.count[row])
        self.newest[row] = int(np.argmax(self.b[row, :n])) if n else -1

    def add_many(self, subjects: Rows, a: Floats, b: Floats, v: Floats) -> None:
        """Add one level to each of many subjects (readings without a part)."""
        rows = self.rows_of(subjects)
        slot = self.newest[rows]
        has = slot >= 0
        late = has & (self.a[rows, slot] >= a)
        for i in np.flatnonzero(late):
            self.add(int(rows[i]), float(a[i]), float(b[i]), float(v[i]))
        ok = ~late
        rows, slot, has, a, b, v = rows[ok], slot[ok], has[ok], a[ok], b[ok], v[ok]
        if not rows.size:
            return
        known, previous = rows[has], slot[has]
        self.b[known, previous] = np.minimum(self.b[known, previous], a[has])
        for day, times in zip(*np.unique(a // 86400, return_counts=True), strict=True):
            self.changes[int(day)] = self.changes.get(int(day), 0) + int(times)
        width = self.a.shape[1]
        full = self.count[rows] >= width
        place = self.count[rows].copy()
        if full.any():
            oldest = np.argmin(self.a[rows[full]], axis=1)
            expired = self.b[rows[full], oldest] < a[full] - self.horizon
            if self.horizon <= RAW and expired.all():
                place[full] = oldest
            else:
                if self.horizon > RAW or expired.any():
                    for row, moment in zip(rows[full], a[full], strict=True):
                        self._compact(int(row), float(moment))
                    place = self.count[rows].copy()
                if int(place.max()) >= width:
                    self._widen(width + max(4, width // 4))
        self.a[rows, place], self.b[rows, place], self.v[rows, place] = a, b, v
        if self.low is not None and self.high is not None:
            self.low[rows, place] = self.high[rows, place] = v
        self.newest[rows] = place
        self.count[rows] = np.maximum(self.count[rows], place + 1)

    def _moment(self, row: int, slot: int) -> float:
        """Return when a segment was known: a level's reading stands at its start, its end lies ahead."""
        return float(self.a[row, slot] if self.level else self.b[row, slot])

    def _free(self, row: int, moment: float) -> int:
        """Return a free slot of the row: an unused one, else one made by forgetting, merging, widening."""
        n = int(self.count[row])
        if n >= self.a.shape[1]:
            self._compact(row, max(moment, self._moment(row, int(self.newest[row]))))
            n = int(self.count[row])
            if n >= self.a.shape[1]:
                self._widen(n + max(4, n // 4))
        self.count[row] = n + 1
        return n

    def _compact(self, row: int, now: float) -> None:
        n = int(self.count[row])
        order = np.argsort(self.a[row, :n], kind="stable")
        order = order[self.b[row, order] >= now - self.horizon]
        old = self.a[row, order][self.b[row, order] <= now - RAW]
        merges = self.horizon > RAW and bool((np.diff(np.floor(old / HOUR)) == 0).any())
        if merges and (self.level or self.bounds) and self.low is None:
            self.low, self.high = self.v.copy(), self.v.copy()
        kept = {name: getattr(self, name)[row, order] for name, _ in self._matrices()}
        if merges:
            kept = self._merge(kept, now - RAW, float(self.phase[row]))
        size = kept["a"].size
        for name, empty in self._matrices():
            matrix = getattr(self, name)
            matrix[row, :size] = kept[name]
            matrix[row, size:] = empty
        self.count[row] = size
        self.newest[row] = int(np.argmax(kept["a"] if self.level else kept["b"])) if size else -1

    def _merge(self, kept: dict[str, Floats], before: float, phase: float) -> dict[str, Floats]:
        """Merge the segments (sorted by start) that end before a moment into one an hour."""
        a, b = kept["a"], kept["b"]
        old = int(np.argmax(np.append(b > before, True)))
        if old < 2:
            return kept
        length = b[:old] - a[:old]
        middle = a[:old] + length / 2
        hours = np.stack([np.floor(middle / HOUR), np.floor((middle - phase) / HOUR)])
        first = np.flatnonzero(np.diff(hours, axis=1, prepend=-np.inf).any(axis=0))
        merged = {"a": a[first]}
        if self.level:
            merged["b"] = a[first] + np.add.reduceat(length, first)
        else:
            merged["b"] = np.maximum.reduceat(b[:old], first)
        if self.level or self.bounds:
            weight = np.maximum(length, 1e-9)
            total = np.add.reduceat(kept["v"][:old] * weight, first)
            merged["v"] = total / np.add.reduceat(weight, first)
            merged["low"] = np.minimum.reduceat(kept["low"][:old], first)
            merged["high"] = np.maximum.reduceat(kept["high"][:old], first)
        else:
            for name in kept.keys() - merged.keys():
                merged[name] = np.add.reduceat(kept[name][:old], first)
        return {name: np.concatenate([merged[name], kept[name][old:]]) for name in kept}

    # -- reading ---------------------------------------------------------------------------------------

    def blocks(self, wanted: NDArray[np.bool_] | None = None) -> Iterable[Slice]:
        """Yield all rows, or those of the wanted subjects, in pieces that fit the processor's cache."""
        if not self.used:
            return
        width = max(1, int(self.count[: self.used].max()))
        step = max(1, 65536 // width)
        rows = None if wanted is None else np.flatnonzero(wanted[self.owner[: self.used]])
        if rows is not None and rows.size == self.used:
            rows = None
        size = self.used if rows is None else rows.size
        for start in range(0, size, step):
            stop = min(start + step, size)
            at = slice(start, stop) if rows is None else rows[start:stop]
            v = self.v[at, :width]
            yield Slice(
                self.owner[at],
                self.a[at, :width],
                self.b[at, :width],
                v,
                None if self.w is None else self.w[at, :width],
                v if self.low is None else self.low[at, :width],
                v if self.high is None else self.high[at, :width],
            )

    def end(self) -> Floats:
        """Return for every row in use the end of its newest segment; -inf where there is none."""
        rows = np.arange(self.used)
        return np.where(self.newest[: self.used] >= 0, self.b[rows, self.newest[: self.used]], -np.inf)

    @property
    def nbytes(self) -> int:
        """Bytes that the matrices hold."""
        return sum(getattr(self, name).nbytes for name, _ in self._matrices())


def _without(values: Floats, slots: Rows, name: str) -> Floats:
    kept = np.delete(values, slots)
    empty = {"a": np.inf, "b": -np.inf}.get(name, 0.0)
    return np.concatenate([kept, np.full(slots.size, empty)])
