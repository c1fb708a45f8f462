"""Expo EAS: the billing period's use over GraphQL; the period is the UTC month."""

from datetime import datetime, timedelta

from advisor.demo.wire import NOT_FOUND, Answered, Asked, month
from advisor.demo.world import World

__all__ = ["answer"]


def answer(asked: Asked, world: World) -> Answered:
    """Answer for the period in which the asked moment lies."""
    if asked.path != "/graphql":
        return NOT_FOUND
    start = month(datetime.fromisoformat(asked.json()["variables"]["now"]))
    end = month(start + timedelta(days=32))
    until = min(end, asked.now)

    def metric(service: str, name: str, kind: str, value: float, limit: float) -> object:
        return {"service": service, "serviceMetric": name, "metricType": kind, "value": value, "limit": limit,
                "platformBreakdown": None}  # fmt: skip

    total = {
        "billingPeriod": {"start": _stamp(start), "end": _stamp(end)},
        "planMetrics": [
            metric("BUILDS", "BUILDS", "BUILD", world.count("eas", "builds", start, until), 45),
            metric("UPDATES", "UNIQUE_UPDATERS", "UPDATE", world.level("eas", "active_users", until), 3000),
            metric(
                "UPDATES",
                "BANDWIDTH_USAGE",
                "BANDWIDTH",
                world.count("eas", "egress", start, until),
                100 * 2**30,
            ),
        ],
        "overageMetrics": [],
        "totalCost": 0,
        "unavailableServiceUsageMetrics": [],
    }
    subscription = {"name": world.plans["eas"], "recurringCents": 1900, "concurrencies": {"total": 2}}
    account = {"isDisabled": False, "subscription": subscription, "usageMetrics": {"byBillingPeriod": total}}
    return Answered({"data": {"account": {"byName": account}}})


def _stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.000Z"
