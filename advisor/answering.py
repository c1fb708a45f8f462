"""What people answered, between the store and the rounds: read, held against what is seen, and ended."""

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from advisor.core.answered import Answered, End, Outcome, Present, Said, Seen, described, quiet, settle
from advisor.core.checklists import Done, lines, reminders
from advisor.core.concerns import Concern
from advisor.core.digest import LINES
from advisor.core.fleet import Fleet
from advisor.core.lifecycle import Finding, State
from advisor.core.message import Digest, DigestConcern, Event
from advisor.core.model import Subject
from advisor.core.present import present, restrictions
from advisor.core.stages import Stage, following, staged_rule
from advisor.core.stages import described as stage_words
from advisor.core.watch import Watch
from advisor.core.wording import counted, metric_name, place
from advisor.polling.poller import Polled
from advisor.store import Transaction
from advisor.store.answers import Ended
from advisor.world import World

#: Ends are shown for this long.
SHOWN_AFTER = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Held:
    """An answer held against the present of a round. `end` is None while it counts."""

    answered: Answered
    present: Present
    end: End | None

    @property
    def event(self) -> Event | None:
        """What people are told of its end, None where that is nothing of its own."""
        return self.end.event if self.end is not None else None

    @property
    def quiet(self) -> bool:
        """True while it keeps messages of its concern back."""
        return self.end is None and quiet(self.answered, self.present)


def says(held: Held | None, event: Event | None) -> Event | None:
    """Return what people are told where `event` is what they were told without an answer."""
    if held is None:
        return event
    return held.event or (None if held.quiet else event)


def note_of(held: Held | None, concern: Concern | None, stage: Stage | None = None) -> str:
    """Return the words that go with an answer's end, empty where nothing of it is told."""
    if held is None or held.end is None or held.event is None:
        return ""
    rule = staged_rule(concern) if concern is not None else None
    if held.end.outcome is Outcome.NEXT_STAGE and rule is not None:
        words = stage_words(rule, stage, held.present.zone)
        return f"{words}; it was still missed on every complete day since"
    return held.end.words


def mark(held: Held | None) -> str:
    """Return what tells the message of an answer's end from other messages on its concern."""
    return f"|{held.answered.at.isoformat()}" if held is not None and held.event is not None else ""


class Answers:
    """The answers that count and those that ended lately, the stages, and the items that are done."""

    def __init__(self) -> None:
        self.of: dict[str, Answered] = {}
        self.ended: list[Ended] = []
        self.items: list[Done] = []

    def read(self, tx: Transaction, watch: Watch, now: datetime) -> None:
        """Read everything anew from the store."""
        self.of = {one.concern: one for one in tx.answers()}
        self.ended = tx.answers_ended(now - SHOWN_AFTER)
        self.items = tx.items_done()
        watch.stages = {stage.concern: stage for stage in tx.stages()}

    def count(self, tx: Transaction, polls: Sequence[Polled], fleet: Fleet) -> None:
        """Count the polls in which a provider said plan or limit after somebody said done."""
        for key, one in self.of.items():
            if one.said is not Said.DONE or one.seen is None:
                continue
            seen, service = one.seen, fleet.service.get(one.seen.subject)
            told_by = {seen.subject, f"@{service.account}" if service is not None else seen.subject}
            reports = sum(
                polled.subject in told_by and polled.at > one.at and _tells(polled, seen) for polled in polls
            )
            if reports:
                tx.count_polls(one, one.polls + reports)
                self.of[key] = replace(one, polls=one.polls + reports)

    def hold(
        self, watch: Watch, findings: Collection[Finding], after: Iterable[Finding], now: datetime
    ) -> dict[str, Held]:
        """Hold every answer that counts against the present; `after` are the findings that changed."""
        if not self.of:
            return {}
        live: dict[str, list[Finding]] = {}
        ended: dict[str, list[Finding]] = {}
        for finding in findings:
            open_ = finding.state in {State.FIRING, State.PENDING} and finding.rule in watch.rules
            if open_ and finding.concern in self.of:
                live.setdefault(finding.concern, []).append(finding)
        for finding in after:
            if finding.state is State.RESOLVED and finding.concern in self.of:
                ended.setdefault(finding.concern, []).append(finding)
        limited = restrictions(findings)
        gauges = watch.judged_gauges(now) if any(_asks(one) for one in self.of.values()) else ()
        held: dict[str, Held] = {}
        for key, one in self.of.items():
            service = watch.fleet.service.get(one.seen.subject if one.seen else "")
            whom = {
                key.rpartition("#")[0],
                *([f"@{service.account}", service.subject.key] if service else []),
            }
            restricted = any(at > one.at for subject, at in limited.items() if subject in whom)
            now_known = present(watch, one, live.get(key, ()), ended.get(key, ()), restricted, gauges, now)
            held[key] = Held(one, now_known, settle(one, now_known, now))
        return held

    def end(self, tx: Transaction, settled: Iterable[Held], now: datetime) -> None:
        """Write the ends of a round, the stages that they lead to among them."""
        for held in settled:
            one, end = held.answered, held.end
            if end is None:
                continue
            words = end.words
            if end.outcome is Outcome.NEXT_STAGE:
                words = f"stage {one.stage} was not enough"
            tx.end_answer(one, end.outcome, words, now)
            self.of.pop(one.concern, None)
            self.ended.append(Ended(one, end.outcome, now, words))
        self.ended = [one for one in self.ended if now - one.at <= SHOWN_AFTER]

    def advance(self, tx: Transaction, watch: Watch, held: Held, concern: Concern, now: datetime) -> None:
        """Write that a concern has reached its next stage."""
        rule = staged_rule(concern)
        if rule is None:
            return
        before = watch.stages.get(concern.key)
        after = following(before, concern.key, rule, held.answered.at, now)
        tx.set_stage(before, after)
        watch.stages[concern.key] = after

    # -- what people are shown -------------------------------------------------------------------------

    def rejected(self, concern: str) -> bool:
        """Say whether a concern's recommendation is rejected."""
        one = self.of.get(concern)
        return one is not None and one.said is Said.REJECTED

    def shown(self, line: DigestConcern, zone: str) -> DigestConcern:
        """Return a concern's line with what was answered."""
        one = self.of.get(line.concern)
        if one is None:
            return line
        return line.model_copy(update={"answered": one.said.value, "answer": described(one, zone)})

    def in_digest(self, digest: Digest, watch: Watch, world: World) -> Digest:
        """Return the report with what was answered and verified, and with the checklists that are due."""
        within = [one for one in self.ended if digest.since <= one.at <= digest.until]
        said = [one.said for one in self.of.values()]
        counts = {**digest.counts, **{kind.value: said.count(kind) for kind in Said}}
        for outcome in (Outcome.VERIFIED, Outcome.NOT_MOVED):
            counts[outcome.value] = sum(one.outcome is outcome for one in within)
        verified = [
            f"{_about(one.answered.concern)}: {one.words}"
            for one in within
            if one.outcome in {Outcome.VERIFIED, Outcome.NOT_MOVED}
        ]
        return digest.model_copy(
            update={
                "counts": counts,
                "verified": tuple(verified),
                "checklists": _first(self._due(digest, watch, world)),
            }
        )

    def _due(self, digest: Digest, watch: Watch, world: World) -> Iterable[str]:
        documents = {pack.name: pack.document for pack in world.rulebook.packs if pack.document is not None}
        users = watch.columns.get("users")
        for stack in watch.fleet.stacks:
            mine = [documents[name] for name in stack.packs if name in documents]
            if not mine:
                continue
            count = float(users.value[watch.fleet.row[stack.key]]) if users is not None else None
            known = None if count is None or math.isnan(count) else count
            found = lines(stack.key, mine, self.items, digest.until, stack.timezone)
            yield from reminders(found, known, digest.cadence, stack.timezone)


def _first(sentences: Iterable[str]) -> tuple[str, ...]:
    found = list(sentences)
    more = f"and {counted(len(found) - LINES, 'more list')}: `advisor checklist` shows all"
    return (*found[:LINES], *([more] if len(found) > LINES else []))


def _tells(polled: Polled, seen: Seen) -> bool:
    return polled.error is None and any(
        term.what == "plan" or (term.what == "limit" and term.metric == seen.metric) for term in polled.terms
    )


def _asks(one: Answered) -> bool:
    return one.share is not None or one.value is not None


def _about(concern: str) -> str:
    key, _, metric = concern.rpartition("#")
    subject = Subject.parse(key)
    return f"{place(subject.stack, subject.service) or key} {metric_name(metric)}"
