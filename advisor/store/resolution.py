"""One resolution per series and time range: which bucket stays where two overlap. Pure.

- Same beginning and end: what was seen last replaces; the older value becomes a revision.
- Same beginning, a later end, nothing else in between: the bucket still ran and has grown; it replaces.
- Otherwise the finer ones win, where together they cover at least four fifths of the coarser one's time;
  the coarser is kept as a revision. Where they cover less, the coarser stays, so that no total is made too
  small by a piece that is missing.
- Equally long but shifted: what was seen last wins.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

COVERED = 0.8  #: The share of a coarser bucket that finer ones must cover to take its place.


@dataclass(frozen=True, slots=True)
class Bucket:
    """A value from `start` to `end`; times in microseconds since 1970, `quality` as in `history.py`."""

    start: int
    end: int
    value: float
    seen_at: int
    of: float | None = None
    low: float | None = None
    high: float | None = None
    histogram: str | None = None
    quality: int = 0

    @property
    def length(self) -> int:
        """In microseconds."""
        return self.end - self.start

    def touches(self, other: "Bucket") -> bool:
        """True where both cannot be kept."""
        return (self.start < other.end and other.start < self.end) or self.end == other.end

    def says_as(self, other: "Bucket") -> bool:
        """True where only the time of seeing may differ."""
        return (self.value, self.of, self.low, self.high, self.histogram, self.quality) == (
            other.value,
            other.of,
            other.low,
            other.high,
            other.histogram,
            other.quality,
        )


@dataclass(slots=True)
class Change:
    """What to do to the kept buckets: write `put`, remove those that end at `drop`, remember `revised`.

    `revised` pairs what was known with the time at which it was replaced.
    """

    put: list[Bucket]
    drop: list[int]
    revised: list[tuple[Bucket, int]]


def settle(held: Iterable[Bucket], new: Sequence[Bucket]) -> Change:
    """Return how `new` changes `held`, the kept buckets of one series that overlap any of them."""
    change = Change([], [], [])
    # Apart, what does not touch needs no comparing: a year of hours is as many small questions.
    reach = None
    near: list[tuple[Bucket, bool]] = []
    everything = sorted(
        [(b, False) for b in held] + [(b, True) for b in new], key=lambda x: (x[0].start, x[0].end)
    )
    for bucket, is_new in everything:
        if reach is not None and bucket.start >= reach and bucket.end > reach:
            _settle(near, change)
            near = []
        near.append((bucket, is_new))
        reach = bucket.end if reach is None else max(reach, bucket.end)
    _settle(near, change)
    return change


def _settle(near: list[tuple[Bucket, bool]], change: Change) -> None:
    """Add to `change` what follows for buckets (is new?) that touch one another in a chain."""
    new = [bucket for bucket, is_new in near if is_new]
    if len(near) == len(new) == 1:
        change.put += new
        return
    before = {bucket.end: bucket for bucket, is_new in near if not is_new}
    current = dict(before)
    revised: list[tuple[Bucket, int]] = []
    for bucket in sorted(new, key=lambda b: (b.length, b.seen_at)):
        touched = [other for other in current.values() if bucket.touches(other)]
        gone = _replaced(bucket, touched, new, current.values())
        if gone is None:
            continue
        for other in gone:
            del current[other.end]
            if not _grew(bucket, touched):
                revised.append((other, bucket.seen_at))
        current[bucket.end] = bucket
    known = set(before.values())
    change.put += [bucket for end, bucket in current.items() if before.get(end) is not bucket]
    change.drop += [end for end in before if end not in current]
    change.revised += [(bucket, at) for bucket, at in revised if bucket in known]


def _replaced(
    bucket: Bucket, touched: list[Bucket], new: Sequence[Bucket], current: Iterable[Bucket]
) -> list[Bucket] | None:
    """Return whose place `bucket` takes, None where it is set aside."""
    if not touched:
        return []
    if len(touched) == 1 and touched[0].start == bucket.start:
        (other,) = touched
        if bucket.end == other.end:
            late = bucket.seen_at < other.seen_at
            return None if late or bucket.says_as(other) else touched
        if _grew(bucket, touched):
            return touched
    around = [*new, *current]
    for other in touched:
        if other.length > bucket.length:
            wins = _covered(other, (b for b in around if b.length < other.length)) >= COVERED
        elif other.length < bucket.length:
            wins = _covered(bucket, (b for b in touched if b.length < bucket.length)) < COVERED
        else:
            wins = bucket.seen_at >= other.seen_at
        if not wins:
            return None
    return touched


def _grew(bucket: Bucket, touched: list[Bucket]) -> bool:
    return len(touched) == 1 and touched[0].start == bucket.start and touched[0].end < bucket.end


def _covered(whole: Bucket, pieces: Iterable[Bucket]) -> float:
    """Return the share of `whole` that the pieces cover together."""
    covered, reached = 0, whole.start
    for piece in sorted(pieces, key=lambda b: b.start):
        start, end = max(piece.start, reached), min(piece.end, whole.end)
        if end > start:
            covered += end - start
            reached = end
    return covered / whole.length if whole.length else 0.0
