"""Vercel's FOCUS charges: lines of JSON, added up by day."""

import json
import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from advisor.collectors._days import local_day, midnight
from advisor.core.model import Gap, Reading
from advisor.polling.body import Body
from advisor.polling.contract import Answer, Unexpected

__all__ = ["days", "lines", "pacific_midnight"]

_PACIFIC = "America/Los_Angeles"
#: What a service's name is read as; the first that fits counts.
_SERVICES = (
    (re.compile(r"^fast data transfer$"), "egress"),
    (re.compile(r"^edge requests$"), "requests"),
    (re.compile(r"^(vercel )?functions? invocations$"), "invocations"),
    (re.compile(r"\bactive cpu\b"), "compute_hours"),
    (re.compile(r"\bprovisioned memory\b|^functions? duration$"), "gb_hours"),
    (re.compile(r"^build (cpu )?minutes\b"), "build_minutes"),
    (re.compile(r"^web analytics events$"), "events"),
)
_COUNTS = {"": 1.0, "requests": 1.0, "request": 1.0, "invocations": 1.0, "invocation": 1.0, "events": 1.0,
           "event": 1.0, "count": 1.0}  # fmt: skip
_BYTES = {"bytes": 1.0, "mb": 1e6, "gb": 1e9, "tb": 1e12, "gib": 2.0**30}
_HOURS = {"seconds": 1 / 3600, "second": 1 / 3600, "minutes": 1 / 60, "minute": 1 / 60, "hours": 1.0,
          "hour": 1.0, "cpu-hours": 1.0}  # fmt: skip
_GB_HOURS = {"gb-seconds": 1 / 3600, "gb-second": 1 / 3600, "gb-hours": 1.0, "gb-hour": 1.0, "gb-hrs": 1.0}
_UNITS = {
    "egress": _BYTES,
    "requests": _COUNTS,
    "invocations": _COUNTS,
    "compute_hours": _HOURS,
    "gb_hours": _GB_HOURS,
    "build_minutes": {unit: 60 * factor for unit, factor in _HOURS.items()},
    "events": _COUNTS,
}


def pacific_midnight(at: datetime, more_days: int) -> datetime:
    """Return the midnight in the Pacific zone at or before `at`, so many days later, in UTC. Pure."""
    return midnight(local_day(at, _PACIFIC) + timedelta(days=more_days), _PACIFIC)


def lines(body: bytes, where: str) -> list[Body]:
    """Return the charges of an answer; nothing is no charges.

    Raises:
        Unexpected: A line is no JSON, such as one that was cut off.
    """
    found = []
    for place, line in enumerate(body.splitlines()):
        if not line.strip():
            continue
        try:
            found.append(Body(json.loads(line), where, f"[{place}]"))
        except (ValueError, RecursionError):
            raise Unexpected(
                f"{where}: line {place + 1} of the charges is no JSON; it may be cut off"
            ) from None
    return found


def days(found: Iterable[Body], project: str, now: datetime) -> Answer:
    """Add charges up by metric and day; those of one project where it is named. Pure.

    A charge for more than a day, such as a month's fee, counts on its first one.
    """
    total: dict[tuple[str, datetime], float] = {}
    ends: dict[datetime, datetime] = {}
    gaps: dict[str, Gap] = {}
    for charge in found:
        if project and not _is_of(charge, project):
            continue
        start = charge["ChargePeriodStart"].time()
        end = min(charge["ChargePeriodEnd"].time(), _next(start), now)
        if start >= end:
            continue
        ends[start] = max(end, ends.get(start, end))
        for metric, value in _values(charge, gaps):
            total[metric, start] = total.get((metric, start), 0.0) + value
    readings = [
        Reading(metric, value, ends[start], start) for (metric, start), value in sorted(total.items())
    ]
    return Answer(readings, gaps=list(gaps.values()))


def _next(start: datetime) -> datetime:
    """Return when the day that begins then is over; one of the Pacific zone may have 23 or 25 hours."""
    return pacific_midnight(start, 1) if start == pacific_midnight(start, 0) else start + timedelta(days=1)


def _is_of(charge: Body, project: str) -> bool:
    return any(
        (tag := charge.get("Tags", key)) is not None and tag.text() == project
        for key in ("ProjectId", "ProjectName")
    )


def _values(charge: Body, gaps: dict[str, Gap]) -> Iterable[tuple[str, float]]:
    service = charge.text("ServiceName")
    name = re.sub(r"\s+", " ", service).strip().casefold()
    metric = next((metric for fits, metric in _SERVICES if fits.search(name)), "")
    # Not measurable is null. What is credited or adjusted is money, not use.
    amount = charge.number("ConsumedQuantity")
    category = charge.text("ChargeCategory").casefold()
    if metric and amount is not None and category == "usage":
        given = charge.get("ConsumedUnit")
        unit = "" if given is None else re.sub(r"[\s_]+", "-", given.text().strip().casefold())
        factor = _UNITS[metric].get(unit)
        if factor is None:
            why = f"Vercel counts `{service}` in `{unit}`, a unit that is not known here"
            gaps[service] = Gap(service, why, (metric,))
        else:
            yield metric, amount * factor
    billed = charge.number("BilledCost")
    if billed is None or category == "tax":
        return
    currency = charge.get("BillingCurrency")
    if currency is not None and currency.text() != "USD":
        gaps["cost"] = Gap("cost", "Vercel bills in another currency than USD", ("cost",))
    else:
        yield "cost", billed
