"""What a service has needed and will need: its histories turned into demand and forecasts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from advisor.core import forecast
from advisor.core.catalogue import Product, Reset, Scope
from advisor.core.choose import Demand
from advisor.core.fleet import Account, Fleet, Service
from advisor.core.forecast import Forecast
from advisor.core.limits import Limits
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Kind, Limit, LimitInForce, Quality
from advisor.core.periods import Calendar

#: Advice looks so many days ahead.
AHEAD = 90
#: Days in a mean month.
MONTH = 30.4375
#: A day of which less was seen is no day's total; one that changes its clock has 23 hours.
_MOST_OF_A_DAY = 0.9 * forecast.DAY


@dataclass(frozen=True, slots=True)
class History:
    """The readings of one metric of one subject, oldest first, in the base unit; times are epoch seconds.

    A level has `times`; an amount also `since`, the starts of the buckets that end at `times`. Of a metric
    with parts it is their combined value.
    """

    times: Sequence[float]
    values: Sequence[float]
    since: Sequence[float] = ()
    quality: Quality = Quality.MEASURED
    stale: bool = False


Histories = Mapping[tuple[str, str], History]  #: (subject's key, metric) to history.


@dataclass(frozen=True, slots=True)
class Binding:
    """A limit of the plan in force, and when it is met."""

    metric: str
    limit: LimitInForce
    value: float
    forecast: Forecast


@dataclass(frozen=True, slots=True)
class Usage:
    """Everything known of what a service uses: demand by metric and period, and the limits that bind."""

    demands: tuple[Demand, ...]
    bindings: tuple[Binding, ...]
    qualities: frozenset[Quality]
    stale: bool


def usage(
    service: Service,
    product: Product | None,
    fleet: Fleet,
    limits: Limits,
    histories: Histories,
    now: datetime,
) -> Usage:
    """Return the service's demand for the next 90 days, and when its limits are met at the present pace."""
    account = account_of(service, fleet)
    demands: list[Demand] = []
    bindings: list[Binding] = []
    seen: list[History] = []
    shared = _shared(product)
    for metric in dict.fromkeys(m for key, m in histories if key in {service.subject.key, f"@{account.key}"}):
        if metric not in VOCABULARY or VOCABULARY[metric].kind not in {Kind.LEVEL, Kind.AMOUNT}:
            continue
        if metric == "cost":  # What is paid is no use of the service: no plan carries more or less of it.
            continue
        in_force = limits.all(service.subject.key, metric, binding_limit(metric), now)
        wide = metric in shared or any(one.scope == Scope.ACCOUNT for one in in_force)
        history = _history(service, metric, fleet, histories, wide=wide)
        if history is None or not len(history.values):
            continue
        periods = _periods(product, metric, in_force)
        found = [_demand(metric, period, history, now) for period in periods]
        demands += [demand for demand in found if demand is not None]
        seen.append(history)
        for one in in_force:
            foreseen, value = _forecast(metric, history, one, account, now)
            if value is not None:
                bindings.append(Binding(metric, one, value, foreseen))
    order = sorted(bindings, key=lambda b: (b.forecast.when is None, b.forecast.when or now))
    return Usage(
        tuple(demands),
        tuple(order),
        frozenset(history.quality for history in seen),
        any(history.stale for history in seen),
    )


def binding_limit(metric: str) -> Limit:
    """Return the limit that decides whether more fits: what the service reports where it does, else quota."""
    limits = VOCABULARY[metric].limits if metric in VOCABULARY else frozenset()
    return next((limit for limit in (Limit.MAX, Limit.AVAILABLE) if limit in limits), Limit.QUOTA)


def account_of(service: Service, fleet: Fleet) -> Account:
    """Return the service's account; one of its own where the fleet names none."""
    return fleet.account.get(service.account) or Account(service.account, service.provider, service.plan)


def _shared(product: Product | None) -> frozenset[str]:
    """Return the metrics that the product counts over the whole account."""
    plans = product.plans if product is not None else ()
    return frozenset(q.metric for plan in plans for q in plan.quotas if q.scope is Scope.ACCOUNT)


def _periods(product: Product | None, metric: str, in_force: Iterable[LimitInForce]) -> list[str]:
    """Return the periods of all plans' and the present limits on the metric, and the month that is billed."""
    if VOCABULARY[metric].kind is Kind.LEVEL:
        return [""]
    quotas = [q for plan in (product.plans if product else ()) for q in plan.quotas if q.metric == metric]
    found = [q.reset.period for q in quotas] + [Reset(one.reset).period for one in in_force]
    return list(dict.fromkeys([*filter(None, found), "month"]))


def history_for(
    service: Service,
    metric: str,
    product: Product | None,
    fleet: Fleet,
    histories: Histories,
    bindings: Iterable[Binding],
) -> History | None:
    """Return the history that a metric's demand was made from: the account's where its limits count there."""
    wide = metric in _shared(product) or any(
        b.metric == metric and b.limit.scope == Scope.ACCOUNT for b in bindings
    )
    return _history(service, metric, fleet, histories, wide=wide)


def _history(
    service: Service, metric: str, fleet: Fleet, histories: Histories, *, wide: bool
) -> History | None:
    own = histories.get((service.subject.key, metric))
    if not wide:
        return own
    same, alone = fleet.counted_with(service)
    # Of an account with several products nobody knows which one its own readings are about.
    whole = histories.get((f"@{service.account}", metric)) if alone else None
    if whole is not None:
        return whole
    keys = [s.subject.key for s in same]
    found = [history for key in keys if (history := histories.get((key, metric))) is not None]
    if len(found) <= 1:
        return found[0] if found else None
    return _sum(found, VOCABULARY[metric].kind is Kind.AMOUNT)


def _sum(histories: Sequence[History], amount: bool) -> History:
    """Return several histories as one: amounts side by side, levels carried forward and added."""
    quality = next((h.quality for h in histories if h.quality is not Quality.MEASURED), Quality.MEASURED)
    stale = any(history.stale for history in histories)
    if amount:
        rows = sorted(
            (until, value, since)
            for h in histories
            for until, value, since in zip(h.times, h.values, h.since, strict=True)
        )
        times, values, since = zip(*rows, strict=True) if rows else ((), (), ())
        return History(times, values, since, quality, stale)
    # Before all have been seen the sum would jump when one joins.
    first = max(float(min(h.times)) for h in histories if len(h.times))
    grid = sorted({float(t) for h in histories for t in h.times if t >= first})
    total = np.zeros(len(grid))
    for history in histories:
        if len(history.times):
            place = np.searchsorted(np.asarray(history.times), grid, "right") - 1
            total += np.asarray(history.values, dtype=np.float64)[np.maximum(place, 0)]
    return History(grid, [float(value) for value in total], (), quality, stale)


def _demand(metric: str, period: str, history: History, now: datetime) -> Demand | None:
    if not period:
        return _level_demand(metric, history, now)
    ends, totals = forecast.daily_totals(history.since, history.times, history.values, now)
    if not totals:
        return None
    # The day that still runs has not got its whole amount: it counts where it is the most already.
    whole = [(end, total) for end, total in zip(ends, totals, strict=True) if end <= now.timestamp()]
    if len(whole) > 1 and _begins_within(history, whole[0][0], now):
        del whole[0]
    mean = sum(t for _, t in whole) / len(whole) if whole else totals[-1]
    line = forecast.course([end for end, _ in whole], [total for _, total in whole], now)
    at_end = max(0.0, line[0] + line[1] * AHEAD) if line is not None else mean
    if period == "day":
        return Demand(metric, period, max(totals), max(at_end, 0.0), line is None)
    days = 7.0 if period == "week" else MONTH
    # The last of the next 90 days' periods: half its length before its end is its mean day.
    late = max(0.0, line[0] + line[1] * (AHEAD - days / 2)) if line is not None else mean
    return Demand(metric, period, mean * days, late * days, line is None)


def _begins_within(history: History, end: float, now: datetime) -> bool:
    """Say whether the day that ends at `end`, the first one looked at, was seen only in part."""
    begin = max(end - forecast.DAY, now.timestamp() - forecast.WINDOW * forecast.DAY)
    since = np.asarray(history.since, dtype=np.float64)
    until = np.asarray(history.times, dtype=np.float64)
    there = (since >= begin) & (since < end)
    return float(np.sum(until[there] - since[there])) < _MOST_OF_A_DAY


def _level_demand(metric: str, history: History, now: datetime) -> Demand | None:
    newest = _newest(history, now)
    if newest is None:
        return None
    line = forecast.course(history.times, history.values, now)
    then = newest if line is None else max(0.0, line[0] + line[1] * AHEAD)
    return Demand(metric, "", newest, then, line is None)


def _newest(history: History, now: datetime) -> float | None:
    pairs = [
        (t, v)
        for t, v in zip(history.times, history.values, strict=True)
        if t <= now.timestamp() and np.isfinite(v)
    ]
    return float(max(pairs)[1]) if pairs else None


def _forecast(
    metric: str, history: History, limit: LimitInForce, account: Account, now: datetime
) -> tuple[Forecast, float | None]:
    unit = VOCABULARY[metric].unit
    if VOCABULARY[metric].kind is not Kind.AMOUNT:
        newest = _newest(history, now)
        return forecast.of_level(history.times, history.values, limit.value, now, unit), newest
    period = Calendar(Reset(limit.reset), account.timezone, account.billing_day).around(now)
    foreseen = forecast.of_amount(
        history.since, history.times, history.values, limit.value, period, now, unit
    )
    begin = period[0].timestamp()
    total = sum(
        value
        for since, value in zip(history.since, history.values, strict=True)
        if begin <= since and since <= now.timestamp() and np.isfinite(value)
    )
    return foreseen, float(total)
