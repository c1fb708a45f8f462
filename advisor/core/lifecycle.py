"""The life of a finding: inactive, pending, firing, resolved.

`step` is the whole machine for one finding. `unsettled` says over arrays which findings `step` would
change, so that a fleet of 100,000 stacks pays only for what moves.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from advisor.core.judgement import (
    FALSE,
    FIRING,
    NOT_APPLICABLE,
    PENDING,
    TRUE,
    UNKNOWN,
    Holds,
    Judged,
    RuleState,
)
from advisor.core.message import Event

__all__ = ["Attention", "Event", "Finding", "State", "Verdict", "step", "unsettled"]


class State(StrEnum):
    """Where a finding stands."""

    INACTIVE = "inactive"  #: The condition does not hold.
    PENDING = "pending"  #: It holds, not yet for as long as the rule's `for`.
    FIRING = "firing"  #: It has held long enough; people are told.
    RESOLVED = "resolved"  #: It fired and has cleared since.


@dataclass(frozen=True, slots=True)
class Finding:
    """The life of one rule on one subject.

    Identity is (rule, subject, copy); `copy` names the metric or target where the rule says "any".
    `since` is when the state was entered, `fired_at` when it last began to fire. `episode` is the start
    of the billing period it fired in (ISO, empty: none). `value`, `threshold` and `limit` are in `unit`'s
    base. `concern` is the key of the concern it belongs to. `holds` are the running clocks of the
    sentence's holds: (since, lost) in epoch seconds and seconds, one a hold, None where not running.
    """

    rule: str
    subject: str
    copy: str
    state: State
    since: datetime
    concern: str = ""
    fired_at: datetime | None = None
    episode: str = ""
    value: float | None = None
    threshold: float | None = None
    unit: str = ""
    limit: float | None = None
    limit_source: str = ""
    stale: bool = False
    reason: str = ""
    holds: tuple[tuple[float, float] | None, ...] = ()

    @property
    def identity(self) -> tuple[str, str, str]:
        """What stays the same over its life."""
        return (self.rule, self.subject, self.copy)


@dataclass(frozen=True, slots=True)
class Attention:
    """What a person said about a concern: it stops messages, never evaluation.

    `kind` is "acknowledge" (until `until_value` is reached or, where that is None, until it resolves)
    or "snooze" (until `until`).
    """

    concern: str
    kind: str
    by: str
    at: datetime
    reason: str = ""
    until: datetime | None = None
    until_value: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one rule came out for one subject: a verdict's code, the code without holds, and the period."""

    held: int
    bare: int
    stale: bool = False
    episode: str = ""


def step(finding: Finding, verdict: Verdict, now: datetime) -> tuple[Finding, tuple[Event, ...]]:
    """Return the finding after this verdict, and what people may have to be told.

    Unknown never fires and never resolves: it leaves before the `match` and at most marks a firing
    finding stale. A new billing period ends an episode without being a recovery.
    """
    if verdict.held == UNKNOWN:
        return _unknown(finding, verdict, now)
    holds = verdict.held == TRUE
    match finding.state:
        case State.INACTIVE | State.RESOLVED | State.PENDING if holds:
            return _fire(finding, verdict, now), (Event.FIRED,)
        case State.INACTIVE | State.RESOLVED:
            begins = verdict.bare == TRUE and verdict.held == FALSE
            return (_pend(finding, now) if begins else finding), ()
        case State.PENDING:
            ends = verdict.bare in {FALSE, NOT_APPLICABLE}
            return (replace(finding, state=State.INACTIVE, since=now) if ends else finding), ()
        case State.FIRING if holds and verdict.episode != finding.episode:
            return _fire(finding, verdict, now), (Event.NEW_PERIOD, Event.FIRED)
        case State.FIRING if holds:
            return replace(finding, stale=False), ()
        case State.FIRING:
            return _resolve(finding, verdict, now)
        case _ as never:
            assert_never(never)


def _unknown(finding: Finding, verdict: Verdict, now: datetime) -> tuple[Finding, tuple[Event, ...]]:
    """Keep the state: unknown may begin or give up a wait, but neither fires nor resolves."""
    match finding.state:
        case State.FIRING if verdict.stale and not finding.stale:
            return replace(finding, stale=True), (Event.STALE,)
        case State.PENDING if verdict.bare == FALSE:
            return replace(finding, state=State.INACTIVE, since=now), ()
        case State.INACTIVE | State.RESOLVED if verdict.bare == TRUE:
            return _pend(finding, now), ()
        case _:
            return finding, ()


def _pend(finding: Finding, now: datetime) -> Finding:
    return replace(finding, state=State.PENDING, since=now, reason="", stale=False)


def _resolve(finding: Finding, verdict: Verdict, now: datetime) -> tuple[Finding, tuple[Event, ...]]:
    new_period = bool(finding.episode) and verdict.episode not in {"", finding.episode}
    if new_period:
        event, reason = Event.NEW_PERIOD, "new period"
    else:
        event = Event.RESOLVED
        reason = "no longer applies" if verdict.held == NOT_APPLICABLE else "cleared"
    after = replace(finding, state=State.RESOLVED, since=now, stale=False, reason=reason)
    return after, (event,)


def _fire(finding: Finding, verdict: Verdict, now: datetime) -> Finding:
    return replace(
        finding,
        state=State.FIRING,
        since=now,
        fired_at=now,
        episode=verdict.episode,
        stale=False,
        reason="",
    )


def _moves(state: int, held: int, bare: int) -> bool:
    """Say whether the verdicts alone move a finding on from a state."""
    if state == FIRING:
        return held in {FALSE, NOT_APPLICABLE}
    if held == TRUE:
        return True
    if state == PENDING:
        return bare in {FALSE, NOT_APPLICABLE}
    return bare == TRUE and held != NOT_APPLICABLE


#: `_moves`, indexed by 16 * state + 4 * held + bare.
_MOVES = np.array([_moves(state, held, bare) for state in range(4) for held in range(4) for bare in range(4)])


def unsettled(judged: Judged, before: RuleState) -> NDArray[np.intp]:
    """Return the places (in the rule's subjects) whose finding `step` would change, or whose clocks moved.

    A clock counts as moved when it starts, stops or loses time to a gap, not when it merely runs on.
    """
    state, held = before.state, judged.verdict
    moved = np.asarray(_MOVES.take((state << 4) | (held << 2) | judged.bare), np.bool_)
    firing = state == FIRING
    if firing.any():
        moved |= firing & (held == TRUE) & (before.stale | ~_same(judged.period, before.period))
        moved |= firing & (held == UNKNOWN) & judged.stale & ~before.stale
    if judged.holds.since.shape[0]:
        moved |= _clocks_moved(judged.holds, before.holds)
    return np.flatnonzero(moved)


def _clocks_moved(after: Holds, before: Holds) -> NDArray[np.bool_]:
    moved = ~_same(after.since, before.since) | (after.lost != before.lost)
    return np.asarray(moved.any(axis=0), np.bool_)


def _same(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray((a == b) | (np.isnan(a) & np.isnan(b)), np.bool_)
