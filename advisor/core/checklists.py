"""The checklists of a stack's documents: what is done, what is open, and what is due. Pure.

A milestone is due when the users come near it; what is done again and again is due when its time has passed
since it was done last. All others are shown when asked for.
"""

import calendar
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from advisor.core.document import Checklist, Document, Item
from advisor.core.wording import day

#: A milestone is shown from this share of its users on.
NEAR = 0.8
#: A digest names so many open items of a checklist.
NAMED = 3

_MONTHS = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True, slots=True)
class Done:
    """That somebody has done an item (`app-virgin.milestone-1k.backups`) for a stack."""

    stack: str
    item: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """An item of a stack's checklist. `done` is the last time, None while it is open or due again."""

    stack: str
    id: str
    document: str
    checklist: Checklist
    item: Item
    done: Done | None
    last: Done | None


def lines(
    stack: str, documents: Iterable[Document], done: Iterable[Done], now: datetime, zone: str = "UTC"
) -> list[Line]:
    """Return every item of the documents' checklists for a stack, in their order."""
    last = {one.item: one for one in done if one.stack == stack}
    found = []
    for document in documents:
        for checklist in document.checklists:
            for item in checklist.items:
                name = f"{document.name}.{checklist.id}.{item.id}"
                was = last.get(name)
                again = was is not None and bool(checklist.every) and now >= due(checklist, was.at, zone)
                found.append(Line(stack, name, document.name, checklist, item, None if again else was, was))
    return found


def due(checklist: Checklist, done: datetime, zone: str = "UTC") -> datetime:
    """Return when what was done then is due again: the start of a day in the zone."""
    place = ZoneInfo(zone)
    start = done.astimezone(place).date()
    if checklist.every in _MONTHS:
        next_one = _months_later(start, _MONTHS[checklist.every])
    else:
        next_one = start + timedelta(days=7 if checklist.every == "week" else 1)
    return datetime(next_one.year, next_one.month, next_one.day, tzinfo=place)


def _months_later(start: date, months: int) -> date:
    count = start.year * 12 + start.month - 1 + months
    year, month = count // 12, count % 12 + 1
    return date(year, month, min(start.day, calendar.monthrange(year, month)[1]))


def reminders(found: Sequence[Line], users: float | None, cadence: str, zone: str = "UTC") -> list[str]:
    """Return what a digest says of a stack's checklists: a sentence for each that is due and not all done.

    `users` is the stack's number of users, None where it is not known. What is done daily is named in a
    daily digest alone, all else that returns in the weekly one.
    """
    groups: dict[tuple[str, str], list[Line]] = {}
    for line in found:
        groups.setdefault((line.document, line.checklist.id), []).append(line)
    said = []
    for (document, _), mine in groups.items():
        checklist = mine[0].checklist
        missing = [line for line in mine if line.done is None]
        if not missing or not _shown(checklist, users, cadence):
            continue
        names = "; ".join(line.item.text.rstrip(".") for line in missing[:NAMED])
        if len(missing) > NAMED:
            names += f" and {len(missing) - NAMED:,} more"
        why = _why(checklist, mine, users, zone)
        done = f"{len(mine) - len(missing)} of {len(mine)} done"
        said.append(f"{mine[0].stack}: {checklist.title} ({document}{why}), {done}; open: {names}")
    return said


def _shown(checklist: Checklist, users: float | None, cadence: str) -> bool:
    if checklist.every:
        return (checklist.every == "day") == (cadence == "daily")
    return checklist.users is not None and users is not None and users >= NEAR * checklist.users


def _why(checklist: Checklist, mine: Sequence[Line], users: float | None, zone: str) -> str:
    if checklist.every:
        last = max((line.last.at for line in mine if line.last is not None), default=None)
        return (
            f", every {checklist.every}, last on {day(last, zone)}" if last else f", every {checklist.every}"
        )
    return f", {users:,.0f} of {checklist.users:,} users" if checklist.users and users is not None else ""
