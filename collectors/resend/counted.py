"""Resend's counters of day and month, and what they come to between two polls."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from advisor.collectors._days import utc_day, utc_month
from advisor.core.model import Gap, Limit, Reading, Term
from advisor.polling.body import Body
from advisor.polling.contract import Answer

__all__ = ["Counted", "Usage", "amounts", "from_headers", "from_usage"]

_SOURCE = "provider API"
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Counted:
    """How many mails count towards the month, and of these towards the day (None: not told).

    `told` says that Resend itself named the month's end; else it is the UTC calendar's.
    """

    month: float
    since: datetime
    day: float | None = None
    told: bool = True


@dataclass(frozen=True, slots=True)
class Usage:
    """What GET /usage says."""

    counted: Counted
    readings: list[Reading] = field(default_factory=list)
    terms: list[Term] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)


def from_usage(body: Body, now: datetime, capped: bool | None = None) -> Usage:
    """Read the answer of GET /usage. Pure.

    `capped` says whether the account stops at the month's volume (the user's `spend_cap`), None: not known.
    """
    daily, monthly = body.get("emails", "daily"), body["emails"]["monthly"]
    used, today = _used(monthly), None if daily is None else daily.number("used")
    counted = Counted(used, utc_month(monthly["resets_at"].time() - _HOUR), _of_utc_day(daily, now))
    terms: list[Term] = []
    if daily is not None:
        _limit(terms, now, "emails", daily, "day")
    _limit(terms, now, "emails", monthly, "month")
    readings: list[Reading] = []
    gaps: list[Gap] = []
    # Only the free plan has a daily limit, and it stops; paid ones go on where overage is switched on.
    a_day, a_month = None if daily is None else daily.number("limit"), monthly.number("limit")
    full = a_month is not None and used >= a_month
    if a_day is not None:
        readings.append(Reading("restricted", float((today or 0.0) >= a_day) + float(full), now))
    elif not full or capped is not None:
        readings.append(Reading("restricted", float(full and capped is True), now))
    else:
        why = "the month's volume is used up; whether Resend sends on depends on its switch for overage"
        gaps.append(Gap("overage", f"{why}: write `spend_cap:` on the account", ("restricted",)))
    if (domains := body.get("domains")) is not None:
        if (count := domains.number("used")) is not None:
            readings.append(Reading("domains", count, now))
        # Documents state a limit of domains too, often an older one.
        _limit(terms, now, "domains", domains, "")
    return Usage(counted, readings, terms, gaps)


def _of_utc_day(daily: Body | None, now: datetime) -> float | None:
    """Return the day's count where it is that of the running UTC day."""
    if daily is None or daily.get("resets_at") is None:
        return None
    at_midnight = daily["resets_at"].time() == utc_day(now) + timedelta(days=1)
    return daily.number("used") if at_midnight else None


def _used(part: Body) -> float:
    used = part["used"].number()
    if used is None:
        raise part["used"].unexpected("a number")
    return used


def _limit(terms: list[Term], now: datetime, metric: str, part: Body, period: str) -> None:
    # Null is no limit; a key that is not there says nothing.
    if isinstance(part.value, dict) and "limit" in part.value:
        value = part.number("limit")
        terms.append(Term("limit", value, _SOURCE, now, metric, Limit.QUOTA, period))


def from_headers(headers: Mapping[str, str], now: datetime) -> Counted | None:
    """Read what any answer carries: what is used (not what is left). None where it is not there. Pure."""
    month = _number(headers.get("x-resend-monthly-quota", ""))
    day = _number(headers.get("x-resend-daily-quota", ""))
    return None if month is None else Counted(month, utc_month(now), day, told=False)


def _number(text: str) -> float | None:
    return float(text) if text.strip().isdecimal() else None


def amounts(counted: Counted, previous: Mapping[str, Any], now: datetime) -> Answer:
    """Turn the counters into what came since the last poll, cut at midnight where the day is told. Pure."""
    today = utc_day(now)
    begun, before = counted.since, 0.0
    if "at" in previous:
        at, month = (datetime.fromisoformat(str(previous[key])) for key in ("at", "month"))
        if month == counted.since and at < now:
            begun, before = at, float(previous["used"])
        elif month < counted.since and not counted.told and now - counted.since < _HOUR:
            if counted.month >= float(previous["used"]) > 0:
                why = "Resend's count of the month has not started anew yet; it is asked again"
                return Answer(gaps=[Gap("usage", why, ("emails",))], keep=previous)
        elif month == counted.since:
            return Answer(keep=previous)
    if begun >= now:
        return Answer(keep=previous)
    readings = []
    if counted.day is not None and begun < today:
        readings.append(Reading("emails", max(counted.month - counted.day - before, 0.0), today, begun))
        if today < now:
            readings.append(Reading("emails", counted.day, now, today))
    else:
        new = counted.month - before
        if before == 0.0 and begun == today and counted.day is not None:
            new = counted.day
        readings.append(Reading("emails", max(new, 0.0), now, begun))
    # A count that was corrected downwards counts nothing twice when it rises again.
    used = max(counted.month, before)
    keep = {"month": counted.since.isoformat(), "at": now.isoformat(), "used": used}
    return Answer(readings, keep=keep)
