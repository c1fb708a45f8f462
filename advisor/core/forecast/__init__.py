"""When a limit is met."""

from advisor.core.forecast.simple import (
    DAY,
    HORIZON,
    LEARNT,
    NEVER,
    NO_DATA,
    NO_LIMIT,
    OVER,
    WINDOW,
    Forecast,
    course,
    daily_totals,
    of_amount,
    of_level,
)

__all__ = [
    "DAY",
    "HORIZON",
    "LEARNT",
    "NEVER",
    "NO_DATA",
    "NO_LIMIT",
    "OVER",
    "WINDOW",
    "Forecast",
    "course",
    "daily_totals",
    "of_amount",
    "of_level",
]
