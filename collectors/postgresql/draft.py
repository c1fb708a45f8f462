"""An answer while it is put together from the rows of the sections. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from advisor.core.model import Gap, Limit, Quality, Reading, Term
from advisor.polling.contract import Answer

__all__ = ["Denied", "Draft", "Row", "Seen", "day", "moment"]

Row = Mapping[str, Any]


class Denied(Exception):
    """One section could not be read; `why` is a sentence's end with the way out."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Seen:
    """What one poll read: the row of server.sql, and by section its rows or why there are none.

    `own` are the ids of the advisor's own statements, `texts` those known of others, by id.
    `users` is what the owner's SELECT counted, None where there is no such SELECT.
    """

    server: Row
    sections: dict[str, Sequence[Row] | Denied] = field(default_factory=dict)
    own: list[int] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    users: float | Denied | None = None

    def rows(self, section: str) -> Sequence[Row]:
        """Return the rows of a section, none where it was denied or not asked."""
        found = self.sections.get(section, ())
        return () if isinstance(found, Denied) else found

    def denied(self, section: str) -> Denied | None:
        """Return why a section has no rows; None where it was read, or not asked."""
        found = self.sections.get(section)
        return found if isinstance(found, Denied) else None


@dataclass(slots=True)
class Draft:
    """What is known so far; `previous` is what the last poll kept."""

    now: datetime
    previous: Mapping[str, Any] = field(default_factory=dict)
    readings: list[Reading] = field(default_factory=list)
    terms: list[Term] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    keep: dict[str, Any] = field(default_factory=dict)
    evidence: dict[str, list[dict[str, str]]] = field(default_factory=dict)

    def level(
        self, metric: str, value: float | None, part: str = "", quality: Quality = Quality.MEASURED
    ) -> None:
        """Add a level; None and what is no sensible number add nothing."""
        if value is not None and math.isfinite(value) and value >= 0:
            self.readings.append(Reading(metric, float(value), self.now, part=part, quality=quality))

    def bucket(
        self,
        metric: str,
        value: float | None,
        since: datetime,
        *,
        of: float | None = None,
        stat: str = "",
        ends: tuple[float | None, float | None] = (None, None),
        quality: Quality = Quality.MEASURED,
    ) -> None:
        """Add an amount, a share (`of`) or a number of a distribution (`stat`) from `since` until now.

        `ends` are between which values an estimate lies.
        """
        if value is not None and math.isfinite(value) and value >= 0 and since < self.now:
            low, high = ends
            self.readings.append(
                Reading(
                    metric,
                    float(value),
                    self.now,
                    since=since,
                    of=of,
                    stat=stat,
                    low=low,
                    high=high,
                    quality=quality,
                )
            )

    def maximum(self, metric: str, value: float, source: str) -> None:
        """Add what the service says is the most it allows."""
        self.terms.append(Term("limit", float(value), source, self.now, metric=metric, limit=Limit.MAX))

    def gap(self, what: str, why: str, *metrics: str) -> None:
        """Add what could not be seen."""
        self.gaps.append(Gap(what, why, metrics))

    def note(self, title: str, rows: Sequence[Mapping[str, str]]) -> None:
        """Add rows for people; none add nothing."""
        if rows:
            self.evidence[title] = [dict(row) for row in rows]

    def carry(self, *names: str) -> None:
        """Keep what the last poll kept under these names, where this one could not look."""
        self.keep.update((name, self.previous[name]) for name in names if name in self.previous)

    def answer(self) -> Answer:
        """Return it whole."""
        return Answer(self.readings, self.terms, self.gaps, self.keep, self.evidence)


def moment(epoch: float) -> datetime:
    """Return epoch seconds as a time."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=epoch)


def day(epoch: float | None) -> str:
    """Return the day of epoch seconds for people."""
    return "never" if epoch is None else moment(epoch).strftime("%Y-%m-%d")
