"""Mails counted from Resend's lists, where it tells no counts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from advisor.collectors._days import utc_days
from advisor.core.model import Gap, Quality, Reading
from advisor.polling.body import Body

__all__ = ["Listed", "by_day"]


@dataclass(slots=True)
class Listed:
    """What was created from `since` on: when, and how many recipients. Pages come newest first."""

    since: datetime
    mails: list[tuple[datetime, int]] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)

    def take(self, rows: Sequence[Body], until: datetime) -> bool:
        """Add one page; True where it reaches back to the beginning."""
        for row in rows:
            at = row["created_at"].time()
            if at < self.since:
                return True
            if at < until:
                self.mails.append((at, _recipients(row)))
        return False

    def cut(self, path: str, why: str) -> "Listed":
        """Return what is whole where not all pages were read: from the oldest mail seen on."""
        oldest = min((at for at, _ in self.mails), default=self.since)
        kept = [one for one in self.mails if one[0] >= oldest]
        return Listed(oldest, kept, [Gap(f"mails of {path}", why, ("emails",))])


def _recipients(row: Body) -> int:
    return sum(len(list(some.each())) for key in ("to", "cc", "bcc") if (some := row.get(key)) is not None)


def by_day(found: Listed, now: datetime) -> list[Reading]:
    """Return the mails by UTC day, the last one up to now. Pure."""
    readings = []
    for start, end in utc_days(found.since, now):
        count = sum(many for at, many in found.mails if start <= at < end)
        readings.append(Reading("emails", float(count), end, start, quality=Quality.ESTIMATED))
    return readings
