"""One round: the verdicts of all rules against what is remembered, and what changes.

The ledger holds every finding twice: by identity, as people and the store see it, and as arrays, as
evaluation does. `decide` changes nothing; `Ledger.apply` takes a decision over once it is committed.
"""

import math
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from advisor.core.columns import Columns
from advisor.core.evaluate import Program
from advisor.core.judgement import STATES, Holds, Judged, RuleState
from advisor.core.lifecycle import Event, Finding, State, Verdict, step, unsettled
from advisor.core.rule import Rule

Identity = tuple[str, str, str]

#: The reason of a finding that goes on under another name.
RENAMED = "renamed"


class ConcernOf(Protocol):
    """Names the concern that a finding belongs to."""

    def __call__(self, rule: Rule, subject: str, copy: str, /) -> str:
        """Return the concern's key."""
        ...


@dataclass(frozen=True, slots=True)
class Transition:
    """A finding before and after, and what happened to it."""

    before: Finding | None
    after: Finding
    events: tuple[Event, ...]


@dataclass(slots=True)
class Decision:
    """All verdicts of one moment and what they change."""

    at: datetime
    judged: Sequence[Judged]
    transitions: Sequence[Transition]
    states: dict[tuple[str, str], RuleState]


class Ledger:
    """What is remembered of all findings of a program."""

    def __init__(self, program: Program, subjects: Sequence[str], findings: Iterable[Finding] = ()) -> None:
        self.findings: dict[Identity, Finding] = {finding.identity: finding for finding in findings}
        self.states: dict[tuple[str, str], RuleState] = {}
        self._places: dict[tuple[str, str], dict[str, int]] = {}
        for compiled in program.compiled:
            key = (compiled.rule.id, compiled.copy)
            rows = compiled.rows.rows.tolist()
            self.states[key] = RuleState.empty(len(rows), compiled.holds)
            self._places[key] = {subjects[row]: place for place, row in enumerate(rows)}
        self.renamed = self._renamed(program)
        for finding in self.findings.values():
            self._remember(finding)

    def _renamed(self, program: Program) -> dict[Identity, Finding]:
        """Take findings over from the former names of rules; return them as stored, by new identity."""
        names = {old: one.rule.id for one in program.compiled for old in one.rule.formerly}
        known = {one.rule.id for one in program.compiled}
        found: dict[Identity, Finding] = {}
        for old in list(self.findings.values()):
            name = names.get(old.rule, "")
            new = replace(old, rule=name)
            if name and old.rule not in known and new.identity not in self.findings:
                self.findings[new.identity] = new
                found[new.identity] = self.findings.pop(old.identity)
        return found

    def stored(self) -> list[Finding]:
        """Return all findings as the last decision that was applied left them."""
        return [self.renamed.get(identity, finding) for identity, finding in self.findings.items()]

    def _remember(self, finding: Finding) -> None:
        key = (finding.rule, finding.copy)
        place = self._places.get(key, {}).get(finding.subject)
        if place is None:  # The rule or the service is gone; the finding stays in the store as history.
            return
        state = self.states[key]
        state.state[place] = STATES.index(finding.state)
        state.stale[place] = finding.stale
        state.period[place] = _epoch(finding.episode)
        for row, clock in enumerate(finding.holds[: state.holds.since.shape[0]]):
            if clock is not None:
                state.holds.since[row, place], state.holds.lost[row, place] = clock

    def orphans(self) -> list[Finding]:
        """Return the living findings that no rule and subject of the program stands behind any more."""
        return [
            finding
            for finding in self.findings.values()
            if finding.state is not State.RESOLVED
            and finding.subject not in self._places.get((finding.rule, finding.copy), {})
        ]

    def apply(self, decision: Decision) -> None:
        """Take over a decision that has been committed."""
        self.states.update(decision.states)
        self.renamed = {}
        for transition in decision.transitions:
            after = transition.after
            if after.state is State.INACTIVE and not any(after.holds):
                self.findings.pop(after.identity, None)
            else:
                self.findings[after.identity] = after


def decide(
    program: Program,
    columns: Columns,
    ledger: Ledger,
    subjects: Sequence[str],
    concern_of: ConcernOf,
    now: datetime,
    *,
    unasked: Container[str] = (),
    partial: bool = False,
    only: Container[tuple[str, str]] | None = None,
) -> Decision:
    """Judge every rule on every subject at `now` and return what changes. Changes nothing itself.

    `only` names the (rule id, copy) to judge, where it is known that no other can change; None: all.

    Of `unasked` subjects nothing is called stale: their sources have not had their turn since the start.
    A finding whose rule or subject is gone ends; where the fleet is known in part only (`partial`), those
    of subjects that are not in it stay.
    """
    judged = program.judge(columns, now, ledger.states, only)
    transitions: list[Transition] = []
    states: dict[tuple[str, str], RuleState] = {}
    for one in judged:
        key = (one.rule.id, one.copy)
        before = ledger.states[key]
        places = unsettled(one, before).tolist()
        if not places:
            states[key] = RuleState(before.state, one.holds, before.stale, before.period)
            continue
        after = RuleState(before.state.copy(), one.holds, before.stale.copy(), before.period.copy())
        for place in places:
            subject = subjects[one.rows[place]]
            stored = ledger.findings.get((one.rule.id, subject, one.copy))
            start = stored or Finding(one.rule.id, subject, one.copy, State.INACTIVE, now)
            finding, events = step(start, _verdict(one, place), now)
            if Event.STALE in events and subject in unasked:
                finding, events = replace(finding, stale=False), ()
            finding = _with_figures(finding, one, place, concern_of, subject, figures=bool(events))
            after.state[place] = STATES.index(finding.state)
            after.stale[place] = finding.stale
            after.period[place] = _epoch(finding.episode)
            if finding != stored:
                transitions.append(Transition(stored, finding, events))
        states[key] = after
    rules = {compiled.rule.id for compiled in program.compiled}
    watched = set(subjects)
    transitions += [
        _ended(orphan, rules, watched, now)
        for orphan in ledger.orphans()
        if orphan.subject in watched or not partial
    ]
    return Decision(now, judged, _with_renames(ledger, transitions), states)


def _with_renames(ledger: Ledger, transitions: Sequence[Transition]) -> list[Transition]:
    """Return the changes, and those that rename: the old finding goes, and the new one was not there."""
    if not ledger.renamed:
        return list(transitions)
    changed = {transition.after.identity: transition for transition in transitions}
    for identity, old in ledger.renamed.items():
        change = changed.get(identity, Transition(None, ledger.findings[identity], ()))
        changed[identity] = Transition(None, change.after, change.events)
        changed[old.identity] = Transition(
            old, replace(old, state=State.INACTIVE, holds=(), reason=RENAMED), ()
        )
    return list(changed.values())


def _ended(orphan: Finding, rules: Container[str], watched: Container[str], now: datetime) -> Transition:
    """End a finding that is judged no more, and say why; who was told of it is told of its end."""
    if orphan.rule not in rules:
        reason = "the rule is no longer in force"
    elif orphan.subject not in watched:
        reason = "no longer watched"
    else:
        reason = "no longer applies"
    fired = orphan.state is State.FIRING
    after = replace(
        orphan,
        state=State.RESOLVED if fired else State.INACTIVE,
        since=now,
        stale=False,
        reason=reason,
        holds=(),
    )
    return Transition(orphan, after, (Event.RESOLVED,) if fired else ())


def _verdict(judged: Judged, place: int) -> Verdict:
    return Verdict(
        int(judged.verdict[place]),
        int(judged.bare[place]),
        bool(judged.stale[place]),
        _iso(float(judged.period[place])),
    )


def _with_figures(
    finding: Finding, judged: Judged, place: int, concern_of: ConcernOf, subject: str, *, figures: bool
) -> Finding:
    finding = replace(
        finding,
        holds=_clocks(judged.holds, place),
        concern=finding.concern or concern_of(judged.rule, subject, judged.copy),
    )
    if not figures and finding.state not in {State.PENDING, State.FIRING}:
        return finding
    if math.isnan(judged.value[place]) and finding.value is not None:
        return finding  # What is not known now does not wipe out what was known last.
    deciding = judged.deciding(place)
    limit = _number(judged.limit[place])
    return replace(
        finding,
        value=_number(judged.value[place]),
        threshold=_number(judged.threshold[place]),
        limit=deciding.limit if deciding and limit is None else limit,
        unit=deciding.unit if deciding else "",
        limit_source=deciding.limit_source if deciding else "",
    )


def _clocks(holds: Holds, place: int) -> tuple[tuple[float, float] | None, ...]:
    return tuple(
        None if math.isnan(since) else (float(since), float(lost))
        for since, lost in zip(holds.since[:, place], holds.lost[:, place], strict=True)
    )


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _iso(epoch: float) -> str:
    return "" if math.isnan(epoch) else datetime.fromtimestamp(epoch, UTC).isoformat()


def _epoch(episode: str) -> float:
    return datetime.fromisoformat(episode).timestamp() if episode else math.nan
