"""What services cost by day, estimated from the catalogue's prices and what was used. Pure.

A flat price falls on the first day of the billing period, usage on the day on which it arises: what a day
costs is the price of all used until its end, less the price of all used until its start. So the days of a
period add up to the price of its usage, whatever tiers, credits, caps or taxes there are, and usage that
comes late corrects the days it falls on. An account's plan is paid once, by the service that is first by key:
each of the others costs what it adds to that one alone, and the first has all the rest.

How a metric counts towards a month: an amount by its sum; a level as it was held so far, as providers count
byte-months; a level that a quota measures by its peak, or over the period, as the highest so far.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from advisor.core.accrual import accruals
from advisor.core.catalogue import AtEnd, Catalogue, Measured, Plan, Product, Reset, Size, Usage
from advisor.core.demand import Histories, account_of
from advisor.core.fleet import Fleet, Service
from advisor.core.limits import Limits
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Kind
from advisor.core.periods import Calendar
from advisor.core.price import Own, Price, capped, of_account
from advisor.core.projection import MACHINES
from advisor.core.spent import Day, Spent, total

__all__ = ["MOST", "REACHES_BACK", "READERS", "Group", "estimate", "groups", "of_fleet", "priced"]

#: These collectors only read what others sell: a service that is nothing more has no price.
READERS = frozenset({"http", "prometheus", "manual", "focus"})
#: More services of one product on one account are not estimated: their bill has to be reported.
MOST = 200
#: The last month's first billing period may begin a month earlier.
REACHES_BACK = timedelta(days=93)

Group = tuple[str, str]  #: An account and one of its products.


@dataclass(frozen=True, slots=True)
class _State:
    """What is in force of a service on a day."""

    product: Product
    plan: Plan
    size: Size | None


def groups(fleet: Fleet) -> dict[Group, tuple[Service, ...]]:
    """Return the services that are priced together, in the order of their keys: a product on an account."""
    found: dict[Group, list[Service]] = {}
    for service in fleet.services:
        found.setdefault((service.account, service.provider), []).append(service)
    return {key: tuple(sorted(some, key=lambda s: s.subject.key)) for key, some in found.items()}


def estimate(
    services: Sequence[Service],
    *,
    fleet: Fleet,
    limits: Limits,
    catalogue: Catalogue,
    histories: Histories,
    now: datetime,
) -> list[Spent]:
    """Return what each service of a group (see `groups`) costs.

    `histories` hold what was used for `REACHES_BACK`, of the services, their account and their stacks.
    """
    if len(services) > MOST:
        why = f"more than {MOST} services share the account: its cost is not estimated, only what is reported"
        return [Spent(service.subject.key, unknown=(why,)) for service in services]
    together = _Together(services, fleet, limits, catalogue, histories, now)
    return [together.spent(place) for place in range(len(services))]


def of_fleet(
    fleet: Fleet, limits: Limits, catalogue: Catalogue, histories: Histories, now: datetime
) -> list[Spent]:
    """Return what every service costs of which, and of whose stack, the histories have no cost."""
    return [
        one
        for services in groups(fleet).values()
        for one in estimate(
            services, fleet=fleet, limits=limits, catalogue=catalogue, histories=histories, now=now
        )
        if (one.subject, "cost") not in histories and (one.subject.partition("/")[0], "cost") not in histories
    ]


class _Together:
    """The services of one product on one account, ready to be priced at any moment."""

    def __init__(
        self,
        services: Sequence[Service],
        fleet: Fleet,
        limits: Limits,
        catalogue: Catalogue,
        histories: Histories,
        now: datetime,
    ) -> None:
        self.services = tuple(services)
        self.fleet, self.limits, self.histories, self.now = fleet, limits, histories, now
        self.product = catalogue.offers.get(services[0].provider)
        self.account = account_of(services[0], fleet)
        self._used = [accruals(service, services, fleet, histories, now) for service in services]
        self._states: dict[tuple[int, date], _State | str] = {}
        self._flats: dict[tuple[int, int], Price] = {}
        self._prices: dict[tuple[int, datetime, datetime], Price] = {}

    # What it costs.

    def spent(self, place: int) -> Spent:
        """Return what the service at that place costs."""
        service = self.services[place]
        zone = self._zone(service)
        start, end = Calendar(Reset.MONTH, zone).around(self.now + timedelta(microseconds=1))
        first = Calendar(Reset.MONTH, zone).before(start)[0] if self._seen_before(start) else start
        if self.product is None and service.provider in READERS:
            days = [Day(since, until, 0.0) for since, until in _days(first, self.now, zone)]
            return Spent(service.subject.key, tuple(days))
        unknown = dict.fromkeys(self._unknown(place))
        cost = _Running(self, place)
        past = [cost.day(since, until) for since, until in _days(first, self.now, zone)]
        coming = [cost.day(since, until) for since, until in _days(self.now, end, zone)]
        unknown |= dict.fromkeys(cost.unknown)
        so_far = total(day for day in past if day.since >= start)
        nothing = not cost.priced  # Of a price of which no part is known there is nothing to say.
        return Spent(
            service.subject.key,
            () if nothing else tuple(past),
            so_far,
            round(so_far + total(coming), 2),
            tuple(unknown),
            () if nothing else self._unmeasured(place),
        )

    def period(self, place: int, at: datetime) -> tuple[datetime, datetime]:
        """Return the billing period around a moment, by the days of the service's stack."""
        calendar = Calendar(Reset.BILLING, self._zone(self.services[place]), self.account.billing_day)
        return calendar.around(at)

    def price(self, place: int, begin: datetime, end: datetime, at: datetime) -> Price | None:
        """Return what the service adds to the period's price until `at`; None where its plan is not known."""
        state = self.state(place, at)
        if isinstance(state, str):
            return None
        key = (place, begin, at)
        if (found := self._prices.get(key)) is not None:
            return found
        if (flat := self._flat(place, state)) is not None:
            return flat
        same = [other for other in range(len(self.services)) if _same_plan(self.state(other, at), state)]
        own = {other: self._own(other, begin, end, at) for other in same}
        first = own[same[0]]
        alone = of_account(state.product, state.plan, [first], self.account)
        for other in same[1:]:
            both = of_account(state.product, state.plan, [first, own[other]], self.account)
            self._prices[other, begin, at] = _less(both, alone.known, alone.unknown)
        if len(same) > 1:
            rest = [self._prices[other, begin, at] for other in same[1:]]
            theirs = [why for one in rest for why in one.unknown]
            whole = of_account(state.product, state.plan, list(own.values()), self.account)
            alone = _less(whole, sum(one.known for one in rest), theirs)
        self._prices[same[0], begin, at] = alone
        return self._prices[key]

    def _flat(self, place: int, state: _State) -> Price | None:
        """Return the price where it does not depend on any use, so that it need not be made for each day."""
        if len(self.services) > 1 or MACHINES in self._used[place] or priced(state.plan, state.size):
            return None
        key = (id(state.plan), id(state.size))
        if key not in self._flats:
            self._flats[key] = of_account(state.product, state.plan, [Own({}, state.size)], self.account)
        return self._flats[key]

    def _own(self, place: int, begin: datetime, end: datetime, at: datetime) -> Own:
        state = self.state(place, at)
        if isinstance(state, str):
            return Own({})
        length, passed = (end - begin).total_seconds(), (at - begin).total_seconds()
        highest = _by_peak(state.plan, state.size)
        usage: dict[str, float] = {}
        for metric in priced(state.plan, state.size):
            if (used := self._used[place].get(metric)) is not None:
                usage[metric] = used.until(begin, end, at, highest=metric in highest)
        machines = self._used[place].get(MACHINES)
        if machines is None or state.size is None:
            return Own(usage, state.size)
        paid = machines.until(begin, end, at, highest=False)
        return Own(usage, state.size, paid, paid * length / passed if passed > 0 else 0.0)

    # What is in force.

    def state(self, place: int, at: datetime) -> _State | str:
        """Return product, plan and size at a moment, or what of them is not known."""
        at = min(at, self.now)
        key = (place, at.date())
        found = self._states.get(key)
        if found is None:
            found = self._states[key] = self._state(self.services[place], at)
        return found

    def _state(self, service: Service, at: datetime) -> _State | str:
        product, title = self.product, service.provider
        if product is None:
            return f"what {title} costs is not in the catalogue"
        name = self.limits.plan(service.subject.key, at)
        plan = product.plan(name, at.date()) or product.plan(name) if name else None
        if plan is None:
            said = f"the plan `{name}` of {product.title} is not known" if name else ""
            return said or f"which plan of {product.title} it is on is not said"
        wanted = service.size or plan.default_size
        size = product.size(wanted) if wanted else None
        if size is None and (service.size or plan.sizes):
            said = f"the size `{wanted}` is not known" if wanted else "which size it has is not said"
            return f"{said} ({product.title} {plan.title})"
        return _State(product, plan, size)

    def _unknown(self, place: int) -> Iterable[str]:
        """Yield what of the present price is not known, whatever is used."""
        state = self.state(place, self.now)
        if isinstance(state, str):
            yield state
            return
        for metric in sorted(state.plan.metered):
            # What is billed from the first one on cannot be taken to lie within anything.
            if not any(metric in used for used in self._used):
                word = metric.replace("_", " ")
                yield f"{state.product.title} bills {word} too, which nothing measures"

    def _unmeasured(self, place: int) -> tuple[str, ...]:
        state = self.state(place, self.now)
        if isinstance(state, str) or capped(state.plan, self.account):
            return ()
        quotas = [*state.plan.quotas, *(state.size.quotas if state.size else ())]
        billed = {q.metric for q in quotas if q.at_end is AtEnd.BILLED and q.included != "unlimited"}
        return tuple(sorted(m for m in billed if not any(m in used for used in self._used)))

    def _seen_before(self, start: datetime) -> bool:
        """Say whether something was seen of the services, or their account, before the running month."""
        keys = {*(service.subject.key for service in self.services), f"@{self.account.key}"}
        return any(
            subject in keys and len(history.times) > 0 and min(history.since or history.times) < first
            for (subject, _), history in self.histories.items()
            for first in (start.timestamp(),)
        )

    def _zone(self, service: Service) -> str:
        stack = self.fleet.stack.get(service.stack)
        return stack.timezone if stack is not None else "UTC"


class _Running:
    """The cost of one service so far, from day to day; it never falls within a billing period."""

    def __init__(self, together: _Together, place: int) -> None:
        self._together, self._place = together, place
        self._period: tuple[datetime, datetime] | None = None
        self._paid = 0.0
        self.unknown: dict[str, None] = {}
        self.priced = False  #: Some part of the price is known.

    def day(self, since: datetime, until: datetime) -> Day:
        """Return what a day costs; days are asked for in their order."""
        period = self._period
        if period is None or not period[0] < until <= period[1]:
            period = self._together.period(self._place, until)
            # Where the first day asked for lies within a period, all before it is paid already.
            begun = self._period is None and since > period[0]
            self._period, self._paid = period, self._until(period, since) if begun else 0.0
        paid = max(self._until(period, until), self._paid)
        day = Day(since, until, round(paid - self._paid, 6))
        self._paid = paid
        return day

    def _until(self, period: tuple[datetime, datetime], at: datetime) -> float:
        price = self._together.price(self._place, *period, at)
        if price is None:
            return self._paid
        self.unknown |= dict.fromkeys(price.unknown)
        self.priced = self.priced or price.monthly is not None or bool(price.lines)
        return price.known


def _days(since: datetime, until: datetime, zone: str) -> list[tuple[datetime, datetime]]:
    """Return the days of a zone from one moment to another; the first and last may be only part of one."""
    calendar = Calendar(Reset.DAY, zone)
    found: list[tuple[datetime, datetime]] = []
    at = since
    while at < until:
        end = min(calendar.around(at + timedelta(microseconds=1))[1], until)
        found.append((at, end))
        at = end
    return found


def _less(price: Price, known: float, unknown: Iterable[str]) -> Price:
    """Return the price without what others have of it."""
    theirs = set(unknown)
    return replace(
        price, known=price.known - known, unknown=tuple(why for why in price.unknown if why not in theirs)
    )


def _same_plan(other: _State | str, state: _State) -> bool:
    return isinstance(other, _State) and other.plan is state.plan


def priced(plan: Plan, size: Size | None) -> set[str]:
    """Return the metrics that the price depends on."""
    quotas = [*plan.quotas, *(size.quotas if size is not None else ())]
    beside = {part.included_of for part in plan.price or () if isinstance(part, Usage) and part.included_of}
    return {*plan.metered, *beside, *(q.metric for q in quotas if q.at_end is AtEnd.BILLED)}


def _by_peak(plan: Plan, size: Size | None) -> set[str]:
    """Return the levels of which the highest counts."""
    quotas = [*plan.quotas, *(size.quotas if size is not None else ())]
    return {
        q.metric
        for q in quotas
        if q.measured in {Measured.PEAK, Measured.SUM} and VOCABULARY[q.metric].kind is Kind.LEVEL
    }
