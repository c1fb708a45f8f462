"""Days that providers count by, UTC's or those of a time zone, as moments. Pure."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator

from advisor.core.model import Quality, Reading

__all__ = ["Zone", "amounts", "local_day", "midnight", "utc_day", "utc_days", "utc_month"]


def _known(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"`{name}` is no time zone; write one such as Europe/Lisbon") from None
    return name


Zone = Annotated[str, AfterValidator(_known)]


def utc_day(at: datetime) -> datetime:
    """Return when the UTC day of a moment began."""
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def utc_month(at: datetime) -> datetime:
    """Return when the UTC month of a moment began."""
    return utc_day(at).replace(day=1)


def utc_days(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield start and end of each UTC day between two moments, the first and the last cut there."""
    while since < until:
        end = min(utc_day(since) + timedelta(days=1), until)
        yield since, end
        since = end


def local_day(at: datetime, zone: str) -> date:
    """Return the day that a moment is in."""
    return at.astimezone(ZoneInfo(zone)).date()


def amounts(
    metric: str, days: Mapping[date, float], zone: str, now: datetime, quality: Quality
) -> list[Reading]:
    """Return an amount for each day, the one that runs until `now`; days to come are left out."""
    found = []
    for day, value in sorted(days.items()):
        since, until = (midnight(one, zone) for one in (day, day + timedelta(days=1)))
        if since < now:
            found.append(Reading(metric, value, min(until, now), since, quality=quality))
    return found


def midnight(day: date, zone: str) -> datetime:
    """Return when a day of a zone begins, in UTC."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
