"""What Railway says of plan, period and usage; its counters become amounts."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from advisor.collectors._days import utc_month
from advisor.core.model import Gap, Quality, Reading, Term
from advisor.polling.body import Body
from advisor.polling.contract import Answer

__all__ = ["begun", "period", "since_last", "usage", "workspace"]

SOURCE = "provider API: Railway"
_GB = 1e9
_MONTH = 43_200  # Minutes of a month, as Railway's own price list counts them.
#: Dollars for one unit of usage(): vCPU-minutes, GB-minutes and GB.
_PRICES: Mapping[str, float] = {
    "CPU_USAGE": 20 / _MONTH,
    "MEMORY_USAGE_GB": 10 / _MONTH,
    "DISK_USAGE_GB": 0.15 / _MONTH,
    "BACKUP_USAGE_GB": 0.15 / _MONTH,
    "NETWORK_TX_GB": 0.05,
}
_AMOUNTS: Mapping[str, tuple[str, float]] = {
    "CPU_USAGE": ("compute_hours", 1 / 60),
    "MEMORY_USAGE_GB": ("gb_hours", 1 / 60),
    "NETWORK_TX_GB": ("egress", _GB),
}


def begun(previous: Mapping[str, Any], now: datetime) -> datetime:
    """Return the period's start where nobody tells: that of the last poll, else the UTC month's."""
    if "usage" in previous and previous["usage"]["at"] > previous["usage"]["period"]:
        return datetime.fromtimestamp(previous["usage"]["period"], UTC)
    return utc_month(now)


def period(data: Body) -> datetime | None:
    """Return when the workspace's billing period began."""
    found = data.get("workspace", "customer", "billingPeriod")
    return None if found is None else found.time("start")


def workspace(data: Body, now: datetime, previous: Mapping[str, Any], *, whole: bool) -> Answer:
    """Give plan and restrictions, and where the workspace as a whole is watched, its dollars.

    Dollars are the period's counter: what was added since the last poll, else since the period began.
    """
    found = data["workspace"]
    customer = found["customer"]
    plan = found.text("plan").lower()
    if customer["isTrialing"].value is True:
        plan = "trial"
    limit = customer.get("usageLimit")
    over = limit is not None and limit.get("hardLimit") is not None and limit["isOverLimit"].value is True
    spent = plan in {"free", "trial"} and customer["hasExhaustedFreePlan"].value is True
    count = sum((over, spent, found.get("banReason") is not None))
    readings = [Reading("restricted", float(count), now)]
    terms = [Term("plan", plan, SOURCE, now)]
    keep: dict[str, Any] = {}
    used = customer.number("currentUsage")
    if not whole or used is None:
        return Answer(readings, terms)
    begun = customer["billingPeriod"].time("start")
    last = previous.get("dollars")
    since, before = begun, 0.0
    if last is not None and last["period"] == begun.timestamp():
        since, before = datetime.fromtimestamp(last["at"], UTC), last["used"]
    if since < now:
        readings.append(Reading("cost", used - before, now, since))
        keep["dollars"] = {
            "period": begun.timestamp(),
            "at": now.timestamp(),
            "used": used,
        }
    return Answer(readings, terms, keep=keep)


def usage(data: Body, project: str, service: str, environment: str) -> dict[str, float]:
    """Return the rows added up by measurement: those of one service, or of all in the environment."""
    total: dict[str, float] = {}
    for row in data["usage"].each():
        tags = row["tags"]
        if _tag(tags, "projectId") not in {project, ""}:
            continue
        if service and _tag(tags, "serviceId") != service:
            continue
        if _tag(tags, "environmentId") not in {environment, ""}:
            continue
        value = row.number("value")
        if value is not None:
            name = row.text("measurement")
            total[name] = total.get(name, 0.0) + value
    return total


def _tag(tags: Body, name: str) -> str:
    found = tags.get(name)
    return found.text() if found is not None else ""


async def since_last(
    last: Mapping[str, Any] | None,
    begun: datetime,
    now: datetime,
    total: Callable[[datetime, datetime], Awaitable[dict[str, float]]],
) -> Answer:
    """Turn the period's usage so far into what was used since the last poll.

    `total` asks what was used from one time to another. `last` is what was kept: {period, at, used}. Where
    the period ended since, what was left of it is asked for too, and nothing is lost between the two.
    """
    readings: list[Reading] = []
    gaps: list[Gap] = []
    at = begun.timestamp()
    before: Mapping[str, float] = {}
    since = begun
    since_last_poll = begun if last is None else datetime.fromtimestamp(last["at"], UTC)
    if last is not None:
        if last["period"] == at:
            before, since = last["used"], since_last_poll
        elif since_last_poll < begun:
            ended = await total(datetime.fromtimestamp(last["period"], UTC), begun)
            readings += _amounts(ended, last["used"], since_last_poll, begun)
    if since >= now:
        return Answer(readings, keep={"usage": last} if last else {})
    used = await total(begun, now)
    if not used:
        why = "Railway has no usage of this project or service in the running period, which is not zero"
        gaps.append(Gap("usage", why, ("egress", "compute_hours", "gb_hours", "cost")))
        return Answer(readings, gaps=gaps, keep={"usage": last} if last else {})
    if last is not None and last["period"] != at and since_last_poll > begun:
        # The period is another than was thought; what lies between the two polls is asked for as it is.
        readings += _amounts(await total(since_last_poll, now), {}, since_last_poll, now)
    else:
        readings += _amounts(used, before, since, now)
    return Answer(readings, keep={"usage": {"period": at, "at": now.timestamp(), "used": used}})


def _amounts(
    used: Mapping[str, float],
    before: Mapping[str, float],
    since: datetime,
    until: datetime,
) -> list[Reading]:
    more = {name: max(value - before.get(name, 0.0), 0.0) for name, value in used.items()}
    readings = [
        Reading(metric, more[name] * factor, until, since)
        for name, (metric, factor) in _AMOUNTS.items()
        if name in more
    ]
    cost = sum(more[name] * price for name, price in _PRICES.items() if name in more)
    return [*readings, Reading("cost", cost, until, since, quality=Quality.ESTIMATED)]
