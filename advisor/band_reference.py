"""Makes docs/what-if-bands.md: each document's own stack at each of its bands, beside its figures."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from advisor import catalogue_files, scenario
from advisor.commands.whatif_table import band, dollars
from advisor.core import bands, wording
from advisor.core.document import Document
from advisor.core.metrics import VOCABULARY
from advisor.core.outlook import Outlook
from advisor.core.units import show
from advisor.core.whatif import WhatIf
from advisor.scenario import Scenario

#: Prices and limits are those of this day, so that the page changes only where a figure does.
AT = datetime(2026, 11, 1, tzinfo=UTC)
#: Two totals are computed for a band that is open above: at its start, and at so many times as many users.
OPEN = 2

_ABOUT = """\
# The documents' stacks at their own bands

<!-- Made by `make docs` from rules/packs/*/document and rules/catalogue; change the figures there. -->

For each document that describes a stack of its own, and for each band of users for which it says what a
month costs: what [`advisor whatif`](what-if.md) computes for that stack at the first and the last number of
users of the band, and whether that lies inside the document's range. Where it does not, the parts that make
the difference follow, the largest first. Usage per user is the document's own, else amebo's. Nothing scales
cpu and memory with users, so machines keep their size and number where the document counts none.

**≥** means at least: a price, a limit or the usage of some part is not known, and it never counts as
nothing. A band that is open above is computed at its start and at twice as many users.
"""


def markdown() -> str:
    """Return the page."""
    return "\n".join(_page()).rstrip() + "\n"


def _page() -> Iterator[str]:
    yield _ABOUT
    documents = [scenario.document(name) for name in scenario.with_stack()]
    providers = {part.provider for one in documents if one.stack for part in one.stack.services.values()}
    catalogue = catalogue_files.load(products=providers, documents=documents)
    asked = {one.name: scenario.of_document(one.name, AT, catalogue) for one in documents}
    rows = {name: list(_rows(one)) for name, one in asked.items()}
    counts: dict[str, int] = {}
    for found in rows.values():
        for row in found:
            counts[row.verdict] = counts.get(row.verdict, 0) + 1
    said = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
    yield f"Of {sum(counts.values())} ranges: {said}."
    for name, found in rows.items():
        yield from _section(asked[name], found)


class _Row:
    """One range of a document, and what is computed at both ends of its band."""

    def __init__(self, target: bands.Target, first: Outlook, last: Outlook) -> None:
        self.target, self.first, self.last = target, first, last
        places = {bands.place(one.known, target.low, target.high) for one in (first, last)}
        whole = first.total is not None and last.total is not None
        if len(places) == 1:
            self.verdict = places.pop().value
        elif bands.Place.INSIDE in places:
            self.verdict = "inside in part"
        else:
            self.verdict = "across"  # Below at the start and above at the end, or the other way round.
        if not whole and self.verdict != "above":
            self.verdict += ", as far as known"


def _rows(asked: Scenario) -> Iterator[_Row]:
    for document in asked.documents:
        for target in _targets(document):
            first, last = _ends(asked.what, target)
            yield _Row(target, asked.what.at(first), asked.what.at(last))


def _targets(document: Document) -> list[bands.Target]:
    """Return the document's totals, each in its band, by users; a total for no number of users once."""
    found = [
        bands.Target(
            *(document.name, cost.line, cost.table, cost.item, cost.low, cost.high),
            *(cost.users_min, cost.users_max, bands.Place.INSIDE),  # Nothing is computed yet.
        )
        for cost in document.costs
        if cost.total and cost.per == "USD/month"
    ]
    return sorted(found, key=lambda one: (one.users_min or 0, one.users_max or math.inf, one.line))


def _ends(what: WhatIf, target: bands.Target) -> tuple[float, float]:
    if target.users_min is None:
        users = what.users or 1.0
        return users, users
    first = float(max(1, target.users_min))
    if target.users_max is None:
        return first, first * OPEN
    return first, float(max(first, target.users_max - 1)) if target.users_max > first else first


def _section(asked: Scenario, rows: list[_Row]) -> Iterator[str]:
    what = asked.what
    yield from ("", f"## {what.stack.key}: {asked.title}", "")
    for service in what.stack.services:
        used = ", ".join(_usage(what, service.key)) or "nothing says what a user uses"
        plan = f" {service.plan}" if service.plan else ""
        yield f"- {service.key}: {service.provider}{plan} ({used})"
    yield from ("", "| users | the document | ours | |", "| --- | --- | --- | --- |")
    for row in rows:
        target = row.target
        text = f"line {target.line}, {target.item}: {dollars(target.low, target.high)}"
        ours = _ours(row)
        yield f"| {band(target.users_min, target.users_max)} | {text} | {ours} | {row.verdict} |"
    yield from ("", "Why they differ:", "")
    told: set[str] = set()
    for row in rows:
        if row.verdict == "inside" or (why := band(row.target.users_min, row.target.users_max)) in told:
            continue
        told.add(why)
        users = row.last.users
        yield f"- **{why}**, at {wording.counted(round(users), 'user')}:"
        yield from (f"  - {reason}" for reason in reasons(what, asked.documents, row.last))


def _usage(what: WhatIf, key: str) -> Iterator[str]:
    service = next(s for s in what.stack.services if s.key == key)
    for one in what.per_user(service):
        unit = VOCABULARY[one.metric].unit
        low, high = show(one.low, unit), show(one.high, unit)
        text = high if low == high else f"{low} to {high}"
        period = f" a {one.period}" if one.period else ""
        yield f"{wording.metric_name(one.metric)} {text}{period} a user, {one.source}"


def _ours(row: _Row) -> str:
    first, last = _total(row.first), _total(row.last)
    return first if row.first.users == row.last.users or first == last else f"{first} to {last}"


def _total(outlook: Outlook) -> str:
    return f"{'' if outlook.total is not None else '≥ '}{wording.money(outlook.known)}"


def reasons(what: WhatIf, documents: Sequence[Document], outlook: Outlook) -> Iterator[str]:
    """Yield why a computed total differs from the documents': part by part, then what is not known."""
    ours: dict[str, tuple[float | None, str]] = {}
    for choice in outlook.choices:
        for key in choice.services:
            role = next(s.role for s in what.stack.services if s.key == key)
            ours[role] = (choice.monthly if key == choice.services[0] else 0.0, choice.name)
    parts = bands.differences(documents, outlook.users, ours)
    if bands.items(documents, outlook.users):
        yield from (_part(one, ours) for one in parts)
    else:
        each = ", ".join(f"{role} {_known(usd)}" for role, (usd, _) in ours.items())
        yield f"the document names no parts for so many users; ours: {each}"
    if outlook.missing:
        yield f"not known: {'; '.join(dict.fromkeys(outlook.missing))}"


def _known(usd: float | None) -> str:
    return "not known" if usd is None else wording.money(usd)


def _part(one: bands.Difference, ours: Mapping[str, tuple[float | None, str]]) -> str:
    said = "the document has no figure"
    if one.said is not None:
        lines = ", ".join(str(line) for line in one.said.lines)
        names = " + ".join(one.said.names)
        said = f"the document's {names} {dollars(one.said.low, one.said.high)} (line {lines})"
    if one.role not in ours:
        return f"{one.role}: not part of the stack; {said}"
    return f"{one.role}: {one.name} {_known(one.ours)}; {said}"
