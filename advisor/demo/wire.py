"""What a simulated provider is asked, and what it answers."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

__all__ = ["DAY", "HOUR", "NOT_FOUND", "Answered", "Asked", "hours", "midnight", "month", "stamp"]

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: its path below the provider's own, and when it comes by the demo's clock."""

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes
    now: datetime

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)

    def time(self, name: str) -> datetime:
        """Return a moment of the query in ISO 8601."""
        return datetime.fromisoformat(self.query[name])


@dataclass(frozen=True, slots=True)
class Answered:
    """One response: `body` goes out as JSON, or `text` as it is."""

    body: Any = None
    status: int = 200
    text: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


NOT_FOUND = Answered({"message": "not here"}, 404)


def stamp(at: datetime) -> str:
    """Return a moment in ISO 8601, UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def midnight(at: datetime) -> datetime:
    """Return when the UTC day began."""
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def month(at: datetime) -> datetime:
    """Return when the UTC month began."""
    return midnight(at).replace(day=1)


def hours(since: datetime, until: datetime, width: timedelta = HOUR) -> Iterator[tuple[datetime, datetime]]:
    """Yield the hours (or buckets of `width`) from `since` on, the last one cut at `until`."""
    while since < until:
        yield since, min(since + width, until)
        since += width
