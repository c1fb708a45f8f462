"""`advisor check --compare`: the figures to hold beside the provider's own dashboard."""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from advisor.commands import output
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Kind, Quality, Reading
from advisor.core.units import show
from advisor.core.wording import counted, moment
from advisor.secrets import redact

if TYPE_CHECKING:
    from advisor.feeds import Feed
    from advisor.polling.poller import Polled

__all__ = ["Figure", "Side", "figures", "print_sides", "sides"]

SHOWN = 30  #: Of one source's figures, so many are printed.


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure as a dashboard would show it; of amounts and shares all that the poll brought together.

    `value` is in the metric's base unit, `since` the start of what an amount or share covers.
    """

    metric: str
    stat: str
    part: str
    value: float
    at: datetime
    since: datetime | None
    quality: Quality

    @property
    def shown(self) -> str:
        """The value for people."""
        return show(self.value, VOCABULARY[self.metric].unit)


@dataclass(frozen=True, slots=True)
class Side:
    """A source's figures, with the provider's page and how late both may be."""

    source: str
    title: str
    dashboard: str
    delay: str
    figures: tuple[Figure, ...]

    @property
    def document(self) -> dict[str, Any]:
        """All of it for programs."""
        return {
            "source": self.source,
            "dashboard": self.dashboard,
            "delay": self.delay,
            "figures": [
                {
                    "metric": one.metric,
                    "stat": one.stat,
                    "part": redact(one.part),
                    "value": one.value,
                    "unit": VOCABULARY[one.metric].unit.value,
                    "shown": one.shown,
                    "since": one.since,
                    "at": one.at,
                    "quality": one.quality.value,
                }
                for one in self.figures
            ],
        }


def sides(feeds: "Sequence[Feed]", polls: "Sequence[Polled]") -> list[Side]:
    """Return what to compare, a source each that answered."""
    return [
        Side(
            feed.source.key,
            feed.source.collector.ABOUT.title,
            feed.source.collector.ABOUT.dashboard,
            feed.source.collector.ABOUT.delay,
            tuple(figures(one.reading for one in polled.observed)),
        )
        for feed, polled in zip(feeds, polls, strict=True)
        if polled.error is None
    ]


def figures(readings: Iterable[Reading]) -> Iterator[Figure]:
    """Yield a figure for each metric, part and quantile: the newest level, the sum of an amount's buckets."""
    series: defaultdict[tuple[str, str, str], list[Reading]] = defaultdict(list)
    for reading in readings:
        series[reading.metric, reading.part, reading.stat].append(reading)
    for (metric, part, stat), found in sorted(series.items()):
        newest = max(found, key=lambda reading: reading.at)
        value, since = newest.value, newest.since
        if since is not None:
            counted_once = _apart(found)
            since = min(reading.since or reading.at for reading in counted_once)
            newest = max(counted_once, key=lambda reading: reading.at)
            value = sum(reading.value for reading in counted_once)
            if VOCABULARY[metric].kind is Kind.SHARE:
                value /= sum(reading.of or 0.0 for reading in counted_once)
        worst = max((reading.quality for reading in found), key=list(Quality).index)
        yield Figure(metric, stat, part, value, newest.at, since, worst)


def _apart(readings: Sequence[Reading]) -> list[Reading]:
    """Return the buckets without those that others, finer ones, cover already."""
    taken: list[tuple[datetime, datetime]] = []
    kept = []
    for reading in sorted(readings, key=lambda one: (one.at - (one.since or one.at), one.at)):
        span = (reading.since or reading.at, reading.at)
        place = bisect_left(taken, span)
        before, after = taken[place - 1 : place], taken[place : place + 1]
        if (before and before[0][1] > span[0]) or (after and after[0][0] < span[1]):
            continue
        insort(taken, span)
        kept.append(reading)
    return kept


def print_sides(found: Iterable[Side]) -> None:
    """Print the figures source by source, each under the page to hold them beside."""
    for side in found:
        output.heading(f"{side.source}: {side.dashboard or 'no page of the provider has these figures'}")
        if side.delay not in {"", "none"}:
            print(f"  {side.title} is late by {side.delay}: a small difference may be just that.")
        rows = [
            [
                one.metric + (f" {one.stat}" if one.stat else ""),
                redact(one.part),
                one.shown,
                moment(one.at) if one.since is None else f"{moment(one.since)} to {moment(one.at)}",
                "" if one.quality is Quality.MEASURED else one.quality.value,
            ]
            for one in side.figures
        ]
        output.table("", ["metric", "part", ">here", "of", "quality"], rows[:SHOWN])
        if (more := len(rows) - SHOWN) > 0:
            print(f"  and {counted(more, 'more figure')}; --json lists all")
