"""What is known of the past: the store's readings and terms with the time each became known."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from advisor.core.fleet import Fleet
from advisor.core.model import Observed
from advisor.core.replay import Fact
from advisor.estimates import before_estimates
from advisor.store import Transaction

__all__ = ["BEFORE", "of_readings", "of_store"]

Arrival = tuple[datetime, Fact]

#: Windows and forecasts look back so far from the first time that is judged.
BEFORE = timedelta(days=35)


def of_store(
    tx: Transaction, fleet: Fleet, since: datetime, until: datetime, every: timedelta, *, corrected: bool
) -> list[Arrival]:
    """Return what was known by when, from `BEFORE` before `since` on; times are rounded up to `every`.

    As known then, a bucket that was corrected later says at first what it said at first. `corrected`: every
    reading counts from its own time on, with the value that it has now.
    """
    begin = since - BEFORE
    found = list(_observed(tx, begin, until))
    if not corrected:
        pairs = sorted({(one.subject, one.reading.metric) for one in found if one.reading.since is not None})
        found += [one for subject, metric in pairs for one in tx.revisions(subject, metric, begin)]
    arrivals: list[Arrival] = []
    for one in found:
        known = one.reading.at if corrected else max(one.seen_at, one.reading.at)
        if one.subject in fleet.row and known <= until:
            arrivals.append((_round(known, every), one))
    for key in fleet.subjects:
        arrivals += [
            (_round(max(term.valid_from, begin), every), (key, term))
            for term in tx.terms_of(key)
            if term.valid_from <= until
        ]
    return arrivals


def _observed(tx: Transaction, begin: datetime, until: datetime) -> Iterator[Observed]:
    for series, samples in tx.samples(begin, until):
        each = samples.observed(series)
        yield from before_estimates(each) if series.metric == "cost" else each


def _round(at: datetime, every: timedelta) -> datetime:
    step = every.total_seconds()
    seconds = -(-at.timestamp() // step) * step
    return datetime.fromtimestamp(seconds, UTC)


def of_readings(facts: Iterable[Fact]) -> list[Arrival]:
    """Return the facts of a file, each known at its own time, as `advisor evaluate` takes them."""
    return [(fact.reading.at if isinstance(fact, Observed) else fact[1].valid_from, fact) for fact in facts]
