"""Sentry: accepted events of an organisation by hour or day (stats_v2)."""

from advisor.demo.wire import DAY, HOUR, NOT_FOUND, Answered, Asked, hours, stamp
from advisor.demo.world import World

__all__ = ["answer"]

_FIELD = "sum(quantity)"


def answer(asked: Asked, world: World) -> Answered:
    """Answer with the groups that had events."""
    if asked.path != "/api/0/organizations/acme/stats_v2/":
        return NOT_FOUND
    width = HOUR if asked.query["interval"] == "1h" else DAY
    start, end = asked.time("start"), min(asked.time("end"), asked.now)
    spans = list(hours(start, end, width))
    groups = []
    for category, metric in (("error", "errors"), ("transaction", "transactions")):
        values = [world.count("sentry", metric, since, until) for since, until in spans]
        groups.append(
            {
                "by": {"outcome": "accepted", "category": category, "reason": "none"},
                "totals": {_FIELD: sum(values)},
                "series": {_FIELD: values},
            }
        )
    intervals = [stamp(since) for since, _ in spans]
    return Answered({"start": stamp(start), "end": stamp(end), "intervals": intervals, "groups": groups})
