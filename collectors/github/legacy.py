"""The bill as older GitHub Enterprise Servers tell it: counters of the running cycle."""

import calendar
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from advisor.collectors._days import utc_day
from advisor.core.model import Limit, Quality, Reading, Term
from advisor.polling.body import Body
from advisor.polling.contract import Answer

__all__ = ["cycle", "read"]

_GB = 1e9


def cycle(days_left: float, now: datetime) -> datetime:
    """Return when the running cycle began: a month before it ends. Pure."""
    ends = utc_day(now + timedelta(days=days_left))
    year, month = (ends.year, ends.month - 1) if ends.month > 1 else (ends.year - 1, 12)
    return ends.replace(year=year, month=month, day=min(ends.day, calendar.monthrange(year, month)[1]))


def read(minutes: Body, storage: Body, last: Mapping[str, Any] | None, now: datetime) -> Answer:
    """Turn the cycle's minutes (multipliers included) into what came since the last poll. Pure."""
    used = minutes["total_minutes_used"].number()
    if used is None:
        raise minutes["total_minutes_used"].unexpected("a number")
    left = storage.number("days_left_in_billing_cycle")
    since, before = cycle(left or 0.0, now), 0.0
    if last is not None and used >= last["used"] and datetime.fromisoformat(last["at"]) > since:
        since, before = datetime.fromisoformat(last["at"]), last["used"]
    readings = [Reading("build_minutes", used - before, now, since)] if since < now else []
    # Whole GB, estimated by GitHub itself.
    if (size := storage.number("estimated_storage_for_month")) is not None:
        readings.append(Reading("storage", size * _GB, now, quality=Quality.ESTIMATED))
    terms = []
    if (included := minutes.number("included_minutes")) is not None:
        terms.append(Term("limit", included, "provider API", now, "build_minutes", Limit.QUOTA, "month"))
    return Answer(readings, terms, keep={"legacy": {"used": used, "at": now.isoformat()}})
