"""Findings, the history of their states, and what people said about their concerns.

A finding that is inactive and whose clocks stand still is no row. Each change is guarded by the content that
it was decided on: whoever changed the row in between makes it a `Conflict`.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from advisor.core.lifecycle import Attention, Finding, State
from advisor.core.model import Severity
from advisor.core.tell import Told
from advisor.store.moment import clean, micros
from advisor.store.schema import attention, findings, flips
from advisor.store.schema import told as told_table
from advisor.store.sql import ignoring, replacing, written
from advisor.store.trouble import Conflict

Changed = tuple[Finding | None, Finding]


@dataclass(frozen=True, slots=True)
class Flip:
    """A change of a finding's state; `evidence` is the id of the message that tells it, or empty."""

    rule: str
    subject: str
    copy: str
    before: State
    after: State
    at: datetime
    value: float | None = None
    reason: str = ""
    evidence: str = ""

    @classmethod
    def between(cls, before: Finding | None, after: Finding, at: datetime, evidence: str = "") -> "Flip":
        """Return the change from one to the other."""
        was = before.state if before else State.INACTIVE
        return cls(*after.identity, was, after.state, at, after.value, after.reason, evidence)


def all_findings(connection: Connection) -> list[Finding]:
    """Return every finding that is not inactive or has a running clock."""
    return [_finding(row) for row in connection.execute(select(findings))]


def save_findings(connection: Connection, changed: Sequence[Changed]) -> None:
    """Write changes as (as it was read, as it shall be); None: there was none.

    Raises:
        Conflict: if a finding is no longer as it was read; the transaction is to be given up.
    """
    new, kept, gone = [], [], []
    for before, after in changed:
        if before is not None and before.identity != after.identity:
            raise ValueError(f"a finding keeps its identity: {before.identity} became {after.identity}")
        lasts = after.state is not State.INACTIVE or any(hold is not None for hold in after.holds)
        if before is None and lasts:
            new.append(_row(after))
        elif before is not None and lasts:
            kept.append(_row(after) | _guard(before))
        elif before is not None:
            gone.append(_guard(before))
    columns = findings.c
    guard = (
        columns.rule == bindparam("old_rule"),
        columns.subject == bindparam("old_subject"),
        columns.copy == bindparam("old_copy"),
        columns.version == bindparam("old_version"),
    )
    if new:
        _all(connection, ignoring(connection, findings), new)
    if kept:
        _all(connection, update(findings).where(*guard), kept)
    if gone:
        _all(connection, delete(findings).where(*guard), gone)


def _all(connection: Connection, statement: Any, rows: list[dict[str, Any]]) -> None:
    count = written(connection, statement, rows)
    if count != len(rows):
        raise Conflict(
            f"{len(rows) - count} of {len(rows)} findings were changed by another process since they "
            "were read: they are judged again at the next round"
        )


def add_flips(connection: Connection, changes: Sequence[Flip]) -> None:
    """Write changes of state down."""
    if changes:
        connection.execute(
            insert(flips),
            [
                {
                    "rule": flip.rule,
                    "subject": flip.subject,
                    "copy": flip.copy,
                    "before": flip.before.value,
                    "after": flip.after.value,
                    "at": flip.at,
                    "value": flip.value,
                    "reason": flip.reason,
                    "evidence": flip.evidence,
                }
                for flip in changes
            ],
        )


def flips_since(connection: Connection, since: datetime) -> list[Flip]:
    """Return the changes of state since then, oldest first."""
    query = select(flips).where(flips.c.at >= since).order_by(flips.c.at, flips.c.id)
    return [
        Flip(
            row.rule,
            row.subject,
            row.copy,
            State(row.before),
            State(row.after),
            row.at,
            row.value,
            row.reason,
            row.evidence,
        )
        for row in connection.execute(query)
    ]


def attentions(connection: Connection) -> list[Attention]:
    """Return what people said that still counts (a snooze is over when its time is; the caller knows now)."""
    query = select(attention).where(attention.c.ended_at.is_(None)).order_by(attention.c.id)
    return [
        Attention(row.concern, row.kind, row.by, row.at, row.reason, row.until, row.until_value)
        for row in connection.execute(query)
    ]


def set_attention(connection: Connection, said: Attention) -> None:
    """Write what a person said; it takes the place of what was said before of the same kind."""
    end_attention(connection, said.concern, said.kind, said.at)
    row = {field.name: getattr(said, field.name) for field in fields(said)}
    connection.execute(insert(attention), row)


def end_attention(connection: Connection, concern: str, kind: str, at: datetime) -> bool:
    """End an acknowledgement or a snooze; False where there was none. What was said stays in the history."""
    columns = attention.c
    done = connection.execute(
        update(attention)
        .where(columns.concern == concern, columns.kind == kind, columns.ended_at.is_(None))
        .values(ended_at=at)
    )
    return bool(done.rowcount)


def told(connection: Connection) -> list[Told]:
    """Return what people were last told at once of the concerns that are not over."""
    return [
        Told(row.concern, Severity(row.severity), row.at, row.episode)
        for row in connection.execute(select(told_table))
    ]


def set_told(connection: Connection, said: Sequence[Told], over: Sequence[str]) -> None:
    """Write what people are told of concerns, and forget those whose end is told (`over`)."""
    if said:
        rows = [
            {"concern": one.concern, "severity": one.severity.value, "at": one.at, "episode": one.episode}
            for one in said
        ]
        connection.execute(replacing(connection, told_table), rows)
    for concern in over:
        connection.execute(delete(told_table).where(told_table.c.concern == concern))


def _row(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "subject": finding.subject,
        "copy": finding.copy,
        "version": _version(finding),
        "state": finding.state.value,
        "since": finding.since,
        "concern": finding.concern,
        "fired_at": finding.fired_at,
        "episode": finding.episode,
        "value": _number(finding.value),
        "threshold": _number(finding.threshold),
        "unit": finding.unit,
        "limit_value": _number(finding.limit),
        "limit_source": finding.limit_source,
        "stale": bool(finding.stale),
        "reason": finding.reason,
        "holds": _holds(finding),
    }


def _guard(before: Finding) -> dict[str, Any]:
    rule, subject, copy = before.identity
    return {"old_rule": rule, "old_subject": subject, "old_copy": copy, "old_version": _version(before)}


def _finding(row: Row[Any]) -> Finding:
    return Finding(
        row.rule,
        row.subject,
        row.copy,
        State(row.state),
        row.since,
        concern=row.concern,
        fired_at=row.fired_at,
        episode=row.episode,
        value=row.value,
        threshold=row.threshold,
        unit=row.unit,
        limit=row.limit_value,
        limit_source=row.limit_source,
        stale=row.stale,
        reason=row.reason,
        holds=tuple(None if hold is None else (hold[0], hold[1]) for hold in json.loads(row.holds)),
    )


def _version(finding: Finding) -> str:
    """Return a fingerprint of everything that is stored of a finding."""
    parts = (
        finding.state.value,
        micros(finding.since),
        clean(finding.concern),
        micros(finding.fired_at) if finding.fired_at else None,
        clean(finding.episode),
        _number(finding.value),
        _number(finding.threshold),
        clean(finding.unit),
        _number(finding.limit),
        clean(finding.limit_source),
        bool(finding.stale),
        clean(finding.reason),
        _holds(finding),
    )
    return blake2b(repr(parts).encode(), digest_size=8).hexdigest()


def _number(value: float | None) -> float | None:
    # SQLite keeps neither NaN nor a negative zero, and NumPy's floats are written otherwise.
    return None if value is None or math.isnan(value) else float(value) + 0.0


def _holds(finding: Finding) -> str:
    return json.dumps([None if hold is None else [float(hold[0]), float(hold[1])] for hold in finding.holds])
