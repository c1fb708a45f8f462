"""Firebase Analytics: reports of a property of Google Analytics 4, in UTC."""

from datetime import datetime
from typing import Any

from advisor.demo.wire import DAY, NOT_FOUND, Answered, Asked, hours, midnight
from advisor.demo.world import World

__all__ = ["answer"]

_AGO = {"today": 0, "yesterday": 1}


def answer(asked: Asked, world: World) -> Answered:
    """Answer one report: the active users of a range, or events by day."""
    if not asked.path.endswith(":runReport"):
        return NOT_FOUND
    wanted = asked.json()
    metric = wanted["metrics"][0]["name"]
    metadata = {"currencyCode": "USD", "timeZone": "UTC"}
    if metric == "activeUsers":
        rows: list[Any] = [
            {"metricValues": [{"value": f"{world.level('firebase', 'active_users', asked.now):.0f}"}]}
        ]
        return Answered({"rows": rows, "rowCount": 1, "metadata": metadata})
    first = _day(wanted["dateRanges"][0]["startDate"], asked.now)
    rows = [
        {
            "dimensionValues": [{"value": f"{since:%Y%m%d}"}],
            "metricValues": [{"value": str(world.count("firebase", "events", since, until))}],
        }
        for since, until in hours(first, asked.now, DAY)
    ]
    return Answered({"rows": rows, "rowCount": len(rows), "metadata": metadata})


def _day(name: str, now: datetime) -> datetime:
    ago = _AGO[name] if name in _AGO else int(name.removesuffix("daysAgo"))
    return midnight(now) - ago * DAY
