"""Neon: one project on a paid plan, with its consumption by hour or day."""

from typing import Any

from advisor.demo.wire import DAY, HOUR, NOT_FOUND, Answered, Asked, hours, month, stamp
from advisor.demo.world import World

__all__ = ["PROJECT", "answer"]

PROJECT = "quiet-tree-12345678"
_ORG = "org-shop-12345678"


def answer(asked: Asked, world: World) -> Answered:
    """Answer as API v2 does."""
    match asked.path.removeprefix("/api/v2").replace(f"/projects/{PROJECT}", ""):
        case "":
            return Answered({"project": _project(asked, world)})
        case "/branches":
            branch = {"id": "br-1", "project_id": PROJECT, "name": "main", "current_state": "ready",
                      "logical_size": round(world.level("neon", "storage", asked.now))}  # fmt: skip
            return Answered({"branches": [branch], "annotations": {}, "pagination": {}})
        case "/endpoints":
            compute = {"id": "ep-a", "project_id": PROJECT, "branch_id": "br-1", "type": "read_write",
                       "current_state": "active", "disabled": False, "autoscaling_limit_min_cu": 1,
                       "autoscaling_limit_max_cu": 4}  # fmt: skip
            return Answered({"endpoints": [compute]})
        case "/consumption_history/v2/projects":
            return Answered(_history(asked, world))
    return NOT_FOUND


def _project(asked: Asked, world: World) -> Any:
    return {
        "id": PROJECT, "name": "shop", "pg_version": 17, "created_at": stamp(world.at(-70)), "org_id": _ORG,
        "owner_id": _ORG,
        "owner": {"email": "", "name": "Acme", "subscription_type": f"{world.plans['neon']}_v3"},
        "consumption_period_start": stamp(month(asked.now)), "compute_last_active_at": stamp(asked.now),
    }  # fmt: skip


def _history(asked: Asked, world: World) -> Any:
    width = HOUR if asked.query["granularity"] == "hourly" else DAY
    start, end = asked.time("from"), min(asked.time("to"), asked.now)
    frames = []
    for since, until in hours(start, end, width):
        stored = world.level("neon", "storage", until) * ((until - since) / HOUR)  # Byte-hours.
        values = {
            "compute_unit_seconds": world.count("neon", "compute_seconds", since, until),
            "public_network_transfer_bytes": world.count("neon", "egress", since, until),
            "root_branch_bytes_month": round(stored),
        }
        metrics = [{"metric_name": name, "value": value} for name, value in values.items()]
        frames.append({"timeframe_start": stamp(since), "timeframe_end": stamp(until), "metrics": metrics})
    period = {"period_id": "0", "period_plan": f"{world.plans['neon']}_v3", "period_start": stamp(start),
              "consumption": frames}  # fmt: skip
    return {"projects": [{"project_id": PROJECT, "periods": [period]}], "pagination": {}}
