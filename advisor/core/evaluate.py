"""Rules over columns: what is true now, for all subjects at once.

`compile_rules` resolves rules to subjects once; `Program.judge` is then a function of columns, `now` and
what is remembered of each rule. It changes nothing given; what it keeps for itself (whole days, limits as
arrays) changes no answer.
"""

from collections.abc import Container, Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from advisor.core.columns import Columns
from advisor.core.compile import Compiled, Gives, compiled, horizons, leaves, windows
from advisor.core.explain import explained
from advisor.core.fleet import Fleet
from advisor.core.judgement import (
    FIRING,
    NOT_APPLICABLE,
    UNKNOWN,
    Codes,
    Holds,
    Judged,
    RuleState,
    TermVerdict,
)
from advisor.core.judging import Judging, Scratch
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Metric
from advisor.core.quantities import Quantities
from advisor.core.quantity.known import DayMemory
from advisor.core.rule import Rule
from advisor.core.sentence import AnyMetric, Needs, Test
from advisor.core.subjects import Subjects
from advisor.core.thresholds import KnowsPlans, LimitsProtocol, LimitTables

__all__ = ["LimitsProtocol", "Program", "compile_rules"]

States = Mapping[tuple[str, str], RuleState]


class Program:
    """Compiled rules.

    `horizons` gives the seconds of history that columns must keep of each metric, `windows` the (metric,
    stat, seconds) that collectors are asked for.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        fleet: Fleet,
        limits: LimitsProtocol,
        metrics: Mapping[str, Metric] = VOCABULARY,
        gives: Gives | None = None,
        at: datetime = datetime(9999, 1, 1, tzinfo=UTC),
    ) -> None:
        self.rules = tuple(rules)
        self.fleet = fleet
        self.metrics = metrics
        knows = limits if isinstance(limits, KnowsPlans) else None
        self._subjects = Subjects(fleet, knows.plans if knows is not None else None)
        self._plans_revision = knows.plans_revision if knows is not None else 0
        self._tables = LimitTables(fleet, limits, at)
        self.compiled: tuple[Compiled, ...] = tuple(
            compiled(rules, fleet, self._subjects, self._tables, metrics, gives)
        )
        self.horizons: Mapping[str, float] = horizons(self.compiled, metrics)
        self.windows: tuple[tuple[str, str, float], ...] = tuple(sorted(windows(self.compiled, metrics)))
        self._revision = limits.revision
        self._copies = any(
            isinstance(leaf, Test) and isinstance(leaf.quantity, AnyMetric)
            for rule in rules
            for leaf in leaves(rule.sentence.condition)
        )
        self._memory = DayMemory()
        self._thresholds: dict[tuple[int, float], NDArray[np.float64]] = {}
        self._not_given: dict[tuple[str, str], NDArray[np.bool_]] = {}

    @property
    def outdated(self) -> bool:
        """True where the rules must be compiled anew.

        A plan has changed, and with it which rules are about whom; or limits have, and a rule says `any
        metric`.
        """
        limits = self._tables.limits
        if isinstance(limits, KnowsPlans) and limits.plans_revision != self._plans_revision:
            return True
        return self._copies and self._tables.limits.revision != self._revision

    def subjects(self, rule_id: str) -> tuple[str, ...]:
        """Return the keys of the subjects that a rule is about, over all its copies, in the fleet's order."""
        rows = {int(row) for one in self.compiled if one.rule.id == rule_id for row in one.rows.rows}
        return tuple(self.fleet.subjects[row] for row in sorted(rows))

    def judge(
        self, columns: Columns, now: datetime, states: States, only: Container[tuple[str, str]] | None = None
    ) -> list[Judged]:
        """Judge every rule on all its subjects by the readings in the columns.

        `only` names the (rule id, copy) to judge; None: all. `states` maps (rule id, copy) to what is
        remembered; one that is missing begins anew. Nothing given is changed. Raises ValueError for a state
        of another shape than the rule's subjects and holds.
        """
        if self._tables.refresh(now):
            self._thresholds.clear()
        quantities = Quantities(columns, self._subjects, self._tables, now, self._memory)
        scratch = Scratch(self._thresholds)
        with np.errstate(all="ignore"):
            judged = [
                self._judge(one, quantities, scratch, states.get((one.rule.id, one.copy)))
                for one in self.compiled
                if only is None or (one.rule.id, one.copy) in only
            ]
        quantities.forget()
        return judged

    def _judge(
        self, one: Compiled, quantities: Quantities, scratch: Scratch, state: RuleState | None
    ) -> Judged:
        judging = self._judging(one, quantities, scratch, state)
        outcome = judging.condition(one.condition)
        verdict, bare = outcome.verdict, outcome.bare
        if one.not_given:
            spoilt = self._spoilt(one)
            verdict = np.where(spoilt, np.int8(NOT_APPLICABLE), verdict)
            bare = np.where(spoilt, np.int8(NOT_APPLICABLE), bare)
        stale = outcome.stale
        if stale.any():
            stale = stale & (verdict == UNKNOWN)

        def explain(index: int) -> list[TermVerdict]:
            row = int(one.rows.rows[index])
            why = one.not_given.get(row, "")
            return [explained(leaf, (index, row), quantities, why) for leaf in judging.leaves]

        return Judged(
            rule=one.rule,
            copy=one.copy,
            rows=one.rows.rows,
            verdict=verdict,
            bare=bare,
            value=outcome.value,
            threshold=outcome.threshold,
            limit=outcome.limit,
            as_of=outcome.as_of,
            stale=stale,
            period=outcome.period,
            holds=Holds(*judging.clocks),
            explain=explain,
            asks=self._asks(one, quantities, scratch, state, verdict),
        )

    def _spoilt(self, one: Compiled) -> NDArray[np.bool_]:
        """Return the subjects whose source cannot give what the rule asks; the same at every evaluation."""
        key = (one.rule.id, one.copy)
        spoilt = self._not_given.get(key)
        if spoilt is None:
            spoilt = self._not_given[key] = np.isin(one.rows.rows, list(one.not_given))
        return spoilt

    def _judging(
        self, one: Compiled, quantities: Quantities, scratch: Scratch, state: RuleState | None
    ) -> Judging:
        shape = (one.holds, len(one.rows))
        firing = None
        if state is None:
            clocks = (np.full(shape, np.nan), np.zeros(shape), np.full(shape, np.nan))
        else:
            holds = state.holds
            if state.state.shape != shape[1:] or holds.since.shape != shape:
                raise ValueError(f"the state of {one.rule.id} is that of other subjects or another sentence")
            clocks = (holds.since, holds.lost, holds.last)
            if one.holds:
                clocks = (holds.since.copy(), holds.lost.copy(), holds.last.copy())
            if one.clears is not None:
                firing = state.state == FIRING
        return Judging(one, quantities, self.metrics, scratch, firing, clocks)

    def _asks(
        self,
        one: Compiled,
        quantities: Quantities,
        scratch: Scratch,
        state: RuleState | None,
        verdict: Codes,
    ) -> NDArray[np.bool_] | None:
        """Return where the answers to `needs`, and nothing else, would decide."""
        if not any(isinstance(leaf, Needs) for leaf in leaves(one.condition)):
            return None
        unknown = np.asarray(verdict == UNKNOWN, dtype=np.bool_)
        if not unknown.any():
            return unknown
        answers = []
        for answer in (True, False):
            judging = self._judging(one, quantities, scratch, state)
            judging.answer = answer
            answers.append(judging.condition(one.condition).bare)
        decided = (answers[0] < UNKNOWN) & (answers[1] < UNKNOWN) & (answers[0] != answers[1])
        return np.asarray(unknown & decided, dtype=np.bool_)


def compile_rules(
    rules: Sequence[Rule],
    fleet: Fleet,
    limits: LimitsProtocol,
    metrics: Mapping[str, Metric] = VOCABULARY,
    gives: Gives | None = None,
) -> Program:
    """Compile rules for a fleet.

    `gives(subject key, metric, stat)` may say False where the subject's source surely cannot give that; the
    rule is then not applicable there. Compile again when rules, fleet or (`Program.outdated`) limits change.
    """
    return Program(rules, fleet, limits, metrics, gives)
