"""When a digest goes out, as people write it: `monday 09:00`, `daily 09:00`, `weekdays 08:30`. Pure."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

__all__ = ["DAYS", "DigestTime", "digest_time", "last_moment", "next_moment"]

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_WRITTEN = re.compile(r"(?P<day>[A-Za-z]+)\s+(?P<hour>\d{1,2}):(?P<minute>\d{2})")


@dataclass(frozen=True, slots=True)
class DigestTime:
    """Days of the week (0 is Monday) and a time of day, in the zone of whoever reads it."""

    days: tuple[int, ...]
    hour: int
    minute: int

    def __str__(self) -> str:
        word = {7: "daily", 5: "weekdays"}.get(len(self.days), DAYS[self.days[0]])
        return f"{word} {self.hour:02}:{self.minute:02}"


def digest_time(text: str) -> DigestTime:
    """Return what `every:` says.

    Raises:
        ValueError: It says nothing of the kind; the message says what to write.
    """
    match = _WRITTEN.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"`{text}` is no time: write `monday 09:00`, `daily 09:00` or `weekdays 08:30`")
    word, hour, minute = match["day"].lower(), int(match["hour"]), int(match["minute"])
    if hour > 23 or minute > 59:
        raise ValueError(f"`{match['hour']}:{match['minute']}` is no time of day: 00:00 to 23:59")
    if word == "daily":
        return DigestTime(tuple(range(7)), hour, minute)
    if word == "weekdays":
        return DigestTime(tuple(range(5)), hour, minute)
    found = [index for index, day in enumerate(DAYS) if word in (day, day[:3])]
    if not found:
        raise ValueError(f"`{match['day']}` is no day: write daily, weekdays, or one of {' '.join(DAYS)}")
    return DigestTime((found[0],), hour, minute)


def last_moment(when: DigestTime, timezone: str, now: datetime) -> datetime:
    """Return when a digest was last due at `now`, in UTC: a daemon that was down sees what it missed."""
    zone = ZoneInfo(timezone)
    today = now.astimezone(zone).date()
    for back in range(8):
        day = today - timedelta(days=back)
        due = datetime.combine(day, time(when.hour, when.minute), zone).astimezone(UTC)
        if day.weekday() in when.days and due <= now:
            return due
    raise AssertionError("eight days hold every day of the week")


def next_moment(when: DigestTime, timezone: str, now: datetime) -> datetime:
    """Return when a digest is due next after `now`, in UTC."""
    zone = ZoneInfo(timezone)
    today = now.astimezone(zone).date()
    for ahead in range(9):
        day = today + timedelta(days=ahead)
        due = datetime.combine(day, time(when.hour, when.minute), zone).astimezone(UTC)
        if day.weekday() in when.days and due > now:
            return due
    raise AssertionError("eight days hold every day of the week")
