"""A small fleet to judge sentences on: readings in, verdicts out."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from advisor.core.columns import Columns
from advisor.core.evaluate import compile_rules
from advisor.core.fleet import Account, Fleet, Service, Stack
from advisor.core.judgement import FIRING, INACTIVE, TRUE, VERDICTS, Codes, Judged, RuleState, TermVerdict
from advisor.core.language import parse
from advisor.core.model import Action, Limit, LimitInForce, Observed, Reading, Severity
from advisor.core.rule import Rule

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)  # A Friday.
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


class MemoryLimits:
    """Limits in a dictionary. `never` are the (metric, limit) that no plan has."""

    def __init__(
        self,
        limits: Mapping[tuple[str, str, Limit], LimitInForce | list[LimitInForce]] | None = None,
        never: frozenset[tuple[str, Limit]] = frozenset(),
    ) -> None:
        self.limits = dict(limits or {})
        self.never = never
        self.revision = 0

    def all(self, subject_key: str, metric: str, limit: Limit, at: datetime) -> list[LimitInForce]:
        assert at.tzinfo is not None
        found = self.limits.get((subject_key, metric, limit), [])
        return found if isinstance(found, list) else [found]

    def find(self, subject_key: str, metric: str, limit: Limit, at: datetime) -> LimitInForce | None:
        return next(iter(self.all(subject_key, metric, limit, at)), None)

    def exists(self, subject_key: str, metric: str, limit: Limit) -> bool:
        return bool(subject_key) and (metric, limit) not in self.never


def rule(when: str, service: str = "database", rule_id: str = "r", **more: object) -> Rule:
    plain = Rule(rule_id, parse(when), (Action.UPGRADE,), Severity.WARNING, "says", service)
    return replace(plain, **more)  # type: ignore[arg-type]  # Only a test's own words.


def quota(value: float | None, scope: str = "service", reset: str = "") -> LimitInForce:
    return LimitInForce(value, "the plan", scope=scope, reset=reset)


def stack(key: str = "shop", *roles: str, **more: object) -> Stack:
    services = tuple(Service(key, role, role, "acme", f"{key}-{role}", "free") for role in roles)
    return replace(Stack(key, services=services), **more)  # type: ignore[arg-type]  # As above.


def fleet_of(*stacks: Stack) -> Fleet:
    accounts = {s.account: Account(s.account, "acme", "free") for one in stacks for s in one.services}
    return Fleet(stacks, tuple(accounts.values()))


def remembered(state: Codes, judged: Judged) -> RuleState:
    return RuleState(state, judged.holds, judged.stale, judged.period)


@dataclass
class World:
    """One fleet, its limits and readings; `judge` answers for one sentence."""

    fleet: Fleet = field(default_factory=lambda: fleet_of(stack("shop", "database", "backend", "email")))
    limits: MemoryLimits = field(default_factory=MemoryLimits)
    readings: list[Observed] = field(default_factory=list)

    def say(
        self,
        metric: str,
        value: float,
        at: datetime = NOW,
        subject: str = "shop/database",
        fresh: float = 3600.0,
        **more: object,
    ) -> None:
        reading = replace(Reading(metric, value, at), **more)  # type: ignore[arg-type]  # As above.
        self.readings.append(Observed(reading, subject, "test", at, fresh))

    def amounts(
        self,
        metric: str,
        start: datetime,
        until: datetime,
        value: float,
        every: timedelta = HOUR,
        subject: str = "shop/email",
        fresh: float = 2 * 86400.0,
    ) -> None:
        at = start
        while at < until:
            self.say(metric, value, at + every, subject, fresh, since=at)
            at += every

    def level(
        self,
        metric: str,
        start: datetime,
        until: datetime,
        value: float,
        every: timedelta = MINUTE,
        subject: str = "shop/database",
        slope: float = 0.0,
    ) -> None:
        at, step = start, 0
        while at <= until:
            self.say(metric, value + slope * step, at, subject, 2.5 * every.total_seconds())
            at += every
            step += 1

    def judged(
        self,
        when: str | Rule,
        service: str = "database",
        now: datetime = NOW,
        firing: bool = False,
        rules: tuple[Rule, ...] = (),
        states: dict[tuple[str, str], RuleState] | None = None,
    ) -> list[Judged]:
        one = when if isinstance(when, Rule) else rule(when, service)
        program = compile_rules((*rules, one), self.fleet, self.limits)
        columns = Columns(self.fleet, program.horizons)
        columns.add(self.readings)
        known = dict(states or {})
        if firing:
            for judged in program.judge(columns, now, {}):
                state = np.full(judged.rows.size, FIRING, dtype=np.int8)
                known[judged.rule.id, judged.copy] = remembered(state, judged)
        found = program.judge(columns, now, known)
        self.check_pure(program.judge(columns, now, known), found)
        return [one for one in found if one.rule.id == (when.id if isinstance(when, Rule) else "r")]

    @staticmethod
    def check_pure(first: list[Judged], second: list[Judged]) -> None:
        for a, b in zip(first, second, strict=True):
            assert np.array_equal(a.verdict, b.verdict)
            assert np.array_equal(a.holds.since, b.holds.since, equal_nan=True)

    def verdict(
        self, when: str | Rule, service: str = "database", now: datetime = NOW, **more: object
    ) -> str:
        (judged,) = self.judged(when, service, now, **more)  # type: ignore[arg-type]  # As above.
        return VERDICTS[int(judged.verdict[0])]

    def term(
        self, when: str | Rule, service: str = "database", now: datetime = NOW, place: int = 0
    ) -> TermVerdict:
        (judged,) = self.judged(when, service, now)
        return judged.explain(place)[0]

    def why(self, when: str | Rule, service: str = "database", now: datetime = NOW) -> str:
        return self.term(when, service, now).why

    def over_time(
        self, when: str, moments: list[datetime], service: str = "database", restart: datetime | None = None
    ) -> list[tuple[str, bool]]:
        """Judge at each moment with the readings until then; (verdict, pending)."""
        one = rule(when, service)
        program = compile_rules([one], self.fleet, self.limits)
        columns = Columns(self.fleet, program.horizons)
        states: dict[tuple[str, str], RuleState] = {}
        seen: list[tuple[str, bool]] = []
        told = 0
        readings = sorted(self.readings, key=lambda o: o.seen_at)
        for now in moments:
            if restart is not None and now >= restart:
                program = compile_rules([one], self.fleet, self.limits)
                columns = Columns(self.fleet, program.horizons)
                for kept in states.values():
                    kept.holds.last[:] = np.nan
                told, restart = 0, None
            while told < len(readings) and readings[told].seen_at <= now:
                columns.add([readings[told]])
                told += 1
            (judged,) = program.judge(columns, now, states)
            verdict = VERDICTS[int(judged.verdict[0])]
            pending = bool(judged.bare[0] == TRUE and judged.verdict[0] != TRUE)
            seen.append((verdict, pending))
            state = np.full(judged.rows.size, INACTIVE, dtype=np.int8)
            states[judged.rule.id, judged.copy] = remembered(state, judged)
        return seen
