"""`advisor forecast --jsonl`: one JSON object a line in, one out, for programs that pipe series through.

    {"op": "time_to_limit", "timestamps": [...], "values": [...], "limit": x, "kind": k}
        {"eta": seconds or null, "low": ..., "high": ...}
    {"op": "forecast", "timestamps": [...], "values": [...], "horizon_s": h, "kind": k}
        {"times": [...], "median": [...], "low": [...], "high": [...]}

Kinds: `gauge` is a level; `counter_month` counts up within the UTC month, `counter_day` within the UTC day;
`rate` is a rate, a latency or a load. A line that cannot be answered gets {"error": why}.
"""

import json
import sys
from collections.abc import Mapping
from typing import Any, TextIO

import numpy as np
from pydantic_core import from_json, to_json

from advisor.core.forecast.days import DAY, sane
from advisor.core.forecast.meters import Counter, Daily, Level, Rate
from advisor.core.forecast.normal import Floats

AHEAD = 120  #: Days that a program is told of; a date beyond them is none.
_CLOSE = 60.0  #: A counter read at 23:59:59 was read at the day's end.


def run(lines: TextIO | None = None, out: TextIO | None = None) -> int:
    """Answer each line of standard input on standard output, at once."""
    out = out or sys.stdout
    for line in lines or sys.stdin:
        if line.strip():
            out.write(answer(line))
            out.write("\n")
            out.flush()
    return 0


def answer(line: str) -> str:
    """Return the answer to one line, as JSON."""
    try:
        return to_json(_answer(_object(line)), inf_nan_mode="null").decode()
    except (ValueError, TypeError, KeyError) as error:
        why = f"`{error.args[0]}` is missing" if isinstance(error, KeyError) else str(error)
        return json.dumps({"error": why.splitlines()[0]})


def _object(line: str) -> Mapping[str, Any]:
    asked = from_json(line)
    if not isinstance(asked, dict):
        raise TypeError("write one JSON object a line")
    return asked


def _answer(asked: Mapping[str, Any]) -> dict[str, Any]:
    times, values = _series(asked["timestamps"], asked["values"])
    match asked["op"]:
        case "time_to_limit":
            eta, low, high = time_to_limit(times, values, float(asked["limit"]), asked["kind"])
            return {"eta": eta, "low": low, "high": high}
        case "forecast":
            at, middle, under, over = forecast(times, values, float(asked["horizon_s"]), asked["kind"])
            return {
                "times": at.tolist(),
                "median": middle.tolist(),
                "low": under.tolist(),
                "high": over.tolist(),
            }
        case other:
            raise ValueError(f"`op`: `{other}` is neither time_to_limit nor forecast")


def _series(timestamps: Any, values: Any) -> tuple[Floats, Floats]:
    """Return the finite readings in order, the last of each moment."""
    times, found = np.asarray(timestamps, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if times.ndim != 1 or times.shape != found.shape:
        raise ValueError("`timestamps` and `values` must be two lists of numbers of one length")
    found, good = sane(found)
    good &= np.isfinite(times)
    if not good.all():
        times, found = times[good], found[good]
    if not times.size:
        raise ValueError("`values`: at least one reading is needed")
    if times.size > 1 and not (np.diff(times) > 0).all():
        order = np.argsort(times, kind="stable")
        times, found = times[order], found[order]
        last = np.append(np.diff(times) > 0, True)
        times, found = times[last], found[last]
    return times, found


def meter(times: Floats, values: Floats, kind: str) -> Level | Counter | Daily | Rate:
    """Return the meter that a kind of the line protocol names: here and nowhere else they become ours."""
    match kind:
        case "gauge":
            return Level(times, values)
        case "rate":
            return Rate(times, values)
        case "counter_month":
            starts = _month_starts(times)
            ends = _months_after(float(times[-1]) + _CLOSE)
            return Counter(*_buckets(times, values, starts), float(times[-1]), float(values[-1]), ends)
        case "counter_day":
            starts = np.floor(times / DAY) * DAY
            return Daily(*_buckets(times, values, starts), float(times[-1]), float(values[-1]), 0.0)
        case _:
            raise ValueError(f"`kind`: `{kind}` is none of gauge, counter_month, counter_day, rate")


def _month_starts(times: Floats) -> Floats:
    months = times.astype("datetime64[s]").astype("datetime64[M]")
    return months.astype("datetime64[s]").astype(np.float64)


def _months_after(at: float) -> list[float]:
    """Return the ends of the month that the last reading is in, and of those that follow it for a year."""
    month = np.datetime64(int(at - _CLOSE), "s").astype("datetime64[M]")
    return [float(end) for end in (month + np.arange(1, 14)).astype("datetime64[s]").astype(np.float64)]


def _buckets(times: Floats, values: Floats, starts: Floats) -> tuple[Floats, Floats, Floats]:
    """Return a counter's readings as amounts by bucket: after a reset the reading itself is the amount."""
    amounts = values.copy()
    amounts[1:] -= values[:-1]
    since = np.concatenate([starts[:1], times[:-1]])
    anew = amounts < 0
    anew[1:] |= starts[1:] > times[:-1]
    amounts = np.where(anew, values, amounts)
    since = np.where(anew, np.maximum(since, starts), since)
    good = since < times
    return since[good], times[good], amounts[good]


def time_to_limit(
    timestamps: Any, values: Any, limit: float, kind: str
) -> tuple[float | None, float | None, float | None]:
    """Return (seconds from the last reading until the limit is met, early, late); None for never."""
    found = meter(*_series(timestamps, values), kind)
    met = found.meets(limit) if isinstance(found, Level) else found.meets(limit, AHEAD)
    return _seconds(met.middle), _seconds(met.early), _seconds(met.late)


def _seconds(days: float) -> float | None:
    return days * DAY if np.isfinite(days) else None


def forecast(
    timestamps: Any, values: Any, horizon_s: float, kind: str
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return (times, middle, low, high) of the path after the last reading."""
    times, readings = _series(timestamps, values)
    found = meter(times, readings, kind)
    ahead = horizon_s / DAY
    if isinstance(found, Level):
        band = found.band(np.arange(0.0, ahead + 1))
    elif isinstance(found, Rate):
        step = max(float(np.median(np.diff(times[-200:]))) / DAY if times.size > 1 else 1.0, 1 / 96)
        band = found.band(np.asarray(step * np.arange(1, int(ahead / step + 1e-6) + 1), dtype=np.float64))
    elif isinstance(found, Counter):
        band = found.band(ahead + 1)
    else:
        band = found.band(ahead)
    return times[-1] + band.at * DAY, band.middle, band.low, band.high
