"""Outages that a monitoring service tells become uptime and downtime by buckets of time. Pure.

Uptime is seconds up over seconds watched, of all monitors together: a pause and the time before a monitor
was made are not watched. Downtime is the time in which any of them was down, counted once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from advisor.core.model import Reading

__all__ = ["FIRST", "Span", "Watched", "readings", "start_of"]

FIRST = timedelta(days=31)  #: How far a first poll looks back.

_FINE, _COARSE = timedelta(minutes=5), timedelta(hours=1)
_RECENT = timedelta(days=1)  # Older buckets are an hour wide, newer ones five minutes.
_SETTLES = timedelta(hours=1)  # A failure is confirmed from elsewhere before it is told.

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Watched:
    """One monitor: from when it was watched, when it was not, and when it was down."""

    since: datetime
    down: Sequence[Span] = ()
    unwatched: Sequence[Span] = ()


def start_of(last: datetime | None, now: datetime) -> datetime:
    """Return from when buckets are to be given, where the last poll was at `last`."""
    oldest = now - FIRST
    start = oldest if last is None or last > now else max(oldest, last - _SETTLES)
    return start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def readings(watched: Iterable[Watched], since: datetime, now: datetime) -> list[Reading]:
    """Return uptime and downtime of each bucket from `since` (a full hour) to `now`."""
    monitors = [(one, _merged(one.down), _merged(one.unwatched)) for one in watched]
    found: list[Reading] = []
    for start, end in _buckets(since, now):
        whole = up = 0.0
        broken: list[Span] = []
        for one, down, away in monitors:
            begin = max(start, one.since)
            if begin >= end:
                continue
            blind = _within(away, begin, end)
            failed = [span for cut in _within(down, begin, end) for span in _without(cut, blind)]
            seconds = (end - begin).total_seconds() - _length(blind)
            whole += seconds
            up += seconds - _length(failed)
            broken += failed
        if whole > 0:
            found.append(Reading("uptime", max(0.0, up), end, start, of=whole))
            found.append(Reading("downtime", _length(_merged(broken)), end, start))
    return found


def _buckets(since: datetime, now: datetime) -> Iterable[Span]:
    recent = (now - _RECENT).replace(minute=0, second=0, microsecond=0)
    while since < now:
        width = _COARSE if since < recent else _FINE
        yield since, min(since + width, now)
        since += width


def _merged(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        elif start < end:
            merged.append((start, end))
    return merged


def _within(spans: Iterable[Span], start: datetime, end: datetime) -> list[Span]:
    return [(max(a, start), min(b, end)) for a, b in spans if a < end and b > start]


def _without(span: Span, holes: Iterable[Span]) -> Iterable[Span]:
    start, end = span
    for a, b in holes:
        if a > start:
            yield start, min(a, end)
        start = max(start, b)
        if start >= end:
            return
    yield start, end


def _length(spans: Iterable[Span]) -> float:
    return sum((b - a).total_seconds() for a, b in spans if b > a)
