"""Days of a time zone that the provider counts by, as moments. Pure."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator

from advisor.core.model import Quality, Reading

__all__ = ["Zone", "amounts", "local_day"]


def _known(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"`{name}` is no time zone; write one such as Europe/Lisbon") from None
    return name


Zone = Annotated[str, AfterValidator(_known)]


def local_day(at: datetime, zone: str) -> date:
    """Return the day that a moment is in."""
    return at.astimezone(ZoneInfo(zone)).date()


def amounts(
    metric: str, days: Mapping[date, float], zone: str, now: datetime, quality: Quality
) -> list[Reading]:
    """Return an amount for each day, the one that runs until `now`; days to come are left out."""
    found = []
    for day, value in sorted(days.items()):
        since, until = (_midnight(one, zone) for one in (day, day + timedelta(days=1)))
        if since < now:
            found.append(Reading(metric, value, min(until, now), since, quality=quality))
    return found


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
