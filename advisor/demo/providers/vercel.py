"""Vercel: charges by day in Pacific time (FOCUS), deployments, domains, projects, and the team."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from advisor.demo.wire import NOT_FOUND, Answered, Asked
from advisor.demo.world import World

__all__ = ["answer"]

_PACIFIC = ZoneInfo("America/Los_Angeles")
#: Metric of the story, service on the bill, unit, and how many of the metric's are one of it.
_SERVICES = (
    ("egress", "Fast Data Transfer", "GB", 1e9),
    ("requests", "Edge Requests", "Requests", 1.0),
    ("invocations", "Function Invocations", "Invocations", 1.0),
    ("gb_hours", "Function Duration", "GB-Hours", 1.0),
)


def answer(asked: Asked, world: World) -> Answered:
    """Answer as api.vercel.com does to a member of the team."""
    match asked.path:
        case "/v1/billing/charges":
            return Answered(text=_charges(asked, world), headers={"content-type": "application/jsonl"})
        case "/v6/deployments":
            return Answered(_deployments(asked, world))
        case "/v2/teams/team_1":
            return Answered({"id": "team_1", "slug": "acme", "name": "Acme", "softBlock": None,
                             "billing": {"plan": world.plans["vercel"]}})  # fmt: skip
        case "/v5/domains" | "/v10/projects":
            name = "domains" if "domains" in asked.path else "projects"
            count = round(world.level("vercel", name, asked.now))
            items = [{"id": f"{name}-{number}"} for number in range(count)]
            return Answered({name: items, "pagination": {"count": count, "next": None, "prev": None}})
    return NOT_FOUND


def _charges(asked: Asked, world: World) -> str:
    lines = []
    start, end = asked.time("from"), asked.time("to")
    while start < end:
        day = start.astimezone(_PACIFIC).date() + timedelta(days=1)
        following = datetime(day.year, day.month, day.day, tzinfo=_PACIFIC).astimezone(UTC)
        until = min(following, asked.now)
        if start < until:
            period = {"ChargePeriodStart": _stamp(start), "ChargePeriodEnd": _stamp(following)}
            common = {
                **period,
                "BillingCurrency": "USD",
                "Tags": {"ProjectId": "prj_1", "ProjectName": "shop"},
            }
            for metric, service, unit, one in _SERVICES:
                used = world.amount("vercel", metric, start, until) / one
                lines.append({**common, "BilledCost": 0, "ChargeCategory": "Usage", "ServiceName": service,
                              "ConsumedQuantity": used, "ConsumedUnit": unit})  # fmt: skip
            if (day - timedelta(days=1)).day == 1:
                lines.append({**common, "BilledCost": 20, "ChargeCategory": "Purchase", "ServiceName": "Pro",
                              "ConsumedQuantity": None, "ConsumedUnit": None, "Tags": {}})  # fmt: skip
        start = following
    return "".join(json.dumps(line) + "\n" for line in lines)


def _stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.000Z"


def _deployments(asked: Asked, world: World) -> object:
    since, until = (datetime.fromtimestamp(int(asked.query[key]) / 1000, UTC) for key in ("since", "until"))
    found = [
        {"uid": "dpl", "name": "shop", "url": "shop.vercel.app", "created": int(at.timestamp() * 1000),
         "type": "LAMBDAS", "creator": {"uid": "u1"}, "inspectorUrl": None, "state": "READY"}
        for at in reversed(world.moments("vercel", "builds", since, until))
    ]  # fmt: skip
    return {"deployments": found, "pagination": {"count": len(found), "next": None, "prev": None}}
