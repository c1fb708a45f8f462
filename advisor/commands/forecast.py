"""`advisor forecast`: when a file's readings meet a limit, with an interval and in one sentence."""

import csv
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from advisor.commands import output
from advisor.core import forecast
from advisor.core.catalogue import Reset
from advisor.core.forecast import Forecast
from advisor.core.periods import Calendar
from advisor.core.phrases import day
from advisor.core.units import Unit, read, show
from advisor.errors import InputError

_RESETS = {"day": Reset.UTC_DAY, "week": Reset.WEEK, "month": Reset.UTC_MONTH}


@dataclass(frozen=True, slots=True)
class Readings:
    """What a file holds: times in epoch seconds, of amounts the ends of the buckets that start at `since`."""

    since: Sequence[float]
    times: Sequence[float]
    values: Sequence[float]


def run(
    file: str | None,
    *,
    limit: str | None,
    kind: str,
    per: str,
    unit: str | None,
    at: datetime | None,
    json: bool,
) -> int:
    """Print when the readings of `file` meet `limit`.

    Raises:
        InputError: an option or the file is at fault.
    """
    if file is None:
        raise InputError("nothing to forecast: name a file with --csv FILE, or pipe JSON lines to --jsonl")
    most, base = _limit(limit)
    scale, base = _scale(unit, base)
    readings = _read(file, scale, kind)
    now = at or datetime.fromtimestamp(max(readings.times), UTC)
    found = _forecast(readings, most, kind, per, now, base)
    if json:
        output.as_json(as_document(found, most, kind, base, now))
    else:
        _show(found, most, readings, base, now, kind)
    return 0


def _limit(text: str | None) -> tuple[float | None, Unit]:
    if text is None:
        return None, Unit.COUNT
    try:
        return read(text)
    except ValueError as error:
        raise InputError(f"`--limit {text}`: {error}") from None


def _scale(text: str | None, base: Unit) -> tuple[float, Unit]:
    """Return what one of the file's units is in the base unit."""
    if text is None:
        return 1.0, base
    try:
        value, unit = read(f"1{text}")
    except ValueError:
        raise InputError(f"`--unit {text}`: no unit; write MB, GiB, ms, % or leave it out") from None
    if base is not Unit.COUNT and unit != base:
        raise InputError(f"`--unit {text}` and the limit are of two kinds: {unit} and {base}")
    return value, unit


def _read(file: str, scale: float, kind: str) -> Readings:
    """Return the readings of a CSV with `timestamp,value`, or `from,to,value` for amounts.

    An amount with a timestamp alone began there and lasted until the next one.
    """
    try:
        if file == "-":
            rows = list(csv.reader(sys.stdin))
        else:
            with Path(file).open(encoding="utf-8-sig", newline="") as source:
                rows = list(csv.reader(source))
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InputError(f"cannot be read ({why}): name a CSV file with timestamp,value", file=file) from None
    numbered = [(place, row) for place, row in enumerate(rows, 1) if any(cell.strip() for cell in row)]
    if numbered and not _is_number(numbered[0][1][-1]):
        numbered = numbered[1:]  # The names of the columns.
    if not numbered:
        raise InputError("holds no readings: write lines of timestamp,value", file=file)
    wide = kind == "amount" and len(numbered[0][1]) == 3
    since, times, values = [], [], []
    for place, row in numbered:
        if len(row) != (3 if wide else 2):
            wanted = "from,to,value" if wide else "timestamp,value"
            raise InputError(f"has {len(row)} cells; write {wanted}", file=file, line=place)
        since.append(_moment(row[0], file, place))
        times.append(_moment(row[-2], file, place))
        values.append(_number(row[-1], file, place) * scale)
    if kind == "amount" and not wide:
        steps = [later - earlier for earlier, later in pairwise(since) if later > earlier]
        last = median(steps) if steps else 86400.0
        times = [*since[1:], since[-1] + last]
    return Readings(since, times, values)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _number(text: str, file: str, line: int) -> float:
    if not _is_number(text):
        raise InputError(f"`{text}` is no number", file=file, line=line)
    return float(text)


def _moment(text: str, file: str, line: int) -> float:
    """Return a time as epoch seconds; without a zone it is UTC."""
    if _is_number(text):
        return float(text)
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InputError(f"`{text}` is no time; write 2026-11-01T00:00:00Z", file=file, line=line) from None
    return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()


def _forecast(
    readings: Readings, limit: float | None, kind: str, per: str, now: datetime, unit: Unit
) -> Forecast:
    if kind == "amount":
        period = Calendar(_RESETS[per]).around(now)
        return forecast.of_amount(readings.since, readings.times, readings.values, limit, period, now, unit)
    if kind == "rate":
        if limit is None:
            raise InputError("a rate is forecast against a limit: add --limit")
        return forecast.of_rate(readings.times, readings.values, limit, now)
    return forecast.of_level(readings.times, readings.values, limit, now, unit)


def as_document(found: Forecast, limit: float | None, kind: str, unit: Unit, now: datetime) -> dict[str, Any]:
    """Return the forecast as JSON has it; docs/commands.md describes it."""
    ahead = [0, 7, 14, 30, 60, 90]
    bands = [(days, found.band_in(days)) for days in ahead]
    return {
        "version": 1,
        "at": now,
        "kind": kind,
        "unit": unit,
        "limit": limit,
        "state": found.state,
        "when": found.when,
        "low": found.low,
        "high": found.high,
        "near": found.near,
        "within": {str(days): round(chance, 4) for days, chance in found.within},
        "before_end": found.before_end,
        "at_end_of_period": found.at_end_of_period,
        "path": [
            {"days": days, "low": band[0], "middle": band[1], "high": band[2]}
            for days, band in bands
            if band is not None
        ],
        "how": found.how,
    }


def _show(
    found: Forecast, limit: float | None, readings: Readings, unit: Unit, now: datetime, kind: str
) -> None:
    rows = list(_rows(found, limit, unit, now, kind))
    title = f"{len(readings.values)} readings until {day(now, 'UTC', now)} {now.year} (UTC), {kind}"
    output.table(title, ["what", "forecast"], rows, sys.stdout)


def _rows(
    found: Forecast, limit: float | None, unit: Unit, now: datetime, kind: str
) -> Iterable[tuple[str, str]]:
    if limit is not None:
        yield f"limit of {show(limit, unit)}", _when(found, now, kind)
    if found.near is not None:
        share = f"{forecast.NEAR:.0%}".replace("%", " %")
        yield f"{share} of it", "now" if found.near <= now else day(found.near, "UTC", now)
    if found.within:
        days = ", ".join(str(one) for one, _ in found.within)
        yield (
            f"met within {days} days",
            ", ".join(f"{chance:.0%}".replace("%", " %") for _, chance in found.within),
        )
    if found.before_end is not None:
        yield "met before the period ends", f"{found.before_end:.0%}".replace("%", " %")
    if found.at_end_of_period is not None:
        yield "at the period's end", show(found.at_end_of_period, unit)
    for ahead in (7, 30, 90):
        if (band := found.band_in(ahead)) is not None and found.at_end_of_period is None:
            low, middle, high = (show(one, unit) for one in band)
            yield f"in {ahead} days", f"{middle} ({low} to {high})"
    if found.how:
        yield "why", found.how


def _when(found: Forecast, now: datetime, kind: str) -> str:
    """Return the date with its interval, or why there is none."""
    low = day(found.low, "UTC", now) if found.low is not None else ""
    high = day(found.high, "UTC", now) if found.high is not None else "perhaps never"
    if found.when is not None and found.when > now:
        return f"{day(found.when, 'UTC', now)} (four times in five between {low} and {high})"
    if found.state in {forecast.NEVER, forecast.NO_DATA, forecast.OVER} or not low:
        never = "not before it starts anew" if kind == "amount" else "not within a year"
        return {forecast.NEVER: never, forecast.OVER: "over it now"}.get(found.state, found.state)
    return f"{found.state}; from {low} to {high}"
