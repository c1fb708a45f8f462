"""What getMonitors answers: outages from logs, shares from ratios, response times as histograms. Pure."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from advisor.collectors._outages import Span, Watched
from advisor.core.model import Reading
from advisor.polling.body import Body

__all__ = ["called", "latency", "names", "open_since", "past", "seen", "watched"]

_DOWN, _PAUSED = 1, 99  # Kinds of log; 2 is up, 98 is started.
_IS_PAUSED, _NOT_CHECKED, _SEEMS_DOWN, _IS_DOWN = 0, 1, 8, 9  # States of a monitor.
_STATES = {0: "paused", 1: "not checked yet", 2: "up", 8: "seems down", 9: "down"}
_MS = 1000.0
_HOUR = timedelta(hours=1)
#: Upper edges in seconds; a check ends after 60 s.
_EDGES = (
    0.025,
    0.05,
    0.075,
    0.1,
    0.15,
    0.2,
    0.25,
    0.3,
    0.4,
    0.5,
    0.75,
    1.0,
    1.5,
    2.0,
    3.0,
    5.0,
    10.0,
    30.0,
    60.0,
)


def called(monitor: Body) -> str:
    """Return the monitor's name as people gave it."""
    return monitor.text("friendly_name")


def seen(monitor: Body) -> dict[str, str]:
    """Return what people see of it on the dashboard: its state, and its ratio of 30 days."""
    ratio = monitor.get("custom_uptime_ratio")
    return {
        "monitor": called(monitor),
        "state": _STATES.get(_state(monitor), "unknown"),
        "uptime of 30 days": f"{ratio.text().partition('-')[0]} %" if ratio is not None else "unknown",
    }


def names(monitor: Body) -> set[str]:
    """Return all by which advisor.yaml may name it: number, name, address."""
    address = monitor.get("url")
    number = monitor.number("id")
    return {
        called(monitor),
        *([address.text()] if address is not None else []),
        *([f"{number:.0f}"] if number is not None else []),
    }


def _state(monitor: Body) -> int:
    return int(monitor.number("status") or 0)


def _spans(monitor: Body, kind: int, runs: bool, now: datetime) -> list[Span]:
    """Return the spans of one kind of log; the newest lasts until now where it still `runs`."""
    logs = monitor.get("logs")
    found = []
    for log in logs.each() if logs is not None else ():
        if log.number("type") == kind:
            start = log.time("datetime")
            found.append((start, min(now, start + timedelta(seconds=log.number("duration") or 0.0))))
    found.sort()
    if runs and found:
        found[-1] = (found[-1][0], now)
    return found


def watched(monitor: Body, now: datetime) -> Watched:
    """Return since when it watches, and from its logs when it was down and when paused."""
    state = _state(monitor)
    away = _spans(monitor, _PAUSED, state == _IS_PAUSED, now)
    if not away and state in {_IS_PAUSED, _NOT_CHECKED}:
        away = [(datetime.fromtimestamp(0, UTC), now)]  # The pause is older than the logs.
    return Watched(_made(monitor), _spans(monitor, _DOWN, state in {_SEEMS_DOWN, _IS_DOWN}, now), away)


def _made(monitor: Body) -> datetime:
    made = monitor.get("create_datetime")
    return made.time() if made is not None else datetime.fromtimestamp(0, UTC)


def open_since(monitors: Iterable[Body], now: datetime) -> datetime | None:
    """Return when the oldest outage or pause began that still runs: its log must be asked for again."""
    starts = []
    for one in monitors:
        state = _state(one)
        if state in {_SEEMS_DOWN, _IS_DOWN, _IS_PAUSED}:
            kind = _PAUSED if state == _IS_PAUSED else _DOWN
            starts += [span[0] for span in _spans(one, kind, True, now)[-1:]]
    return min(starts, default=None)


def past(monitors: Sequence[Body], ranges: Sequence[Span]) -> list[Reading]:
    """Return the uptime of each range, from the ratios (per cent) that were asked for in that order.

    Raises:
        Unexpected: A monitor tells none, or not as many as were asked for.
    """
    up, whole = [0.0] * len(ranges), [0.0] * len(ranges)
    for one in monitors:
        said = one["custom_uptime_ranges"]
        try:
            ratios = [float(text) / 100 for text in said.text().split("-")]
        except ValueError:
            raise said.unexpected("ratios joined by -") from None
        if len(ratios) < len(ranges):
            raise said.unexpected(f"{len(ranges)} ratios")
        for place, (start, end) in enumerate(ranges):
            seconds = max(0.0, (end - max(start, _made(one))).total_seconds())
            up[place] += min(1.0, ratios[place]) * seconds
            whole[place] += seconds
    return [
        Reading("uptime", up[place], end, start, of=whole[place])
        for place, (start, end) in enumerate(ranges)
        if whole[place] > 0
    ]


def latency(monitors: Iterable[Body], since: datetime, now: datetime) -> list[Reading]:
    """Return a histogram for each hour from `since`, of all checks of the monitors (milliseconds)."""
    hours: dict[datetime, list[float]] = {}
    for one in monitors:
        times = one.get("response_times")
        for check in times.each() if times is not None else ():
            at, value = check.time("datetime"), check.number("value")
            if value is not None and since <= at < now:
                hours.setdefault(at.replace(minute=0, second=0, microsecond=0), []).append(value / _MS)
    return [_histogram(start, min(start + _HOUR, now), values) for start, values in sorted(hours.items())]


def _histogram(start: datetime, end: datetime, values: Sequence[float]) -> Reading:
    counts = [0.0] * len(_EDGES)
    for value in values:
        counts[min(bisect_left(_EDGES, value), len(_EDGES) - 1)] += 1
    mean = sum(values) / len(values)
    return Reading("latency", mean, end, start, buckets=tuple(zip(_EDGES, counts, strict=True)))
