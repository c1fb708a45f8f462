"""How long statements take: mean and quantiles out of two looks at pg_stat_statements. Pure.

The view keeps calls, mean and standard deviation of each statement since a reset. The same three for the
time between two looks follow from the sums of times and of their squares. Planning, where the server tracks
it, is added to execution, as if neither knew of the other. What shape the calls then have is guessed
(`shapes`): an **estimate**. Not in it, because the view does not time them: COMMIT, waiting for a connection,
the way to the client, and planning where it is not tracked.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from advisor.collectors.postgresql.shapes import Quantile, Shape
from advisor.collectors.postgresql.shapes import quantile as of_shapes

__all__ = ["Counted", "Look", "Ran", "between", "look", "mean", "quantile", "thrown_out"]

#: What the server throws out at once of a full view, as part of its entries, and at least.
_THROWN, _THROWN_AT_LEAST = 0.05, 10


class Counted(NamedTuple):
    """Counters of one statement since the reset: ms and squared ms, longest execution (inf: not known)."""

    calls: int
    time: float
    squares: float
    longest: float = math.inf
    planning: float = 0.0
    planning_squares: float = 0.0


@dataclass(frozen=True, slots=True)
class Ran:
    """What one statement did in an interval; times in seconds, with planning. `shapes` are its calls."""

    statement: str
    calls: int
    total: float
    shapes: tuple[Shape, ...]

    @property
    def mean(self) -> float:
        """Mean time of a call, seconds."""
        return self.total / self.calls


@dataclass(frozen=True, slots=True)
class Look:
    """The counters of the statements at one time.

    `rows` is statement (`queryid:userid`) to its counters; `whole` says that no statement was left out;
    `reset` is when the view was reset (epoch seconds; None: not known), `at` when we looked, `thrown` how
    often since the reset the server threw statements out because the view was full.
    """

    at: float
    rows: Mapping[str, Counted]
    whole: bool
    reset: float | None = None
    thrown: int = 0

    def kept(self) -> dict[str, Any]:
        """Return it as JSON has it. A thousand statements take some 80 KB, 120 where planning is tracked."""
        rows = {name: row if row.planning else row[:4] for name, row in self.rows.items()}
        return {"at": self.at, "whole": self.whole, "reset": self.reset, "thrown": self.thrown, "rows": rows}

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> "Look | None":
        """Return what `kept()` gave; None where it is absent or not of this shape."""
        try:
            rows = {str(k): Counted(int(c), *map(float, others)) for k, (c, *others) in kept["rows"].items()}
            reset = None if kept.get("reset") is None else float(kept["reset"])
            return cls(float(kept["at"]), rows, bool(kept["whole"]), reset, int(kept.get("thrown", 0)))
        except (KeyError, TypeError, ValueError, AttributeError):
            return None


def look(
    rows: Iterable[Mapping[str, Any]], at: float, reset: float | None, own: Iterable[int], thrown: int = 0
) -> Look:
    """Return the counters in rows of `statements.sql`, ours (`own` ids) left out."""
    mine = set(own)
    kept: dict[str, Counted] = {}
    seen = every = 0
    for row in rows:
        seen, every = seen + 1, int(row["all_statements"])
        if row["queryid"] is None or row["queryid"] in mine:
            continue
        calls, plans = row["calls"], row["plans"]
        kept[row["key"]] = Counted(
            calls,
            row["total_exec_time"],
            calls * (row["mean_exec_time"] ** 2 + row["stddev_exec_time"] ** 2),
            row["max_exec_time"],
            row["total_plan_time"],
            plans * (row["mean_plan_time"] ** 2 + row["stddev_plan_time"] ** 2),
        )
    return Look(at, kept, seen >= every, reset, thrown)


def between(earlier: Look | None, later: Look, rows: Mapping[str, Mapping[str, Any]]) -> list[Ran]:
    """Return what ran between two looks, or since the reset where there is no earlier one.

    `rows` are those of `later` by statement: `min_exec_time` is the shortest call since the reset,
    `max_plan_time` the longest planning (ms), `stats_since` when counting began (epoch s; None before
    PostgreSQL 17). A statement that the earlier look does not have is new, or was too small to be kept: it
    counts where that look was whole or the statement is known to be younger. Fewer calls than before, or a
    younger count, mean that it began again: it was reset, or thrown out of a full view.
    """
    found = []
    again = earlier is not None and later.reset is not None and later.reset > earlier.at
    for name, now in later.rows.items():
        before = None
        if earlier is not None and not again:
            old, began = earlier.rows.get(name), rows[name]["stats_since"]
            younger = began is not None and began >= earlier.at
            if old is None and not earlier.whole and not younger:
                continue
            if old is not None and old.calls <= now.calls and not younger:
                before = old
        ran = _ran(name, before, now, rows[name])
        if ran is not None:
            found.append(ran)
    return found


def _ran(name: str, before: Counted | None, now: Counted, row: Mapping[str, Any]) -> Ran | None:
    old = before or Counted(0, 0.0, 0.0, 0.0)
    calls = now.calls - old.calls
    if calls <= 0:
        return None
    time, squares = max(now.time - old.time, 0.0), max(now.squares - old.squares, 0.0)
    planning, spread = _moments(
        calls, now.planning - old.planning, now.planning_squares - old.planning_squares
    )
    least, longest = row["min_exec_time"], now.longest
    if longest < old.longest < math.inf or longest * (1 + 1e-6) < time / calls:
        least, longest = (
            0.0,
            math.inf,
        )  # The ends alone were reset (from 17 on): they are of later calls only.
    slowest = longest + (row["max_plan_time"] or 0.0) if planning else longest
    shapes = []
    rest = calls
    if longest > old.longest and calls > 1 and time - longest >= least * (calls - 1) * (1 - 1e-6):
        # The longest call since the reset is one of these: it is counted by itself.
        shapes.append(_shape(1, longest + planning, spread, least, slowest))
        rest, time, squares = calls - 1, time - longest, squares - longest * longest
    average, variance = _moments(rest, time, squares)
    # Rounding in sums of months must not make a spread that no call can have had.
    variance = min(variance, max(average - least, 0.0) * max(longest - average, 0.0))
    shapes.append(_shape(rest, average + planning, variance + spread, min(least, average), slowest))
    total = sum(each.calls * each.mean for each in shapes)
    return Ran(name, calls, total, tuple(shapes))


def _moments(calls: int, total: float, squares: float) -> tuple[float, float]:
    """Return mean and variance of a call."""
    average = max(total, 0.0) / calls
    return average, max(squares / calls - average * average, 0.0)


def _shape(calls: int, average: float, variance: float, least: float, longest: float) -> Shape:
    """Return it in seconds, from milliseconds."""
    return Shape(calls, average / 1000, math.sqrt(variance) / 1000, least / 1000, longest / 1000)


def thrown_out(earlier: Look | None, later: Look, most: int | None) -> tuple[int, float]:
    """Return how often statements were thrown out since the earlier look, and how many calls went with them.

    `most` is how many statements the view holds. At each time a twentieth goes, the least used; each is taken
    to have run once.
    """
    if earlier is None:
        return 0, 0.0  # Since the reset it is unknown which came back.
    times = later.thrown - earlier.thrown if later.thrown >= earlier.thrown else later.thrown
    return times, times * max(_THROWN * (most or 0), _THROWN_AT_LEAST)


def mean(ran: Sequence[Ran]) -> float | None:
    """Return the mean time of a call, seconds; None where nothing ran."""
    calls = sum(each.calls for each in ran)
    return sum(each.total for each in ran) / calls if calls else None


def quantile(ran: Sequence[Ran], share: float, unseen: float = 0.0, *, ends: bool = True) -> Quantile | None:
    """Return the time below which `share` of the calls were, estimated; None where nothing ran.

    `unseen` is how many calls ran beside these of which nothing is known; without `ends` all three numbers
    are the estimate.
    """
    return of_shapes([shape for each in ran for shape in each.shapes], share, unseen, ends=ends)
