"""What people answered to recommendations, the stages these have reached, and the items that are done.

Each end of an answer and each step of a stage is guarded by what it was decided on: whoever was quicker makes
it a `Conflict`.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from advisor.core.answered import Answered, Outcome, Said, Seen
from advisor.core.checklists import Done
from advisor.core.model import Action, Severity
from advisor.core.stages import Stage
from advisor.store.moment import clean
from advisor.store.schema import answers as table
from advisor.store.schema import items_done
from advisor.store.schema import stages as stages_table
from advisor.store.sql import ignoring, written
from advisor.store.trouble import Conflict


@dataclass(frozen=True, slots=True)
class Ended:
    """An answer that counts no more: how it ended, when, and what was seen."""

    answered: Answered
    outcome: Outcome
    at: datetime
    words: str


def live(connection: Connection) -> list[Answered]:
    """Return the answers that count, oldest first."""
    query = select(table).where(table.c.ended_at.is_(None)).order_by(table.c.id)
    return [_answered(row) for row in connection.execute(query)]


def ended_since(connection: Connection, since: datetime) -> list[Ended]:
    """Return the answers that ended since then, oldest first."""
    query = select(table).where(table.c.ended_at >= since).order_by(table.c.ended_at, table.c.id)
    return [
        Ended(_answered(row), Outcome(row.outcome), row.ended_at, row.words)
        for row in connection.execute(query)
    ]


def add(connection: Connection, answered: Answered) -> None:
    """Write an answer; it takes the place of the one that counted before on the concern."""
    connection.execute(
        update(table)
        .where(table.c.concern == clean(answered.concern), table.c.ended_at.is_(None))
        .values(ended_at=answered.at, outcome=Outcome.REPLACED.value)
    )
    row = {
        "concern": answered.concern,
        "said": answered.said.value,
        "by": answered.by,
        "at": answered.at,
        "reason": answered.reason,
        "severity": answered.severity.value,
        "until": answered.until,
        "share": answered.share,
        "value": answered.value,
        "stage": answered.stage,
        "due": answered.due,
        "polls": answered.polls,
        "seen": json.dumps(asdict(answered.seen)) if answered.seen is not None else "",
        "ended_at": None,
        "outcome": "",
        "words": "",
    }
    connection.execute(insert(table), row)


def count_polls(connection: Connection, answered: Answered, polls: int) -> None:
    """Write how many reports the provider has made since the answer.

    Raises:
        Conflict: if the answer counts no more, or another process counted too.
    """
    _one(
        connection,
        update(table)
        .where(table.c.id == answered.id, table.c.ended_at.is_(None), table.c.polls == answered.polls)
        .values(polls=polls),
    )


def end(connection: Connection, answered: Answered, outcome: Outcome, words: str, at: datetime) -> None:
    """End an answer; it stays in the history with how it ended.

    Raises:
        Conflict: if it was ended or replaced since it was read.
    """
    _one(
        connection,
        update(table)
        .where(table.c.id == answered.id, table.c.ended_at.is_(None))
        .values(ended_at=at, outcome=outcome.value, words=words),
    )


def take_back(connection: Connection, concern: str, at: datetime) -> bool:
    """End the answer that counts on a concern; False where there is none."""
    done = connection.execute(
        update(table)
        .where(table.c.concern == clean(concern), table.c.ended_at.is_(None))
        .values(ended_at=at, outcome=Outcome.TAKEN_BACK.value)
    )
    return bool(done.rowcount)


def _one(connection: Connection, statement: Any) -> None:
    if connection.execute(statement).rowcount != 1:
        raise Conflict("an answer was changed by another process since it was read: the round is done again")


def _answered(row: Row[Any]) -> Answered:
    return Answered(
        row.concern,
        Said(row.said),
        row.by,
        row.at,
        row.reason,
        Severity(row.severity),
        row.until,
        row.share,
        row.value,
        row.stage,
        row.due,
        row.polls,
        Seen(**json.loads(row.seen)) if row.seen else None,
        row.id,
    )


def stages(connection: Connection) -> list[Stage]:
    """Return the stages of all concerns that are past their first."""
    return [
        Stage(
            row.concern,
            row.place,
            row.since,
            tuple((Action(action), datetime.fromisoformat(at)) for action, at in json.loads(row.passed)),
        )
        for row in connection.execute(select(stages_table))
    ]


def set_stage(connection: Connection, before: Stage | None, after: Stage) -> None:
    """Write the stage that a concern has reached; `before` is what was read, None for none.

    Raises:
        Conflict: if another process wrote it meanwhile.
    """
    values = {
        "place": after.place,
        "since": after.since,
        "passed": json.dumps([[action.value, at.isoformat()] for action, at in after.passed]),
    }
    if before is None:
        new = {"concern": after.concern, **values}
        if written(connection, ignoring(connection, stages_table), new) != 1:
            raise Conflict("a stage was written by another process: the round is done again")
        return
    _one(
        connection,
        update(stages_table)
        .where(stages_table.c.concern == clean(before.concern), stages_table.c.place == before.place)
        .values(values),
    )


def end_stages(connection: Connection, concerns: Sequence[str]) -> None:
    """Forget the stages of concerns that are over."""
    for concern in concerns:
        connection.execute(delete(stages_table).where(stages_table.c.concern == clean(concern)))


def done(connection: Connection) -> list[Done]:
    """Return every time that an item was done and not taken back, oldest first."""
    query = select(items_done).where(items_done.c.ended_at.is_(None)).order_by(items_done.c.id)
    return [Done(row.stack, row.item, row.by, row.at) for row in connection.execute(query)]


def mark_done(connection: Connection, one: Done) -> None:
    """Write that an item is done."""
    connection.execute(insert(items_done), asdict(one))


def undo(connection: Connection, stack: str, item: str, at: datetime) -> bool:
    """Take back the last time that an item was done; False where there was none."""
    columns = items_done.c
    mine = (columns.stack == clean(stack), columns.item == clean(item), columns.ended_at.is_(None))
    last = connection.execute(select(columns.id).where(*mine).order_by(columns.id.desc()).limit(1)).scalar()
    if last is None:
        return False
    ended = update(items_done).where(columns.id == last, columns.ended_at.is_(None)).values(ended_at=at)
    return bool(connection.execute(ended).rowcount)
