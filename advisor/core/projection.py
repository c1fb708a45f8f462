"""What so many users would use of each service, and at how many users each limit of the present plans breaks.

Usage grows in proportion to users. What does not (cpu, memory) is not projected; machines follow a document's
own ladder where it counts them by users.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from advisor.core import choose, demand
from advisor.core.catalogue import Catalogue, Plan, Product, Reset, Scope, Size
from advisor.core.choose import Demand
from advisor.core.demand import Histories
from advisor.core.document import Document
from advisor.core.fleet import Fleet, Service, Stack
from advisor.core.limits import Limits
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Kind, LimitInForce
from advisor.core.per_user import PerUser, from_documents, from_history, users_of
from advisor.core.reach import machines

#: What is counted where a document counts machines by users.
MACHINES = "instances"
REVENUE = "revenue"
MANY = 1e12  #: More users than there will be: a limit that breaks beyond never does.


@dataclass(frozen=True, slots=True)
class Projected:
    """A metric of a service at so many users, `low` to `high` in its base unit, beside its present limit.

    `limit` None with `limited` False is unlimited, with `limited` True not known.
    """

    service: str
    metric: str
    period: str
    per_user: PerUser
    low: float
    high: float
    limit: float | None
    limited: bool
    limit_source: str = ""


@dataclass(frozen=True, slots=True)
class Break:
    """The number of users at which a limit of the present plan is reached, at the upper end of the usage."""

    service: str
    metric: str
    period: str
    limit: float
    users: float
    at_end: str
    source: str
    by: str


class Projection:
    """One stack, ready to be asked for any number of users.

    `documents` are those of the stack's packs; `fallback` is asked for usage where neither history nor they
    speak of a metric. `counts` are the machines of a service, by key.
    """

    def __init__(
        self,
        stack: Stack,
        fleet: Fleet,
        catalogue: Catalogue,
        documents: Sequence[Document],
        now: datetime,
        *,
        limits: Limits | None = None,
        histories: Histories | None = None,
        fallback: Sequence[Document] = (),
        counts: Mapping[str, float] | None = None,
    ) -> None:
        self.stack, self.fleet, self.catalogue, self.now = stack, fleet, catalogue, now
        self.documents = tuple(documents)
        self.histories = histories or {}
        self.limits = limits or Limits(fleet, catalogue)
        self.counts = dict(counts or {})
        self._ladders: dict[str, list[tuple[int, int, str]]] = {}
        self._reached: dict[tuple[str, str], Mapping[str, str]] = {}
        self._elsewhere: dict[tuple[str, str], tuple[Service, Limits]] = {}
        users = users_of(stack, self.histories)
        #: USD a month that one user brings, for providers that take a share of it; None: not known.
        self.revenue_per_user: float | None = None
        #: How many users there are; None: not known.
        self.users: float | None = users.values[-1] if users is not None else None
        self._usage = self._per_user(fallback)

    # What is used.

    def _per_user(self, fallback: Sequence[Document]) -> Mapping[str, tuple[PerUser, ...]]:
        said = from_documents(self.stack.services, [*self.documents, *fallback], self.catalogue.offers)
        found: dict[str, tuple[PerUser, ...]] = {}
        for service in self.stack.services:
            product = self.catalogue.offers.get(service.provider)
            own = from_history(
                service, product, self.stack, self.fleet, self.limits, self.histories, self.now
            )
            seen = {one.metric for one in own}
            found[service.key] = (*own, *(one for one in said[service.key] if one.metric not in seen))
        return found

    def per_user(self, service: Service) -> tuple[PerUser, ...]:
        """Return what one user uses of a service; empty: nothing says."""
        return self._usage[service.key]

    def not_projected(self) -> list[tuple[str, str]]:
        """Return (service, metric) of what is measured or limited, and does not follow the users."""
        found: dict[tuple[str, str], None] = {}
        for service in self.stack.services:
            key = service.subject.key
            projected = {one.metric for one in self.per_user(service)}
            if self.said_machines(service, MANY) is not None:
                projected.add(MACHINES)
            _, plan, size = self.plan_of(service)
            quotas = [*(plan.quotas if plan else ()), *(size.quotas if size else ())]
            for metric in [*(q.metric for q in quotas if q.included != "unlimited"), *self._seen(key)]:
                if metric not in projected:
                    found[service.key, metric] = None
        return list(found)

    def _seen(self, key: str) -> Iterator[str]:
        for subject, metric in self.histories:
            if subject == key and VOCABULARY[metric].kind in {Kind.LEVEL, Kind.AMOUNT}:
                yield metric

    def said_machines(self, service: Service, users: float) -> tuple[float, str] | None:
        """Return how many machines a document gives the service at so many users, and where it says so."""
        rows = [row for row in self._ladder(service) if row[0] <= users]
        return (float(rows[-1][1]), rows[-1][2]) if rows else None

    def _ladder(self, service: Service) -> list[tuple[int, int, str]]:
        found = self._ladders.get(service.key)
        if found is None:
            found = machines(self.documents, service.provider, service.role)
            self._ladders[service.key] = found
        return found

    def count(self, service: Service, users: float) -> float:
        """Return how many machines the service has at so many users."""
        said = self.said_machines(service, users)
        return max(self.running(service), said[0] if said is not None else 0.0)

    def running(self, service: Service) -> float:
        """Return how many machines it has now, as measured or stated; else one."""
        history = self.histories.get((service.subject.key, MACHINES))
        if history is not None and len(history.values):
            return max(1.0, history.values[-1])
        return self.counts.get(service.key, 1.0)

    def demands(self, service: Service, users: float, product: Product | None) -> list[Demand]:
        """Return what the service needs at so many users, in the periods that the product counts by."""
        found: dict[tuple[str, str], Demand] = {}
        quotas = [q for plan in (product.plans if product else ()) for q in plan.quotas]
        for one in self.per_user(service):
            periods = [""]
            if VOCABULARY[one.metric].kind is Kind.AMOUNT:
                periods = [*(q.reset.period for q in quotas if q.metric == one.metric), "month", one.period]
            exact = {o.period for o in self.per_user(service) if o.metric == one.metric}
            for period in dict.fromkeys(filter(None, periods) if len(periods) > 1 else periods):
                if period == one.period or period not in exact:
                    need = one.over(period).high * users
                    found.setdefault((one.metric, period), Demand(one.metric, period, need, need))
        if self.revenue_per_user is not None and any(
            REVENUE in plan.metered for plan in (product.plans if product else ())
        ):
            brings = self.revenue_per_user * users
            found[REVENUE, "month"] = Demand(REVENUE, "month", brings, brings)
        if (said := self.said_machines(service, users)) is not None:
            # A count is exact: headroom is for what grows within it.
            need = max(said[0], self.running(service)) / (1 + choose.HEADROOM)
            found[MACHINES, ""] = Demand(MACHINES, "", need, need)
        return list(found.values())

    def project(self, users: float) -> list[Projected]:
        """Return every metric that follows the users, at so many of them."""
        found: list[Projected] = []
        for service in self.stack.services:
            for one in self.per_user(service):
                limits = self.in_force(service, one.metric)
                period = one.period
                if limits and not any(period_of(limit) == period for limit in limits):
                    period = period_of(limits[0])
                    if any((o.metric, o.period) == (one.metric, period) for o in self.per_user(service)):
                        continue  # It is known by that period itself.
                each = one.over(period)
                limit = next((limit for limit in limits if period_of(limit) == period), None)
                _, plan, _ = self.plan_of(service)
                sure = plan is not None and plan.complete and one.metric not in plan.not_known
                found.append(
                    Projected(
                        service.key,
                        one.metric,
                        period,
                        each,
                        each.low * users,
                        each.high * users,
                        limit.value if limit is not None else None,
                        limit.value is not None if limit is not None else not sure,
                        limit.source if limit is not None else "",
                    )
                )
        return found

    # What breaks.

    def breaks(self) -> list[Break]:
        """Return the limits of the present plans by the number of users at which each is reached."""
        found: list[Break] = []
        done: set[tuple[str, str, str]] = set()
        for service in self.stack.services:
            product, _, _ = self.plan_of(service)
            for one in self.per_user(service):
                for limit in self.in_force(service, one.metric):
                    period, wide = period_of(limit), limit.scope == Scope.ACCOUNT
                    holder = f"{service.account}/{service.provider}" if wide else service.subject.key
                    if limit.value is None or (holder, one.metric, period) in done:
                        continue
                    sharing = self._sharing(service) if wide else (service,)
                    each = sum(self._each(other, one.metric, period, product) for other in sharing)
                    if each <= 0:
                        continue
                    done.add((holder, one.metric, period))
                    left = limit.value - (self.others_use(service, one.metric, period) if wide else 0.0)
                    users = max(0.0, left) / each
                    found.append(_break(service, one, period, limit, users))
            found += self._machines_break(service)
        return sorted((b for b in found if b.users < MANY), key=lambda b: b.users)

    def _machines_break(self, service: Service) -> Iterator[Break]:
        for limit in self.in_force(service, MACHINES):
            for users, count, where in self._ladder(service):
                if limit.value is not None and count > limit.value:
                    one = PerUser(MACHINES, "", 0.0, 0.0, where)
                    yield replace(
                        _break(service, one, "", limit, float(users)), by=f"by the document, {where}"
                    )
                    break

    def _each(self, service: Service, metric: str, period: str, product: Product | None) -> float:
        return sum(
            d.need for d in self.demands(service, 1.0, product) if (d.metric, d.period) == (metric, period)
        )

    def others_use(self, service: Service, metric: str, period: str) -> float:
        """Return what other stacks use of the account's sum; it does not grow with this stack's users."""
        total = 0.0
        for other in self.fleet.services:
            same = (other.account, other.provider) == (service.account, service.provider)
            if same and other.stack != service.stack:
                own = {key: h for key, h in self.histories.items() if key[0] == other.subject.key}
                product = self.catalogue.offers.get(other.provider)
                used = demand.usage(other, product, self.fleet, self.limits, own, self.now)
                total += sum(d.now for d in used.demands if (d.metric, d.period) == (metric, period))
        return total

    def in_force(self, service: Service, metric: str) -> Sequence[LimitInForce]:
        """Return the limits in force on a metric that decide whether more fits."""
        return self.limits.all(service.subject.key, metric, demand.binding_limit(metric), self.now)

    def plan_of(self, service: Service) -> tuple[Product | None, Plan | None, Size | None]:
        """Return the product, plan and size in force; None where it is not known."""
        product = self.catalogue.offers.get(service.provider)
        name = self.limits.plan(service.subject.key, self.now)
        plan = product.plan(name, self.now.date()) if product is not None and name else None
        size_name = service.size or (plan.default_size if plan is not None else "")
        size = product.size(size_name) if product is not None and size_name else None
        return product, plan, size

    def _sharing(self, service: Service) -> tuple[Service, ...]:
        return tuple(
            s for s in self.stack.services if (s.account, s.provider) == (service.account, service.provider)
        )


def period_of(limit: LimitInForce) -> str:
    """Return the period that a limit starts anew by: "day", "week", "month", or "" for never."""
    return Reset(limit.reset).period


def _break(service: Service, one: PerUser, period: str, limit: LimitInForce, users: float) -> Break:
    value = limit.value if limit.value is not None else 0.0
    return Break(service.key, one.metric, period, value, users, limit.at_end, limit.source, one.source)
