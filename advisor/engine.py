"""One round with a store behind it: what was polled is taken in, judged, told and kept in one transaction.

    polls ─▶ watch: observe, decide ─▶ transaction: readings, findings, flips, told, messages ─▶ watch: apply

Only one round runs at a time. Should the transaction fail, nothing was kept: the watch is loaded anew from
the store before the next round, and what was polled meanwhile comes with the next polls.
"""

import asyncio
import time
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from advisor.answering import Answers, Held, mark, note_of, says
from advisor.core.ahead import Ahead, could_go_down, dated
from advisor.core.answered import Outcome, Said, described
from advisor.core.compile import Gives
from advisor.core.concerns import Concern, gather
from advisor.core.costs import stack_costs, with_months
from advisor.core.decide import RENAMED, Decision
from advisor.core.demand import Histories
from advisor.core.digest import build
from advisor.core.fleet import Service
from advisor.core.judgement import UNKNOWN
from advisor.core.lifecycle import Attention, Event, Finding, State
from advisor.core.message import Digest, DigestConcern, DigestCost, Message, Notice, Recommendation
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Cadence, Observed, Subject
from advisor.core.notices import digest_message, group
from advisor.core.snapshot import Snapshot, SourceRow
from advisor.core.tell import Told, attended, episode, event_to_tell, forgotten, worst
from advisor.core.watch import Watch
from advisor.core.wording import counted
from advisor.errors import AdvisorError
from advisor.estimates import Estimates, before_estimates, of_sources
from advisor.feeds import of_stack
from advisor.logs import get_logger
from advisor.plan_readings import of_plans
from advisor.polling.poller import Polled
from advisor.recorded import around, histories
from advisor.secrets import redact
from advisor.store import AsyncStore, Flip, Lease, Transaction
from advisor.world import World

__all__ = ["Engine", "Round"]

#: Advice looks at so much history, is made anew this often, and for so many concerns a round.
LOOKS_BACK = timedelta(days=62)
ADVICE_AGE = timedelta(hours=6)
REVIEWED = 50
#: What is foreseen of services is renewed as often, for so many a round; before a report, for so many in all.
FORESEEN = 10
FORESEEN_BEFORE_REPORT = 2_000
#: Recoveries are shown for this long.
SHOWN_AFTER = timedelta(days=7)

_EVENTS = {State.FIRING: Event.FIRED, State.RESOLVED: Event.RESOLVED}

log = get_logger("advisor.engine")


def _event(flip: Flip) -> Event:
    return Event.NEW_PERIOD if flip.reason == "new period" else _EVENTS[flip.after]


@dataclass(frozen=True, slots=True)
class Round:
    """What a round came to: the decision, and the messages that were queued."""

    decision: Decision
    messages: tuple[Message, ...] = ()
    notices: tuple[Notice, ...] = ()


@dataclass(slots=True)
class _Advice:
    recommendation: Recommendation
    at: datetime


@dataclass(slots=True)
class _News:
    """What a round writes beside readings and findings."""

    notices: list[Notice] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    over: list[str] = field(default_factory=list)
    ended: list[Attention] = field(default_factory=list)
    by_concern: dict[str, str] = field(default_factory=dict)
    settled: list[Held] = field(default_factory=list)
    unstaged: list[str] = field(default_factory=list)


class Engine:
    """The watch, the store, and what passes between them."""

    def __init__(
        self,
        world: World,
        store: AsyncStore,
        channels: Sequence[str],
        *,
        sources: Sequence[SourceRow] = (),
        gives: Gives | None = None,
        simulated: bool = False,
    ) -> None:
        self.world = world
        self.store = store
        self.channels = tuple(channels)
        self.simulated = simulated
        self.watch: Watch
        self.lease: Lease | None = None
        self.kept: dict[tuple[str, str], Mapping[str, Any]] = {}
        self.last_success: dict[tuple[str, str], datetime] = {}
        self._gives = gives
        self._sources = {(row.subject, row.provider): row for row in sources}
        self._evidence: dict[str, dict[str, Mapping[str, Sequence[Mapping[str, str]]]]] = {}
        self._told: dict[str, Told] = {}
        self._attention: dict[str, list[Attention]] = {}
        self.answers = Answers()
        self.estimates = Estimates()
        self._advice: dict[str, _Advice] = {}
        self._ahead: dict[str, Ahead] = {}
        self._revision = -1
        self._events: list[tuple[datetime, Event]] = []
        self._outbox: tuple[int, datetime | None] = (0, None)
        self._parked: list[tuple[str, int, str]] = []
        self.waits_for = ""  #: Why this advisor only looks on, such as a lease that another one holds.
        self._note = ""
        self._one_round = asyncio.Lock()
        self._loaded = False
        self._problem = ""
        self._seconds: float | None = None
        self._snapshot: Snapshot | None = None

    # -- what is remembered ----------------------------------------------------------------------------

    async def load(self, now: datetime) -> None:
        """Read from the store what is needed to go on where the last process ended."""

        def read(tx: Transaction) -> Watch:
            terms = [(key, term) for key, found in tx.terms(now).items() for term in found]
            watch = Watch(
                self.world.fleet,
                self.world.rulebook.rules,
                self.world.catalogue,
                self.world.playbooks,
                findings=tx.findings(),
                terms=terms,
                gives=self._gives,
                # A file that is set aside takes its stacks along; what was found on them is not over.
                partial=self.world.config is not None and bool(self.world.config.problems),
            )
            watch.observe(of_sources(tx.newest()))
            for metric, seconds in watch.columns.horizons.items():
                if seconds > 0:
                    # One question a metric: asked subject by subject, a large fleet waits half as long again.
                    found = tx.samples(now - timedelta(seconds=seconds), metric=metric)
                    each = (one for series, samples in found for one in samples.observed(series))
                    watch.observe(before_estimates(each) if metric == "cost" else each)
            self._told = {told.concern: told for told in tx.told()}
            self._read_attention(tx, watch, now)
            self._events = [
                (flip.at, _event(flip)) for flip in tx.flips(now - SHOWN_AFTER) if flip.after in _EVENTS
            ]
            for source in tx.sources():
                key = (source.subject, source.provider)
                self.kept[key] = source.keep
                self._evidence.setdefault(source.subject, {})[source.provider] = source.evidence
                if source.last_success is not None:
                    self.last_success[key] = source.last_success
                    if key in self._sources:
                        row = replace(self._sources[key], last_success=source.last_success)
                        self._sources[key] = row
            self._look_at_outbox(tx)
            return watch

        self.watch = await self.store.read(read)
        self.estimates.mark(self.watch)
        decision = self.watch.decide(now)
        # Looked at, not taken over: what changed while nobody watched is found by the first round.
        self.watch.decision = decision
        self._loaded = True
        self._snapshot = None

    def go_on_from(self, other: "Engine") -> None:
        """Take over how the sources that both have answered last, and the lease, as at a reload."""
        self.lease = other.lease
        for row in other.sources:
            key = (row.subject, row.provider)
            if key in self._sources:
                self._sources[key] = replace(row, interval=self._sources[key].interval)
        self._snapshot = None

    @property
    def sources(self) -> tuple[SourceRow, ...]:
        """How every source answers."""
        return tuple(self._sources.values())

    def doubt(self) -> None:
        """Read the store anew before the next round: somebody else may have written."""
        self._loaded = False

    def _unasked(self) -> set[str]:
        """Return whom sources speak of that have not had their turn since the start."""
        found: set[str] = set()
        for row in self._sources.values():
            if row.up is None:
                service = self.world.fleet.service.get(row.subject)
                found |= {row.subject, Subject.parse(row.subject).stack}
                found |= {f"@{service.account}"} if service is not None else set()
        return found

    def _read_attention(self, tx: Transaction, watch: Watch, now: datetime) -> None:
        self._revision = tx.revision()
        self.answers.read(tx, watch, now)
        self._attention = {}
        for said in tx.attentions():
            self._attention.setdefault(said.concern, []).append(said)

    async def advise_all(self, now: datetime) -> None:
        """Make the advice of every open concern and recall how sources answered, for one who only looks."""

        def read(tx: Transaction) -> None:
            for source in tx.sources():
                key = (source.subject, source.provider)
                if key in self._sources:
                    self._sources[key] = replace(
                        self._sources[key],
                        up=not source.error,
                        last_poll=source.last_poll,
                        duration=source.duration,
                        error=source.error,
                        gaps=tuple(f"{gap.what}: {gap.why}" for gap in source.gaps),
                    )
            for concern in self.watch.concerns(now):
                self._advise(tx, concern, now)

        await self.store.read(read)
        await self._look_ahead(now, FORESEEN_BEFORE_REPORT)
        await self._estimate(now, ())

    async def look_ahead(self, now: datetime) -> None:
        """Foresee anew when limits are met and what could go down, of a few services, the oldest first."""
        async with self._one_round:
            if self._loaded:
                await self._look_ahead(now, FORESEEN)

    async def _look_ahead(self, now: datetime, most: int) -> None:
        services = self.watch.fleet.services

        def age(service: Service) -> datetime:
            known = self._ahead.get(service.subject.key)
            return known.at if known is not None else datetime.min.replace(tzinfo=UTC)

        due = [service for service in services if now - age(service) >= ADVICE_AGE]
        chosen = sorted(due, key=age)[:most]
        if not chosen:
            return

        def read(tx: Transaction) -> dict[str, Ahead]:
            return {
                service.subject.key: self.watch.ahead(
                    service, self._histories(tx, (service.subject.key,), now), now
                )
                for service in chosen
            }

        self._ahead.update(await self.store.read(read))
        self._snapshot = None

    # -- a round ---------------------------------------------------------------------------------------

    async def absorb(self, polls: Sequence[Polled], now: datetime, next_digest: datetime) -> Round:
        """Take polls in, judge, and commit what changed together with the messages it causes.

        Raises:
            AdvisorError: the store cannot be written; nothing was kept.
        """
        async with self._one_round:
            try:
                if not self._loaded:
                    await self.load(now)
                done = await self._take_in(polls, self._observed(polls), now, next_digest)
                if estimated := await self._estimate(now, self._unasked()):
                    # Of what was polled just now, so that a single round tells what it costs.
                    more = await self._take_in((), estimated, now, next_digest)
                    done = Round(
                        more.decision, (*done.messages, *more.messages), (*done.notices, *more.notices)
                    )
            except BaseException as error:
                self._loaded = False
                self._problem = redact(str(error)) if isinstance(error, AdvisorError) else "a round failed"
                self._snapshot = None
                raise
            self._problem = ""
            return done

    async def _take_in(
        self, polls: Sequence[Polled], observed: Sequence[Observed], now: datetime, next_digest: datetime
    ) -> Round:
        """Judge readings and commit what follows; what was decided is in force from then on."""
        began = time.monotonic()
        self.watch.observe(observed)
        for polled in polls:
            self.watch.learn([(polled.subject, term) for term in polled.terms])
        plans = of_plans(self.watch.limits, polls)
        self.watch.observe(plans)
        observed = [*observed, *plans]
        decision = self.watch.decide(now, self._unasked() - {p.subject for p in polls})
        self._seconds = time.monotonic() - began
        done = await self.store.write(
            lambda tx: self._commit(tx, polls, observed, decision, now, next_digest)
        )
        self.watch.apply(decision)
        self._after(polls)
        self._events = [(at, event) for at, event in self._events if now - at <= SHOWN_AFTER]
        for transition in decision.transitions:
            finding = transition.after
            for event in transition.events:
                self._events.append((now, event))
                log.info(event.value, rule=finding.rule, subject=finding.subject, value=finding.value)
        return done

    async def _estimate(self, now: datetime, waits: Container[str]) -> list[Observed]:
        """Return what services cost where nothing reports it, of those whose turn it is."""
        due = self.estimates.due(self.watch.fleet, now, waits)
        if not due:
            return []
        found = await self.store.read(lambda tx: self.estimates.make(tx, self.watch, due, now))
        if self.estimates.keep(found, due, now):
            self.doubt()  # What a source reports from now on stands in the place of what was estimated.
        self.estimates.mark(self.watch)
        self._snapshot = None
        return self.estimates.news(found, now)

    def _observed(self, polls: Sequence[Polled]) -> list[Observed]:
        found = []
        for polled in polls:
            stack = Subject.parse(polled.subject).stack
            for one in polled.observed:
                stacks = stack and of_stack(VOCABULARY[one.reading.metric])
                found.append(replace(one, subject=stack) if stacks else one)
        return found

    def _commit(
        self,
        tx: Transaction,
        polls: Sequence[Polled],
        observed: Sequence[Observed],
        decision: Decision,
        now: datetime,
        next_digest: datetime,
    ) -> Round:
        if self.lease is not None:
            tx.require_lease(self.lease, now)
        if tx.revision() != self._revision:
            self._read_attention(tx, self.watch, now)
        self.answers.count(tx, polls, self.watch.fleet)
        if observed:
            tx.add_readings(observed)
        for polled in polls:
            if polled.terms:
                tx.add_terms(polled.subject, polled.terms, now)
            tx.record_poll(
                polled.subject,
                polled.provider,
                polled.at,
                polled.duration,
                polled.error,
                polled.keep,
                polled.evidence,
                polled.gaps,
            )
            if polled.evidence:
                self._evidence.setdefault(polled.subject, {})[polled.provider] = polled.evidence
        transitions = decision.transitions
        tx.save_findings([(t.before, t.after) for t in transitions])
        news = self._news(tx, decision, now, next_digest)
        if not self.channels:  # Nobody hears it: whoever gets a channel later is told then.
            news.told, news.over = [], []
        messages = group(news.notices, self.channels, now, lambda notice: news.by_concern[notice.concern])
        tx.enqueue([(message, now) for message in messages])
        evidence = {n.concern: m.id for m in messages for n in m.notices}
        tx.add_flips(list(self._flips(decision, evidence)))
        tx.set_told(news.told, news.over)
        self.answers.end(tx, news.settled, now)
        tx.end_stages(news.unstaged)
        for concern in news.unstaged:
            self.watch.stages.pop(concern, None)
        for said in news.ended:
            tx.end_attention(said.concern, said.kind, now)
            self._attention[said.concern].remove(said)
        if news.ended:
            self._revision = tx.revision()
        self._outbox = tx.outbox_depth()
        for told in news.told:
            self._told[told.concern] = told
        for concern in news.over:
            self._told.pop(concern, None)
        return Round(decision, tuple(messages), tuple(news.notices))

    def _flips(self, decision: Decision, evidence: Mapping[str, str]) -> Iterable[Flip]:
        """Yield the changes of state; a new name is none."""
        for transition in decision.transitions:
            after = transition.after
            before = self.watch.ledger.renamed.get(after.identity, transition.before)
            if after.reason != RENAMED and (before is None or before.state is not after.state):
                yield Flip.between(before, after, decision.at, evidence.get(after.concern, ""))

    def _news(self, tx: Transaction, decision: Decision, now: datetime, next_digest: datetime) -> _News:
        """Decide which concerns are told of at once, and what."""
        after = {t.after.identity: t.after for t in decision.transitions}
        happened: dict[str, list[Event]] = {}
        for transition in decision.transitions:
            happened.setdefault(transition.after.concern, []).extend(transition.events)
        self.watch.decision = decision  # Titles and evidence speak of what is being committed.
        findings = {**self.watch.ledger.findings, **after}
        firing: dict[str, list[Finding]] = {}
        for finding in findings.values():
            if finding.state is State.FIRING and finding.rule in self.watch.rules:
                firing.setdefault(finding.concern, []).append(finding)
        news = _News()
        held = self.answers.hold(self.watch, findings.values(), after.values(), now)
        news.settled = [answer for answer in held.values() if answer.end is not None]
        touched = {key for key, events in happened.items() if events} | (set(self._told) - set(firing))
        touched |= self._due_for_review(firing, now) | {answer.answered.concern for answer in news.settled}
        for key in sorted(touched):
            if mine := firing.get(key):
                self._tell(tx, news, key, mine, happened.get(key, []), now, next_digest, held.get(key))
            else:
                ended = [f for f in after.values() if f.concern == key and f.state is State.RESOLVED]
                self._tell_end(news, key, ended, happened.get(key, []), now, held.get(key))
        return news

    def _due_for_review(self, firing: Mapping[str, Sequence[Finding]], now: datetime) -> set[str]:
        """Return firing concerns whose advice is missing or old, a few a round, the oldest first."""

        def due(key: str) -> bool:
            advice = self._advice.get(key)
            return advice is None or now - advice.at >= ADVICE_AGE or key in self._attention

        old = sorted(filter(due, firing), key=lambda key: (key in self._advice, key))
        return set(old[:REVIEWED])

    def _tell(
        self,
        tx: Transaction,
        news: _News,
        key: str,
        firing: Sequence[Finding],
        happened: Sequence[Event],
        now: datetime,
        next_digest: datetime,
        answer: Held | None = None,
    ) -> None:
        """Tell of a concern that fires what there is to tell at once."""
        concern = next(iter(self.watch.concerns(now, firing)), None)
        if concern is None:
            return
        if answer is not None and answer.end is not None and answer.end.outcome is Outcome.NEXT_STAGE:
            self.answers.advance(tx, self.watch, answer, concern, now)
        recommendation = self._advise(tx, concern, now)
        pairs = list(zip(concern.findings, concern.rules, strict=True))
        said, told = self._attended(concern, now), self._told.get(key)
        by = None if recommendation.old_figure else recommendation.by
        old = self.watch.old_figures(concern, now)
        # Whose acknowledgement or snooze is over is told anew.
        lapsed = self._attention.get(key, []) if said is None else []
        news.ended += lapsed
        before = None if lapsed else told
        plain = event_to_tell(pairs, before, said, happened, by, next_digest, now, old)
        event = says(answer, plain)
        if event is None:
            return
        note = note_of(answer, concern, self.watch.stages.get(key))
        notice = self.watch.notice(concern, event, now, recommendation, note, simulated=self.simulated)
        news.notices.append(notice)
        severity = worst([rule.severity for rule in concern.rules])
        fired = min(f.fired_at or f.since for f in concern.findings).isoformat()
        news.by_concern[key] = f"{key}|{event}|{severity}|{episode(pairs)}|{fired}{mark(answer)}"
        news.by_concern[key] += "".join(f"|{one.at.isoformat()}" for one in lapsed)
        if event is not Event.STALE:
            news.told.append(Told(key, severity, now, episode(pairs)))

    def _tell_end(
        self,
        news: _News,
        key: str,
        ended: Sequence[Finding],
        happened: Sequence[Event],
        now: datetime,
        answer: Held | None = None,
    ) -> None:
        """Tell that a concern is over, to whom its beginning was told or who said that it is done."""
        told = self._told.get(key)
        self._advice.pop(key, None)
        if Event.NEW_PERIOD not in happened:
            if key in self.watch.stages and ended:
                news.unstaged.append(key)
            news.ended += [said for said in self._attention.get(key, []) if said.kind == "acknowledge"]
        plain = event_to_tell((), told, None, happened, None, now, now)
        if told is not None and (plain is Event.RESOLVED or forgotten(told, now)):
            news.over.append(key)
        event = says(answer, plain)
        if event is None:
            return
        concern = self._as_it_was(key, ended)
        note = "; ".join(dict.fromkeys(f.reason for f in ended if f.reason and f.reason != "cleared"))
        note = note_of(answer, concern) or note
        if concern is not None:
            notice = self.watch.notice(concern, event, now, None, note, simulated=self.simulated)
        elif ended and told is not None:
            notice = self.watch.farewell(key, ended[0], told.severity, now, note, simulated=self.simulated)
        elif answer is not None and answer.event is not None:
            severity = answer.answered.severity
            notice = self.watch.word(key, event, severity, now, note, simulated=self.simulated)
        else:
            return
        news.notices.append(notice)
        about = f"{told.episode}|{told.at.isoformat()}" if told is not None else ""
        news.by_concern[key] = f"{key}|{event}|{about}{mark(answer)}"

    def _attended(self, concern: Concern, now: datetime) -> Attention | None:
        """Return the acknowledgement or snooze that stops messages, judged by the figures of now."""
        known = self._attention.get(concern.key)
        if not known:
            return None
        current = [self.watch.current(finding) for finding in concern.findings]
        pairs = list(zip(current, concern.rules, strict=True))
        return next((said for said in known if attended(said, pairs, now)), None)

    def _as_it_was(self, key: str, ended: Sequence[Finding]) -> Concern | None:
        """Return a concern whose findings have all ended, for its last message."""
        found = ended or [f for f in self.watch.ledger.findings.values() if f.concern == key]
        as_fired = [replace(f, state=State.FIRING) for f in found if f.rule in self.watch.rules]
        return next(iter(gather(as_fired, self.watch.rules, lambda *_: key)), None)

    def _advise(self, tx: Transaction, concern: Concern, now: datetime) -> Recommendation:
        evidence: dict[str, Sequence[Mapping[str, str]]] = {}
        for service in concern.services:
            for shown in self._evidence.get(service, {}).values():
                evidence.update(shown)
        known = self._histories(tx, concern.services, now)
        recommendation = self.watch.advise(concern, known, now, evidence)
        self._advice[concern.key] = _Advice(recommendation, now)
        return recommendation

    def _histories(self, tx: Transaction, services: Sequence[str], now: datetime) -> Histories:
        """Read the history of everything that services, and their accounts', report."""
        return histories(tx, around(self.watch.fleet, services), now - LOOKS_BACK, now)

    def _after(self, polls: Iterable[Polled]) -> None:
        for polled in polls:
            key = (polled.subject, polled.provider)
            if polled.keep is not None and polled.error is None:
                self.kept[key] = polled.keep
            if polled.error is None:
                self.last_success[key] = polled.at
            row = self._sources.get(key)
            if row is not None:
                self._sources[key] = replace(
                    row,
                    up=polled.error is None,
                    last_poll=polled.at,
                    last_success=polled.at if polled.error is None else row.last_success,
                    duration=polled.duration,
                    error=polled.error or "",
                    gaps=tuple(f"{gap.what}: {gap.why}" for gap in polled.gaps)
                    if polled.error is None
                    else row.gaps,
                )
        self._snapshot = None

    @property
    def waits(self) -> bool:
        """True while a message waits in the outbox."""
        return self._outbox[0] > 0

    async def look_at_outbox(self) -> None:
        """Count anew what waits in the outbox and what was given up."""
        await self.store.read(self._look_at_outbox)
        self._snapshot = None

    def _look_at_outbox(self, tx: Transaction) -> None:
        self._outbox = tx.outbox_depth()
        self._parked = tx.parked()

    def note(self, problem: str) -> None:
        """Show a problem on the page until the next reload."""
        self._note = problem
        self._snapshot = None

    # -- what people are shown -------------------------------------------------------------------------

    def snapshot(self, now: datetime) -> Snapshot:
        """Return the advisor's view; made once a round, when somebody asks."""
        if self._snapshot is None:
            self._snapshot = self._make_snapshot(now)
        return self._snapshot

    def _make_snapshot(self, now: datetime) -> Snapshot:
        watch = self.watch
        states: dict[str, int] = {state.value: 0 for state in State}
        for finding in watch.ledger.findings.values():
            states[finding.state.value] += 1
        decision = watch.decision
        return Snapshot(
            at=now,
            metrics=with_months(dated(watch.metrics(now), self._ahead.values()), self.estimates.of),
            costs=self._costs(),
            down=could_go_down(self._ahead, watch.fleet, self._quiet(now), self._answers()),
            concerns=tuple(self._line(concern, now) for concern in watch.concerns(now)),
            resolved=tuple(self._resolved(now)),
            sources=tuple(self._sources.values()),
            findings=states,
            judgements=watch.judgements(),
            unknown=tuple(watch.not_judged(UNKNOWN)),
            outbox_depth=self._outbox[0],
            outbox_oldest=self._outbox[1],
            evaluated_at=decision.at if decision else None,
            evaluation_seconds=self._seconds,
            simulated=self.simulated,
            ready=self._loaded and not self._problem and not self.waits_for,
            problems=tuple(self._problems()),
            timezone=self.world.config.digest_timezone if self.world.config is not None else "UTC",
        )

    def _costs(self) -> tuple[DigestCost, ...]:
        of, watch = self.estimates, self.watch
        return stack_costs(watch.fleet, of.of, watch.columns, watch.catalogue.documents, of.revenue)

    def _problems(self) -> Iterable[str]:
        yield from filter(None, (self.waits_for, self._problem, self._note))
        for channel, count, error in self._parked:
            yield f"{counted(count, 'message')} to {channel} could not be delivered: {redact(error)}"
        config = self.world.config
        if config is not None:
            yield from (f"set aside: {line}" for fault in config.problems for line in str(fault).split("\n"))
        yield from self.world.rulebook.problems

    def _line(self, concern: Concern, now: datetime) -> DigestConcern:
        advice = self._advice.get(concern.key)
        said = self._attended(concern, now)
        words = ""
        if said is not None:
            until = f" until {said.until:%d %b %H:%M} UTC" if said.until else ""
            verb = "snoozed" if said.kind == "snooze" else "acknowledged"
            words = f"{verb} by {said.by}{until}{f': {said.reason}' if said.reason else ''}"
        line = self.watch.line(concern, advice.recommendation if advice else None, words)
        stack, _ = self.watch.place(concern.subject)
        return self.answers.shown(line, stack.timezone if stack else "UTC")

    def _quiet(self, now: datetime) -> set[str]:
        """Return the concerns without findings of which people have said that nothing is to be done now."""
        waits = {key for key, one in self.answers.of.items() if one.said is not Said.ACCEPTED}
        return waits | {
            key for key, said in self._attention.items() if any(attended(one, (), now) for one in said)
        }

    def _answers(self) -> dict[str, str]:
        """Return what people answered, in words, by concern."""
        stacks = self.watch.fleet.stack
        zones = {key: stack.timezone for key, stack in stacks.items()}
        return {
            key: described(one, zones.get(Subject.parse(key).stack, "UTC"))
            for key, one in self.answers.of.items()
        }

    def _resolved(self, now: datetime) -> Iterable[DigestConcern]:
        open_ones = {f.concern for f in self.watch.ledger.findings.values() if f.state is State.FIRING}
        recent = [
            replace(finding, state=State.FIRING)
            for finding in self.watch.ledger.findings.values()
            if finding.state is State.RESOLVED
            and now - finding.since <= SHOWN_AFTER
            and finding.concern not in open_ones
        ]
        for concern in gather(recent, self.watch.rules, lambda *_: ""):
            yield self.watch.line(concern).model_copy(update={"state": State.RESOLVED.value})

    def digest(self, cadence: str, now: datetime, timezone: str) -> Digest:
        """Return the report as it would go out now."""
        span = timedelta(days=1 if cadence == "daily" else 7)
        since = (now.astimezone(ZoneInfo(timezone)) - span).astimezone(UTC)
        report = build(self.snapshot(now), self._events, since, now, cadence=cadence, timezone=timezone)
        return self.answers.in_digest(report, self.watch, self.world)

    async def queue_digest(
        self, cadence: str, now: datetime, timezone: str, due: datetime | None = None
    ) -> list[Message]:
        """Queue the report for every channel; a daily one only where something new is to be told.

        The same local date makes the same id, so a clock that strikes twice sends once. `due` is when it
        should have gone out, where that was missed: the report is of that date.
        """
        async with self._one_round:
            if not self._loaded:
                await self.load(now)
            if cadence == "weekly":
                await self._look_ahead(now, FORESEEN_BEFORE_REPORT)
            self.snapshot(now)  # What is known now, whatever date the report bears.
            digest = self.digest(cadence, due or now, timezone)
            if cadence == "daily" and not self._new_for_daily(now):
                return []
            messages = [digest_message(digest, channel) for channel in self.channels]

            def write(tx: Transaction) -> list[str]:
                if self.lease is not None:
                    tx.require_lease(self.lease, now)
                new = tx.enqueue([(message, now) for message in messages])
                self._outbox = tx.outbox_depth()
                return new

            new = await self.store.write(write)
            self._snapshot = None
            return [message for message in messages if message.id in new]

    def _new_for_daily(self, now: datetime) -> bool:
        """Say whether some daily or immediate rule began to fire within the last day, and nobody was told."""
        return any(
            finding.state is State.FIRING
            and finding.concern not in self._told
            and not self.answers.rejected(finding.concern)
            and finding.rule in self.watch.rules
            and self.watch.rules[finding.rule].told is not Cadence.WEEKLY
            and finding.fired_at is not None
            and now - finding.fired_at <= timedelta(days=1)
            for finding in self.watch.ledger.findings.values()
        )
