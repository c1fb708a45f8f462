"""What a forecast says."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from advisor.core.forecast.days import DAY
from advisor.core.forecast.meters import AHEAD, Meeting

HORIZON = AHEAD  #: Days beyond which the answer is "never".
LEARNT = 7  #: Days of history before a date is given.
NEAR = 0.8  #: The share of a limit whose date is told beside that of the limit.
WITHIN = (7, 14, 30)  #: Days within which the chance of meeting the limit is told.

#: What `state` may say, beside "learning: 3 of 7 days".
OVER, NEVER, NO_LIMIT, NO_DATA = "over", "never", "no limit", "no data"
#: What it says of a rate, whose spikes have no date, and of an average that only zeros could still save.
LIKELY, UNLIKELY, LOST = "likely", "unlikely", "cannot be avoided any more"


@dataclass(frozen=True, slots=True)
class Forecast:
    """When a limit is met, with an 80 % interval, and how that was found.

    `when` is None where it is not met within a year or before the reset, or nothing can be said (`state`
    tells which; it is empty where there is a date). `low` and `high` are the early and the late end;
    `high` None with a `when`: perhaps never. While learning there is no `when`, and `low` and `high` may
    hold the wide range that the first days allow. `at_end_of_period` is an amount's, or an average's, value
    when its period ends. `near` is when 80 % of the limit are met, `within` the chance of meeting the limit
    within 7, 14 and 30 days, `before_end` that before the running period ends. `how` is one sentence.
    """

    when: datetime | None = None
    low: datetime | None = None
    high: datetime | None = None
    at_end_of_period: float | None = None
    how: str = ""
    state: str = ""
    near: datetime | None = None
    within: tuple[tuple[int, float], ...] = ()
    before_end: float | None = None
    path: Callable[[float], float] | None = field(default=None, repr=False, compare=False)
    band: Callable[[float], tuple[float, float, float]] | None = field(
        default=None, repr=False, compare=False
    )

    @property
    def learning(self) -> bool:
        """True where history is too short."""
        return self.state.startswith("learning") or self.state == NO_DATA

    def value_in(self, days: float) -> float | None:
        """Return the value forecast `days` from now, None where nothing can be said."""
        return None if self.path is None else self.path(days)

    def band_in(self, days: float) -> tuple[float, float, float] | None:
        """Return the value `days` from now with its 80 % interval (low, middle, high); None as above."""
        return None if self.band is None else self.band(days)


def learning(days: float) -> str:
    """Return what is said before seven days of history: `learning: 3 of 7 days`."""
    return f"learning: {min(int(days), LEARNT - 1)} of {LEARNT} days"


def moment(start: float, days: float, now: datetime, horizon: float = HORIZON) -> datetime | None:
    """Return `days` after `start` (epoch seconds) as a time not before `now`; None beyond the horizon."""
    if not np.isfinite(days) or start + days * DAY > now.timestamp() + horizon * DAY + 1e-3:
        return None
    at = start + days * DAY
    return now if at <= now.timestamp() else datetime.fromtimestamp(at, UTC)


def chances(meeting: Meeting, late: float) -> tuple[tuple[int, float], ...]:
    """Return the chances of having met the limit in 7, 14 and 30 days; the meeting began `late` days ago."""
    return tuple((days, meeting.within(days + late)) for days in WITHIN)
