"""Messages to send, written in the transaction of the findings that cause them.

A message is queued, claimed by one daemon for a while, then sent, put off or parked. A claim has a number
(its fence); who lost the claim by being slow can no longer change the message. So a message is delivered at
least once, and a repeat carries the same id.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Update, bindparam, func, or_, select, update

from advisor.core.message import Message
from advisor.store.moment import clean
from advisor.store.schema import outbox
from advisor.store.sql import ignoring, slices, written


class Delivery(StrEnum):
    """Where a message stands."""

    QUEUED = "queued"  #: To be sent when due.
    SENT = "sent"  #: The channel took it.
    PARKED = "parked"  #: Given up; a person has to look.


@dataclass(frozen=True, slots=True)
class Claim:
    """A message that `owner` may send until `until`; `attempts` counts this one too."""

    message: Message
    attempts: int
    owner: str
    fence: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Queued:
    """A message in the outbox, for people to look at."""

    message: Message
    state: Delivery
    created_at: datetime
    due_at: datetime
    attempts: int
    last_error: str
    sent_at: datetime | None


def enqueue(connection: Connection, messages: Iterable[tuple[Message, datetime]]) -> list[str]:
    """Queue messages, each with the time from which it may be sent; return the ids that were new.

    A known id is left alone, and so is a second digest of one channel, kind and local date.
    """
    new = []
    for message, due_at in messages:
        row = {
            "id": message.id,
            "channel": message.channel,
            "kind": message.kind,
            "digest_key": digest_key(message),
            "payload": message.model_dump_json(exclude_defaults=True),
            "state": Delivery.QUEUED.value,
            "created_at": message.at,
            "due_at": due_at,
            "attempts": 0,
            "fence": 0,
            "last_error": "",
        }
        if written(connection, ignoring(connection, outbox), row):
            new.append(message.id)
    return new


def digest_key(message: Message) -> str | None:
    """Return what only one digest can have: channel, cadence and the date where it is read."""
    if message.digest is None:
        return None
    date = message.at.astimezone(ZoneInfo(message.digest.timezone)).date()
    return f"{message.channel} {message.digest.cadence} {date.isoformat()}"


def claim_due_messages(
    connection: Connection, now: datetime, owner: str, limit: int, lease_seconds: float, channel: str = ""
) -> list[Claim]:
    """Take up to `limit` due messages, oldest first, for `lease_seconds`; nobody else gets them meanwhile.

    `channel` takes those of one channel only, so that a slow one never holds up another.
    """
    columns = outbox.c
    query = (
        select(columns.id, columns.payload, columns.attempts, columns.fence)
        .where(
            columns.state == Delivery.QUEUED.value,
            columns.due_at <= now,
            or_(columns.claim_until.is_(None), columns.claim_until <= now),
        )
        .order_by(columns.due_at, columns.created_at, columns.id)
        .limit(limit)
        .with_for_update(skip_locked=True)  # SQLite has the whole file to itself here and leaves it out.
    )
    if channel:
        query = query.where(columns.channel == channel)
    rows = connection.execute(query).all()
    until = now + timedelta(seconds=lease_seconds)
    for some in slices([row.id for row in rows]):
        taken = {"claimed_by": owner, "claim_until": until}
        connection.execute(
            update(outbox)
            .where(columns.id.in_(some))
            .values(taken | {"attempts": columns.attempts + 1, "fence": columns.fence + 1})
        )
    return [
        Claim(Message.model_validate_json(row.payload), row.attempts + 1, owner, row.fence + 1, until)
        for row in rows
    ]


def mark_sent(connection: Connection, claim: Claim, now: datetime) -> bool:
    """Write that the channel took it; False where the claim was lost meanwhile."""
    return _change(connection, claim, state=Delivery.SENT.value, sent_at=now, last_error="")


def mark_failed(connection: Connection, claim: Claim, error: str, retry_at: datetime) -> bool:
    """Put it off until `retry_at`; False where the claim was lost meanwhile."""
    return _change(connection, claim, due_at=retry_at, last_error=error)


def park(connection: Connection, claim: Claim, error: str) -> bool:
    """Give it up and keep it for a person; False where the claim was lost meanwhile."""
    return _change(connection, claim, state=Delivery.PARKED.value, last_error=error)


def release_claim(connection: Connection, claim: Claim) -> bool:
    """Give it back unsent, as if it had not been claimed; False where the claim was lost meanwhile."""
    return _change(connection, claim, attempts=claim.attempts - 1)


def _change(connection: Connection, claim: Claim, **values: Any) -> bool:
    return bool(connection.execute(_held(claim).values(claimed_by=None, claim_until=None, **values)).rowcount)


def _held(claim: Claim) -> Update:
    columns = outbox.c
    return update(outbox).where(
        columns.id == bindparam("claimed", claim.message.id),
        columns.state == Delivery.QUEUED.value,
        columns.claimed_by == bindparam("owner", claim.owner),
        columns.fence == bindparam("held_fence", claim.fence),
    )


def release_claims(connection: Connection, owner: str) -> int:
    """Give back all that an owner claimed who runs no more; return how many. The tries stay counted."""
    columns = outbox.c
    held = update(outbox).where(columns.state == Delivery.QUEUED.value, columns.claimed_by == clean(owner))
    # The next claim gets a number of its own, so whoever had it can no longer change the message.
    return connection.execute(held.values(claimed_by=None, claim_until=None)).rowcount


def parked(connection: Connection) -> list[tuple[str, int, str]]:
    """Return (channel, how many, one of the errors) of the messages that were given up."""
    columns = outbox.c
    query = (
        select(columns.channel, func.count(), func.max(columns.last_error))
        .where(columns.state == Delivery.PARKED.value)
        .group_by(columns.channel)
        .order_by(columns.channel)
    )
    return [(channel, count, error) for channel, count, error in connection.execute(query)]


def retry_parked(connection: Connection, now: datetime, ids: Sequence[str] = ()) -> int:
    """Queue parked messages again (all, or those named); return how many."""
    columns = outbox.c
    again = update(outbox).where(columns.state == Delivery.PARKED.value)
    if ids:
        again = again.where(columns.id.in_(ids))
    return connection.execute(again.values(state=Delivery.QUEUED.value, due_at=now, attempts=0)).rowcount


def depth(connection: Connection) -> tuple[int, datetime | None]:
    """Return how many messages are queued, and when the oldest of them was due."""
    count, oldest = connection.execute(
        select(func.count(), func.min(outbox.c.due_at)).where(outbox.c.state == Delivery.QUEUED.value)
    ).one()
    return count, oldest


def queue(connection: Connection, *states: Delivery) -> list[Queued]:
    """Return the messages in these states (none given: all), oldest first."""
    query = select(outbox).order_by(outbox.c.created_at, outbox.c.id)
    if states:
        query = query.where(outbox.c.state.in_([state.value for state in states]))
    return [
        Queued(
            Message.model_validate_json(row.payload),
            Delivery(row.state),
            row.created_at,
            row.due_at,
            row.attempts,
            row.last_error,
            row.sent_at,
        )
        for row in connection.execute(query)
    ]
