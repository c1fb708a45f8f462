"""Readings as the histories that advice and forecasts are made from."""

from collections.abc import Iterable
from datetime import datetime

from advisor.core.demand import Histories, History
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Combine, Kind, Observed, Quality

_Part = dict[tuple[float, float], Observed]


def histories(observed: Iterable[Observed], now: datetime) -> Histories:
    """Return the history of every metric of every subject; parts are combined as the metric says.

    Distributions have none: their quantiles are neither added nor averaged, so nothing is forecast of them.
    """
    found: dict[tuple[str, str], dict[str, _Part]] = {}
    for one in observed:
        reading = one.reading
        metric = VOCABULARY.get(reading.metric)
        if metric is None or metric.kind not in {Kind.LEVEL, Kind.AMOUNT} or reading.at > now:
            continue
        if metric.combine is Combine.EACH and reading.part:
            continue
        parts = found.setdefault((one.subject, reading.metric), {})
        since = reading.since.timestamp() if reading.since else reading.at.timestamp()
        parts.setdefault(reading.part, {})[since, reading.at.timestamp()] = one
    return {key: _history(key[1], parts, now) for key, parts in found.items()}


def _history(name: str, parts: dict[str, _Part], now: datetime) -> History:
    metric = VOCABULARY[name]
    everything = sorted((at, since, one) for part in parts.values() for (since, at), one in part.items())
    newest = everything[-1][2]
    quality = next(
        (o.reading.quality for *_, o in everything if o.reading.quality is not Quality.MEASURED),
        Quality.MEASURED,
    )
    stale = (now - newest.reading.at).total_seconds() > (metric.fresh or newest.fresh)
    if metric.kind is Kind.AMOUNT:
        return History(
            [at for at, _, _ in everything],
            [one.reading.value for *_, one in everything],
            [since for _, since, _ in everything],
            quality,
            stale,
        )
    current: dict[str, float] = {}
    values: dict[float, float] = {}
    for at, _, one in everything:
        current[one.reading.part] = one.reading.value
        if len(current) == len(parts):  # Before all have been seen, a sum would jump when one joins.
            values[at] = _combined(metric.combine, list(current.values()))
    return History(list(values), list(values.values()), (), quality, stale)


def _combined(combine: Combine, values: list[float]) -> float:
    match combine:
        case Combine.MAX:
            return max(values)
        case Combine.MEAN:
            return sum(values) / len(values)
        case _:
            return sum(values)
