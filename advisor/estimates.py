"""What services cost where nothing reports it: estimated from what the store holds, once an hour.

An estimate is a reading like any other, of source `estimate`; what a source reports comes before it.
"""

from collections.abc import Container, Iterable, Iterator, Sequence
from datetime import datetime, timedelta

import numpy as np

from advisor.core.catalogue import Catalogue, Product
from advisor.core.columns import QUALITIES
from advisor.core.demand import Histories
from advisor.core.fleet import Fleet, Service
from advisor.core.histories import Track, counts, history_of
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Observed
from advisor.core.per_user import revenue_of
from advisor.core.projection import MACHINES
from advisor.core.spending import REACHES_BACK, Group, estimate, groups, priced
from advisor.core.spent import ESTIMATE, Day, Spent, in_part, of_days, readings
from advisor.core.watch import Watch
from advisor.store import Transaction
from advisor.store.history import Samples

__all__ = ["Estimates", "before_estimates", "of_sources"]

EVERY = timedelta(hours=1)  #: An estimate is made anew after so long.
AT_ONCE = 100  #: So many services a round, and the next ones a minute later.
PAUSE = timedelta(minutes=1)
AGAIN = timedelta(hours=30)
#: What nobody has reported for so long is estimated again.
REPORTED = timedelta(days=40)


class Estimates:
    """What every service costs, as estimated or reported last; `of` is by subject's key.

    An estimate is made anew after `every`.
    """

    def __init__(self) -> None:
        self.every = EVERY
        self.of: dict[str, Spent] = {}
        self.revenue: dict[str, float] = {}  #: USD a month, by stack: as recorded, or stated.
        self._groups: dict[Group, tuple[Service, ...]] = {}
        self._made: dict[Group, datetime] = {}
        self._said: dict[str, tuple[tuple[tuple[datetime, float], ...], datetime]] = {}
        self._last: datetime | None = None

    def due(self, fleet: Fleet, now: datetime, waits: Container[str] = ()) -> list[Group]:
        """Return the groups to estimate now, the oldest first, a few a minute.

        Of services in `waits` (subjects' keys) it is not known yet whether a source reports their cost.
        """
        if self._last is not None and timedelta() <= now - self._last < PAUSE:
            return []
        if not self._groups:
            self._groups = groups(fleet)
        long_ago = now - 2 * self.every
        old = [
            group
            for group, services in self._groups.items()
            if now - self._made.get(group, long_ago) >= self.every
            and not any(service.subject.key in waits for service in services)
        ]
        old.sort(key=lambda group: self._made.get(group, long_ago))
        chosen: list[Group] = []
        count = 0
        for group in old:
            if chosen and count + len(self._groups[group]) > AT_ONCE:
                break
            chosen.append(group)
            count += len(self._groups[group])
        return chosen

    def make(self, tx: Transaction, watch: Watch, chosen: Sequence[Group], now: datetime) -> list[Spent]:
        """Return what the services of the groups cost, from what the store holds."""
        found: list[Spent] = []
        stacks: dict[str, Spent | None] = {}
        for group in chosen:
            services = self._groups[group]
            for stack in {service.stack for service in services}:
                if stack not in stacks:
                    stacks[stack] = _reported(tx, stack, _zone(watch.fleet, stack), now)
                    brings = revenue_of(watch.fleet.stack[stack], _read(tx, [stack], ["revenue"], now), now)
                    if brings is not None:
                        self.revenue[stack] = brings
            made = self._of_group(tx, watch, services, now)
            found += [one for one in made if stacks[one.subject.partition("/")[0]] is None]
        return [*found, *(one for one in stacks.values() if one is not None)]

    def _of_group(
        self, tx: Transaction, watch: Watch, services: Sequence[Service], now: datetime
    ) -> list[Spent]:
        told = {
            service.subject.key: _reported(tx, service.subject.key, _zone(watch.fleet, service.stack), now)
            for service in services
        }
        if all(told.values()):
            return [one for one in told.values() if one is not None]
        made = estimate(
            services,
            fleet=watch.fleet,
            limits=watch.limits,
            catalogue=watch.catalogue,
            histories=_used(tx, watch.catalogue, services, now),
            now=now,
        )
        return [told[one.subject] or one for one in made]

    def news(self, found: Iterable[Spent], now: datetime) -> list[Observed]:
        """Return what was estimated as readings of `cost`; what says the same as before is said once a day.

        A day that still runs grows with each estimate, which alone is no news.
        """
        told: list[Spent] = []
        for one in found:
            if one.estimated and one.days:
                said = tuple((day.since, day.usd) for day in one.days)
                before = self._said.get(one.subject)
                if before is None or before[0] != said or not timedelta() <= now - before[1] < AGAIN:
                    self._said[one.subject] = (said, now)
                    told.append(one)
        return readings(told, now)

    def keep(self, found: Iterable[Spent], chosen: Iterable[Group], now: datetime) -> bool:
        """Remember what was made; True where a source reports now what was estimated before."""
        taken_over = False
        for one in found:
            before = self.of.get(one.subject)
            taken_over |= before is not None and before.estimated and not one.estimated
            self.of[one.subject] = one
        for group in chosen:
            self._made[group] = now
        self._last = now
        return taken_over

    def mark(self, watch: Watch) -> None:
        """Tell the watch whose cost is known only in part, or not at all."""
        watch.columns.partial["cost"] = in_part(self.of.values(), watch.fleet.row)


def of_sources(newest: Iterable[Observed]) -> list[Observed]:
    """Return the newest readings without the estimates of what a source reports as well."""
    found = list(newest)
    told = {one.subject for one in found if one.reading.metric == "cost" and one.source != ESTIMATE}
    return [one for one in found if not (_estimated(one) and one.subject in told)]


def before_estimates(found: Iterable[Observed]) -> Iterator[Observed]:
    """Yield readings of `cost` without what was estimated from the first on that a source reports."""
    every = list(found)
    first: dict[str, datetime] = {}
    for one in every:
        if one.source != ESTIMATE:
            since = one.reading.since or one.reading.at
            first[one.subject] = min(first.get(one.subject, since), since)
    for one in every:
        if not _estimated(one) or one.subject not in first or one.reading.at <= first[one.subject]:
            yield one


def _estimated(one: Observed) -> bool:
    return one.source == ESTIMATE and one.reading.metric == "cost"


def _reported(tx: Transaction, subject: str, zone: str, now: datetime) -> Spent | None:
    """Return what a source reports of a subject's cost, None where none does."""
    days: dict[tuple[datetime, datetime], float] = {}
    for series, samples in tx.samples(now - REPORTED, now, subject=subject, metric="cost"):
        if series.source != ESTIMATE:
            for one in samples.observed(series):
                span = (one.reading.since or one.reading.at, one.reading.at)
                days[span] = days.get(span, 0.0) + one.reading.value
    if not days:
        return None
    return of_days(subject, [Day(*span, usd) for span, usd in sorted(days.items())], zone, now)


def _used(tx: Transaction, catalogue: Catalogue, services: Sequence[Service], now: datetime) -> Histories:
    """Return the histories of what the services' prices depend on, theirs, their account's and stacks'."""
    metrics = _metrics(catalogue.offers.get(services[0].provider))
    subjects = [
        *(service.subject.key for service in services),
        f"@{services[0].account}",
        *dict.fromkeys(service.stack for service in services),
    ]
    return _read(tx, subjects, metrics, now)


def _read(tx: Transaction, subjects: Iterable[str], metrics: Sequence[str], now: datetime) -> Histories:
    found: dict[tuple[str, str], dict[str, Track]] = {}
    for subject in subjects:
        for metric in metrics:
            for series, samples in tx.samples(now - REACHES_BACK, now, subject=subject, metric=metric):
                if counts(metric, series.part) and len(samples):
                    tracks = found.setdefault((subject, metric), {})
                    tracks[series.part] = _track(samples, series.fresh)
    return {key: history_of(key[1], parts, now) for key, parts in found.items()}


def _track(samples: Samples, fresh: float) -> Track:
    return Track(
        np.asarray(samples.start / 1e6),
        np.asarray(samples.at / 1e6),
        samples.value,
        fresh,
        QUALITIES[int(samples.quality.max())],
    )


def _metrics(product: Product | None) -> list[str]:
    if product is None:
        return []
    found = {MACHINES} if product.sizes else set()
    for plan in product.plans:
        found |= priced(plan, None)
    for size in product.sizes:
        found |= {quota.metric for quota in size.quotas if quota.overage is not None}
    return sorted(metric for metric in found if metric in VOCABULARY)


def _zone(fleet: Fleet, stack: str) -> str:
    known = fleet.stack.get(stack)
    return known.timezone if known is not None else "UTC"
