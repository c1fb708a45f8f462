"""Usage of paid plans by hour, and by day where hours are no longer kept."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from advisor.collectors.neon.asking import Api
from advisor.core.model import Gap, Reading
from advisor.polling.body import Body
from advisor.polling.contract import Answer, Poll

__all__ = ["Frame", "frames", "history", "legacy"]

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_HOURS_KEPT = 166 * _HOUR  # 168 by the docs; a clock that differs by an hour is still within.
_DAYS_KEPT = 59 * _DAY
_SETTLES = 6 * _HOUR
_LAG = _HOUR  # An hour that ended less ago may still lack its use, so its silence is not 0.
_STORAGE_FRESH = 3 * _HOUR
_RIGHT = "usage of a paid plan, for an organisation's key"
_STORED = ("root_branch_bytes_month", "child_branch_bytes_month")
_AMOUNTS = {
    "compute_unit_seconds": ("compute_hours", 1 / 3600),
    "public_network_transfer_bytes": ("egress", 1.0),
}


@dataclass(frozen=True, slots=True)
class Frame:
    """One bucket of a project's consumption: what was used, by Neon's name of the metric."""

    since: datetime
    at: datetime
    values: dict[str, float]


@dataclass(frozen=True, slots=True)
class _Span:
    """A stretch that is asked at one granularity."""

    granularity: str
    start: datetime
    end: datetime
    width: timedelta


async def history(api: Api, project: Body, org: str) -> Answer:
    """Return what v2 tells since the last poll: compute, public egress, and the storage of the newest hour.

    Raises:
        Forbidden: The plan or the key has no such usage.
        CollectError: As for any request.
    """
    now = api.poll.now
    readings: list[Reading] = []
    gaps: list[Gap] = []
    newest: Frame | None = None
    for span in _spans(api.poll, project):
        params = _params(span, project, org) | {"metrics": ",".join((*_AMOUNTS, *_STORED))}
        pages = await api.pages("/consumption_history/v2/projects", "projects", params, _RIGHT)
        told, periods = frames(pages, project.text("id"))
        filled = _added(one for one in told if one.at <= now and span.start <= one.since < span.end)
        if span.granularity == "hourly":
            newest = _newest([one for one in filled.values() if _stored(one)], now)
        for since in _starts(span, now - _LAG):
            if since not in filled and any(a <= since and (b is None or since < b) for a, b in periods):
                filled[since] = Frame(since, since + span.width, {})  # Left out means that nothing was used.
        for one in filled.values():
            settled = one.at <= now - _LAG
            for name, (metric, factor) in _AMOUNTS.items():
                if name in one.values or settled:
                    value = one.values.get(name, 0.0) * factor
                    readings.append(Reading(metric, value, one.at, one.since))
        if not periods:
            why = f"{api.where} tells no usage from {span.start:%Y-%m-%d %H:%M} UTC on, which is not 0"
            gaps.append(Gap("usage", why, ("compute_hours", "egress", "storage")))
    if newest is not None:
        # Byte-hours over the hours of the bucket are its mean bytes; an hour ago is the newest that there is.
        mean = sum(newest.values.get(name, 0.0) for name in _STORED) / ((newest.at - newest.since) / _HOUR)
        at = now if now - newest.at <= _STORAGE_FRESH else newest.at
        readings.append(Reading("storage", mean, at))
    return Answer(readings, gaps=gaps, keep={"until": _floor(now, _HOUR).timestamp()})


async def legacy(api: Api, project: Body, org: str) -> Answer:
    """Return what the older endpoint tells: compute time, and the storage of the newest hour.

    Raises:
        Forbidden: The plan or the key has no such usage.
        CollectError: As for any request.
    """
    now = api.poll.now
    readings: list[Reading] = []
    for span in _spans(api.poll, project):
        params = _params(span, project, org)
        pages = await api.pages("/consumption_history/projects", "projects", params, _RIGHT)
        told, _ = frames(pages, project.text("id"))
        whole = [one for one in told if one.at <= now]
        readings += [
            Reading("compute_hours", one.values["compute_time_seconds"] / 3600, one.at, one.since)
            for one in whole
            if "compute_time_seconds" in one.values
        ]
        sized = [one for one in whole if one.values.get("synthetic_storage_size_bytes")]
        if span.granularity == "hourly" and sized:
            last = _newest(sized, now) or sized[-1]
            at = now if now - last.at <= _STORAGE_FRESH else last.at
            readings.append(Reading("storage", last.values["synthetic_storage_size_bytes"], at))
    return Answer(readings, keep={"until": _floor(now, _HOUR).timestamp()})


def frames(projects: Sequence[Body], name: str) -> tuple[list[Frame], list[tuple[datetime, datetime | None]]]:
    """Return the buckets of the project `name`, and the stretches of the plans that they lie in. Pure.

    Both shapes are read: metrics as a list (v2), and as keys of the bucket (older).
    """
    found: list[Frame] = []
    periods: list[tuple[datetime, datetime | None]] = []
    mine = (one for one in projects if one.text("project_id") == name)
    for period in (period for project in mine for period in project["periods"].each()):
        began, ended = period.get("period_start"), period.get("period_end")
        if began is not None:
            periods.append((began.time(), ended.time() if ended is not None else None))
        for bucket in period["consumption"].each():
            metrics = bucket.get("metrics")
            if metrics is not None:
                named = [(one.text("metric_name"), one.number("value")) for one in metrics.each()]
            else:
                named = [
                    (key, value.number())
                    for key, value in bucket.items()
                    if not key.startswith("timeframe_") and value.value is not None
                ]
            values = {key: value for key, value in named if value is not None}
            found.append(Frame(bucket.time("timeframe_start"), bucket.time("timeframe_end"), values))
    return found, periods


def _added(told: Iterable[Frame]) -> dict[datetime, Frame]:
    """Return the buckets by their start: where a plan changed within one, both plans have a part of it."""
    found: dict[datetime, Frame] = {}
    for one in told:
        before = found.get(one.since, Frame(one.since, one.at, {}))
        values = dict(before.values)
        for name, value in one.values.items():
            values[name] = values.get(name, 0.0) + value
        found[one.since] = Frame(one.since, max(before.at, one.at), values)
    return found


def _newest(told: Sequence[Frame], now: datetime) -> Frame | None:
    """Return the last bucket that is whole for sure, else the last one."""
    return max(told, key=lambda one: (one.at <= now - _LAG, one.at), default=None)


def _stored(frame: Frame) -> bool:
    return any(name in frame.values for name in _STORED)


def _params(span: _Span, project: Body, org: str) -> dict[str, str]:
    return {
        "from": f"{span.start:%Y-%m-%dT%H:%M:%SZ}",
        "to": f"{span.end:%Y-%m-%dT%H:%M:%SZ}",
        "granularity": span.granularity,
        "org_id": org,
        "project_ids": project.text("id"),
        "limit": "100",
    }


def _spans(poll: Poll, project: Body) -> list[_Span]:
    """Return what to ask: hours since the last poll, and days for what lies further back.

    The first poll goes back to where the billing period began.
    """
    end = _floor(poll.now, _HOUR)
    kept = poll.previous.get("until")
    began = project.get("consumption_period_start")
    if kept is not None:
        start = datetime.fromtimestamp(kept, UTC) - _SETTLES
    else:
        start = max(began.time(), project.time("created_at")) if began is not None else end - _HOURS_KEPT
    start = max(start, poll.now - _DAYS_KEPT)
    if start >= end - _HOURS_KEPT:
        hours = _floor(start, _HOUR)
        return [_Span("hourly", hours if hours < end else end - _HOUR, end, _HOUR)]
    turn = _floor(end - _HOURS_KEPT, _DAY) + _DAY
    return [_Span("daily", _floor(start, _DAY), turn, _DAY), _Span("hourly", turn, end, _HOUR)]


def _starts(span: _Span, settled: datetime) -> list[datetime]:
    count = int((span.end - span.start) / span.width)
    starts = [span.start + step * span.width for step in range(count)]
    return [since for since in starts if since + span.width <= settled]


def _floor(at: datetime, width: timedelta) -> datetime:
    return datetime.fromtimestamp(at.timestamp() // width.total_seconds() * width.total_seconds(), UTC)
