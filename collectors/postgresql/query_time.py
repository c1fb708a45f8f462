"""How long statements take: mean and quantiles out of two looks at pg_stat_statements. Pure.

The view keeps calls, mean and standard deviation of each statement since a reset. The same three for the
time between two looks follow from the sums of times and of their squares. Each statement is taken for
log-normal with its mean and deviation, and a quantile is that of their mixture, weighted by calls: an
**estimate**. It cannot see two speeds within one statement, nor planning, COMMIT, or waiting for a
connection, which the view does not time.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

__all__ = ["Look", "Ran", "between", "look", "mean", "quantile"]

_NORMAL = NormalDist()
#: A spread below this part of the mean is rounding.
_NO_SPREAD = 1e-6


@dataclass(frozen=True, slots=True)
class Ran:
    """What one statement did in an interval; times in seconds. `longest` is since the reset."""

    statement: str
    calls: int
    total: float
    deviation: float
    longest: float

    @property
    def mean(self) -> float:
        """Mean time of a call, seconds."""
        return self.total / self.calls


@dataclass(frozen=True, slots=True)
class Look:
    """The counters of the statements at one time.

    `rows` is statement (`queryid:userid`) to calls, milliseconds and squared milliseconds since the reset;
    `whole` says that no statement was left out; `reset` is when the view was reset (epoch seconds; None: not
    known), `at` when we looked.
    """

    at: float
    rows: Mapping[str, tuple[int, float, float]]
    whole: bool
    reset: float | None = None

    def kept(self) -> dict[str, Any]:
        """Return it as JSON has it. A thousand statements take some 60 KB."""
        return {"at": self.at, "whole": self.whole, "reset": self.reset, "rows": self.rows}

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> "Look | None":
        """Return what `kept()` gave; None where it is absent or not of this shape."""
        try:
            rows = {str(k): (int(c), float(t), float(s)) for k, (c, t, s) in kept["rows"].items()}
            reset = kept.get("reset")
            return cls(float(kept["at"]), rows, bool(kept["whole"]), None if reset is None else float(reset))
        except (KeyError, TypeError, ValueError, AttributeError):
            return None


def look(rows: Iterable[Mapping[str, Any]], at: float, reset: float | None, own: Iterable[int]) -> Look:
    """Return the counters in rows of `statements.sql`, ours (`own` ids) left out."""
    mine = set(own)
    kept: dict[str, tuple[int, float, float]] = {}
    seen = every = 0
    for row in rows:
        seen, every = seen + 1, int(row["all_statements"])
        if row["queryid"] is None or row["queryid"] in mine:
            continue
        calls, average, deviation = row["calls"], row["mean_exec_time"], row["stddev_exec_time"]
        squares = calls * (average * average + deviation * deviation)
        kept[row["key"]] = (calls, row["total_exec_time"], squares)
    return Look(at, kept, seen >= every, reset)


def between(earlier: Look | None, later: Look, rows: Mapping[str, Mapping[str, Any]]) -> list[Ran]:
    """Return what ran between two looks, or since the reset where there is no earlier one.

    `rows` are those of `later` by statement: of them `max_exec_time` is the longest call (ms), `stats_since`
    when counting began (epoch s; None before PostgreSQL 17). A statement that the earlier look does not have
    is new, or was too small to be kept: it counts where that look was whole or the statement is known to be
    younger. Fewer calls than before mean that it began again.
    """
    found = []
    again = earlier is not None and later.reset is not None and later.reset > earlier.at
    for name, (calls, total, squares) in later.rows.items():
        before = (0, 0.0, 0.0)
        if earlier is not None and not again:
            old = earlier.rows.get(name)
            began = rows[name]["stats_since"] if old is None else None
            if old is not None and old[0] <= calls:
                before = old
            elif old is None and not earlier.whole and not (began is not None and began >= earlier.at):
                continue
        count = calls - before[0]
        if count <= 0:
            continue
        time = max(total - before[1], 0.0)
        average = time / count
        variance = max((squares - before[2]) / count - average * average, 0.0)
        top = rows[name]["max_exec_time"]
        # Rounding in sums of months must not make a spread that no call can have had.
        variance = min(variance, average * max(top - average, 0.0))
        found.append(Ran(name, count, time / 1000, math.sqrt(variance) / 1000, top / 1000))
    return found


def mean(ran: Sequence[Ran]) -> float | None:
    """Return the mean time of a call, seconds; None where nothing ran."""
    calls = sum(each.calls for each in ran)
    return sum(each.total for each in ran) / calls if calls else None


def quantile(ran: Sequence[Ran], share: float) -> float | None:
    """Return the time (seconds) below which `share` of the calls were, estimated; None where nothing ran."""
    parts = []
    z = _NORMAL.inv_cdf(share)
    low, high = math.inf, 0.0
    for each in ran:
        if each.mean <= 0:
            parts.append((each.calls, -math.inf, 0.0))
            low = 0.0
            continue
        relative = each.deviation / each.mean
        spread = math.sqrt(math.log1p(relative * relative)) if relative > _NO_SPREAD else 0.0
        middle = math.log(each.mean) - spread * spread / 2
        parts.append((each.calls, middle, spread))
        own = math.exp(middle + z * spread)
        low, high = min(low, own), max(high, own)
    if not parts:
        return None
    wanted = share * sum(calls for calls, _, _ in parts)
    # The mixture's quantile lies between the lowest and the highest of its parts'.
    a, b = math.log(max(low, 1e-9)), math.log(max(high, 1e-9))
    for _ in range(40):
        if b - a < 0.001:
            break
        c = (a + b) / 2
        a, b = (c, b) if _below(parts, c) < wanted else (a, c)
    longest = max((each.longest for each in ran), default=math.inf)
    return min(math.exp(b), longest) if high > 0 else 0.0


def _below(parts: Iterable[tuple[int, float, float]], log_time: float) -> float:
    """Return how many calls took less than exp(log_time)."""
    count = 0.0
    for calls, middle, spread in parts:
        if spread == 0:
            count += calls if log_time >= middle else 0
        else:
            count += calls * 0.5 * math.erfc((middle - log_time) / (spread * math.sqrt(2)))
    return count
