"""What a person answered to a recommendation, and what became of it: accepted, rejected, done and verified.

    done ──▶ the limit moved, or the finding cleared ──▶ verified, with what was seen
      └────▶ a day or three reports later it did not ──▶ not moved: the concern speaks on
    rejected ──▶ its threshold or time is reached, or it grew worse ──▶ speaks again
    accepted ──▶ the concern is over

An answer stops messages at most, never evaluation. Pure: the present comes in, the end of an answer goes out.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from advisor.core.message import Event
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Severity
from advisor.core.units import Unit, show
from advisor.core.wording import day, metric_name, moment, share, short_source

#: So long after `done` nothing has moved: people are told.
PATIENCE = timedelta(hours=24)
#: Or after so many reports of the provider, but not before its own figures have had time to settle.
REPORTS = 3
SETTLES = timedelta(hours=1)
#: A concern that a new period took away is waited for so long: a month's quota comes back in its next month.
COMES_BACK = timedelta(days=62)

_WORSE = {severity: rank for rank, severity in enumerate(Severity)}


class Said(StrEnum):
    """What a person answered."""

    ACCEPTED = "accepted"  #: It will be done; messages go on.
    REJECTED = "rejected"  #: Not now: no messages until a threshold, a time, or something worse.
    DONE = "done"  #: It has been done; what is seen next verifies it.


class Outcome(StrEnum):
    """How an answer ended."""

    VERIFIED = "verified"
    NOT_MOVED = "not moved"
    NEXT_STAGE = "next stage"
    AGAIN = "speaks again"
    OVER = "over"
    REPLACED = "replaced"
    TAKEN_BACK = "taken back"


@dataclass(frozen=True, slots=True)
class Seen:
    """Plan and limit in force of a concern's metric at one moment, with where they are from.

    `kind` says which limit ("quota", "max"). `limit` is in the metric's base unit; None with `known` means
    unlimited. `plan` is empty where it is not known.
    """

    subject: str
    metric: str
    kind: str = ""
    plan: str = ""
    plan_source: str = ""
    limit: float | None = None
    known: bool = False
    source: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """A person's answer, kept on the concern. `severity` is how bad it was then.

    A rejection waits for the used `share` of the limit, for a `value` of the metric (base unit) or until a
    time; with none of them until the concern is over. `due` is when a `done` must have shown, `stage` the
    stage that it is about (0: none), `seen` what was in force then, `polls` the provider's reports since.
    `id` is the store's.
    """

    concern: str
    said: Said
    by: str
    at: datetime
    reason: str = ""
    severity: Severity = Severity.WARNING
    until: datetime | None = None
    share: float | None = None
    value: float | None = None
    stage: int = 0
    due: datetime | None = None
    polls: int = 0
    seen: Seen | None = None
    id: int = 0

    @property
    def bounded(self) -> bool:
        """True where a rejection names what it waits for."""
        return any(bound is not None for bound in (self.until, self.share, self.value))


@dataclass(frozen=True, slots=True)
class Present:
    """What is known of an answered concern in a round.

    `ended` is why its last finding ended in this round ("cleared", "new period", ...), empty where none did.
    `share` and `value` are those of now, None where not known; `falling`: a smaller value is the worse one.
    `stages` is how many stages its rule has, `missed` whether that rule's sentence is true now. `figure` is
    the value in people's units. `watched` is False where its subject is gone for good.
    """

    firing: bool = False
    open: bool = False
    severity: Severity | None = None
    ended: str = ""
    restricted: bool = False
    share: float | None = None
    value: float | None = None
    falling: bool = False
    seen: Seen | None = None
    figure: str = ""
    stages: int = 0
    missed: bool = False
    watched: bool = True
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class End:
    """How an answer ends: the outcome, what people are told (None: nothing of its own), in which words."""

    outcome: Outcome
    event: Event | None = None
    words: str = ""


def settle(answered: Answered, present: Present, now: datetime) -> End | None:
    """Return how the answer ends in this round, None while it counts."""
    if not present.watched:
        return End(Outcome.OVER, words="no longer watched")
    over = present.ended if present.ended != "new period" else ""
    match answered.said:
        case Said.ACCEPTED:
            return End(Outcome.OVER, words=over) if over else None
        case Said.REJECTED:
            if over and not answered.bounded:
                return End(Outcome.OVER, words=over)
            why = _again(answered, present, now)
            if not why:
                return None
            when = day(answered.at, present.zone)
            words = f"{answered.by} rejected this on {when}; {why}"
            return End(Outcome.AGAIN, Event.FIRED if present.firing else None, words)
        case Said.DONE:
            return _verified(answered, present, now)
        case _ as never:
            assert_never(never)


def quiet(answered: Answered, present: Present) -> bool:
    """Say whether an answer that counts keeps messages of its concern back."""
    match answered.said:
        case Said.ACCEPTED:
            return False
        case Said.REJECTED:
            return True
        case Said.DONE:
            return not _worse(answered, present)
        case _ as never:
            assert_never(never)


def _worse(answered: Answered, present: Present) -> bool:
    return present.severity is not None and _WORSE[present.severity] < _WORSE[answered.severity]


def _again(answered: Answered, present: Present, now: datetime) -> str:
    """Return why a rejected concern speaks again, empty while it does not."""
    if answered.until is not None and now >= answered.until:
        return f"that ended on {day(answered.until, present.zone)}"
    if answered.share is not None and present.share is not None and present.share >= answered.share:
        return f"{share(present.share)} of the limit is used now, {share(answered.share)} was waited for"
    if answered.value is not None and present.value is not None:
        reached = present.value <= answered.value if present.falling else present.value >= answered.value
        if reached:
            return f"the value that was waited for is reached: {present.figure}"
    if present.firing and _worse(answered, present):
        return f"it is {present.severity} now"
    if present.restricted:
        return "the provider restricts it now"
    return ""


def _verified(answered: Answered, present: Present, now: datetime) -> End | None:
    changed = moved(answered.seen, present.seen, now, present.zone)
    staged = answered.stage > 0
    if present.ended in {"cleared", "no longer applies"}:
        parts = [changed] if changed else []
        parts.append("it has cleared" if present.ended == "cleared" else "the rule no longer applies")
        return End(Outcome.VERIFIED, Event.VERIFIED, _done(answered, "; ".join(parts), present.zone))
    if present.ended and present.ended != "new period":
        return End(Outcome.OVER, words=present.ended)
    if changed and not staged:
        still = "; the concern still fires" if present.firing else ""
        return End(Outcome.VERIFIED, Event.VERIFIED, _done(answered, f"{changed}{still}", present.zone))
    if not _out_of_patience(answered, now):
        return None
    if not present.open:
        # Only a new period ends a finding without a word here, and that proves nothing.
        late = now - answered.at >= COMES_BACK
        return End(Outcome.OVER, words="nothing fires any more") if late else None
    if staged and not present.missed:
        return None  # What is not known moves nobody on.
    if staged and answered.stage < present.stages:
        return End(Outcome.NEXT_STAGE, Event.NEXT_STAGE)
    return End(Outcome.NOT_MOVED, Event.NOT_MOVED, _done(answered, _still(answered, present), present.zone))


def _out_of_patience(answered: Answered, now: datetime) -> bool:
    due = answered.due if answered.due is not None else answered.at + PATIENCE
    if now >= due:
        return True
    soon = due - answered.at <= PATIENCE and now - answered.at >= SETTLES
    return soon and answered.polls >= REPORTS


def moved(before: Seen | None, after: Seen | None, now: datetime, zone: str = "UTC") -> str:
    """Say what moved between two looks: `storage limit 500 MB → 8 GB, plan free → pro, as ... said on ...`.

    Empty where nothing did. What was not known before has not moved, it was learnt.
    """
    if before is None or after is None:
        return ""
    parts = []
    if before.known and after.known and before.limit != after.limit:
        amounts = f"{_limit(before)} → {_limit(after)}"
        parts.append(f"{metric_name(before.metric)} limit {amounts}")
    source = after.source
    if before.plan and after.plan and before.plan != after.plan:
        parts.append(f"plan {before.plan} → {after.plan}")
        source = after.plan_source
    if not parts:
        return ""
    said = f", as {_the(short_source(source))} said on {day(now, zone)}" if source else ""
    return f"{', '.join(parts)}{said}"


def _the(source: str) -> str:
    return f"the {source}" if source.startswith("provider API") else source


def _limit(seen: Seen) -> str:
    if seen.limit is None:
        return "unlimited"
    metric = VOCABULARY.get(seen.metric)
    return show(seen.limit, metric.unit if metric else Unit.COUNT)


def _still(answered: Answered, present: Present) -> str:
    seen = present.seen
    if answered.stage == 0 and seen is not None and seen.known and seen.limit is not None:
        source = f" ({short_source(seen.source)})" if seen.source else ""
        return f"the limit is still {_limit(seen)}{source}"
    return f"it is still {present.figure}" if present.figure else "nothing has changed since"


def _done(answered: Answered, what: str, zone: str) -> str:
    return f"{answered.by} said done on {moment(answered.at, zone)}; {what}"


def described(answered: Answered, zone: str = "UTC") -> str:
    """Say an answer that counts in one line: `rejected by ann on 3 Nov 2026 until 90 % is used: too dear`."""
    text = f"{answered.said} by {answered.by} on {day(answered.at, zone)}"
    if answered.said is Said.DONE:
        text = f"done, {answered.by} said on {day(answered.at, zone)}; not verified yet"
    elif answered.share is not None:
        text += f" until {share(answered.share)} is used"
    elif answered.value is not None:
        metric = VOCABULARY.get(answered.concern.rpartition("#")[2])
        text += f" until {show(answered.value, metric.unit if metric else Unit.COUNT)}"
    elif answered.until is not None:
        text += f" until {day(answered.until, zone)}"
    return f"{text}: {answered.reason}" if answered.reason else text
