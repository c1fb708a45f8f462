"""What the documents say a stack costs at so many users, beside what is computed, and why the two differ."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from advisor.core.document import Cost, Document


class Place(StrEnum):
    """Where a computed figure lies against a document's range."""

    INSIDE = "inside"
    BELOW = "below"
    ABOVE = "above"


@dataclass(frozen=True, slots=True)
class Target:
    """What a document says the whole stack costs a month in a band of users. `place`: where ours lies.

    Of a total that is not whole, it is where the part lies that is known.
    """

    document: str
    line: int
    table: str
    item: str
    low: float | None
    high: float | None
    users_min: int | None
    users_max: int | None
    place: Place


@dataclass(frozen=True, slots=True)
class Item:
    """What a document says one part of the stack costs a month: the figures of one table, added up."""

    document: str
    lines: tuple[int, ...]
    role: str
    names: tuple[str, ...]
    low: float
    high: float | None


def targets(documents: Iterable[Document], users: float, known: float) -> list[Target]:
    """Return every total that the documents give for so many users, and where ours lies.

    `known` is what is known of ours, USD a month.
    """
    found: list[Target] = []
    for document in documents:
        unsaid = [cost for cost in document.costs if cost.total and cost.users_min is None]
        for cost in [*document.totals(users), *(c for c in unsaid if c.per == "USD/month")]:
            where = place(known, cost.low, cost.high)
            found.append(
                Target(
                    *(document.name, cost.line, cost.table, cost.item, cost.low, cost.high),
                    *(cost.users_min, cost.users_max, where),
                )
            )
    return found


def place(known: float, low: float | None, high: float | None) -> Place:
    """Say where a figure lies; half a dollar is rounding."""
    if high is not None and known > high + 0.5:
        return Place.ABOVE
    return Place.BELOW if low is not None and known < low - 0.5 else Place.INSIDE


def items(documents: Iterable[Document], users: float, role: str = "") -> list[Item]:
    """Return what the documents say of each part of a stack at so many users (`role`: of one part only).

    Only tables that add up to a total count: elsewhere a figure may be one of several choices. A table whose
    total speaks of no number of users speaks of any.
    """
    found: list[Item] = []
    for document in documents:
        rows: dict[tuple[str, str], list[Cost]] = {}
        open_ = {cost.table for cost in document.costs if cost.total and cost.users_min is None}
        for cost in _parts(document):
            part = cost.role
            unbound = cost.users_min is None and cost.table in open_
            if (not role or part == role) and (cost.holds(users) or unbound):
                rows.setdefault((cost.table, part), []).append(cost)
        for (_, part), costs in rows.items():
            highs = [cost.high for cost in costs if cost.high is not None]
            found.append(
                Item(
                    document.name,
                    tuple(cost.line for cost in costs),
                    part,
                    tuple(cost.item for cost in costs),
                    sum(cost.low or 0.0 for cost in costs),
                    sum(highs) if len(highs) == len(costs) else None,
                )
            )
    return found


@dataclass(frozen=True, slots=True)
class Said:
    """What a document says a part of a stack costs, USD a month; `high` None: open."""

    low: float
    high: float | None
    where: str


def said_price(
    documents: Iterable[Document], role: str, users: float, *, steady: bool = False
) -> Said | None:
    """Return what the documents say of the price of a part of the stack, where one entry speaks of it.

    That of the band of so many users, else of the nearest band below (`steady`: of any).
    """
    for document in documents:
        costs = [
            cost
            for cost in _parts(document)
            if cost.role == role and (steady or (cost.users_min or 0) <= users) and cost.low is not None
        ]
        if costs:
            best = max(costs, key=lambda cost: (cost.holds(users), cost.users_min or 0))
            same = [cost for cost in costs if (cost.table, cost.users_min) == (best.table, best.users_min)]
            if len(same) == 1 and best.low is not None:
                return Said(best.low, best.high, f"{document.name} line {best.line}")
    return None


def _parts(document: Document) -> Iterator[Cost]:
    whole = {cost.table for cost in document.costs if cost.total}
    for cost in document.costs:
        if cost.role and not cost.total and cost.table in whole and cost.per == "USD/month":
            yield cost


@dataclass(frozen=True, slots=True)
class Difference:
    """One part of a stack, ours beside the document's: `ours` None where it is not known."""

    role: str
    ours: float | None
    name: str
    said: Item | None


def differences(
    documents: Sequence[Document], users: float, ours: Mapping[str, tuple[float | None, str]]
) -> list[Difference]:
    """Return each part of the stack that differs from the document's, the largest difference first.

    `ours` gives price and name by the documents' word for the part.
    """
    said = {item.role: item for item in items(documents, users)}
    found: list[tuple[float, Difference]] = []
    for role in dict.fromkeys([*ours, *said]):
        usd, name = ours.get(role, (0.0, ""))
        item = said.get(role)
        one = Difference(role, usd if role in ours else None, name, item)
        low, high = (item.low, item.high) if item is not None else (0.0, 0.0)
        if role in ours and usd is None:
            found.append((float("inf"), one))
            continue
        gap = max(low - (usd or 0.0), (usd or 0.0) - high if high is not None else 0.0)
        if gap > 0.5:
            found.append((gap, one))
    return [one for _, one in sorted(found, key=lambda row: -row[0])]
