"""GitHub's usage report: rows by day, SKU and repository, and what of them uses the allowance up."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from advisor.collectors._days import utc_day
from advisor.core.model import Quality, Reading
from advisor.polling.body import Body

__all__ = ["Item", "budgets_in_force", "by_day", "items", "stored"]

_DAY = timedelta(days=1)
_GB = 1e9
#: Runners beyond the standard ones, by what their SKUs are called, and self-hosted ones.
_LARGER = re.compile(r"gpu|large|core (advanced|arm)|macos (l|xl|\d+)\b|self|([3-9]|\d\d+) core")
_NO_SHARED = re.compile(r"image|cache")


@dataclass(frozen=True, slots=True)
class Item:
    """One row. Names are lower case with single spaces; `quantity` is in `unit`, `net` in dollars."""

    day: datetime
    product: str
    sku: str
    unit: str
    quantity: float
    net: float
    repository: str

    @property
    def standard(self) -> bool:
        """True for minutes of runners that the allowance is for."""
        return self.product == "actions" and self.unit == "minutes" and _LARGER.search(self.sku) is None

    @property
    def shared(self) -> bool:
        """True for the storage of artifacts and packages."""
        of = self.product in {"actions", "packages"} and "storage" in self.sku
        return of and self.unit == "gigabytehours" and _NO_SHARED.search(self.sku) is None


def items(body: Body) -> list[Item]:
    """Return the rows of a report. Pure."""
    return [_item(row) for row in body["usageItems"].each()]


def _item(row: Body) -> Item:
    quantity = row.number("quantity")
    if quantity is None:
        raise row["quantity"].unexpected("a number")
    repository = row.get("repositoryName")
    return Item(
        # The docs have a date, real answers a time within the day.
        utc_day(row["date"].time()),
        _plain(row.text("product")),
        _plain(row.text("sku")),
        re.sub(r"[^a-z]", "", row.text("unitType").casefold()),
        quantity,
        row.number("netAmount") or 0.0,
        repository.text().rpartition("/")[2].casefold() if repository is not None else "",
    )


def _plain(text: str) -> str:
    return re.sub(r"[\s_-]+", " ", text).strip().casefold()


def by_day(
    found: Sequence[Item], public: Iterable[str], since: datetime, now: datetime, quality: Quality
) -> list[Reading]:
    """Return minutes and dollars of each day from `since`, the last one up to now; no row is no use. Pure."""
    free = set(public)
    readings: list[Reading] = []
    day = since
    while day < now:
        rows = [one for one in found if one.day == day]
        minutes = sum(one.quantity for one in rows if one.standard and one.repository not in free)
        cost = sum(one.net for one in rows if one.product == "actions")
        until = min(day + _DAY, now)
        readings.append(Reading("build_minutes", minutes, until, day, quality=quality))
        readings.append(Reading("cost", cost, until, day))
        day += _DAY
    return readings


def stored(found: Sequence[Item], public: Iterable[str], today: datetime) -> float | None:
    """Return the mean bytes of the newest whole day of the last three that has rows, else None. Pure."""
    free = set(public)
    rows = [one for one in found if one.shared and today - 3 * _DAY <= one.day < today]
    if not rows:
        return None
    newest = max(one.day for one in rows)
    hours = sum(one.quantity for one in rows if one.day == newest and one.repository not in free)
    return hours / 24 * _GB


def budgets_in_force(budgets: Sequence[Body], spent: float) -> int | None:
    """Return how many budgets stop Actions at so many dollars this month; None: not to be told. Pure."""
    stopping = [
        one
        for one in budgets
        if one["prevent_further_usage"].value is True
        and one.text("budget_scope") == "organization"
        and any(name.startswith("actions") for name in _covered(one))
    ]
    amounts = [one.number("budget_amount") or 0.0 for one in stopping]
    reached = sum(1 for amount in amounts if 0 < amount <= spent)
    return None if not reached and 0.0 in amounts else reached


def _covered(budget: Body) -> list[str]:
    """Return the products and SKUs that a budget is for: one by its name, or several in a list."""
    several = budget.get("budget_product_skus")
    names = (
        [one.text() for one in several.each()] if several is not None else [budget.text("budget_product_sku")]
    )
    return [_plain(name) for name in names]
