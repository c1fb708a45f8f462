"""Statements: how long they take, and the slowest for people. Pure."""

import heapq
import re
from collections.abc import Mapping, Sequence
from typing import Any

from advisor.collectors.postgresql.draft import Draft, Row, Seen, day, moment
from advisor.collectors.postgresql.histograms import monitored
from advisor.collectors.postgresql.query_time import (
    Look,
    Ran,
    between,
    look,
    mean,
    quantile,
    thrown_out,
)
from advisor.core.model import Quality
from advisor.core.units import Unit, show

__all__ = ["columns_for", "needs_own", "readable", "statements", "untold"]

TOP = 10
_TEXT = 300
_QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
_NEEDED = ("queryid", "calls", "rows", "total_exec_time", "mean_exec_time", "stddev_exec_time",
           "min_exec_time", "max_exec_time", "plans", "total_plan_time", "mean_plan_time", "stddev_plan_time",
           "max_plan_time",
           "shared_blks_hit", "shared_blks_read", "local_blks_hit", "local_blks_read")  # fmt: skip


def columns_for(server: Mapping[str, Any]) -> dict[str, str] | str:
    """Return the words for statements.sql by what the view has, or why it cannot be read.

    The extension may be older than the server, so its columns are asked for, not its version.
    """
    schema, columns = server["statements_schema"], set(server["statements_columns"] or ())
    if schema is None:
        return (
            f"the extension is not installed in the database {server['database']}; add pg_stat_statements to "
            "shared_preload_libraries and run CREATE EXTENSION pg_stat_statements there"
        )
    if missing := [name for name in _NEEDED if f"pg_stat_statements.{name}" not in columns]:
        return (
            f"pg_stat_statements {server['statements_version']} has no {missing[0]}; "
            "run ALTER EXTENSION pg_stat_statements UPDATE"
        )
    return {
        "schema": schema,
        "toplevel": "s.toplevel" if "pg_stat_statements.toplevel" in columns else "true",
        "stats_since": (
            "extract(epoch FROM s.stats_since)::float8"
            if "pg_stat_statements.stats_since" in columns
            else "NULL::float8"
        ),
    }


def needs_own(rows: Sequence[Mapping[str, Any]], role: int | None, previous: Mapping[str, Any]) -> bool:
    """Say whether our own role has statements of which it is not known whether they are the advisor's."""
    kept = previous.get("statements") or {}
    known = set(kept.get("own", ())) | {int(name.partition(":")[0]) for name in kept.get("rows", ())}
    return any(
        row["userid"] == role and row["queryid"] is not None and row["queryid"] not in known for row in rows
    )


def untold(seen: Seen, previous: Mapping[str, Any]) -> list[int]:
    """Return the ids of statements that may be shown, by either counting, and whose text is not known."""
    ids: set[int] = set()
    old: Mapping[str, Any] = (previous.get("statements") or {}).get("rows", {})
    rows = [
        row
        for row in seen.rows("statements")
        if row["queryid"] is not None and row["queryid"] not in seen.own
    ]
    countings: tuple[Mapping[str, Any], ...] = ({}, old) if old else ({},)
    for before in countings:
        spent = [
            (row["total_exec_time"] - before.get(row["key"], (0, 0.0))[1], row["queryid"]) for row in rows
        ]
        ids.update(name for time, name in heapq.nlargest(TOP + 2, spent) if time > 0)
    return sorted(name for name in ids if str(name) not in seen.texts)


def statements(draft: Draft, seen: Seen, *, ends: bool = True) -> None:
    """Give mean and quantiles of query time since the last poll; at a first poll, since the reset.

    With `ends` the quantiles say between which values they lie, as rules then judge them.
    """
    if denied := seen.denied("statements"):
        counted = monitored(draft, seen)
        draft.gap("times of statements", denied.why, *(() if counted else ("query_time",)))
        draft.carry("statements", "texts")
        return
    rows, server = seen.rows("statements"), seen.server
    info = next(iter(seen.rows("statements_began")), None)
    later = look(
        rows,
        draft.now.timestamp(),
        info["stats_reset"] if info else None,
        seen.own,
        info["dealloc"] if info else 0,
    )
    earlier = _earlier(draft.previous, later, server)
    by_key = {row["key"]: row for row in rows}
    ran = between(earlier, later, by_key)
    start = later.reset or server["statistics_began"] or server["started"]
    since = max(earlier.at, later.reset or 0.0) if earlier else start
    hidden = int(rows[0]["hidden"]) if rows else 0
    times, unseen = thrown_out(earlier, later, info["most"] if info else None)
    if times:
        draft.gap(
            "statements that were thrown out of pg_stat_statements",
            f"the view was full {times} times since the last poll, and the calls of the least used "
            "statements are in no query time; raise pg_stat_statements.max",
        )
    if not monitored(draft, seen):
        quality = Quality.ESTIMATED if hidden or times else Quality.MEASURED
        draft.bucket("query_time", mean(ran), moment(since), stat="avg", quality=quality)
        for stat, share in _QUANTILES.items():
            if (found := quantile(ran, share, unseen)) is not None:
                draft.bucket(
                    "query_time",
                    found.value,
                    moment(since),
                    stat=stat,
                    ends=(found.low, found.high) if ends else (None, None),
                    quality=Quality.ESTIMATED,
                )
    if hidden:
        draft.gap(
            "statements of other roles",
            f"{hidden} statements hide themselves from the role {server['role']}; "
            f"GRANT pg_monitor TO {server['role']}",
        )
    draft.keep["statements"] = {**later.kept(), "own": list(seen.own), "started": server["started"]}
    lately = _slowest(ran) if earlier else []
    ever = _slowest(between(None, _longest_running(later), by_key))
    shown = {each.statement.partition(":")[0] for each in (*lately, *ever)}
    draft.keep["texts"] = {name: text for name, text in seen.texts.items() if name in shown}
    draft.note("Slowest statements", _table(lately, sum(each.total for each in ran), seen.texts))
    spent = sum(row.time + row.planning for row in later.rows.values()) / 1000
    title = "Slowest statements since the statistics were reset"
    draft.note(title, _table(ever, spent, seen.texts, day(start)))


def _longest_running(every: Look) -> Look:
    """Return the few statements that took most time since the reset."""
    rows = heapq.nlargest(TOP, every.rows.items(), key=lambda item: item[1].time + item[1].planning)
    return Look(every.at, dict(rows), whole=False, reset=every.reset)


def _earlier(previous: Mapping[str, Any], later: Look, server: Row) -> Look | None:
    """Return the last look, unless it was another server's."""
    kept = previous.get("statements") or {}
    earlier = Look.of(kept)
    if earlier is None:
        return None
    ran_already = server["started"] < earlier.at - 1
    if abs(server["started"] - kept.get("started", 0.0)) > 1 and ran_already:
        return None  # It ran at the last poll, yet is not the one that was asked: a failover.
    return None if earlier.at >= later.at else earlier


def _slowest(ran: Sequence[Ran]) -> list[Ran]:
    """Return the statements that took most time in all."""
    return sorted(ran, key=lambda each: (-each.total, each.statement))[:TOP]


def _table(
    ran: Sequence[Ran], spent: float, texts: Mapping[str, str], since: str = ""
) -> list[dict[str, str]]:
    """Return rows for people; `spent` is the time that all statements took, seconds."""
    return [
        {
            "statement": texts.get(each.statement.partition(":")[0], "(text not readable)"),
            "calls": show(each.calls, Unit.COUNT),
            "mean": show(each.mean, Unit.SECONDS),
            "p95, estimated": _p95(each),
            "share of all time": show(min(each.total / spent, 1.0) if spent else 0.0, Unit.RATIO),
        }
        | ({"since": since} if since else {})
        for each in ran
    ]


def _p95(ran: Ran) -> str:
    found = quantile([ran], 0.95, ends=False)
    return show(found.value if found else 0.0, Unit.SECONDS)


_COMMENT = re.compile(r"/\*.*?\*/|--[^\n]*", re.DOTALL)
_LITERAL = re.compile(r"'(?:[^']|'')*'?|\$([A-Za-z_]\w*|)\$.*?(?:\$\1\$|\Z)", re.DOTALL)
_NUMBER = re.compile(r"(?<![\w$.])\d[\d.]*")
_PLAIN = frozenset({"select", "insert", "update", "delete", "with", "merge", "values", "table"})


def readable(text: str) -> str:
    """Return a statement's text for people: one line, short, without comments and literals.

    The view replaces literals by itself, but not in utility statements (`ALTER ROLE ... PASSWORD '...'`), of
    which only the first two words stay, nor always when it is full.
    """
    bare = " ".join(_LITERAL.sub("'…'", _COMMENT.sub(" ", text)).split())
    words = bare.lstrip("( ").split(" ", 2)
    if words[0].lower() not in _PLAIN:
        return " ".join(words[:2])[:60] + (" …" if len(words) > 2 else "")
    bare = _NUMBER.sub("?", bare)
    return bare if len(bare) <= _TEXT else f"{bare[: _TEXT - 1]}…"
