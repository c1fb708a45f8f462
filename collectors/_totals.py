"""A provider's running total of a period becomes amounts between polls. Pure.

The first poll of a period gives all of it; later ones what was added. A total that sinks (some providers
count the day that runs apart, and correct it when it is over) adds nothing until it is past its highest.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from advisor.core.model import Reading

__all__ = ["grown"]


def grown(
    metric: str, total: float, period: datetime, now: datetime, before: Mapping[str, Any]
) -> tuple[list[Reading], dict[str, Any]]:
    """Return what was added since the last poll, and what to keep for the next one as `before`.

    `period` is when the total began at nothing.
    """
    last = datetime.fromisoformat(str(before["at"])) if "at" in before else None
    same = last is not None and before.get("period") == period.isoformat()
    highest = float(before["total"]) if same else 0.0
    begin = period if last is None or last < period else last
    keep = {"period": period.isoformat(), "at": now.isoformat(), "total": max(total, highest)}
    if begin >= now:
        return [], dict(before)
    return [Reading(metric, max(0.0, total - highest), now, begin)], keep
