"""Whether people are told of a concern now, and of what. The digest tells the rest."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from advisor.core.lifecycle import Attention, Event, Finding
from advisor.core.model import Cadence, Severity
from advisor.core.rule import Rule

#: Of a quota that resets every day people hear once in this time; the digest tells the days between.
AGAIN = timedelta(days=7)

_RANK = {Severity.CRITICAL: 0, Severity.WARNING: 1, Severity.INFO: 2}


@dataclass(frozen=True, slots=True)
class Told:
    """What people were last told at once of a concern.

    Kept until it is over; a reset of its quota does not end it, see `forgotten`.
    """

    concern: str
    severity: Severity
    at: datetime
    episode: str = ""


def worst(severities: Sequence[Severity]) -> Severity:
    """Return the worst of some severities."""
    return min(severities, key=_RANK.__getitem__)


def event_to_tell(
    firing: Sequence[tuple[Finding, Rule]],
    told: Told | None,
    attention: Attention | None,
    happened: Sequence[Event],
    act_by: datetime | None,
    next_digest: datetime,
    now: datetime,
    old_figures: Container[str] = (),
) -> Event | None:
    """Return what to say of a concern at once, or None.

    `firing` are its firing findings with their rules, `happened` this round's events on it, `act_by` the
    date its recommendation names. At once goes what a rule calls immediate (critical ones by default) and
    what cannot wait for the next digest; rules that rest on an old figure alone (ids in `old_figures`) call
    nobody. A concern is told once an episode, again when it grows worse,
    and its recovery is told to whom its beginning was.
    """
    if not firing:
        # A reset is no recovery: the page and the digest show it, and nobody is called for it.
        over = Event.RESOLVED in happened and Event.NEW_PERIOD not in happened
        return Event.RESOLVED if told is not None and over else None
    if attention is not None and attended(attention, firing, now):
        return None
    severity = worst([rule.severity for _, rule in firing])
    urgent = act_by is not None and act_by < next_digest
    calling = [rule for _, rule in firing if rule.told is Cadence.IMMEDIATE and rule.id not in old_figures]
    if not urgent and not calling:
        return None
    if told is None or _another(told.episode, episode(firing)):
        return Event.FIRED
    if _RANK[severity] < _RANK[told.severity]:
        return Event.ESCALATED
    if Event.STALE in happened and all(finding.stale for finding, _ in firing):
        return Event.STALE
    return None


def forgotten(told: Told, now: datetime) -> bool:
    """Say whether what was told before a reset is so long ago that it is told anew."""
    return now - told.at >= AGAIN


def _another(told: str, begun: str) -> bool:
    """Say whether a billing period is news after the one that was told of: not the next of short ones."""
    if not told or not begun:
        return told != begun
    return told != begun and datetime.fromisoformat(begun) - datetime.fromisoformat(told) >= AGAIN


def attended(attention: Attention, firing: Sequence[tuple[Finding, Rule]], now: datetime) -> bool:
    """Say whether a person's acknowledgement or snooze still stops messages."""
    if attention.until is not None and now >= attention.until:
        return False
    until = attention.until_value
    if until is None:
        return True
    return not any(
        finding.value is not None and _beyond(finding.value, finding.threshold, until)
        for finding, _ in firing
    )


def _beyond(value: float, threshold: float | None, until: float) -> bool:
    falling = threshold is not None and value < threshold
    return value <= until if falling else value >= until


def episode(firing: Sequence[tuple[Finding, Rule]]) -> str:
    """Return the newest billing period that the findings fired in, empty where none has one."""
    return max((finding.episode for finding, _ in firing), default="")
