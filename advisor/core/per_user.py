"""What one user uses: from history, else from a document's capacity model. Each figure says which."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from advisor.core import demand
from advisor.core.catalogue import Product
from advisor.core.demand import MONTH, Histories, History
from advisor.core.document import Capacity, Document
from advisor.core.fleet import Fleet, Service, Stack
from advisor.core.limits import Limits
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Kind, Quality

#: What grows with the number of users; loads and durations follow how a thing is built.
SCALES = frozenset(
    {
        *("storage", "disk_used", "connections", "active_users", "egress", "logs", "emails", "errors"),
        *("steps", "requests", "reads", "writes", "operations", "class_a_operations", "class_b_operations"),
        *("events", "transactions", "searches", "commands", "invocations", "messages", "gb_hours"),
    }
)
_DAYS = {"day": 1.0, "week": 7.0, "month": MONTH}
_DAY = 86400.0


@dataclass(frozen=True, slots=True)
class PerUser:
    """What one user uses of a metric of a service, `low` to `high` in its base unit.

    `period` is "" for a level, else "day", "week" or "month". `source` says where it is from, `measured`
    whether that is the stack's own history.
    """

    metric: str
    period: str
    low: float
    high: float
    source: str
    measured: bool = False

    def over(self, period: str) -> "PerUser":
        """Return the same for another period; days of a mean month are all alike."""
        if not self.period or not period or period == self.period:
            return self
        times = _DAYS[period] / _DAYS[self.period]
        return replace(self, period=period, low=self.low * times, high=self.high * times)


def from_history(
    service: Service,
    product: Product | None,
    stack: Stack,
    fleet: Fleet,
    limits: Limits,
    histories: Histories,
    now: datetime,
) -> list[PerUser]:
    """Return what the service's own readings say, by metric and period.

    A level is divided by the newest number of users, an amount by their mean over the days that it is known
    for, the busiest day by the users of that time. Empty where nobody counts the users.
    """
    users = users_of(stack, histories)
    own = {key: history for key, history in histories.items() if key[0] == service.subject.key}
    if users is None or not own:
        return []
    used = demand.usage(service, product, fleet, limits, own, now)
    found: list[PerUser] = []
    for one in used.demands:
        if one.metric not in SCALES:
            continue
        history = own[service.subject.key, one.metric]
        start = min(history.since) if len(history.since) else history.times[0]
        by = _mean(users, float(start), now.timestamp()) if one.period else users.values[-1]
        if by <= 0:
            continue
        days = max(1, round((now.timestamp() - float(start)) / _DAY))
        word = "measured" if history.quality is Quality.MEASURED else history.quality.value
        each = one.now / by
        source = f"{word} over {days} {'day' if days == 1 else 'days'} at {by:,.0f} users"
        found.append(PerUser(one.metric, one.period, each, each, source, measured=True))
    return found


def users_of(stack: Stack, histories: Histories) -> History | None:
    """Return the stack's users over time; a stated number counts where nobody counted. None: not known."""
    history = histories.get((stack.subject.key, "users"))
    if history is not None and len(history.values) and history.values[-1] > 0:
        return history
    stated = stack.facts.get("users")
    return History((0.0,), (float(stated),), quality=Quality.MANUAL) if stated else None


def revenue_of(stack: Stack, histories: Histories, now: datetime) -> float | None:
    """Return the stack's revenue, USD a month: a mean month of what was recorded, else what is stated."""
    history = histories.get((stack.subject.key, "revenue"))
    if history is not None and len(history.values):
        days = (now.timestamp() - min(history.since)) / _DAY
        return sum(history.values) / max(days, 1.0) * MONTH
    return stack.facts.get("revenue")


def _mean(users: History, start: float, end: float) -> float:
    """Return the mean of a level over a time; before its first reading it is taken to be that one."""
    total, last = 0.0, start
    value = users.values[0]
    for at, following in zip(users.times, users.values, strict=True):
        if start < at <= end:
            total += value * (at - last)
            last = at
        if at <= end:
            value = following
    total += value * (end - last)
    return total / (end - start) if end > start else value


def from_documents(
    services: Sequence[Service], documents: Iterable[Document], offers: Mapping[str, Product]
) -> Mapping[str, list[PerUser]]:
    """Return what the documents' capacity models say, by service key.

    The first document that speaks of a metric counts. What it says of the whole stack goes to the first
    service whose plans limit or price that metric, unless it says it of some part as well.
    """
    found: dict[str, list[PerUser]] = {service.key: [] for service in services}
    for document in documents:
        known = {(key, one.metric) for key, rows in found.items() for one in rows}
        for row in sorted(document.capacity, key=lambda row: not row.role):
            if row.metric not in SCALES:
                continue
            service = _carrier(row, services, offers)
            anywhere = any(one.metric == row.metric for rows in found.values() for one in rows)
            if service is None or (service.key, row.metric) in known or (not row.role and anywhere):
                continue
            period = row.period
            if not period and VOCABULARY[row.metric].kind is Kind.AMOUNT:
                period = "month"
            if any((one.metric, one.period) == (row.metric, period) for one in found[service.key]):
                continue
            low, high = row.per_user()
            source = f"{document.name} line {row.line}"
            found[service.key].append(PerUser(row.metric, period, low, high, source))
    return found


def _carrier(row: Capacity, services: Sequence[Service], offers: Mapping[str, Product]) -> Service | None:
    if row.role:
        return next((s for s in services if s.role == row.role), None)
    return next((s for s in services if row.metric in _counted(offers.get(s.provider))), None)


def _counted(product: Product | None) -> set[str]:
    """Return the metrics that plans of a product limit or price."""
    plans = product.plans if product is not None else ()
    limited = {quota.metric for plan in plans for quota in plan.quotas}
    return limited.union(*(plan.metered for plan in plans))
