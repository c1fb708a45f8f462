"""Rows as other versions and other situations give them: pure."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from advisor.collectors.postgresql.connections import connections, replication, transactions
from advisor.collectors.postgresql.database import database
from advisor.collectors.postgresql.draft import Denied, Draft, Seen, moment
from advisor.collectors.postgresql.statements import columns_for, readable, statements
from advisor.collectors.postgresql.tables import indexes
from advisor.core.model import Quality

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
AT = NOW.timestamp()
DAY = 86_400.0

SERVER = {
    "version": 150_000, "version_text": "15.0", "database": "shop", "role": "watcher", "role_oid": 7,
    "reads_all_stats": True, "is_replica": False, "started": AT - 10 * DAY, "statistics_began": AT - 20 * DAY,
    "max_connections": 100, "superuser_reserved": 3, "reserved": None,
    "statements_schema": "public", "statements_version": "1.10", "statements_columns": [],
}  # fmt: skip
ROW = {
    "size": 1000, "blks_hit": 900, "blks_read": 100, "xact_commit": 50, "xact_rollback": 5, "temp_files": 0,
    "temp_bytes": 0, "deadlocks": 1, "conflicts": 0, "stats_reset": AT - 5 * DAY, "transaction_id_age": 99,
    "multixact_age": 1, "oldest_database": "shop",
}  # fmt: skip
STATEMENT_COLUMNS = (
    "userid dbid queryid query plans total_plan_time min_plan_time max_plan_time mean_plan_time "
    "stddev_plan_time calls total_exec_time min_exec_time max_exec_time mean_exec_time stddev_exec_time "
    "rows shared_blks_hit shared_blks_read local_blks_hit local_blks_read wal_bytes"
)
BY_VERSION = {
    "13 (1.8)": f"{STATEMENT_COLUMNS} blk_read_time blk_write_time",
    "14 (1.9)": f"{STATEMENT_COLUMNS} toplevel blk_read_time blk_write_time",
    "15, 16 (1.10)": f"{STATEMENT_COLUMNS} toplevel blk_read_time temp_blk_read_time jit_functions",
    "17 (1.11)": f"{STATEMENT_COLUMNS} toplevel shared_blk_read_time stats_since minmax_stats_since",
    "18 (1.12)": f"{STATEMENT_COLUMNS} toplevel shared_blk_read_time stats_since wal_buffers_full",
}


def seen(server: dict[str, Any] | None = None, **sections: Sequence[dict[str, Any]] | Denied) -> Seen:
    return Seen({**SERVER, **(server or {})}, dict(sections))


def drafted(part: Any, what: Seen, previous: dict[str, Any] | None = None, now: datetime = NOW) -> Draft:
    draft = Draft(now, previous or {})
    part(draft, what)
    return draft


def values(draft: Draft) -> dict[str, float]:
    return {r.metric: r.value for r in draft.readings}


def session(**other: Any) -> dict[str, Any]:
    plain = {
        "database": "shop", "role": "app", "application": "", "state": "idle", "wait_type": "", "wait": "",
        "hidden": False, "own": False, "connections": 1,
    }  # fmt: skip
    return plain | other


@pytest.mark.parametrize("version", BY_VERSION)
def test_columns_are_chosen_by_what_the_view_has(version: str) -> None:
    columns = [f"pg_stat_statements.{name}" for name in BY_VERSION[version].split()]
    words = columns_for({**SERVER, "statements_columns": columns})
    assert isinstance(words, dict)
    assert (words["toplevel"] == "s.toplevel") == (not version.startswith("13"))
    assert ("s.stats_since" in words["stats_since"]) == (version[:2] in {"17", "18"})


def test_columns_of_the_view_of_infos_are_not_taken_for_those_of_the_statements() -> None:
    columns = [f"pg_stat_statements.{name}" for name in STATEMENT_COLUMNS.split()]
    words = columns_for({**SERVER, "statements_columns": [*columns, "pg_stat_statements_info.toplevel"]})
    assert isinstance(words, dict)
    assert words["toplevel"] == "true"


def test_what_is_reserved_from_16_on_is_no_slot_either() -> None:
    draft = drafted(connections, seen({"reserved": 10}, connections=[session()], connection_limits=[]))
    assert draft.terms[0].value == 87


def test_without_rows_the_limit_is_still_known() -> None:
    draft = drafted(connections, seen(connections=Denied("too slow")))
    assert draft.terms[0].value == 97
    assert draft.gaps[0].why == "too slow"
    assert not draft.readings


def test_hidden_sessions_are_counted_but_their_states_are_not_guessed() -> None:
    rows = [session(state="idle in transaction"), session(hidden=True, state="", connections=4)]
    draft = drafted(connections, seen(connections=rows))
    assert values(draft) == {"connections": 5}
    draft = drafted(transactions, seen(connections=rows, transactions=[]))
    assert values(draft) == {}


@pytest.mark.parametrize(
    ("why", "rows", "lag"),
    [
        ("no replica, no lag", [], None),
        ("a slot is no replica", [("slot", None)], None),
        ("the slowest counts", [("replica", 1.0), ("replica", 3.0)], 3.0),
        ("a replica says its own", [("self", 2.5)], 2.5),
        ("a lag that is not known is none", [("replica", None)], None),
    ],
)
def test_replication_lag(why: str, rows: list[tuple[str, float | None]], lag: float | None) -> None:
    full = [{"kind": kind, "name": "n", "state": "", "lag": value, "bytes": None} for kind, value in rows]
    assert values(drafted(replication, seen(replication=full))).get("replication_lag") == lag, why


def kept(**other: Any) -> dict[str, Any]:
    counters = {
        name: ROW[name]
        for name in ("blks_hit", "blks_read", "xact_commit", "xact_rollback", "temp_bytes", "deadlocks")
    }
    plain = {"at": AT - 60, "started": SERVER["started"], "reset": ROW["stats_reset"], "counters": counters}
    return {"database": plain | other}


def rise(**other: Any) -> Draft:
    """Return what a poll a minute after ROW says, with these columns changed."""
    server = {key: other.pop(key) for key in ("started",) if key in other}
    return drafted(database, seen(server, database=[{**ROW, **other}]), kept())


def test_the_share_of_hits_is_that_of_the_interval() -> None:
    draft = rise(blks_hit=990, blks_read=110)
    [share] = [r for r in draft.readings if r.metric == "cache_hit_rate"]
    assert (share.value, share.of, share.since) == (90, 100, moment(AT - 60))


def test_nothing_read_is_no_share() -> None:
    assert "cache_hit_rate" not in values(rise())


def test_a_restart_that_keeps_the_counters_goes_on() -> None:
    assert values(rise(xact_commit=60, started=AT - 5))["transactions"] == 10


def test_counters_that_fell_began_again() -> None:
    found = values(rise(xact_commit=20, xact_rollback=0, deadlocks=0, started=AT - 5))
    assert (found["transactions"], found["rollbacks"], found["deadlocks"]) == (20, 0, 0)


def test_another_server_after_a_failover_starts_anew() -> None:
    draft = rise(xact_commit=9_000_000, started=AT - 3 * DAY)
    assert "transactions" not in values(draft)
    assert draft.keep["database"]["counters"]["xact_commit"] == 9_000_000


def test_a_first_poll_says_since_when_the_statistics_count() -> None:
    draft = drafted(database, seen(database=[ROW]))
    [share] = [r for r in draft.readings if r.metric == "cache_hit_rate"]
    assert (share.value, share.of, share.since) == (900, 1000, moment(AT - 5 * DAY))
    assert {row["since"] for row in draft.evidence["Counters since the statistics were reset"]} == {
        "2026-10-27"
    }


def test_statistics_that_were_never_reset_count_since_the_server_keeps_any() -> None:
    draft = drafted(database, seen(database=[{**ROW, "stats_reset": None}]))
    [share] = [r for r in draft.readings if r.metric == "cache_hit_rate"]
    assert share.since == moment(AT - 20 * DAY)


def test_a_database_that_was_denied_leaves_a_gap_and_forgets_nothing_it_kept() -> None:
    draft = drafted(database, seen(database=Denied("cancelled")), kept())
    assert not draft.readings
    assert "storage" in draft.gaps[0].metrics
    assert draft.keep == kept()


def test_unused_indexes_need_thirty_days_and_a_primary() -> None:
    unused = [{"name": "a", "table_name": "t", "size": 5_000_000}]
    old = {**ROW, "stats_reset": AT - 40 * DAY}
    assert values(drafted(indexes, seen(database=[old], indexes=unused))) == {"unused_index_size": 5_000_000}
    assert values(drafted(indexes, seen(database=[old], indexes=[]))) == {"unused_index_size": 0}
    assert values(drafted(indexes, seen(database=[ROW], indexes=unused))) == {}
    assert values(drafted(indexes, seen({"is_replica": True}, database=[old], indexes=unused))) == {}


def statement(**other: Any) -> dict[str, Any]:
    plain = {
        "key": "5:10", "queryid": 5, "userid": 10, "calls": 4, "total_exec_time": 8.0, "mean_exec_time": 2.0,
        "stddev_exec_time": 0.0, "min_exec_time": 1.0, "max_exec_time": 2.0,
        "plans": 0, "total_plan_time": 0.0, "mean_plan_time": 0.0, "stddev_plan_time": 0.0,
        "max_plan_time": 0.0, "stats_since": None, "all_statements": 1, "hidden": 0,
    }  # fmt: skip
    return plain | other


def test_a_failover_does_not_mix_two_servers_statements() -> None:
    first = drafted(statements, seen(statements=[statement()]), now=moment(AT - 60))
    other = seen({"started": AT - 3 * DAY}, statements=[statement(calls=400, total_exec_time=800.0)])
    draft = drafted(statements, other, first.keep)
    assert {r.since for r in draft.readings} == {moment(AT - 20 * DAY)}
    same = seen(statements=[statement(calls=6, total_exec_time=12.0)])
    draft = drafted(statements, same, first.keep)
    assert {r.since for r in draft.readings} == {moment(AT - 60)}


def histogram() -> dict[str, Any]:
    return {
        "began": AT - 120, "seconds": 60.0, "place": 1, "calls": 7.0, "total_exec_time": 3.5,
        "max_exec_time": 0.9, "ranges": "{{0.000 - 1.000}}",
    }  # fmt: skip


def test_counted_histograms_take_the_place_of_estimates() -> None:
    draft = drafted(statements, seen(statements=[statement()], monitored=[histogram()]))
    assert [(r.stat, r.buckets) for r in draft.readings] == [("", ((0.001, 7.0),))]
    draft = drafted(statements, seen(statements=Denied("not installed"), monitored=[histogram()]))
    assert [r.buckets for r in draft.readings] == [((0.001, 7.0),)]
    assert [gap.metrics for gap in draft.gaps] == [()]


def test_what_a_full_view_threw_out_is_a_gap_and_makes_the_mean_an_estimate() -> None:
    began = {"stats_reset": AT - 9 * DAY, "dealloc": 3, "most": 5000}
    rows = [statement(calls=1000, total_exec_time=2000.0, stddev_exec_time=0.5, max_exec_time=5.0)]
    first = drafted(statements, seen(statements=[statement()], statements_began=[began]), now=moment(AT - 60))
    calm = drafted(statements, seen(statements=rows, statements_began=[began]), first.keep)
    full = drafted(statements, seen(statements=rows, statements_began=[{**began, "dealloc": 4}]), first.keep)
    assert not calm.gaps
    assert "was full 1 times" in full.gaps[0].why
    quality = [{r.stat: r.quality for r in draft.readings}["avg"] for draft in (calm, full)]
    assert quality == [Quality.MEASURED, Quality.ESTIMATED]
    high = [{r.stat: r.high or 0 for r in draft.readings}["p95"] for draft in (calm, full)]
    assert high[0] < high[1]


def test_denied_statements_keep_what_was_known() -> None:
    first = drafted(statements, seen(statements=[statement()]), now=moment(AT - 60))
    draft = drafted(statements, seen(statements=Denied("cancelled")), first.keep)
    assert draft.keep == first.keep


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("SELECT *\n  FROM t\n WHERE id = $1", "SELECT * FROM t WHERE id = $1"),
        ("ALTER ROLE bob PASSWORD 'hunter2'", "ALTER ROLE …"),
        ("SELECT 'it''s', $$body$$, $x$more$x$, 42, c1, $2 FROM t", "SELECT '…', '…', '…', ?, c1, $2 FROM t"),
        ("/* user=ann@example.com */ SELECT 1 -- trace 77\n FROM t", "SELECT ? FROM t"),
        ("insert into t values ('cut off", "insert into t values ('…'"),
        ("COMMIT", "COMMIT"),
        ("(SELECT 1) UNION (SELECT 2)", "(SELECT ?) UNION (SELECT ?)"),
        ("", ""),
    ],
)
def test_texts_are_shown_without_what_is_peoples_own(text: str, shown: str) -> None:
    assert readable(text) == shown


def test_long_texts_are_cut() -> None:
    assert len(readable("SELECT " + "x, " * 500)) == 300
