"""Limits as arrays over the subjects, made once and again only when the limits change."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from advisor.core.catalogue import Reset, Scope
from advisor.core.fleet import Account, Fleet
from advisor.core.judgement import Floats
from advisor.core.model import Limit, LimitInForce
from advisor.core.periods import Calendar, period_class


class LimitsProtocol(Protocol):
    """Where evaluation asks for limits. `revision` changes whenever an answer may have."""

    @property
    def revision(self) -> int:
        """A number that is another one once any answer may be another one."""
        ...

    def find(self, subject_key: str, metric: str, limit: Limit, at: datetime, /) -> LimitInForce | None:
        """Return the limit in force at a moment; None where it is not known or there is none."""
        ...

    def exists(self, subject_key: str, metric: str, limit: Limit, /) -> bool:
        """Return False where this plan surely has no such limit."""
        ...


@runtime_checkable
class KnowsPlans(Protocol):
    """Limits that know each subject's plan in force; `plans_revision` changes with any of them."""

    @property
    def plans(self) -> Mapping[str, frozenset[str]]:
        """The names of the plan in force, in small letters, by a service's or account's key."""
        ...

    @property
    def plans_revision(self) -> int:
        """A number that is another one once any plan is."""
        ...


@runtime_checkable
class SeveralLimits(Protocol):
    """Limits that know more than one quota of a metric, such as one a day and one a month."""

    def all(self, subject_key: str, metric: str, limit: Limit, at: datetime, /) -> Sequence[LimitInForce]:
        """Return every limit in force, at most one a kind of period."""
        ...


@dataclass(slots=True)
class LimitTable:
    """One limit of one metric over `fleet.subjects`.

    `value` is NaN where it is not known and +inf where unlimited; `absent` where the plan has none;
    `account` where the account's sum counts; `calendar` the place in `calendars` of the limit's own
    period, -1 where it never resets.
    """

    value: Floats
    absent: NDArray[np.bool_]
    account: NDArray[np.bool_]
    calendar: NDArray[np.int32]
    calendars: list[Calendar]
    any_account: bool = False

    @classmethod
    def empty(cls, size: int) -> "LimitTable":
        """Return a table in which nothing is known."""
        return cls(
            np.full(size, np.nan),
            np.zeros(size, dtype=np.bool_),
            np.zeros(size, dtype=np.bool_),
            np.full(size, -1, dtype=np.int32),
            [],
        )


@runtime_checkable
class WholeArrays(Protocol):
    """Limits that give whole arrays, for fleets so large that asking one by one would take seconds."""

    def whole(self, metric: str, limit: Limit, fleet: Fleet, /) -> LimitTable | None:
        """Return the table over all subjects, or None to be asked one by one."""
        ...


_KINDS_OF_PERIOD = ("", "day", "week", "month")


class LimitTables:
    """All tables that a program needs, by metric, limit and kind of period."""

    def __init__(self, fleet: Fleet, limits: LimitsProtocol, at: datetime) -> None:
        self.fleet = fleet
        self.limits = limits
        # Asked once: to look a protocol up takes longer than to look a limit up.
        self._several = limits if isinstance(limits, SeveralLimits) else None
        self.revision = limits.revision
        self.at = at
        self._tables: dict[tuple[str, Limit], dict[str, LimitTable]] = {}
        self._merged: dict[tuple[str, Limit, str, bool], LimitTable] = {}

    def refresh(self, now: datetime) -> bool:
        """Forget the tables if limits may have changed since they were made; return whether they may.

        They may when the revision is another one, and once a day, because a plan can begin on a date.
        """
        same_day = self.at.astimezone(UTC).date() == now.astimezone(UTC).date()
        if self.limits.revision == self.revision and same_day:
            self.at = now
            return False
        self.at = now
        self.revision = self.limits.revision
        self._tables.clear()
        self._merged.clear()
        return True

    def periods(self, metric: str, limit: Limit) -> dict[str, LimitTable]:
        """Return a table a kind of period ("", "day", "week", "month") that any subject has."""
        tables = self._tables.get((metric, limit))
        if tables is None:
            tables = self._tables[metric, limit] = self._build(metric, limit)
        return tables

    def nearest(self, metric: str, limit: Limit, period: str = "") -> LimitTable:
        """Return the limits for a kind of period, where there is none the subject's other limit."""
        tables = self.periods(metric, limit)
        first, *rest = sorted(tables, key=lambda name: name != period)
        if not rest:
            return tables[first]
        key = (metric, limit, period, False)
        if key not in self._merged:
            self._merged[key] = _merged(tables[first], [tables[name] for name in rest])
        return self._merged[key]

    def of_period(self, metric: str, limit: Limit, period: str) -> LimitTable:
        """Return the limits that start anew with that kind of period, or that do not say when."""
        tables = self.periods(metric, limit)
        fitting = [tables[name] for name in (period, "") if name in tables]
        if len(fitting) == 1:
            return fitting[0]
        key = (metric, limit, period, True)
        if key not in self._merged:
            if fitting:
                self._merged[key] = _merged(fitting[0], fitting[1:])
            else:
                self._merged[key] = LimitTable.empty(len(self.fleet.subjects))
                self._merged[key].absent[:] = True
        return self._merged[key]

    def _build(self, metric: str, limit: Limit) -> dict[str, LimitTable]:
        if isinstance(self.limits, WholeArrays):
            table = self.limits.whole(metric, limit, self.fleet)
            if table is not None:
                return {"": table}
        size = len(self.fleet.subjects)
        tables: dict[str, LimitTable] = {}
        absent = np.zeros(size, dtype=np.bool_)
        places: dict[Calendar, int] = {}
        calendars: list[Calendar] = []
        for row, key in enumerate(self.fleet.subjects):
            account = account_of(self.fleet, row)
            found = list(self._found(key, metric, limit))
            if not found:
                absent[row] = not self._exists(key, metric, limit)
                continue
            for one in found:
                table = tables.setdefault(period_class(one.reset), LimitTable.empty(size))
                table.value[row] = np.inf if one.value is None else one.value
                table.account[row] = one.scope == Scope.ACCOUNT
                if one.reset:
                    zone = account.timezone if account is not None else "UTC"
                    day = account.billing_day if account is not None else 1
                    calendar = Calendar(Reset(one.reset), zone, day if one.reset == Reset.BILLING else 1)
                    if calendar not in places:
                        places[calendar] = len(calendars)
                        calendars.append(calendar)
                    table.calendar[row] = places[calendar]
        if not tables:
            tables[""] = LimitTable.empty(size)
        known = np.zeros(size, dtype=np.bool_)
        for table in tables.values():
            known |= ~np.isnan(table.value)
        for table in tables.values():
            # A quota a month is no quota a day.
            table.absent, table.calendars = absent | (known & np.isnan(table.value)), calendars
            table.any_account = bool(table.account.any())
        return {name: tables[name] for name in _KINDS_OF_PERIOD if name in tables}

    def _found(self, key: str, metric: str, limit: Limit) -> Iterable[LimitInForce]:
        for subject, name in self._places(key, limit):
            if self._several is not None:
                several = self._several.all(subject, metric, name, self.at)
                if several:
                    return several
                continue
            one = self.limits.find(subject, metric, name, self.at)
            if one is not None:
                return [one]
        if limit == Limit.BUDGET:
            stack = self.fleet.stack.get(key.partition("/")[0])
            if stack is not None and stack.budget is not None:
                return [LimitInForce(stack.budget, "budget")]
        return []

    def _exists(self, key: str, metric: str, limit: Limit) -> bool:
        if limit in {Limit.POOL, Limit.BUDGET}:
            return True  # The user may still say it; that is unknown.
        return any(self.limits.exists(subject, metric, name) for subject, name in self._places(key, limit))

    def in_force(self, key: str, metric: str, limit: Limit) -> list[LimitInForce]:
        """Return what is known of a limit for one subject, at most one a kind of period."""
        return list(self._found(key, metric, limit))

    def source(self, key: str, metric: str, limit: Limit, value: float | None) -> str:
        """Return where the limit of that value came from; "" where nobody says."""
        found = self.in_force(key, metric, limit)
        return next((one.source for one in found if one.value == value), found[0].source if found else "")

    @staticmethod
    def _places(key: str, limit: Limit) -> Iterable[tuple[str, Limit]]:
        yield key, limit
        if limit in {Limit.MAX, Limit.AVAILABLE}:
            yield key, Limit.QUOTA  # What the service reports, else the quota.
        if limit == Limit.BUDGET and "/" in key:
            yield key.partition("/")[0], limit


def account_of(fleet: Fleet, row: int) -> Account | None:
    """Return the account of a service or account; a stack has none."""
    stacks, services = len(fleet.stacks), len(fleet.services)
    if row < stacks:
        return None
    if row < stacks + services:
        return fleet.account.get(fleet.services[row - stacks].account)
    return fleet.accounts[row - stacks - services]


def _merged(first: LimitTable, rest: Sequence[LimitTable]) -> LimitTable:
    """Return the first table, filled from the others where it knows nothing."""
    merged = LimitTable(
        first.value.copy(),
        first.absent.copy(),
        first.account.copy(),
        first.calendar.copy(),
        list(first.calendars),
    )
    for table in rest:
        missing = np.isnan(merged.value)
        moved = np.where(table.calendar >= 0, table.calendar + len(merged.calendars), -1)
        merged.calendars.extend(table.calendars)
        merged.value = np.where(missing, table.value, merged.value)
        merged.absent = np.where(missing, table.absent, merged.absent)
        merged.account = np.where(missing, table.account, merged.account)
        merged.calendar = np.where(missing, moved, merged.calendar).astype(np.int32)
    merged.any_account = bool(merged.account.any())
    return merged
