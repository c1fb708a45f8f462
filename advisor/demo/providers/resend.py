"""Resend: GET /usage."""

from datetime import datetime, timedelta

from advisor.demo.wire import DAY, NOT_FOUND, Answered, Asked, midnight, month, stamp
from advisor.demo.world import World

__all__ = ["answer"]

_LIMITS = {"free": (100, 3_000), "pro": (None, 50_000)}  # A day, a month.


def answer(asked: Asked, world: World) -> Answered:
    """Answer with what of day and month is used; a paid plan has no daily part."""
    if asked.path != "/usage":
        return NOT_FOUND
    a_day, a_month = _LIMITS[world.plans["resend"]]
    today, began = midnight(asked.now), month(asked.now)
    following = month(began + timedelta(days=32))

    def part(since: datetime, limit: int | None, resets: datetime) -> object:
        used = world.count("resend", "emails", since, asked.now)
        return {"used": used, "limit": limit, "sent": used, "received": 0, "resets_at": stamp(resets)}

    daily = None if a_day is None else part(today, a_day, today + DAY)
    return Answered(
        {
            "object": "usage",
            "generated_at": stamp(asked.now),
            "emails": {"daily": daily, "monthly": part(began, a_month, following)},
            "rate_limit": {"limit": 5, "duration": "1000ms"},
        }
    )
