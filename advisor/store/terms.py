"""Plan, limits and prices as a time series: only changes are written."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from advisor.core.model import Confidence, Limit, Term
from advisor.store.moment import clean
from advisor.store.schema import terms as table

_HELD = select(table).where(table.c.subject == bindparam("whose")).order_by(table.c.valid_from)


def add_terms(connection: Connection, subject: str, terms: Sequence[Term], now: datetime) -> int:
    """Write what is new of a subject's or account's terms; return how many changes there were.

    A term that says what was already in force at its `valid_from` is no change. One with the same
    `valid_from` but another value corrects.
    """
    if not terms:
        return 0
    columns = table.c
    held: dict[tuple[str, ...], list[Row[Any]]] = {}
    for row in connection.execute(_HELD, {"whose": subject}):
        held.setdefault((row.what, row.metric, row.limit_kind, row.part, row.source), []).append(row)
    new: dict[tuple[Any, ...], dict[str, Any]] = {}
    changed = 0
    for term in terms:
        now_said = _row(subject, term, now)
        key = tuple(now_said[name] for name in ("what", "metric", "limit_kind", "part", "source"))
        before = [old for old in held.get(key, ()) if old.valid_from <= term.valid_from]
        said = ("number", "text", "confidence")
        if before and all(getattr(before[-1], name) == now_said[name] for name in said):
            continue
        changed += 1
        if before and before[-1].valid_from == term.valid_from:
            connection.execute(update(table).where(columns.id == before[-1].id).values(now_said))
        else:
            new[*key, term.valid_from] = now_said
    if new:
        connection.execute(insert(table), list(new.values()))
    return changed


def terms_at(connection: Connection, at: datetime) -> dict[str, list[Term]]:
    """Return, by subject or account key, the terms in force at `at`: the newest of each source."""
    columns = table.c
    found: dict[tuple[str, ...], Row[Any]] = {}
    for row in connection.execute(
        select(table).where(columns.valid_from <= at).order_by(columns.valid_from, columns.id)
    ):
        found[row.subject, row.what, row.metric, row.limit_kind, row.part, row.source] = row
    result: dict[str, list[Term]] = {}
    for row in found.values():
        result.setdefault(row.subject, []).append(_term(row))
    return result


def terms_of(connection: Connection, subject: str) -> list[Term]:
    """Return every change of a subject's terms, oldest first."""
    columns = table.c
    query = select(table).where(columns.subject == clean(subject)).order_by(columns.valid_from, columns.id)
    return [_term(row) for row in connection.execute(query)]


def _row(subject: str, term: Term, now: datetime) -> dict[str, Any]:
    text = clean(term.value) if isinstance(term.value, str) else None
    return {
        "subject": clean(subject),
        "what": clean(term.what),
        "metric": clean(term.metric),
        "limit_kind": term.limit.value if term.limit else "",
        "part": clean(term.part),
        "source": clean(term.source),
        "valid_from": term.valid_from,
        "number": float(term.value) if isinstance(term.value, int | float) else None,
        "text": text,
        "confidence": term.confidence.value,
        "seen_at": now,
    }


def _term(row: Row[Any]) -> Term:
    return Term(
        row.what,
        row.text if row.text is not None else row.number,
        row.source,
        row.valid_from,
        metric=row.metric,
        limit=Limit(row.limit_kind) if row.limit_kind else None,
        part=row.part,
        confidence=Confidence(row.confidence),
    )
