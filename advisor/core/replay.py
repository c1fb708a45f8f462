"""Readings replayed in time order: judged at each distinct time, as if they had just come in."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby

from advisor.core.decide import Decision
from advisor.core.model import Observed, Term
from advisor.core.watch import Watch

Fact = Observed | tuple[str, Term]


def replay(watch: Watch, facts: Iterable[Fact], until: datetime | None = None) -> Iterator[Decision]:
    """Yield a decision for every distinct time, and for `until` where no fact has that time.

    Facts after `until` are left out. Each decision is applied before the next reading is looked at.
    """
    ordered = sorted(facts, key=_time)
    last: datetime | None = None
    for at, group in groupby(ordered, key=_time):
        if until is not None and at > until:
            break
        together = list(group)
        watch.learn([fact for fact in together if isinstance(fact, tuple)])
        watch.observe([fact for fact in together if isinstance(fact, Observed)])
        yield _decided(watch, at)
        last = at
    if until is not None and until != last:
        yield _decided(watch, until)


def _decided(watch: Watch, at: datetime) -> Decision:
    decision = watch.decide(at)
    watch.apply(decision)
    return decision


def _time(fact: Fact) -> datetime:
    return fact.reading.at if isinstance(fact, Observed) else fact[1].valid_from
