"""Down again: a cheaper plan or size that would have carried the last 60 days with 30 % headroom."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np

from advisor.core.advise.beside import price_parts, unmeasured_limits
from advisor.core.advise.case import Present, present
from advisor.core.catalogue import Catalogue, Reset
from advisor.core.choose import Demand, Option, carries
from advisor.core.demand import MONTH, Histories, History, history_for
from advisor.core.fleet import Fleet, Service
from advisor.core.limits import Limits
from advisor.core.message import Recommendation
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Action, Confidence
from advisor.core.phrases import difference, words
from advisor.core.units import show

#: So much history is needed of every metric that a plan limits.
DAYS = 60
#: So much more than the most of that time has to fit.
ROOM = 0.3
_DAY = 86400.0
_WINDOWS = {"day": 1.0, "week": 7.0, "month": MONTH}


def down(
    service: Service,
    *,
    fleet: Fleet,
    limits: Limits,
    catalogue: Catalogue,
    histories: Histories,
    now: datetime,
) -> Recommendation | None:
    """Return the cheapest plan or size that would have carried the last 60 days, None where there is none.

    Its concern is `<service>#down`. It needs 60 days of readings of every metric that the present plan or
    the cheaper one limits, as far as there are readings at all; an unknown limit refuses. What is forecast
    for the next 90 days has to fit as well, so that it is not taken back.
    """
    here = present(service, fleet=fleet, limits=limits, catalogue=catalogue, histories=histories, now=now)
    current = next((option for option in here.options if option.current), None)
    paid = here.monthly()
    if current is None or paid is None or here.plan is None or here.usage.stale:
        return None
    past, short = _past(here, fleet, histories)
    cheaper = [
        option
        for option in here.options
        if option.allowed
        and option.price.monthly is not None
        and option.price.monthly < paid - 0.005
        and not here.same(option)
        and not (option.unsure or current.unsure)
        and not short & (option.limits.keys() | current.limits.keys())
        and carries(option, past, "", ROOM)
        and carries(option, here.usage.demands, "")
        and _computes(here, option, past)
    ]
    if not cheaper or not past:
        return None
    best = min(cheaper, key=lambda option: (option.price.monthly or 0.0, option.overage))
    return _recommendation(here, best, paid, past)


def _past(here: Present, fleet: Fleet, histories: Histories) -> tuple[list[Demand], set[str]]:
    """Return the most that was used of each metric in the last 60 days, and what has too short a history."""
    found: list[Demand] = []
    short: set[str] = set()
    periods: dict[str, list[str]] = {}
    for demand in here.usage.demands:
        periods.setdefault(demand.metric, []).append(demand.period)
    for metric, known in periods.items():
        history = history_for(here.service, metric, here.product, fleet, histories, here.usage.bindings)
        if history is None:
            continue
        start = min(history.since) if len(history.since) else min(history.times)
        if here.now.timestamp() - float(start) < DAYS * _DAY - 3600:
            short.add(metric)
            continue
        found += [_most(metric, period, history, here.now) for period in known]
    return found, short


def _most(metric: str, period: str, history: History, now: datetime) -> Demand:
    """Return the most of a level, or of an amount in any day, week or mean month, within the 60 days."""
    begin = (now - timedelta(days=DAYS)).timestamp() - 3600
    ends, values = np.asarray(history.times, dtype=np.float64), np.asarray(history.values, dtype=np.float64)
    good = np.isfinite(values) & (ends >= begin) & (ends <= now.timestamp())
    ends, values = ends[good], values[good]
    if not period:
        most = float(values.max()) if values.size else 0.0
        return Demand(metric, period, most, most)
    order = np.argsort(ends, kind="stable")
    ends, values = ends[order], values[order]
    total = np.concatenate([[0.0], np.cumsum(values)])
    # A window's end is a bucket's end; what ends in it counts.
    first = np.searchsorted(ends, ends - _WINDOWS[period] * _DAY, "right")
    sums = total[1:] - total[first] if ends.size else np.zeros(1)
    most = float(sums.max())
    return Demand(metric, period, most, most)


def _computes(here: Present, option: Option, past: list[Demand]) -> bool:
    """Say whether the processors of a smaller size would have kept up, where they are known and measured."""
    cpus = option.size.cpus if option.size is not None else None
    if cpus is None or here.size is None or here.size.cpus is None or cpus >= here.size.cpus:
        return True
    busy = next((d.now for d in past if d.metric == "cpu"), None)
    return busy is not None and busy * here.size.cpus / cpus * (1 + ROOM) <= 1


def _recommendation(here: Present, best: Option, paid: float, past: list[Demand]) -> Recommendation:
    price = best.price.monthly or 0.0
    resized = best.plan is here.plan and here.size is not None
    start = here.size.title if resized and here.size is not None else here.plan.title if here.plan else ""
    target, gap = here.option_name(best), round(price - paid, 2)
    judged = sorted({words(d.metric) for d in past if d.metric in best.limits})
    states = list(_states(here, best, {d.metric for d in past}))
    return Recommendation(
        action=Action.DOWNGRADE,
        headline=(
            f"{here.product_name} {start} → {target}, {difference(gap, here.currency)}: the last {DAYS} days"
            f" would have fitted with {show(ROOM, 'ratio')} to spare ({', '.join(judged)})."
        ),
        service=here.service.subject.key,
        from_plan=start,
        to_plan=target,
        monthly_now=paid,
        monthly_then=price,
        difference=gap,
        price_confidence=best.price.confidence,
        price_parts=price_parts(here, best),
        currency=here.currency.code,
        rate=here.currency.rate,
        evidence=tuple(_evidence(best, past)),
        states=tuple(states),
    )


def _evidence(best: Option, past: list[Demand]) -> Iterator[str]:
    for demand in past:
        for limit in best.limits.get(demand.metric, ()):
            if limit.value is None:
                continue
            unit = VOCABULARY[demand.metric].unit
            if Reset(limit.reset).period == demand.period:
                in_period = f" a {demand.period}" if demand.period else ""
                yield (
                    f"{words(demand.metric)}: at most {show(demand.now, unit)}{in_period} in {DAYS} days, "
                    f"{best.plan.title} has {show(limit.value, unit)} ({limit.source})"
                )


def _states(here: Present, best: Option, measured: set[str]) -> Iterator[str]:
    if unseen := unmeasured_limits(best, measured):
        yield f"not measured, so look first: {', '.join(unseen)}"
    if best.plan is not here.plan:
        yield "what else the plan gives (backups, support, features) is not compared"
    if best.price.confidence in {Confidence.DOCUMENT_ONLY, Confidence.UNKNOWN}:
        yield "price not confirmed by the provider"
