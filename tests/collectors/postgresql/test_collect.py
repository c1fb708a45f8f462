"""Against a real server: numbers compared with plain SQL, and what is left when something fails."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql

from advisor.collectors import postgresql
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Kind, Limit, Quality
from advisor.polling.contract import Unexpected
from tests.collectors.postgresql.conftest import Look, gap, pgbench, value
from tests.postgres_server import PostgresServer

Owner = psycopg.Connection[Any]


def one(connection: Owner, text: str) -> Any:
    row = connection.execute(text.encode()).fetchone()
    assert row is not None
    return row[0]


async def test_sizes_are_those_of_plain_sql(shop: str, look: Look, owner: Owner) -> None:
    answer = await look()
    assert value(answer, "storage") == one(owner, "SELECT pg_database_size('shop')")
    for table in ("pgbench_accounts", "pgbench_branches", "pgbench_history"):
        size = one(owner, f"SELECT pg_total_relation_size('{table}')")
        assert value(answer, "table_size", f"public.{table}") == size
        assert value(answer, "index_size", f"public.{table}") == one(
            owner, f"SELECT pg_indexes_size('{table}')"
        )
    assert value(answer, "table_size") == value(answer, "table_size", "public.pgbench_accounts")
    assert answer.evidence["Largest tables"][0]["table"] == "public.pgbench_accounts"


async def test_only_pg_monitor_leaves_no_gap_but_the_age_of_the_statistics(shop: str, look: Look) -> None:
    answer = await look()
    assert [each.metrics for each in answer.gaps] == [("unused_index_size",)]


async def test_connections_are_held_against_the_usable_slots(shop: str, look: Look, owner: Owner) -> None:
    answer = await look()
    usable = one(owner, "SHOW max_connections")
    [term] = [t for t in answer.terms if t.metric == "connections"]
    assert (term.what, term.limit, term.value) == ("limit", Limit.MAX, int(usable) - 3)
    assert value(answer, "connections") == 2  # The owner's and our own.


async def test_a_limit_of_the_database_or_of_a_role_takes_its_place_where_it_is_nearer(
    shop: str, look: Look, owner: Owner, postgres_server: PostgresServer
) -> None:
    def limit(answer: Any) -> tuple[float | None, Any, str]:
        [term] = [t for t in answer.terms if t.metric == "connections"]
        return value(answer, "connections"), term.value, term.source

    app = postgres_server.dsn(shop, user="app", password="app")
    try:
        owner.execute("ALTER DATABASE shop CONNECTION LIMIT 20")
        with psycopg.connect(app), psycopg.connect(app):
            assert limit(await look()) == (4, 20, "connection limit of the database shop")
            owner.execute("ALTER ROLE app CONNECTION LIMIT 3")
            assert limit(await look()) == (2, 3, "connection limit of the role app")
        owner.execute("ALTER ROLE watcher CONNECTION LIMIT 2")
        assert limit(await look())[2] != "connection limit of the role watcher"
    finally:
        owner.execute("ALTER DATABASE shop CONNECTION LIMIT -1")
        owner.execute("ALTER ROLE app CONNECTION LIMIT -1")
        owner.execute("ALTER ROLE watcher CONNECTION LIMIT -1")


async def test_states_and_locks_of_other_sessions_are_seen(
    shop: str, look: Look, postgres_server: PostgresServer
) -> None:
    dsn = postgres_server.dsn(shop)
    async with await psycopg.AsyncConnection.connect(dsn) as waiting:
        await waiting.execute("SET lock_timeout = '10s'")
        with psycopg.connect(dsn) as idle, psycopg.connect(dsn, autocommit=True) as other:
            idle.execute("LOCK TABLE pgbench_branches IN EXCLUSIVE MODE")
            idle.execute("SET application_name = 'forgetful'")
            task = asyncio.create_task(waiting.execute("UPDATE pgbench_branches SET bbalance = 0"))
            waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            async with asyncio.timeout(10):
                while not one(other, waits):  # noqa: ASYNC110 - the server tells nobody that somebody waits.
                    await asyncio.sleep(0)
            answer = await look()
            idle.rollback()
            await task
    assert value(answer, "idle_in_transaction") == 1
    assert value(answer, "waiting_connections") == 1
    longest = value(answer, "longest_transaction")
    assert longest is not None
    assert 0 < longest < 60
    rows = answer.evidence["Connections"]
    assert any(r["application"] == "forgetful" and r["state"] == "idle in transaction" for r in rows)
    assert answer.evidence["Waits of active connections"][0]["kind"] == "Lock"
    assert "UPDATE pgbench_branches" not in json.dumps(answer.evidence["Connections"])


async def test_the_first_poll_gives_shares_and_times_since_the_statistics_were_reset(
    shop: str, look: Look, owner: Owner
) -> None:
    owner.execute("SELECT pg_stat_reset()")
    reset = one(owner, "SELECT stats_reset FROM pg_stat_database WHERE datname = 'shop'")
    pgbench(_dsn(owner), "-n", "-t", "50")
    _flush(owner)
    answer = await look()
    [share] = [r for r in answer.readings if r.metric == "cache_hit_rate"]
    hits, of = owner.execute(
        "SELECT blks_hit, blks_hit + blks_read FROM pg_stat_database WHERE datname = 'shop'"
    ).fetchone()  # type: ignore[misc] # the database has its row
    assert share.since == reset
    assert share.of is not None
    assert share.value <= hits
    assert share.of <= of
    began = one(owner, "SELECT stats_reset FROM pg_stat_statements_info")
    stats = {r.stat: r for r in answer.readings if r.metric == "query_time"}
    assert set(stats) == {"avg", "p50", "p95", "p99"}
    assert {r.since for r in stats.values()} == {began}
    assert stats["p95"].quality is Quality.ESTIMATED
    assert not [r for r in answer.readings if VOCABULARY[r.metric].kind is Kind.AMOUNT]
    assert answer.evidence["Counters since the statistics were reset"]
    texts = [
        row["statement"] for row in answer.evidence["Slowest statements since the statistics were reset"]
    ]
    assert any(text.startswith("UPDATE pgbench_accounts SET abalance = abalance + $1") for text in texts)
    assert not any("scaling-advisor" in text for text in texts)


def _dsn(owner: Owner) -> str:
    info = owner.info
    return f"postgresql://{info.user}:{info.password}@{info.host}:{info.port}/{info.dbname}"


def _flush(owner: Owner) -> None:
    """Let this session's counters reach the view (15 has a function for it; others do so when it ends)."""
    if owner.info.server_version >= 150000:
        owner.execute("SELECT pg_stat_force_next_flush()")


async def test_counters_become_amounts_between_two_polls(shop: str, look: Look, owner: Owner) -> None:
    def counters() -> tuple[int, ...]:
        row = owner.execute(
            "SELECT xact_commit, xact_rollback, temp_bytes, deadlocks FROM pg_stat_database"
            " WHERE datname = 'shop'"
        ).fetchone()
        assert row is not None
        return row

    first = await look()
    before = counters()
    pgbench(_dsn(owner), "-n", "-t", "100")
    with psycopg.connect(_dsn(owner)) as big:
        big.execute("SET work_mem = '64kB'")
        big.execute("SELECT * FROM generate_series(1, 100000) g ORDER BY g DESC")
        big.rollback()
    second = await look(previous=first)
    after = counters()
    commits = value(second, "transactions")
    assert commits is not None
    assert 100 <= commits <= after[0] - before[0] + 5
    assert value(second, "rollbacks") == 1
    assert value(second, "temp_bytes") == after[2] - before[2] > 0
    assert value(second, "deadlocks") == 0
    [amount] = [r for r in second.readings if r.metric == "transactions"]
    assert amount.since == next(r.at for r in first.readings if r.metric == "storage")


async def test_query_times_between_two_polls_are_those_of_the_statements_in_between(
    shop: str, look: Look, owner: Owner
) -> None:
    first = await look()
    owner.execute("SELECT count(pg_sleep(0.05))")
    owner.execute("SELECT count(pg_sleep(0.05))")
    second = await look(previous=first)
    [row, *others] = second.evidence["Slowest statements"]
    assert row["statement"] == "SELECT count(pg_sleep($1))"
    assert row["calls"] == "2"
    average = value(second, "query_time", stat="avg")
    assert average is not None
    assert 0.05 <= average < 0.1
    assert not others


async def test_planning_is_in_the_times_where_the_server_tracks_it(
    shop: str, look: Look, owner: Owner
) -> None:
    first = await look()
    owner.execute("SET pg_stat_statements.track_planning = on")
    owner.execute("SELECT count(*) FROM pgbench_accounts a JOIN pgbench_branches USING (bid) WHERE aid = 7")
    owner.execute("SET pg_stat_statements.track_planning = off")
    second = await look(previous=first)
    row = owner.execute(
        "SELECT total_exec_time, total_plan_time FROM pg_stat_statements "
        "WHERE query LIKE 'SELECT count(*) FROM pgbench_accounts a JOIN%'"
    ).fetchone()
    assert row is not None
    assert row[1] > 0
    assert value(second, "query_time", stat="avg") == pytest.approx((row[0] + row[1]) / 1000)


async def test_estimates_say_between_which_values_they_lie_unless_told_otherwise(
    shop: str, look: Look, owner: Owner
) -> None:
    first = await look()
    for seconds in (0.001, 0.001, 0.02):
        owner.execute(f"SELECT pg_sleep({seconds}), 'ends'".encode())
    for estimates, bare in (("ends", False), ("value", True)):
        second = await look(previous=first, estimates=estimates)
        [p95] = [r for r in second.readings if (r.metric, r.stat) == ("query_time", "p95")]
        assert (p95.low is None and p95.high is None) is bare
        assert bare or (p95.low or 0) <= p95.value <= (p95.high or 0)
        [average] = [r for r in second.readings if (r.metric, r.stat) == ("query_time", "avg")]
        assert average.low is None


async def test_our_own_statements_are_not_the_applications(shop: str, look: Look) -> None:
    answer = await look()
    answer = await look(previous=answer)
    third = await look(previous=answer)
    assert value(third, "query_time", stat="avg") is None
    assert "Slowest statements" not in third.evidence


async def test_a_reset_between_two_polls_starts_again_and_is_never_negative(
    shop: str, look: Look, owner: Owner
) -> None:
    first = await look(now=datetime.now(UTC) - timedelta(minutes=5))
    owner.execute("SELECT pg_stat_reset()")
    owner.execute("SELECT pg_stat_statements_reset()")
    reset = one(owner, "SELECT stats_reset FROM pg_stat_database WHERE datname = 'shop'")
    began = one(owner, "SELECT stats_reset FROM pg_stat_statements_info")
    owner.execute("SELECT count(*) FROM pgbench_accounts")
    second = await look(previous=first)
    assert all(r.value >= 0 for r in second.readings)
    [amount] = [r for r in second.readings if r.metric == "transactions"]
    assert amount.since == reset
    times = [r for r in second.readings if r.metric == "query_time"]
    assert {r.since for r in times} == {began}
    calls = {row["statement"]: row["calls"] for row in second.evidence["Slowest statements"]}
    assert calls["SELECT count(*) FROM pgbench_accounts"] == "1"


async def test_a_role_with_no_rights_gets_what_it_may_see_and_hears_the_way_out(
    shop: str, look: Look, owner: Owner
) -> None:
    answer = await look(user="nobody")
    assert value(answer, "storage") == one(owner, "SELECT pg_database_size('shop')")
    [connections] = [r for r in answer.readings if r.metric == "connections"]
    assert (connections.value, connections.quality) == (2, Quality.ESTIMATED)
    for metric in ("idle_in_transaction", "waiting_connections", "longest_transaction"):
        assert value(answer, metric) is None
        assert "GRANT pg_monitor TO nobody" in gap(answer, metric)
    assert any("statements" in each.what and "GRANT pg_monitor TO nobody" in each.why for each in answer.gaps)


async def test_without_pg_stat_statements_the_rest_is_collected(
    look: Look, postgres_server: PostgresServer
) -> None:
    postgres_server.create_database("bare")
    answer = await look("bare")
    assert value(answer, "storage")
    assert value(answer, "query_time", stat="avg") is None
    assert "CREATE EXTENSION pg_stat_statements" in gap(answer, "query_time")


async def test_an_extension_in_another_schema_is_found(look: Look, postgres_server: PostgresServer) -> None:
    postgres_server.create_database("elsewhere")
    postgres_server.execute('CREATE SCHEMA "Ext ensions"', "elsewhere")
    postgres_server.execute('CREATE EXTENSION pg_stat_statements SCHEMA "Ext ensions"', "elsewhere")
    postgres_server.execute('GRANT USAGE ON SCHEMA "Ext ensions" TO watcher', "elsewhere")
    postgres_server.execute("SELECT 1", "elsewhere")
    answer = await look("elsewhere")
    assert value(answer, "query_time", stat="p95") is not None


async def test_an_old_extension_is_told_to_update(look: Look, postgres_server: PostgresServer) -> None:
    postgres_server.create_database("old")
    postgres_server.execute("CREATE EXTENSION pg_stat_statements VERSION '1.7'", "old")
    answer = await look("old")
    assert "ALTER EXTENSION pg_stat_statements UPDATE" in gap(answer, "query_time")
    postgres_server.execute("ALTER EXTENSION pg_stat_statements UPDATE TO '1.8'", "old")
    assert not gap(await look("old"), "query_time")  # As PostgreSQL 13 has it.
    postgres_server.execute("ALTER EXTENSION pg_stat_statements UPDATE TO '1.9'", "old")
    assert not gap(await look("old"), "query_time")  # As PostgreSQL 14 has it.


async def test_a_lock_costs_only_the_section_that_waits_for_it(
    shop: str, look: Look, postgres_server: PostgresServer
) -> None:
    with psycopg.connect(postgres_server.dsn(shop)) as locker:
        locker.execute("LOCK TABLE pgbench_tellers IN ACCESS EXCLUSIVE MODE")
        answer = await look()
        locker.rollback()
    assert "lock" in gap(answer, "table_size")
    assert value(answer, "table_size") is None
    for metric in ("storage", "connections", "dead_rows"):
        assert value(answer, metric) is not None
    assert value(answer, "query_time", stat="p95") is not None


async def test_a_slow_statement_is_cancelled_by_the_server_and_the_rest_stays(shop: str, look: Look) -> None:
    answer = await look(users_sql="SELECT count(pg_sleep(30))", statement_timeout="200ms")
    assert "statement_timeout" in gap(answer, "users")
    assert value(answer, "users") is None
    assert value(answer, "storage")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "SELECT count(*) FROM pgbench_accounts; COMMIT; DROP TABLE pgbench_history",
            "more than one statement",
        ),
        ("DELETE FROM pgbench_history RETURNING 1", "it writes"),
        ("SELECT set_config('transaction_read_only', 'off', true)", "server says"),
        ("SELECT nothing FROM nowhere", "no such table"),
        ("SELECT 'many'", "no number"),
        ("SELECT 1 WHERE false", "no number"),
        ("SELECT 'NaN'::float8", "no finite number"),
        ("VACUUM", "server says"),
        ("COMMIT", "gives no number"),
    ],
)
async def test_the_owners_sql_can_only_count(
    shop: str, look: Look, owner: Owner, postgres_server: PostgresServer, text: str, why: str
) -> None:
    rows = one(owner, "SELECT count(*) FROM pgbench_history")
    answer = await look(dsn=postgres_server.dsn(shop), users_sql=text)
    assert why in gap(answer, "users")
    assert one(owner, "SELECT count(*) FROM pgbench_history") == rows


async def test_users_are_counted_with_the_owners_search_path(
    shop: str, look: Look, postgres_server: PostgresServer
) -> None:
    dsn = postgres_server.dsn(shop)
    answer = await look(dsn=dsn, users_sql="SELECT count(*) FROM pgbench_accounts")
    assert value(answer, "users") == 100_000
    secret = postgresql.Settings(dsn=dsn).dsn
    assert await postgresql.count(secret, "SELECT count(*) FROM pgbench_branches") == 1
    with pytest.raises(Unexpected, match=r"127\.0\.0\.1:\d+: the sql for users: there is no such table"):
        await postgresql.count(secret, "SELECT count(*) FROM customers")
    as_watcher = await look(users_sql="SELECT count(*) FROM pgbench_accounts")
    assert "GRANT SELECT" in gap(as_watcher, "users")


async def test_unused_and_missing_indexes_are_named(look: Look, postgres_server: PostgresServer) -> None:
    dsn = postgres_server.create_database("indexes")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE orders AS SELECT g AS id, g % 7 AS kind FROM generate_series(1, 60000) g"
        )
        connection.execute("CREATE INDEX orders_kind ON orders (kind, id)")
        connection.execute("CREATE UNIQUE INDEX orders_id ON orders (id)")
        connection.execute("VACUUM ANALYZE orders")
        connection.execute("SET enable_indexscan = off")
        connection.execute("SET enable_bitmapscan = off")
        connection.execute("SET enable_indexonlyscan = off")
        for _ in range(60):
            connection.execute("SELECT FROM orders WHERE kind = 9")
        _flush(connection)
        connection.execute("SELECT 1")
    answer = await look("indexes")
    assert value(answer, "scanned_tables") == 1
    assert answer.evidence["Tables that may lack an index"][0]["table"] == "public.orders"
    unused = answer.evidence["Indexes without a read since the statistics were reset"]
    assert [row["index"] for row in unused] == ["public.orders_kind"]
    assert value(answer, "unused_index_size") is None
    assert "30" in gap(answer, "unused_index_size")
    later = await look("indexes", previous=answer, now=datetime.now(UTC) + timedelta(days=31))
    assert value(later, "unused_index_size") == pytest.approx(_size(dsn, "orders_kind"))


def _size(dsn: str, relation: str) -> int:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(sql.SQL("SELECT pg_relation_size({})").format(relation)).fetchone()
        assert row is not None
        size: int = row[0]
        return size


async def test_dead_rows_are_counted_by_table(look: Look, postgres_server: PostgresServer) -> None:
    dsn = postgres_server.create_database("dead")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE carts (id int) WITH (autovacuum_enabled = off)")
        connection.execute("INSERT INTO carts SELECT generate_series(1, 5000)")
        connection.execute("DELETE FROM carts WHERE id <= 3000")
        _flush(connection)
        connection.execute("SELECT 1")
    answer = await look("dead")
    assert value(answer, "dead_rows", "public.carts") == value(answer, "dead_rows") == 3000
    assert answer.evidence["Dead rows"][0]["table"] == "public.carts"


async def test_transaction_ids_are_held_against_where_the_server_stops(
    shop: str, look: Look, owner: Owner
) -> None:
    answer = await look()
    [term] = [t for t in answer.terms if t.metric == "transaction_id_age"]
    assert term.value == 2**31 - 3_000_000
    assert value(answer, "transaction_id_age") == one(owner, "SELECT max(age(datfrozenxid)) FROM pg_database")


async def test_an_alone_server_has_no_replication_lag(shop: str, look: Look) -> None:
    answer = await look()
    assert value(answer, "replication_lag") is None
    assert not gap(answer, "replication_lag")


async def test_a_database_in_another_encoding_is_read(look: Look, postgres_server: PostgresServer) -> None:
    postgres_server.execute("DROP DATABASE IF EXISTS latin")
    postgres_server.execute(
        "CREATE DATABASE latin ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
    )
    postgres_server.execute("CREATE TABLE plain (id int primary key)", "latin")
    answer = await look("latin")
    assert value(answer, "table_size", "public.plain") is not None


async def test_every_reading_is_in_the_vocabulary_and_has_the_shape_of_its_kind(
    shop: str, look: Look
) -> None:
    first = await look(dsn="", users_sql="SELECT 1")
    second = await look(previous=first)
    names = {metric.name for metric in postgresql.METRICS}
    for reading in (*first.readings, *second.readings):
        kind = VOCABULARY[reading.metric].kind
        assert reading.metric in names
        assert (reading.since is not None) == (kind is not Kind.LEVEL)
        assert (reading.of is not None) == (kind is Kind.SHARE)
        assert bool(reading.stat) == (kind is Kind.DISTRIBUTION)
        assert reading.at.tzinfo is UTC


async def test_what_is_kept_stays_small_with_thousands_of_statements(
    look: Look, postgres_server: PostgresServer
) -> None:
    dsn = postgres_server.create_database("many")
    postgres_server.execute("CREATE EXTENSION pg_stat_statements", "many")
    with psycopg.connect(dsn, autocommit=True) as connection, connection.pipeline():
        connection.execute("CREATE TABLE t (" + ", ".join(f"c{i} int" for i in range(50)) + ")")  # type: ignore[arg-type] # our own text
        connection.execute("INSERT INTO t VALUES (1)")
        for i in range(50):
            for j in range(40):
                connection.execute(f"SELECT c{i}, c{j} FROM t WHERE c{i} = 1".encode())
    first = await look("many")
    assert len(first.keep["statements"]["rows"]) > 600
    assert not first.keep["statements"]["whole"]
    assert len(json.dumps(first.keep)) < 200_000
    second = await look("many", previous=first)
    # Statements that came into sight only now are old, not new: nothing ran in between.
    assert value(second, "query_time", stat="avg") is None
