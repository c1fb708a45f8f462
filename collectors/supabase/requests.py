"""Requests to a project's APIs by hour, and since when there have been none."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from advisor.collectors.supabase.asking import Management
from advisor.collectors.supabase.found import level
from advisor.core.model import Quality, Reading
from advisor.polling.body import Body
from advisor.polling.contract import Answer, Poll, Unexpected
from advisor.polling.reply import plain

__all__ = ["Bucket", "buckets", "requests"]

_PARTS = ("auth", "realtime", "rest", "storage")
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_MICROSECONDS_FROM = 1e14  # As seconds that is the year 3 million: the log's own times.


@dataclass(frozen=True, slots=True)
class Bucket:
    """Requests by API from `since` to `at`."""

    since: datetime
    at: datetime
    counts: dict[str, float]


async def requests(api: Management, base: str) -> Answer:
    """Ask for the last day by hour, and once for the last week where that was silent."""

    async def ask(interval: str, width: timedelta) -> Sequence[Bucket]:
        path = f"{base}/analytics/endpoints/usage.api-counts"
        return buckets(await api.get(path, "analytics_usage_read", {"interval": interval}), width)

    now = api.poll.now
    hours = await ask("1day", _HOUR)
    readings = [
        Reading("requests", value, one.at, one.since, part)
        for one in hours
        if one.at <= now and not _is_cut(one, now)
        for part, value in one.counts.items()
    ]
    used = _last_use(hours) or _kept(api.poll)
    if used is None:
        # Hours without requests may be left out of the answer, so silence is no answer of its own.
        used = _last_use(await ask("7day", _DAY)) or now - 7 * _DAY
    used = min(used, now)
    idle = level("idle_time", (now - used).total_seconds(), now, quality=Quality.ESTIMATED)
    return Answer([*readings, *idle], keep={"used_at": used.timestamp()})


def buckets(body: Body, width: timedelta) -> list[Bucket]:
    """Return what was counted, by bucket of `width`. Pure.

    Raises:
        Unexpected: The answer holds an error, or has another shape.
    """
    error = body.get("error")
    if error is not None:
        said = error.value.get("message", "") if isinstance(error.value, dict) else error.value
        raise Unexpected(
            f"{body.where} could not count requests: {plain(str(said)) or 'it does not say why'}"
        )
    rows = body.get("result")
    found = []
    for row in rows.each() if rows is not None else ():
        since = _time(row["timestamp"])
        counts = {part: row.number(f"total_{part}_requests") for part in _PARTS}
        known = {part: value for part, value in counts.items() if value is not None}
        found.append(Bucket(since, since + width, known))
    return sorted(found, key=lambda one: one.since)


def _time(body: Body) -> datetime:
    value = body.value
    if isinstance(value, int | float) and value > _MICROSECONDS_FROM:
        return Body(value / 1e6, body.where, body.path).time()
    return body.time()


def _is_cut(one: Bucket, now: datetime) -> bool:
    """Say whether the look-back of a day begins within it: it then lacks its first minutes."""
    return one.since < now - _DAY < one.at


def _last_use(rows: Sequence[Bucket]) -> datetime | None:
    return max((one.at for one in rows if any(one.counts.values())), default=None)


def _kept(poll: Poll) -> datetime | None:
    kept = poll.previous.get("used_at")
    return datetime.fromtimestamp(kept, UTC) if kept is not None else None
