"""Axiom: bytes loaded by hour from the audit log, and monitors."""

from datetime import datetime

from advisor.demo.wire import NOT_FOUND, Answered, Asked, hours, stamp
from advisor.demo.world import World

__all__ = ["answer"]


def answer(asked: Asked, world: World) -> Answered:
    """Answer as api.axiom.co does to an API token."""
    if asked.path == "/v2/monitors":
        count = round(world.level("axiom", "monitors", asked.now))
        return Answered(
            [{"id": f"m{number}", "name": "Errors", "type": "Threshold"} for number in range(count)]
        )
    if asked.path != "/v1/datasets/_apl":
        return NOT_FOUND
    wanted = asked.json()
    start, end = (datetime.fromisoformat(wanted[key]) for key in ("startTime", "endTime"))
    spans = list(hours(start, end))
    table = {
        "name": "0",
        "sources": [{"name": "axiom-audit"}],
        "fields": [
            {"name": "_time", "type": "datetime"},
            {"name": "dataset", "type": "string"},
            {"name": "bytes", "type": "integer"},
        ],
        "order": [],
        "groups": [{"name": "_time"}, {"name": "dataset"}],
        "columns": [
            [stamp(since) for since, _ in spans],
            ["api"] * len(spans),
            [world.count("axiom", "logs", since, until) for since, until in spans],
        ],
    }
    status = {"isPartial": False, "rowsMatched": len(spans)}
    return Answered(
        {"format": "tabular", "datasetNames": ["axiom-audit"], "status": status, "tables": [table]}
    )
