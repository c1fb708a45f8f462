"""Better Stack: monitors, and the incidents of one of them while the product is down."""

from typing import Any

from advisor.demo.wire import NOT_FOUND, Answered, Asked, stamp
from advisor.demo.world import World

__all__ = ["answer"]

_LAST = {"first": None, "last": None, "prev": None, "next": None}


def answer(asked: Asked, world: World) -> Answered:
    """Answer as the Uptime API does."""
    if asked.path == "/api/v2/monitors":
        return Answered({"data": _monitors(asked, world), "pagination": _LAST})
    if asked.path == "/api/v3/incidents":
        return Answered({"data": _incidents(asked, world), "pagination": _LAST})
    return NOT_FOUND


def _monitors(asked: Asked, world: World) -> list[Any]:
    today = world.day(asked.now)
    down = any(since <= today < until for since, until in world.down)
    count = round(world.level("better-stack", "monitors", asked.now))
    return [
        {
            "id": str(number),
            "type": "monitor",
            "attributes": {
                "url": f"https://{number}.example.com", "pronounceable_name": f"shop-{number}",
                "monitor_type": "status", "status": "down" if down and number == 1 else "up",
                "check_frequency": 180, "paused_at": None, "created_at": stamp(world.at(-20)),
            },
        }
        for number in range(1, count + 1)
    ]  # fmt: skip


def _incidents(asked: Asked, world: World) -> list[Any]:
    found = []
    for since, until in world.down:
        begun, ended = world.at(since), world.at(until)
        if begun <= asked.now and f"{begun:%Y-%m-%d}" >= asked.query.get("from", ""):
            attributes = {
                "name": "shop-1", "cause": "Status 503", "started_at": stamp(begun),
                "status": "Resolved" if ended <= asked.now else "Started",
                "resolved_at": stamp(ended) if ended <= asked.now else None,
            }  # fmt: skip
            of = {"monitor": {"data": {"id": "1", "type": "monitor"}}}
            found.append({"id": "25", "type": "incident", "attributes": attributes, "relationships": of})
    return found
