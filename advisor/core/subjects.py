"""Who belongs to whom in a fleet, as arrays over `fleet.subjects`, and which subjects a rule is about."""

from collections.abc import Mapping
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from advisor.core.catalogue import Reset
from advisor.core.columns import zone_of
from advisor.core.fleet import Fleet
from advisor.core.judgement import FALSE, TRUE, UNKNOWN, Codes, Rows
from advisor.core.model import Metric
from advisor.core.periods import Calendar, Zone
from advisor.core.rule import Rule

_WORDS = {"day": Reset.DAY, "week": Reset.WEEK, "month": Reset.MONTH}


class Subjects:
    """The fleet's relations: a service's stack and account, zones, calendars, roles.

    `plans` are the names of the plan in force, by service or account; without it, what is configured.
    """

    def __init__(self, fleet: Fleet, plans: Mapping[str, frozenset[str]] | None = None) -> None:
        self.fleet = fleet
        self.plans = plans or {}
        self.size = len(fleet.subjects)
        stacks, count = len(fleet.stacks), len(fleet.services)
        self.services: Rows = np.arange(stacks, stacks + count)
        stack_row = {stack.key: row for row, stack in enumerate(fleet.stacks)}
        account_row = {a.key: stacks + count + i for i, a in enumerate(fleet.accounts)}
        self.stack_of_service: Rows = np.array([stack_row[s.stack] for s in fleet.services], dtype=np.intp)
        self.account_of_service: Rows = np.array(
            [account_row.get(s.account, -1) for s in fleet.services], dtype=np.intp
        )
        self.has_accounts = bool(fleet.accounts)
        #: The stack whose names a subject may use: a service's, or the only one that an account serves.
        self.stack_of: Rows = np.full(self.size, -1, dtype=np.intp)
        self.stack_of[self.services] = self.stack_of_service
        serves: dict[int, set[int]] = {}
        for account, stack in zip(self.account_of_service, self.stack_of_service, strict=True):
            serves.setdefault(int(account), set()).add(int(stack))
        for account, stacks_served in serves.items():
            if account >= 0 and len(stacks_served) == 1:
                self.stack_of[account] = next(iter(stacks_served))
        self.roles = np.array(
            ["stack"] * stacks + [s.role for s in fleet.services] + ["account"] * len(fleet.accounts)
        )
        self._account_packs: dict[str, set[str]] = {}
        for service in fleet.services:
            packs = fleet.stack[service.stack].packs
            self._account_packs.setdefault(service.account, set()).update(packs)
        self._of_rule: dict[tuple[str, tuple[str, ...], tuple[str, ...], str], Rows] = {}
        self._answers: dict[str, Codes] = {}
        self._calendars: dict[str, list[Calendar]] = {}
        self._which: dict[str, Rows] = {}
        self._reports: dict[frozenset[str], NDArray[np.bool_]] = {}

    @cached_property
    def zone_index(self) -> tuple[list[str], Rows]:
        """The zones in use, and for every subject which is its own."""
        names: dict[str, int] = {}
        which = np.empty(self.size, dtype=np.intp)
        for row in range(self.size):
            which[row] = names.setdefault(zone_of(self.fleet, row), len(names))
        return list(names), which

    @cached_property
    def kin(self) -> Rows:
        """For every service a number that those of the same account and role share."""
        roles = np.unique(self.roles[self.services], return_inverse=True)[1]
        pairs = self.account_of_service * (int(roles.max(initial=0)) + 1) + roles
        return np.asarray(np.unique(pairs, return_inverse=True)[1], dtype=np.intp)

    @cached_property
    def pools(self) -> tuple[Rows, int]:
        """For every service the row where what its account's quotas count adds up, and how many are beyond.

        It is the account's own where that has one product. Where it has several, each has a pool of its own
        beyond the subjects' rows: what R2 stores is no part of what KV stores.
        """
        into = self.account_of_service.copy()
        products = [
            (int(row), service.provider) for row, service in zip(into, self.fleet.services, strict=True)
        ]
        several: dict[int, set[str]] = {}
        for row, provider in products:
            several.setdefault(row, set()).add(provider)
        pool: dict[tuple[int, str], int] = {}
        for index, one in enumerate(products):
            if one[0] >= 0 and len(several[one[0]]) > 1:
                into[index] = self.size + pool.setdefault(one, len(pool))
        return into, len(pool)

    @cached_property
    def by_zone(self) -> Mapping[str, Rows]:
        """The subjects of every zone."""
        names, which = self.zone_index
        return {name: np.flatnonzero(which == index) for index, name in enumerate(names)}

    @cached_property
    def plain(self) -> bool:
        """True where no zone ever changes its clock, so that a day is 24 hours everywhere."""
        return all(Zone.of(name).fixed for name in self.zone_index[0])

    def calendars(self, word: str) -> list[Calendar]:
        """Return the stacks' own calendars of a kind of period, one a zone."""
        if word not in self._calendars:
            self._calendars[word] = [Calendar(_WORDS[word], zone) for zone in self.zone_index[0]]
        return self._calendars[word]

    def calendar_of(self, word: str) -> Rows:
        """Return for every subject the place of its own calendar in `calendars(word)`."""
        del word  # The order is that of the zones, whatever the period.
        return self.zone_index[1]

    def reports(self, metric: Metric) -> NDArray[np.bool_]:
        """Return which subjects have a role that has the metric (none where the metric names no role)."""
        known = self._reports.get(metric.roles)
        if known is None:
            known = np.isin(self.roles, sorted(metric.roles)) if metric.roles else np.zeros(self.size, bool)
            if "service" in metric.roles:
                # What stacks and services both have, accounts have too: cost is their bill.
                known = (
                    known | ("stack" in metric.roles) | ((self.roles != "stack") & (self.roles != "account"))
                )
            self._reports[metric.roles] = known
        return known

    def answers(self, name: str) -> Codes:
        """Return the stacks' answers to a `needs`, as verdicts; unknown where nobody answered."""
        codes = self._answers.get(name)
        if codes is None:
            given = [stack.needs.get(name) for stack in self.fleet.stacks]
            own = np.array([UNKNOWN if a is None else TRUE if a else FALSE for a in given], dtype=np.int8)
            codes = np.full(self.size, UNKNOWN, dtype=np.int8)
            codes[: own.size] = own
            known = self.stack_of >= 0
            codes[known] = own[self.stack_of[known]]
            self._answers[name] = codes
        return codes

    def of_rule(self, rule: Rule) -> Rows:
        """Return the rows that a rule is about: services of a role, any service, stacks, or accounts."""
        key = (rule.service, rule.provider, rule.plan, rule.pack)
        rows = self._of_rule.get(key)
        if rows is None:
            rows = self._of_rule[key] = self._find(rule)
        return rows

    def _find(self, rule: Rule) -> Rows:
        fleet = self.fleet
        stacks, count = len(fleet.stacks), len(fleet.services)
        pack = rule.pack
        if not rule.service and not rule.provider:
            rows = [row for row, stack in enumerate(fleet.stacks) if not pack or pack in stack.packs]
        elif not rule.service:
            rows = [
                stacks + count + index
                for index, account in enumerate(fleet.accounts)
                if account.provider in rule.provider
                and self._on_plan(f"@{account.key}", account.plan, rule)
                and (not pack or pack in self._account_packs.get(account.key, ()))
            ]
        else:
            rows = []
            for index, service in enumerate(fleet.services):
                if rule.service not in {"any", service.role}:
                    continue
                if rule.provider and service.provider not in rule.provider:
                    continue
                if not self._on_plan(service.subject.key, self._plan(index), rule):
                    continue
                if pack and pack not in fleet.stack[service.stack].packs:
                    continue
                rows.append(stacks + index)
        return np.array(rows, dtype=np.intp)

    def _on_plan(self, key: str, stated: str, rule: Rule) -> bool:
        """Say whether a rule is about the plan in force, by any of the names that either goes by."""
        if not rule.plan:
            return True
        known = self.plans.get(key) or {stated.casefold()}
        return any(word.casefold() in known for word in rule.plan)

    def _plan(self, index: int) -> str:
        service = self.fleet.services[index]
        account = self.fleet.account.get(service.account)
        return service.plan or (account.plan if account is not None else "")

    def plan_words(self, row: int) -> str:
        """Return "plan free" for a subject with a plan, else "this subject"."""
        key = self.fleet.subjects[row]
        service = self.fleet.service.get(key)
        if service is not None:
            plan = self._plan(self.fleet.services.index(service))
            return f"plan {plan}" if plan else f"`{service.key}`"
        account = self.fleet.account.get(key.removeprefix("@"))
        return f"plan {account.plan}" if account is not None and account.plan else "this subject"


class RowSet:
    """Some subjects in order. Where they stand side by side, taking their values copies nothing."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.at: slice | Rows = rows
        if rows.size and int(rows[-1]) - int(rows[0]) == rows.size - 1 and bool((np.diff(rows) == 1).all()):
            self.at = slice(int(rows[0]), int(rows[-1]) + 1)

    def __len__(self) -> int:
        return int(self.rows.size)
