"""The billing period's figures of an Expo account, as amounts, levels and limits. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from advisor.core.model import Gap, Limit, Reading, Term
from advisor.polling.body import Body
from advisor.polling.contract import Answer
from advisor.polling.reply import plain

__all__ = ["closing", "parse"]

SOURCE = "provider API: Expo"
_GIB = 2**30
_SURELY_BYTES = 2**20  # No plan has so many GiB, and none so few bytes.
#: (serviceMetric, metricType) to our metric. Users who took an update had another name once.
_KNOWN: Mapping[tuple[str, str], str] = {
    ("BUILDS", "BUILD"): "builds",
    ("BANDWIDTH_USAGE", "BANDWIDTH"): "egress",
    ("UNIQUE_UPDATERS", "UPDATE"): "active_users",
    ("UNIQUE_USERS", "USER"): "active_users",
}
_OF_SERVICE: Mapping[str, tuple[str, ...]] = {"BUILDS": ("builds",), "UPDATES": ("egress", "active_users")}


@dataclass(frozen=True, slots=True)
class _Used:
    """What the period has used so far, and the plan's limit; both in base units."""

    value: float
    limit: float


def parse(account: Body, now: datetime, previous: Mapping[str, Any]) -> Answer:
    """Turn the answer about an account into readings, terms and gaps.

    `previous` is what was kept: the period's start and the time of the last poll (epoch seconds), and the
    counters that it showed.
    """
    readings = [Reading("restricted", float(account["isDisabled"].value is True), now)]
    terms: list[Term] = []
    gaps: list[Gap] = []
    total = account["usageMetrics"]["byBillingPeriod"]
    begun = total["billingPeriod"].time("start")
    used = _used(total)
    same = previous.get("period") == begun.timestamp()
    # A counter that falls took something back; what is counted again after that is not used twice.
    before: Mapping[str, float] = previous["used"] if same else {}
    since = datetime.fromtimestamp(previous["at"], UTC) if same else begun
    counters = _counters(total, used)
    if since < now:
        readings += [
            _amount(name, value - before.get(name, 0.0), since if name in before else begun, now)
            for name, value in counters.items()
        ]
    if (users := used.get("active_users")) is not None:
        readings.append(Reading("active_users", users.value, now))
    terms += [
        Term("limit", one.limit, SOURCE, now, name, Limit.QUOTA, "" if name == "active_users" else "month")
        for name, one in used.items()
        if one.limit > 0
    ]
    subscription = account.get("subscription")
    terms += _plan(subscription, now)
    flat = subscription.number("recurringCents") if subscription is not None else None
    first_day = begun + timedelta(days=1)
    if flat is not None and first_day <= now:
        readings.append(Reading("cost", flat / 100, first_day, begun, "subscription"))
    for one in total["unavailableServiceUsageMetrics"].each():
        service = one.text("service")
        why = f"Expo could not tell the use of {service}: {plain(one.text('message'))}"
        gaps.append(Gap(service, why, _OF_SERVICE.get(service, ())))
    told = {metric for gap in gaps for metric in gap.metrics}
    gaps += [
        Gap(name, f"Expo names no {name} in this period, which is not zero", (name,))
        for name in ("builds", "egress", "active_users")
        if name not in used and name not in told
    ]
    kept = {name: max(value, before.get(name, 0.0)) for name, value in counters.items()}
    keep = {"period": begun.timestamp(), "at": max(since, now).timestamp(), "used": {**before, **kept}}
    return Answer(readings, terms, gaps, keep, {"Expo in this period": _rows(total)})


def closing(account: Body, previous: Mapping[str, Any]) -> list[Reading]:
    """Return what the ended period counted between the last poll and its end."""
    total = account["usageMetrics"]["byBillingPeriod"]
    period = total["billingPeriod"]
    end, since = period.time("end"), datetime.fromtimestamp(previous["at"], UTC)
    if period.time("start").timestamp() != previous["period"] or since >= end:
        return []
    before: Mapping[str, float] = previous["used"]
    return [
        _amount(name, value - before[name], since, end)
        for name, value in _counters(total, _used(total)).items()
        if name in before
    ]


def _amount(name: str, more: float, since: datetime, until: datetime) -> Reading:
    return Reading(name, max(more, 0.0), until, since, "overage" if name == "cost" else "")


def _counters(total: Body, used: Mapping[str, _Used]) -> dict[str, float]:
    counters = {name: one.value for name, one in used.items() if name != "active_users"}
    cents = total.number("totalCost")
    return counters if cents is None else {**counters, "cost": cents / 100}


def _used(total: Body) -> dict[str, _Used]:
    overage: dict[str, float] = {}
    for one in total["overageMetrics"].each():
        key = (one.text("serviceMetric"), one.text("metricType"))
        if (name := _KNOWN.get(key)) is not None:
            overage[name] = overage.get(name, 0.0) + (one.number("value") or 0.0)
    found: dict[str, _Used] = {}
    for one in total["planMetrics"].each():
        key = (one.text("serviceMetric"), one.text("metricType"))
        value, limit = one.number("value"), one.number("limit")
        if (name := _KNOWN.get(key)) is None or value is None or limit is None:
            continue
        if value <= limit:  # Where it stops at the limit, the overage is what lies above it.
            value += overage.get(name, 0.0)
        factor = _GIB if name == "egress" and 0 < limit < _SURELY_BYTES else 1
        if name not in found or value * factor > found[name].value:
            found[name] = _Used(value * factor, limit * factor)
    return found


def _plan(subscription: Body | None, now: datetime) -> list[Term]:
    if subscription is None:
        return []
    name = subscription.get("name")
    if name is None:
        return []
    return [Term("plan", plain(name.text()).lower().replace(" ", "-"), SOURCE, now)]


def _rows(total: Body) -> list[dict[str, str]]:
    """Return all that the period names, as it stands there: also what has no metric here."""
    rows = []
    for one in total["planMetrics"].each():
        row = {
            "what": f"{one.text('service')} {one.text('serviceMetric')}".lower().replace("_", " "),
            "used": f"{one.number('value') or 0:g}",
            "limit": f"{one.number('limit') or 0:g}",
        }
        if (platforms := one.get("platformBreakdown")) is not None:
            for platform in ("ios", "android"):
                of = platforms[platform]
                row[platform] = f"{of.number('value') or 0:g} of {of.number('limit') or 0:g}"
        rows.append(row)
    return rows
