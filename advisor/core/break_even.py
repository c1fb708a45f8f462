"""Revenue beside cost: how many must pay, what advertising brings, what share of revenue a stack may cost."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from advisor.core.document import Cost, Document

_EACH = "USD/user/month"


@dataclass(frozen=True, slots=True)
class Subscription:
    """`payers` users who pay `price` (USD a month) carry the cost; `share` of all users they are."""

    price: float
    payers: int
    share: float
    source: str


@dataclass(frozen=True, slots=True)
class Ads:
    """What advertising brings a month at `rate` a user (USD), and what is left of it."""

    rate: float
    revenue: float
    profit: float
    source: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A document's rule that infrastructure stays below `share` of revenue.

    `needed` is the revenue (USD a month) that the cost asks for; `ours` the share it takes of the known
    revenue and `kept` whether that is below, None where the revenue is not known.
    """

    share: float
    needed: float
    source: str
    ours: float | None = None
    kept: bool | None = None


@dataclass(frozen=True, slots=True)
class BreakEven:
    """Cost against revenue at so many users. `whole` False: the cost is only the least."""

    cost: float
    whole: bool
    users: float
    revenue: float | None
    subscriptions: tuple[Subscription, ...]
    ads: tuple[Ads, ...]
    rules: tuple[Rule, ...]


def break_even(
    documents: Iterable[Document], cost: float, users: float, revenue: float | None, *, whole: bool
) -> BreakEven:
    """Return what the documents' arithmetic says of a cost (USD a month) at so many users.

    `revenue` is USD a month at that size, None where nobody knows it.
    """
    subscriptions: dict[float, Subscription] = {}
    ads: dict[float, Ads] = {}
    rules: dict[float, Rule] = {}
    for document in documents:
        for said in document.costs:
            source = f"{document.name} line {said.line}"
            if said.per == "percent of revenue" and said.high and not said.role:
                rules.setdefault(said.high, _rule(said.high / 100, cost, revenue, source, whole=whole))
            elif said.per == _EACH and said.low and _about(said, "break-even"):
                payers = math.ceil(cost / said.low - 1e-9)
                share = payers / users if users else 0.0
                subscriptions.setdefault(said.low, Subscription(said.low, payers, share, source))
            elif said.per == _EACH and said.low and _about(said, "ads"):
                brings = said.low * users
                ads.setdefault(said.low, Ads(said.low, brings, brings - cost, source))
    return BreakEven(
        cost,
        whole,
        users,
        revenue,
        tuple(subscriptions.values()),
        tuple(ads.values()),
        tuple(rules.values()),
    )


def _rule(share: float, cost: float, revenue: float | None, source: str, *, whole: bool) -> Rule:
    needed = cost / share
    if revenue is None:
        return Rule(share, needed, source)
    ours = cost / revenue if revenue > 0 else math.inf
    # What is not known of the cost only adds to it.
    kept = False if ours >= share else True if whole else None
    return Rule(share, needed, source, ours, kept)


def _about(said: Cost, word: str) -> bool:
    return said.table.startswith(word)
