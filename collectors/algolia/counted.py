"""Algolia's indices and statistics, added up."""

from collections.abc import Sequence
from datetime import datetime

from advisor.core.model import Reading
from advisor.polling.body import Body

__all__ = ["by_day", "sizes"]


def sizes(indices: Sequence[Body], now: datetime) -> list[Reading]:
    """Return records and bytes of all indices but the virtual ones. Pure."""
    real = [one for one in indices if one.get("virtual") is None or one["virtual"].value is not True]
    records = sum(one["entries"].number() or 0.0 for one in real)
    size = sum(one["fileSize"].number() or 0.0 for one in real)
    return [Reading("records", float(records), now), Reading("storage", float(size), now)]


def by_day(body: Body, name: str) -> dict[datetime, float]:
    """Return a statistic by the start of its day: under `statistics`, or under its own name. Pure."""
    rows = body.get("statistics") or body.get(name)
    if rows is None:
        rows = body["statistics"]
    found: dict[datetime, float] = {}
    for row in rows.each():
        ms = row["t"].number()
        start = Body(None if ms is None else ms / 1000, row.where, f"{row.path}.t").time()
        value = row.get("v")
        if value is None:
            continue
        if isinstance(value.value, dict):  # By server or region.
            number = sum(one.number() or 0.0 for _, one in value.items())
        else:
            number = value.number() or 0.0
        found[start] = found.get(start, 0.0) + number
    return found
