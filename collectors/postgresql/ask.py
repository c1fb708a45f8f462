"""What is asked in a poll: all sections in one transaction, each for itself."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from advisor.collectors.postgresql.address import Address
from advisor.collectors.postgresql.draft import Denied, Row, Seen
from advisor.collectors.postgresql.session import Connection, Line, Session, connect
from advisor.collectors.postgresql.statements import columns_for, needs_own, readable, untold
from advisor.polling.contract import Unexpected

__all__ = ["ask", "count"]

#: Sections that need no words of their own, in the order in which they are read: what is urgent first.
_SECTIONS = ("connections", "connection_limits", "database", "transactions", "replication",
             "table_statistics", "table_sizes", "indexes")  # fmt: skip
_LOCK_TIMEOUT = 0.5
_OLDEST = 130_000


async def ask(
    address: Address, line: Line, limit: float, previous: Mapping[str, Any], users_sql: str | None
) -> Seen:
    """Return what the server says; why it does not say a section stands in the section's place.

    `limit` is how long each statement may run, seconds.

    Raises:
        TokenRefused, Unreachable: There is no connection.
        Unexpected: It is no PostgreSQL from 13 on.
    """
    async with connect(address, line) as connection:
        async with connection.transaction(limit, _LOCK_TIMEOUT) as session:
            seen = Seen(await _server(session, address))
            for name in _SECTIONS:
                seen.sections[name] = await _section(session, name)
            await _statements(session, seen, previous)
            if schema := seen.server["monitor_schema"]:
                seen.sections["monitored"] = await _section(session, "monitored", {"schema": schema})
        return replace(seen, users=await _number(connection, users_sql, limit)) if users_sql else seen


async def count(address: Address, line: Line, sql: str, limit: float) -> float | Denied:
    """Return the one number that the owner's SELECT gives, or why there is none."""
    async with connect(address, line) as connection:
        return await _number(connection, sql, limit)


async def _number(connection: Connection, sql: str, limit: float) -> float | Denied:
    """Count in a transaction of its own: the owner's SQL has the owner's search_path."""
    async with connection.transaction(limit, _LOCK_TIMEOUT, own_names=False) as session:
        try:
            return await session.number(sql)
        except Denied as denied:
            return denied


async def _server(session: Session, address: Address) -> Row:
    rows = await _section(session, "server")
    if isinstance(rows, Denied) or not rows:
        why = f": {rows.why}" if isinstance(rows, Denied) else ""
        raise Unexpected(f"{address.place}: this is no PostgreSQL that we know{why}")
    if rows[0]["version"] < _OLDEST:
        raise Unexpected(
            f"{address.place}: PostgreSQL {rows[0]['version_text']} is too old; 13 or later is needed"
        )
    return rows[0]


async def _section(
    session: Session, name: str, words: Mapping[str, str] | None = None
) -> Sequence[Row] | Denied:
    try:
        return await session.read(name, words)
    except Denied as denied:
        return denied


async def _statements(session: Session, seen: Seen, previous: Mapping[str, Any]) -> None:
    """Add the sections of pg_stat_statements, our own statements' ids, and the texts that may be shown."""
    kept = previous.get("statements") or {}
    seen.own.extend(int(name) for name in kept.get("own", ()))
    seen.texts.update(previous.get("texts") or {})
    words = columns_for(seen.server)
    if isinstance(words, str):
        seen.sections["statements"] = Denied(words)
        return
    rows = seen.sections["statements"] = await _section(session, "statements", words)
    if isinstance(rows, Denied):
        return
    if "pg_stat_statements_info.stats_reset" in (seen.server["statements_columns"] or ()):
        seen.sections["statements_began"] = await _section(session, "statements_began", words)
    role = seen.server["role_oid"]
    if needs_own(rows, role, previous):
        own = await _section(session, "own_statements", {**words, "role_oid": str(int(role))})
        if not isinstance(own, Denied):
            seen.own[:] = [row["queryid"] for row in own]
    if wanted := untold(seen, previous):
        ids = ", ".join(str(name) for name in wanted)
        texts = await _section(session, "statement_texts", {**words, "ids": ids})
        if not isinstance(texts, Denied):
            seen.texts.update((str(row["queryid"]), readable(row["text"] or "")) for row in texts)
