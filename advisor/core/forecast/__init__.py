"""When a limit is met: forecasts by what a meter does, with intervals that four in five truths lie within.

    values    of_level, of_rate, of_average, course     what has a value at each moment
    amounts   of_amount, daily_totals                   what adds up within a period
    meters    Level, Counter, Daily, Rate               the same in days and arrays, one series at a time
    levels, months, peaks, passage                      the methods, many series at a time
    days, hours, pace, normal                           what they are made of
    words                                               the sentence beside a figure

All of it is arithmetic on what is given, without a clock and without chance: draws come from a fixed table.
"""

from advisor.core.forecast.amounts import daily_totals, of_amount
from advisor.core.forecast.days import DAY
from advisor.core.forecast.result import (
    HORIZON,
    LEARNT,
    LIKELY,
    LOST,
    NEAR,
    NEVER,
    NO_DATA,
    NO_LIMIT,
    OVER,
    UNLIKELY,
    Forecast,
)
from advisor.core.forecast.values import WINDOW, course, of_average, of_level, of_rate

__all__ = [
    "DAY",
    "HORIZON",
    "LEARNT",
    "LIKELY",
    "LOST",
    "NEAR",
    "NEVER",
    "NO_DATA",
    "NO_LIMIT",
    "OVER",
    "UNLIKELY",
    "WINDOW",
    "Forecast",
    "course",
    "daily_totals",
    "of_amount",
    "of_average",
    "of_level",
    "of_rate",
]
