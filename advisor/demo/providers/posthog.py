"""PostHog: what the bill has of this month, the plan, and active users by query."""

from datetime import timedelta

from advisor.demo.wire import NOT_FOUND, Answered, Asked, month, stamp
from advisor.demo.world import World

__all__ = ["answer"]

_BILLING = "/api/organizations/@current/billing"


def answer(asked: Asked, world: World) -> Answered:
    """Answer as us.posthog.com does."""
    if asked.path == f"{_BILLING}/usage/":
        start = month(asked.now)
        events = {
            "usage_key": "events",
            "usage": world.count("posthog", "events", start, asked.now),
            "limit": 1_000_000,
            "todays_usage": 0,
            "quota_limited_until": None,
        }
        period = {
            "current_period_start": stamp(start),
            "current_period_end": stamp(month(start + timedelta(days=32))),
        }
        return Answered(
            {"billing_period": {**period, "interval": "month"}, "usage_summary": [events], "products": []}
        )
    if asked.path == f"{_BILLING}/subscription/":
        return Answered({"has_active_subscription": False, "subscription_level": "free"})
    if asked.path.endswith("/query/"):
        users = world.level("posthog", "active_users", asked.now)
        return Answered({"columns": ["users"], "results": [[users]], "types": [["users", "UInt64"]]})
    return NOT_FOUND
