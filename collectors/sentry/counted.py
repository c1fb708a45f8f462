"""What stats_v2 counts by hour, and how it becomes amounts between polls. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from advisor.core.model import Reading
from advisor.polling.body import Body
from advisor.polling.contract import Unexpected

__all__ = ["METRIC_OF", "SETTLES", "Counts", "amounts", "buckets", "counts", "hour_of", "kept", "restricted"]

HOUR = timedelta(hours=1)
SETTLES = timedelta(hours=3)  #: How long an hour is asked again: late envelopes are counted in it.
#: Sentry's categories that a metric of ours stands for; `error` includes `default` and `security`.
METRIC_OF: Mapping[str, str] = {"error": "errors", "transaction": "transactions"}

_FIELD = "sum(quantity)"
_OWN_LIMITS = ("key_quota",)  # A rate limit that the user set on a project's key.


@dataclass(frozen=True, slots=True)
class Counts:
    """By the start of an hour or day: what was accepted by metric, and dropped for a limit by category."""

    starts: Sequence[datetime]
    accepted: Mapping[str, Mapping[datetime, float]]
    dropped: Mapping[str, Mapping[datetime, float]] = field(default_factory=dict)


def hour_of(at: datetime) -> datetime:
    """Return the start of its UTC hour."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def counts(body: Body) -> Counts:
    """Read an answer of stats_v2 that is grouped by outcome, category and reason.

    A category without a group had no events in that time: Sentry leaves it out, so that is zero.

    Raises:
        Unexpected: It has another shape, or a series that does not fit the intervals.
    """
    starts = [one.time() for one in body["intervals"].each()]
    accepted: dict[str, dict[datetime, float]] = {
        name: dict.fromkeys(starts, 0.0) for name in METRIC_OF.values()
    }
    dropped: dict[str, dict[datetime, float]] = {}
    for group in body["groups"].each():
        by = group["by"]
        category, outcome = by.text("category"), by.text("outcome")
        if outcome == "accepted" and category in METRIC_OF:
            into = accepted[METRIC_OF[category]]
        elif outcome == "rate_limited" and not _own(by):
            into = dropped.setdefault(category, dict.fromkeys(starts, 0.0))
        else:
            continue
        series = group["series"][_FIELD]
        values = [one.number() or 0.0 for one in series.each()]
        if len(values) != len(starts):
            raise Unexpected(
                f"{series.where}: `{series.path}` has {len(values)} values for {len(starts)} intervals"
            )
        for start, value in zip(starts, values, strict=True):
            into[start] += value
    return Counts(starts, accepted, dropped)


def _own(by: Body) -> bool:
    reason = by.get("reason")
    return reason is not None and reason.text() in _OWN_LIMITS


def buckets(found: Counts, width: timedelta, until: datetime) -> list[Reading]:
    """Return each bucket as it is counted now, the running one up to `until`."""
    return [
        Reading(metric, value, min(start + width, until), start)
        for metric, values in found.accepted.items()
        for start, value in values.items()
        if start < until
    ]


def amounts(found: Counts, before: Mapping[str, Any], last: datetime, now: datetime) -> list[Reading]:
    """Return what was counted anew since the last poll, cut at full hours.

    The hours' counters grow while they run; the difference to what they said before lets rules look at
    minutes. What is late for an hour that was over then is counted in the first piece.
    """
    readings: list[Reading] = []
    for metric, values in found.accepted.items():
        old = before.get(metric, {})
        late = 0.0
        new: dict[datetime, float] = {}
        for start, value in values.items():
            more = value - float(old.get(_key(start), 0.0))
            if start + HOUR <= last:
                late += more if _key(start) in old else 0.0
            else:
                new[start] = more
        for start in sorted(new):
            begin, end = max(start, last), min(start + HOUR, now)
            if end <= begin:
                continue
            value, late = new[start] + late, 0.0
            if value < 0:  # An hour was counted down; the rest is taken off the next piece.
                value, late = 0.0, value
            readings.append(Reading(metric, value, end, begin))
    return readings


def kept(found: Counts, now: datetime) -> dict[str, dict[str, float]]:
    """Return the hours that may still change, to be held against the next answer."""
    oldest = hour_of(now) - SETTLES
    return {
        metric: {_key(start): value for start, value in values.items() if start >= oldest}
        for metric, values in found.accepted.items()
    }


def _key(start: datetime) -> str:
    return start.isoformat()


def restricted(found: Counts, now: datetime) -> tuple[Reading, list[dict[str, str]]]:
    """Count the categories of which Sentry drops events in this hour or the one before, with the numbers."""
    since = hour_of(now) - HOUR
    lost = {
        category: sum(value for start, value in values.items() if start >= since)
        for category, values in found.dropped.items()
    }
    rows = [
        {"category": category, "dropped since": f"{since:%H:%M} UTC", "events": f"{value:.0f}"}
        for category, value in sorted(lost.items(), key=lambda item: -item[1])
        if value > 0
    ]
    return Reading("restricted", float(len(rows)), now), rows
