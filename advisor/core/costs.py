"""What each stack costs: so far, by the month's end, beside what documents say, and of its revenue. Pure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from advisor.core.bands import Place, place
from advisor.core.columns import Columns
from advisor.core.document import Cost, Document
from advisor.core.fleet import Fleet, Stack
from advisor.core.message import DigestCost, SaidCost
from advisor.core.snapshot import MetricRow
from advisor.core.spent import Spent
from advisor.core.units import Unit, show
from advisor.core.wording import counted, money, share

__all__ = ["stack_costs", "with_months", "words"]


def stack_costs(
    fleet: Fleet,
    spent: Mapping[str, Spent],
    columns: Columns,
    documents: Mapping[str, Document],
    revenue: Mapping[str, float],
) -> tuple[DigestCost, ...]:
    """Return what every stack costs of which something is known; `spent` is by subject's key.

    `revenue` is USD a month, by stack.
    """
    found = (
        _of_stack(stack, spent, columns, [documents[p] for p in stack.packs if p in documents], revenue)
        for stack in fleet.stacks
    )
    return tuple(one for one in found if one is not None)


def _of_stack(
    stack: Stack,
    spent: Mapping[str, Spent],
    columns: Columns,
    documents: Sequence[Document],
    revenue: Mapping[str, float],
) -> DigestCost | None:
    keys = [service.subject.key for service in stack.services]
    parts = [spent[key] for key in ([stack.key] if stack.key in spent else keys) if key in spent]
    if not parts:
        return None
    unknown = [f"{one.subject.rpartition('/')[2]}: {why}" for one in parts for why in one.unknown]
    if stack.key not in spent:
        unknown += [f"{key.rpartition('/')[2]}: not looked at yet" for key in keys if key not in spent]
    expected = round(math.fsum(one.expected for one in parts), 2)
    users = _users(columns, stack.key)
    said = [
        _said(document.name, cost, expected, sure=not unknown)
        for document in documents
        for cost in (document.totals(users) if users is not None else ())
    ]
    return DigestCost(
        stack=stack.key,
        so_far=round(math.fsum(one.so_far for one in parts), 2),
        expected=expected,
        estimated=any(one.estimated for one in parts),
        unknown=tuple(dict.fromkeys(unknown)),
        unmeasured=tuple(sorted({metric for one in parts for metric in one.unmeasured})),
        users=users,
        said=tuple(said),
        revenue=revenue.get(stack.key, stack.facts.get("revenue")),
        budget=stack.budget,
    )


def _users(columns: Columns, stack: str) -> float | None:
    series, row = columns.get("users"), columns.fleet.row.get(stack)
    if series is None or row is None or math.isnan(series.value[row]):
        return None
    return float(series.value[row])


def _said(document: str, cost: Cost, expected: float, *, sure: bool) -> SaidCost:
    where = place(expected, cost.low, cost.high)
    # What more there is can lift it into the range or above, never below.
    known = where.value if sure or where is Place.ABOVE else ""
    return SaidCost(
        document=document, line=cost.line, item=cost.item, low=cost.low, high=cost.high, place=known
    )


def with_months(rows: Iterable[MetricRow], spent: Mapping[str, Spent]) -> tuple[MetricRow, ...]:
    """Return the rows with the running month in place of a newest bucket, where they are about cost."""

    def month(row: MetricRow) -> MetricRow:
        one = spent.get(f"{row.stack}/{row.service}" if row.service else row.stack)
        return replace(row, value=one.so_far) if one is not None and row.limit is None else row

    return tuple(month(row) if row.metric == "cost" else row for row in rows)


def words(cost: DigestCost) -> str:
    """Say what a stack costs, in one line; what is known only in part says so."""
    least = "at least " if cost.unknown else ""
    mark = " (estimated)" if cost.estimated else ""
    now, then = (f"{least}{money(usd)}" for usd in (cost.so_far, cost.expected))
    said = [f"{cost.stack}: {now} so far this month, {then} by its end{mark}"]
    said += [_words(one, cost.users or 0.0) for one in cost.said]
    if cost.budget:
        said.append(f"{share(cost.expected / cost.budget)} of the budget of {money(cost.budget)}")
    if cost.revenue:
        ratio = share(cost.expected / cost.revenue)
        said.append(f"{least}{ratio} of a revenue of {money(cost.revenue)} a month")
    if cost.unknown:
        more = len(cost.unknown) - 3
        tail = f" and {counted(more, 'more part')}" if more > 0 else ""
        said.append(f"not known: {'; '.join(cost.unknown[:3])}{tail}")
    if cost.unmeasured:
        names = ", ".join(metric.replace("_", " ") for metric in cost.unmeasured)
        said.append(f"not measured and taken to lie within the plan: {names}")
    return ". ".join(said)


def _words(said: SaidCost, users: float) -> str:
    low, high = said.low or 0.0, said.high
    span = f"{money(low)} or more" if high is None else money(low)
    if high is not None and high > low:
        span = f"{money(low)} to {money(high)}"
    verdict = f": this is {said.place}" if said.place else ""
    return f"{said.document} line {said.line} has {span} at {show(users, Unit.COUNT)} users{verdict}"
