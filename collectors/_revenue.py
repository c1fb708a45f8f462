"""Money that came in, in dollars by UTC day; what comes in each month, spread over time. Pure.

Only dollars are dollars: money in another currency counts where its rate is stated, and is otherwise told as
missing, for nobody here knows rates.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from advisor.collectors._days import utc_day
from advisor.core.model import Gap, Quality, Reading
from advisor.polling.contract import Answer

__all__ = ["DAY", "Ledger", "major", "per_month", "recurring"]

DAY = timedelta(days=1)
#: Months in a period of a subscription.
PERIODS = {"day": 12 / 365, "week": 12 / 52, "month": 1.0, "year": 12.0}

_NO_CENTS = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"]
)
_THOUSANDTHS = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
_LONGEST = timedelta(days=2)
_MONTH = 30.4375  # Days of a mean month, as advice counts them.


def major(amount: float, currency: str) -> float:
    """Return an amount of minor units (cents) in the currency's own unit."""
    name = currency.lower()
    return amount / (1 if name in _NO_CENTS else 1000 if name in _THOUSANDTHS else 100)


def per_month(amount: float, interval: str, count: float) -> float | None:
    """Return what an amount every `count` intervals is in a month; None where the interval is unknown."""
    months = PERIODS.get(interval, 0.0) * count
    return amount / months if months > 0 else None


class Ledger:
    """Adds up money by UTC day; `rates` are dollars for one unit of a currency (three letters, small)."""

    def __init__(self, rates: Mapping[str, float], quality: Quality = Quality.MEASURED) -> None:
        self._rates = {"usd": 1.0, **{name.lower(): rate for name, rate in rates.items()}}
        self._quality = quality
        self._days: dict[datetime, float] = {}
        self._rough: set[datetime] = set()
        self._missing: Counter[str] = Counter()

    def usd(self, amount: float, currency: str) -> float | None:
        """Return an amount (in the currency's own unit) in dollars; None, and a gap, without a rate."""
        if amount == 0:
            return 0.0
        rate = self._rates.get(currency.lower())
        if rate is None:
            self._missing[currency.upper()] += 1
        return None if rate is None else amount * rate

    def add(self, at: datetime, amount: float, currency: str) -> None:
        """Add an amount in the currency's own unit."""
        day, value = utc_day(at), self.usd(amount, currency)
        if value is not None:
            self._days[day] = self._days.get(day, 0.0) + value
        if currency.lower() != "usd":
            self._rough.add(day)

    def readings(self, since: datetime, until: datetime) -> list[Reading]:
        """Return each day from `since` (a midnight) to `until`; one without money had none.

        A day of which only money without a rate is known is left out. An earlier day that was told counts.
        """
        days = sorted(day for day in self._days if day < since)
        day = since
        while day < until:
            if day in self._days or day not in self._rough:
                days.append(day)
            day += DAY
        return [self._reading(day, until) for day in days]

    def _reading(self, day: datetime, until: datetime) -> Reading:
        quality = Quality.ESTIMATED if day in self._rough else self._quality
        value = round(self._days.get(day, 0.0), 6)
        return Reading("revenue", value, min(day + DAY, until), day, quality=quality)

    def gaps(self, what: str) -> list[Gap]:
        """Return a gap for each currency without a rate."""
        return [
            Gap(
                f"{what} in {name}",
                f"{count} in {name} are not counted: state the dollars for one {name} as "
                f"`rates: {{{name.lower()}: ...}}`",
                ("revenue",),
            )
            for name, count in sorted(self._missing.items())
        ]


def recurring(
    values: Sequence[tuple[float, str] | None],
    rates: Mapping[str, float],
    now: datetime,
    before: Mapping[str, Any] | None,
) -> Answer:
    """Return what subscriptions bring in a month, each an amount in a currency or None where not known.

    It is evidence, and with `before` (what the last poll kept as `spread`) the revenue since then. Of
    subscriptions of which none can be told in dollars, nothing is.
    """
    ledger = Ledger(rates)
    dollars = [ledger.usd(*value) for value in values if value is not None]
    known = [value for value in dollars if value is not None]
    gaps, unknown = ledger.gaps("subscriptions"), len(values) - len(dollars)
    if unknown:
        gaps.append(Gap("subscriptions", f"the price of {unknown} is not known: they are not added up"))
    if values and not known:
        return Answer(gaps=gaps, keep={} if before is None else {"spread": dict(before)})
    row = {"USD a month": f"{sum(known):,.2f}", "subscriptions": f"{len(known)} of {len(values)}"}
    evidence = {"Monthly recurring revenue, estimated": [row]}
    if before is None:
        return Answer(gaps=gaps, evidence=evidence)
    readings, kept = _spread(sum(known), now, before)
    return Answer(readings, gaps=gaps, keep={"spread": kept}, evidence=evidence)


def _spread(monthly: float, now: datetime, before: Mapping[str, Any]) -> tuple[list[Reading], dict[str, Any]]:
    """Return the part of a monthly sum that the time since the last poll is, and what to keep."""
    last = datetime.fromisoformat(str(before["at"])) if "at" in before else now - DAY
    since = max(last, now - _LONGEST)
    if since >= now:
        return [], dict(before)
    value = monthly * ((now - since) / DAY) / _MONTH
    return [Reading("revenue", value, now, since, quality=Quality.ESTIMATED)], {"at": now.isoformat()}
