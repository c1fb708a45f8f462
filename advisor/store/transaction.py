"""One transaction: everything written in it is kept together, or nothing is."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, select, update

from advisor.core.answered import Answered, Outcome
from advisor.core.checklists import Done
from advisor.core.lifecycle import Attention, Finding
from advisor.core.message import Message
from advisor.core.model import Gap, Observed, Term
from advisor.core.stages import Stage
from advisor.core.tell import Told
from advisor.store import answers, findings, history, leases, outbox, rollups, sources, terms
from advisor.store.answers import Ended
from advisor.store.findings import Changed, Flip
from advisor.store.history import Samples
from advisor.store.leases import Lease
from advisor.store.outbox import Claim, Delivery, Queued
from advisor.store.rollups import Daily
from advisor.store.schema import meta
from advisor.store.series import Series, SeriesIndex
from advisor.store.sources import Evidence, Source


class Transaction:
    """What can be asked and written. Made by `Store.transaction` and `Store.reading`; ends with them."""

    def __init__(self, connection: Connection, index: SeriesIndex) -> None:
        self.connection = connection
        self.added = 0  #: Samples that wait to be folded because of this transaction.
        self.seen_at: datetime | None = None  #: When the newest of them was seen.
        self._index = index

    # Readings.

    def add_readings(self, readings: Sequence[Observed]) -> None:
        """Write readings. One seen again replaces; of amounts and shares the older value is kept as revision.

        Raises:
            InputError: if a value is not finite or a bucket ends before it begins.
        """
        added = history.add_readings(self.connection, self._index, readings)
        if added:
            self.added += added
            self.seen_at = max(one.seen_at for one in readings)

    def history(
        self, subject: str, metric: str, since: datetime, until: datetime | None = None
    ) -> list[Observed]:
        """Return a metric's readings of all parts, stats and sources, both ends included, in time order."""
        return history.history(self.connection, subject, metric, since, until)

    def samples(
        self,
        since: datetime,
        until: datetime | None = None,
        *,
        subject: str | None = None,
        metric: str | None = None,
    ) -> Iterator[tuple[Series, Samples]]:
        """Yield the same as columns, one series at a time; for filling the columns of a whole fleet."""
        return history.samples(self.connection, since, until, subject=subject, metric=metric)

    def newest(self) -> list[Observed]:
        """Return the newest reading of every series."""
        return history.newest(self.connection)

    def revisions(self, subject: str, metric: str, since: datetime) -> list[Observed]:
        """Return what corrected or replaced buckets said before, with when that was seen."""
        return history.revised(self.connection, subject, metric, since)

    def daily(self, subject: str, metric: str, since: date, until: date | None = None) -> list[Daily]:
        """Return a metric's roll-ups, both days included."""
        return rollups.daily_of(self.connection, subject, metric, since, until)

    def fold(self) -> int:
        """Move what waits into the days' chunks; return how many samples. Done by itself once an hour."""
        return history.fold(self.connection)

    def roll_up(self, zones: Mapping[str, str]) -> int:
        """Make the roll-ups of the days with new readings; `zones` are IANA zones by subject, else UTC."""
        return rollups.roll_up(self.connection, zones)

    # Terms and sources.

    def add_terms(self, subject: str, learnt: Sequence[Term], now: datetime) -> int:
        """Write what changed of a subject's or account's plan, limits and prices; return how many changes."""
        return terms.add_terms(self.connection, subject, learnt, now)

    def terms(self, at: datetime) -> dict[str, list[Term]]:
        """Return the terms in force at `at` by subject or account key, the newest of each source."""
        return terms.terms_at(self.connection, at)

    def terms_of(self, subject: str) -> list[Term]:
        """Return every change of a subject's terms, oldest first."""
        return terms.terms_of(self.connection, subject)

    def record_poll(
        self,
        subject: str,
        provider: str,
        at: datetime,
        duration: float,
        error: str | None = None,
        keep: Mapping[str, Any] | None = None,
        evidence: Evidence | None = None,
        gaps: Sequence[Gap] = (),
    ) -> None:
        """Write how a poll went, `duration` in seconds. After an error the older keep and evidence stay.

        Raises:
            InputError: if `keep` or `evidence` is larger than 1 MiB.
        """
        sources.record_poll(self.connection, subject, provider, at, duration, error, keep, evidence, gaps)

    def sources(self) -> list[Source]:
        """Return how every source answered last, with what its collector kept."""
        return sources.all_sources(self.connection)

    # Findings.

    def findings(self) -> list[Finding]:
        """Return every finding that is not inactive or has a running clock."""
        return findings.all_findings(self.connection)

    def save_findings(self, changed: Sequence[Changed]) -> None:
        """Write (as it was read or None, as it shall be).

        Raises:
            Conflict: if another process changed one of them since it was read.
        """
        findings.save_findings(self.connection, changed)

    def add_flips(self, flips: Sequence[Flip]) -> None:
        """Write changes of state down (`Flip.between` makes one)."""
        findings.add_flips(self.connection, flips)

    def flips(self, since: datetime) -> list[Flip]:
        """Return the changes of state since then, oldest first."""
        return findings.flips_since(self.connection, since)

    def attentions(self) -> list[Attention]:
        """Return the acknowledgements and snoozes that nobody has ended."""
        return findings.attentions(self.connection)

    def told(self) -> list[Told]:
        """Return what people were last told at once of the concerns that are not over."""
        return findings.told(self.connection)

    def set_told(self, said: Sequence[Told], over: Sequence[str]) -> None:
        """Write what people are told of concerns, and forget those whose end is told (`over`)."""
        findings.set_told(self.connection, said, over)

    def set_attention(self, said: Attention) -> None:
        """Write what a person said, in place of what was said before of that kind; daemons notice."""
        findings.set_attention(self.connection, said)
        self.bump_revision()

    def end_attention(self, concern: str, kind: str, at: datetime) -> bool:
        """End an acknowledgement or snooze; daemons notice. False where there was none."""
        ended = findings.end_attention(self.connection, concern, kind, at)
        if ended:
            self.bump_revision()
        return ended

    # Answers, stages, checklists.

    def answers(self) -> list[Answered]:
        """Return the answers to recommendations that count."""
        return answers.live(self.connection)

    def answers_ended(self, since: datetime) -> list[Ended]:
        """Return the answers that ended since then, with how they ended, oldest first."""
        return answers.ended_since(self.connection, since)

    def answer(self, answered: Answered) -> None:
        """Write what a person answered, in place of what counted before on the concern; daemons notice."""
        answers.add(self.connection, answered)
        self.bump_revision()

    def take_back_answer(self, concern: str, at: datetime) -> bool:
        """End the answer that counts on a concern; daemons notice. False where there was none."""
        ended = answers.take_back(self.connection, concern, at)
        if ended:
            self.bump_revision()
        return ended

    def end_answer(self, answered: Answered, outcome: Outcome, words: str, at: datetime) -> None:
        """End an answer by what was seen.

        Raises:
            Conflict: if another process ended or replaced it since it was read.
        """
        answers.end(self.connection, answered, outcome, words, at)

    def count_polls(self, answered: Answered, polls: int) -> None:
        """Write how many reports there were since an answer.

        Raises:
            Conflict: if another process ended or replaced it, or counted too.
        """
        answers.count_polls(self.connection, answered, polls)

    def stages(self) -> list[Stage]:
        """Return the stages of the concerns that are past their first."""
        return answers.stages(self.connection)

    def set_stage(self, before: Stage | None, after: Stage) -> None:
        """Write the stage that a concern has reached; `before` is as it was read.

        Raises:
            Conflict: if another process wrote it since.
        """
        answers.set_stage(self.connection, before, after)

    def end_stages(self, concerns: Sequence[str]) -> None:
        """Forget the stages of concerns that are over."""
        answers.end_stages(self.connection, concerns)

    def items_done(self) -> list[Done]:
        """Return every time that an item of a checklist was done, oldest first."""
        return answers.done(self.connection)

    def mark_done(self, done: Done) -> None:
        """Write that an item of a checklist is done; daemons notice."""
        answers.mark_done(self.connection, done)
        self.bump_revision()

    def undo_item(self, stack: str, item: str, at: datetime) -> bool:
        """Take back the last time an item was done; daemons notice. False where there was none."""
        undone = answers.undo(self.connection, stack, item, at)
        if undone:
            self.bump_revision()
        return undone

    # Messages.

    def enqueue(self, messages: Iterable[tuple[Message, datetime]]) -> list[str]:
        """Queue (message, due at); return the ids that were new: a known id or digest is left alone."""
        return outbox.enqueue(self.connection, messages)

    def claim_due_messages(
        self, now: datetime, owner: str, limit: int, lease_seconds: float, channel: str = ""
    ) -> list[Claim]:
        """Take due messages, oldest first, so that nobody else sends them for `lease_seconds`."""
        return outbox.claim_due_messages(self.connection, now, owner, limit, lease_seconds, channel)

    def mark_sent(self, claim: Claim, now: datetime) -> bool:
        """Write that the channel took it; False where the claim was lost."""
        return outbox.mark_sent(self.connection, claim, now)

    def mark_failed(self, claim: Claim, error: str, retry_at: datetime) -> bool:
        """Put it off; False where the claim was lost."""
        return outbox.mark_failed(self.connection, claim, error, retry_at)

    def park(self, claim: Claim, error: str) -> bool:
        """Give it up for a person to look at; False where the claim was lost."""
        return outbox.park(self.connection, claim, error)

    def release_claim(self, claim: Claim) -> bool:
        """Give it back unsent, as at the end of a daemon; False where the claim was lost."""
        return outbox.release_claim(self.connection, claim)

    def release_claims(self, owner: str) -> int:
        """Give back all that an owner claimed who runs no more; return how many messages."""
        return outbox.release_claims(self.connection, owner)

    def parked(self) -> list[tuple[str, int, str]]:
        """Return (channel, how many, one of the errors) of the messages that were given up."""
        return outbox.parked(self.connection)

    def retry_parked(self, now: datetime, ids: Sequence[str] = ()) -> int:
        """Queue parked messages again (all, or those named); return how many."""
        return outbox.retry_parked(self.connection, now, ids)

    def outbox_depth(self) -> tuple[int, datetime | None]:
        """Return how many messages are queued, and when the oldest of them was due."""
        return outbox.depth(self.connection)

    def outbox(self, *states: Delivery) -> list[Queued]:
        """Return the messages in these states (none: all), oldest first."""
        return outbox.queue(self.connection, *states)

    # Leases.

    def lease(self, name: str) -> Lease | None:
        """Return who holds a lease or held it last, None where nobody ever did."""
        return leases.lease_of(self.connection, name)

    def acquire_lease(
        self, name: str, owner: str, now: datetime, seconds: float, gone: str = ""
    ) -> Lease | None:
        """Take what only one may do, or None while somebody else has it; `gone` is an owner that ended."""
        return leases.acquire_lease(self.connection, name, owner, now, seconds, gone)

    def renew_lease(self, lease: Lease, now: datetime, seconds: float) -> Lease:
        """Hold it for longer.

        Raises:
            StaleFence: if it has expired or passed to somebody else.
        """
        return leases.renew_lease(self.connection, lease, now, seconds)

    def require_lease(self, lease: Lease, now: datetime) -> None:
        """Let this transaction be kept only under the lease.

        Raises:
            StaleFence: if it has expired or passed to somebody else.
        """
        leases.require_lease(self.connection, lease, now)

    def release_lease(self, lease: Lease, now: datetime) -> bool:
        """Let the next one have it at once; False where it was lost already."""
        return leases.release_lease(self.connection, lease, now)

    # The store itself.

    def revision(self) -> int:
        """Return the number that grows when a command changes something a daemon should look at."""
        return int(
            self.connection.execute(select(meta.c.number).where(meta.c.key == "revision")).scalar_one()
        )

    def bump_revision(self) -> None:
        """Let daemons notice a change."""
        self.connection.execute(update(meta).where(meta.c.key == "revision").values(number=meta.c.number + 1))

    def instance(self) -> str:
        """Return the name that this store got when it was made."""
        return str(self.connection.execute(select(meta.c.text).where(meta.c.key == "instance")).scalar_one())
