"""Readings as the histories that advice and forecasts are made from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from advisor.core.demand import Histories, History
from advisor.core.judgement import Floats
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Combine, Kind, Observed, Quality

__all__ = ["Track", "counts", "histories", "history_of"]

LONG = 2_000  #: A track of at most so many readings is taken as it is.
QUARTER = 900.0  #: Seconds.


@dataclass(frozen=True, slots=True)
class Track:
    """The readings of one part in time order: buckets from `since` to `at` (a level's are the same), epoch s.

    `fresh` is for how many seconds the newest stays usable, `quality` the least sure of them.
    """

    since: Floats
    at: Floats
    value: Floats
    fresh: float
    quality: Quality = Quality.MEASURED


def counts(metric: str, part: str) -> bool:
    """Say whether a series makes history: distributions do not, nor parts that are never combined.

    Quantiles are neither added nor averaged, so nothing is forecast of them.
    """
    known = VOCABULARY.get(metric)
    if known is None or known.kind not in {Kind.LEVEL, Kind.AMOUNT}:
        return False
    return known.combine is not Combine.EACH or not part


def histories(observed: Iterable[Observed], now: datetime) -> Histories:
    """Return the history of every metric of every subject."""
    found: dict[tuple[str, str], dict[str, dict[tuple[float, float], Observed]]] = {}
    for one in observed:
        reading = one.reading
        if reading.at > now or not counts(reading.metric, reading.part):
            continue
        since = (reading.since or reading.at).timestamp()
        parts = found.setdefault((one.subject, reading.metric), {})
        parts.setdefault(reading.part, {})[since, reading.at.timestamp()] = one
    return {
        key: history_of(key[1], {part: _track(rows) for part, rows in parts.items()}, now)
        for key, parts in found.items()
    }


def _track(rows: Mapping[tuple[float, float], Observed]) -> Track:
    ordered = sorted(rows.items(), key=lambda row: row[0][1])
    qualities = [one.reading.quality for _, one in ordered]
    return Track(
        np.array([since for (since, _), _ in ordered]),
        np.array([at for (_, at), _ in ordered]),
        np.array([one.reading.value for _, one in ordered]),
        ordered[-1][1].fresh,
        next((quality for quality in qualities if quality is not Quality.MEASURED), Quality.MEASURED),
    )


def history_of(name: str, parts: Mapping[str, Track], now: datetime) -> History:
    """Return the history of a metric; its parts are combined as the metric says."""
    metric = VOCABULARY[name]
    tracks = [_thinned(track, metric.kind) for track in parts.values()]
    quality = next((t.quality for t in tracks if t.quality is not Quality.MEASURED), Quality.MEASURED)
    newest = max(tracks, key=lambda track: float(track.at[-1]))
    stale = now.timestamp() - float(newest.at[-1]) > (metric.fresh or newest.fresh)
    if metric.kind is Kind.AMOUNT:
        at = np.concatenate([track.at for track in tracks])
        order = np.argsort(at, kind="stable")
        since = np.concatenate([track.since for track in tracks])[order]
        value = np.concatenate([track.value for track in tracks])[order]
        return History(at[order].tolist(), value.tolist(), since.tolist(), quality, stale)
    if len(tracks) == 1:
        return History(tracks[0].at.tolist(), tracks[0].value.tolist(), (), quality, stale)
    # Before all parts have been seen, a sum would jump when one joins.
    first = max(float(track.at[0]) for track in tracks)
    grid = np.unique(np.concatenate([track.at for track in tracks]))
    grid = grid[grid >= first]
    each = np.array([track.value[np.searchsorted(track.at, grid, "right") - 1] for track in tracks])
    return History(grid.tolist(), _combined(metric.combine, each).tolist(), (), quality, stale)


def _thinned(track: Track, kind: Kind) -> Track:
    """Return a long track by quarters of an hour: a level's last reading in each, an amount's sum.

    A line through 30 days needs no more, and five weeks at 15 s would be 200,000 numbers a part. No period
    begins within such a quarter in any time zone; a bucket that reaches beyond its quarter stays as it is.
    """
    if track.at.size <= LONG:
        return track
    quarter = np.ceil(track.at / QUARTER)
    if kind is Kind.AMOUNT:
        apart = track.since < (quarter - 1) * QUARTER
        # Each that stands apart begins a group, and so does what follows it.
        begins = np.flatnonzero(np.r_[True, (np.diff(quarter) != 0) | apart[1:] | apart[:-1]])
        ends = np.r_[begins[1:], track.at.size] - 1
        value = np.add.reduceat(track.value, begins)
        return replace(track, since=track.since[begins], at=track.at[ends], value=value)
    last = np.r_[np.diff(quarter) != 0, True]
    return replace(track, since=track.since[last], at=track.at[last], value=track.value[last])


def _combined(combine: Combine, parts: Floats) -> Floats:
    match combine:
        case Combine.MAX:
            return np.asarray(parts.max(axis=0))
        case Combine.MEAN:
            return np.asarray(parts.mean(axis=0))
        case _:
            return np.asarray(parts.sum(axis=0))
