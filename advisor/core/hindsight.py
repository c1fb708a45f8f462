"""What rounds of a backtest come to: rules, messages, limits that were hit, and what another set would say.

A message is counted as the engine would queue it: one a stack and round, for what is told at once; the
digests tell the rest, each concern a line. What goes out ahead of its digest because its date is near is not
counted: dates belong to recommendations, which a backtest does not make.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from advisor.core.backtest import Round, hits
from advisor.core.concerns import deciding, gather
from advisor.core.lifecycle import Event, Finding, State
from advisor.core.model import Cadence, Limit, Severity
from advisor.core.tell import Told, episode, event_to_tell, forgotten, worst
from advisor.core.watch import Watch

__all__ = ["Difference", "Firing", "Hit", "Message", "Record", "Report", "difference", "report"]

#: A finding that fires again so soon after it cleared has flapped.
FLAP = timedelta(days=1)
WEEK = timedelta(days=7)


@dataclass(slots=True)
class Firing:
    """One stretch in which a rule fired on a subject; `until` None: it still does."""

    rule: str
    subject: str
    copy: str
    concern: str
    since: datetime
    until: datetime | None = None
    reason: str = ""


@dataclass(slots=True)
class Hit:
    """One time that a limit was reached. `warned` are the rules that fired before: (rule, since when).

    `value` and `most`, the limit, are in the metric's base unit, as they were when it was reached.
    `standing`: it was so at the first time already; nobody can say whether there was a warning.
    """

    subject: str
    metric: str
    limit: Limit
    concern: str
    at: datetime
    until: datetime | None = None
    value: float | None = None
    most: float | None = None
    unit: str = ""
    warned: tuple[tuple[str, datetime], ...] = ()
    standing: bool = False

    @property
    def lead(self) -> timedelta | None:
        """How long before the limit the first rule fired; None where none did."""
        return self.at - min(since for _, since in self.warned) if self.warned else None


@dataclass(slots=True)
class Record:
    """What one rule did. `leads` are how long before each limit that was hit it fired."""

    rule: str
    severity: Severity
    cadence: Cadence
    firings: list[Firing] = field(default_factory=list)
    messages: int = 0
    flaps: int = 0
    leads: list[timedelta] = field(default_factory=list)

    @property
    def first(self) -> datetime:
        """When it fired first."""
        return self.firings[0].since

    @property
    def subjects(self) -> int:
        """On how many subjects it fired."""
        return len({firing.subject for firing in self.firings})


@dataclass(frozen=True, slots=True)
class Message:
    """One message that would have gone out at once: when, for which stack, about which concerns."""

    at: datetime
    stack: str
    concerns: tuple[tuple[str, Event], ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What a set of rules would have done from `since` to `until`.

    `lines` counts the concerns that a digest is the first to tell of.
    """

    since: datetime
    until: datetime
    times: int
    readings: int
    rules: int
    records: tuple[Record, ...]
    hits: tuple[Hit, ...]
    messages: tuple[Message, ...]
    lines: int

    @property
    def weeks(self) -> float:
        """How many weeks it is about."""
        return max((self.until - self.since) / WEEK, 1 / 7)

    @property
    def unwarned(self) -> tuple[Hit, ...]:
        """The limits that were hit without any rule firing before."""
        return tuple(hit for hit in self.hits if not hit.warned and not hit.standing)


def report(
    watch: Watch, rounds: Iterable[Round], since: datetime, until: datetime, times: int, readings: int
) -> Report:
    """Return what the rounds of a backtest come to."""
    made = _Report(watch, since)
    for one in rounds:
        made.add(one)
    return Report(
        since,
        until,
        times,
        readings,
        len(watch.rules),
        tuple(sorted(made.records.values(), key=lambda r: (r.first, r.rule))),
        tuple(made.hits),
        tuple(made.messages),
        made.lines,
    )


class _Report:
    def __init__(self, watch: Watch, since: datetime) -> None:
        self.watch = watch
        self.since = since
        self.records: dict[str, Record] = {}
        self.hits: list[Hit] = []
        self.messages: list[Message] = []
        self.lines = 0
        self._hits = {rule.id: rule for rule in hits()}
        self._findings: dict[tuple[str, str, str], Finding] = {}
        self._running: dict[tuple[str, str, str], Firing] = {}
        self._last: dict[tuple[str, str, str], Firing] = {}
        self._hitting: dict[tuple[str, str, str], Hit] = {}
        self._told: dict[str, Told] = {}

    def add(self, one: Round) -> None:
        """Take what changed at one time."""
        for transition in one.decision.transitions:
            if transition.after.rule in self.watch.rules:
                self._change(transition.after, transition.events, one.at)
        self._tell(one)
        for transition in one.hit.transitions:
            self._limit(transition.after, transition.events, one.at)

    def _change(self, finding: Finding, events: Sequence[Event], at: datetime) -> None:
        key = finding.identity
        self._findings[key] = finding
        if Event.RESOLVED in events or Event.NEW_PERIOD in events:
            firing = self._running.pop(key, None)
            if firing is not None:
                firing.until, firing.reason = at, finding.reason or "new period"
                self._last[key] = firing
        if Event.FIRED not in events:
            return
        rule = self.watch.rules[finding.rule]
        record = self.records.setdefault(rule.id, Record(rule.id, rule.severity, rule.told))
        before = self._last.get(key)
        if before is not None and before.until is not None and before.reason == "cleared":
            record.flaps += at - before.until <= FLAP
        firing = Firing(rule.id, finding.subject, finding.copy, finding.concern, at)
        record.firings.append(firing)
        self._running[key] = firing

    def _tell(self, one: Round) -> None:
        """Count what people are told at once, as the engine decides it, and what is left to digests."""
        happened: dict[str, list[Event]] = {}
        rules: dict[str, set[str]] = {}
        for transition in one.decision.transitions:
            if transition.events:
                about = transition.after.concern
                happened.setdefault(about, []).extend(transition.events)
                rules.setdefault(about, set()).add(transition.after.rule)
        if not happened:
            return
        told: dict[str, list[tuple[str, Event]]] = {}
        firing = [f for f in self._findings.values() if f.state is State.FIRING and f.concern in happened]
        concerns = {concern.key: concern for concern in gather(firing, self.watch.rules, lambda *_: "")}
        for key in sorted(happened):
            concern = concerns.get(key)
            pairs = list(zip(concern.findings, concern.rules, strict=True)) if concern is not None else []
            old = self.watch.old_figures(concern, one.at) if concern is not None else ()
            before = self._told.get(key)
            event = event_to_tell(pairs, before, None, happened[key], None, one.at, one.at, old)
            if concern is None and before is not None and (event is not None or forgotten(before, one.at)):
                del self._told[key]
            if event is None:
                self.lines += Event.FIRED in happened[key] and before is None
                continue
            if concern is not None and event is not Event.STALE:
                severity = worst([rule.severity for rule in concern.rules])
                self._told[key] = Told(key, severity, one.at, episode(pairs))
            stack, _ = self.watch.place(key)
            told.setdefault(stack.key if stack is not None else "", []).append((key, event))
            for name in rules[key]:
                if name in self.records:
                    self.records[name].messages += 1
        self.messages += [Message(one.at, stack, tuple(which)) for stack, which in sorted(told.items())]

    def _limit(self, finding: Finding, events: Sequence[Event], at: datetime) -> None:
        key = finding.identity
        if Event.RESOLVED in events or Event.NEW_PERIOD in events:
            over = self._hitting.pop(key, None)
            if over is not None:
                over.until = at
        if Event.FIRED not in events:
            return
        metric, limit = deciding(self._hits[finding.rule], finding.copy)
        warned = tuple(
            sorted(
                (
                    (f.rule, f.since)
                    for f in self._running.values()
                    if f.concern == finding.concern and f.since < at
                ),
                key=lambda one: one[1],
            )
        )
        for rule, since in warned:
            self.records[rule].leads.append(at - since)
        same = [hit for hit in self._hitting.values() if hit.concern == finding.concern]
        hit = Hit(
            finding.subject,
            metric,
            limit,
            finding.concern,
            at,
            value=finding.value,
            most=finding.limit,
            unit=finding.unit,
            warned=warned,
            standing=at <= self.since,
        )
        self._hitting[key] = hit
        if not same:  # An account's limit is one, whichever of its services are judged against it.
            self.hits.append(hit)


@dataclass(frozen=True, slots=True)
class Difference:
    """Two sets of rules over the same past. `missed` are hits that only the old set warned of."""

    now: Report
    before: Report
    missed: tuple[Hit, ...]
    gained: tuple[Hit, ...]


def difference(now: Report, before: Report) -> Difference:
    """Return what one set of rules does otherwise than another over the same readings."""
    ours, theirs = _warnings(now), _warnings(before)
    missed = tuple(hit for hit in now.hits if not hit.warned and theirs.get((hit.concern, hit.at)))
    gained = tuple(
        hit for hit in now.hits if ours[hit.concern, hit.at] and not theirs.get((hit.concern, hit.at))
    )
    return Difference(now, before, missed, gained)


def _warnings(one: Report) -> Mapping[tuple[str, datetime], bool]:
    return {(hit.concern, hit.at): bool(hit.warned) for hit in one.hits}
