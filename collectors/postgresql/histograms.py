"""Histograms of pg_stat_monitor, where it is installed: counted, not estimated. Pure.

It counts the calls of each statement by how long they took, in time buckets of a minute as it comes, of which
it keeps ten. Each finished one becomes a reading of `query_time` with the counts of all statements, so that
any quantile can be taken, of any window.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import groupby
from typing import Any

from advisor.collectors.postgresql.draft import Draft, Seen, moment
from advisor.core.model import Reading

__all__ = ["edges", "histograms", "monitored"]

_RANGE = re.compile(r"(\d+(?:\.\d+)?) - (\d+(?:\.\d+)?|\.\.\.)")


def monitored(draft: Draft, seen: Seen) -> bool:
    """Give the histograms of the time buckets that have ended since the last poll; say whether there are any.

    False also where the extension is not there or cannot be read: then the moments of the statements are
    what there is.
    """
    if denied := seen.denied("monitored"):
        draft.gap("histograms of pg_stat_monitor", denied.why)
        draft.carry("monitored")
        return False
    rows = seen.rows("monitored")
    if not rows:
        return False
    last = float((draft.previous.get("monitored") or {}).get("began", 0.0))
    found = histograms([row for row in rows if row["began"] > last])
    now = draft.now
    draft.readings += [reading for reading in found if reading.at <= now + timedelta(seconds=1)]
    draft.keep["monitored"] = {"began": max(float(row["began"]) for row in rows)}
    return True


def histograms(rows: Sequence[Mapping[str, Any]]) -> list[Reading]:
    """Return a reading for each time bucket in rows of `monitored.sql`, which come in order."""
    found = []
    for began, group in groupby(rows, key=lambda row: float(row["began"])):
        counts = list(group)
        calls = sum(row["calls"] for row in counts)
        ends = edges(counts[0]["ranges"], max(row["max_exec_time"] for row in counts))
        if calls <= 0 or len(ends) < len(counts):
            continue
        buckets = tuple((ends[row["place"] - 1] / 1000, float(row["calls"])) for row in counts)
        average = counts[0]["total_exec_time"] / calls / 1000
        start = moment(began)
        end = start + timedelta(seconds=counts[0]["seconds"])
        found.append(Reading("query_time", average, end, since=start, buckets=buckets))
    return found


def edges(ranges: str, longest: float) -> list[float]:
    """Return the upper ends of the histogram's places, ms; the last, which is open, ends at the longest call.

    Versions write the ranges differently (`(1 - 3)}, (3 - 5)}` and `{{0.000 - 1.000}, (1.000 - 2.778}`); the
    numbers are the same.
    """
    ends = []
    for low, high in _RANGE.findall(ranges):
        ends.append(max(longest, float(low)) if high == "..." else float(high))
    return ends
