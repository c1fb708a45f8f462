"""What a project's metrics endpoint and its own database add, and how CPU is counted."""

from datetime import timedelta

import psycopg
import pytest
from psycopg.rows import dict_row

from advisor.collectors.supabase.active import EVERYTHING, FILES
from advisor.collectors.supabase.machine import series
from advisor.polling.contract import Unexpected
from advisor.testing.replay import NOON
from tests.collectors.supabase.asked import KEY, REF, answer, limits, value
from tests.postgres_server import PostgresServer


async def test_cpu_is_use_over_what_the_machine_was_given_and_needs_two_polls() -> None:
    first = await answer(secret_key=KEY)
    assert value(first, "cpu") is None
    now = NOON - timedelta(minutes=1)
    kept = {"cpu": {REF: [now.timestamp(), 100.0, 1000.0]}}  # Since then: 0 busy of 110 s.
    assert value(await answer("metrics", secret_key=KEY, previous=kept), "cpu") == 0
    later = await answer(
        "metrics-later", secret_key=KEY, previous={"cpu": {REF: [now.timestamp(), 100, 1110]}}
    )
    assert value(later, "cpu") == pytest.approx(25 / 85)  # 15 s were stolen: neither used nor given.
    restarted = await answer("metrics", secret_key=KEY, previous={"cpu": {REF: [now.timestamp(), 9e5, 9e6]}})
    assert value(restarted, "cpu") is None


async def test_the_secret_key_tells_of_the_machine_and_mb_of_files_are_mib() -> None:
    found = await answer(secret_key=KEY)
    told = {name: value(found, name) for name in ("memory", "connections", "users", "storage")}
    assert told == {"memory": pytest.approx(7e8), "connections": 31, "users": 812, "storage": 4.07e8}
    assert limits(found)["memory", "available"] == 1.9e9
    assert value(await answer(secret_key=KEY, product="-storage"), "storage") == 256 * 2**20
    people = await answer(secret_key=KEY, product="-auth")
    assert {one.metric for one in people.readings} == {"users", "restricted"}


def test_what_is_no_number_is_left_out_and_a_page_without_our_series_is_refused() -> None:
    text = 'node_memory_MemTotal_bytes{a="x\\"}y",b="z"} 2e9 1795262400000\nauth_users_user_count NaN\n'
    assert series(text).values == {"node_memory_MemTotal_bytes": [({"a": 'x"}y', "b": "z"}, 2e9)]}
    with pytest.raises(Unexpected, match="names may have changed"):
        series("<html>sign in</html>")


async def test_active_users_signed_in_or_refreshed_within_thirty_days(
    postgres_server: PostgresServer,
) -> None:
    dsn = postgres_server.create_database("auth_of_a_shop")
    for statement in (
        "CREATE SCHEMA auth",
        "CREATE TABLE auth.users (id int, last_sign_in_at timestamptz)",
        "INSERT INTO auth.users VALUES (1, now()), (2, now() - interval '40 days'), (3, null),"
        " (4, now() - interval '40 days')",
    ):
        postgres_server.execute(statement, "auth_of_a_shop")
    settings = {"token": None, "dsn": dsn}
    assert value(await answer(**settings), "active_users") == 1  # Without sessions: who signed in.
    postgres_server.execute(
        "CREATE TABLE auth.sessions (user_id int, refreshed_at timestamp, created_at timestamptz)",
        "auth_of_a_shop",
    )
    postgres_server.execute(
        "INSERT INTO auth.sessions VALUES (2, now() at time zone 'utc', now() - interval '40 days')",
        "auth_of_a_shop",
    )
    assert value(await answer(**settings), "active_users") == 2
    postgres_server.execute("CREATE SCHEMA storage", "auth_of_a_shop")
    postgres_server.execute("CREATE TABLE storage.objects (metadata jsonb)", "auth_of_a_shop")
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        row = connection.execute(EVERYTHING.replace("{files}", FILES).encode()).fetchone()
    assert row is not None
    assert (row["users"], row["active_users"], row["files"]) == (4, 2, 0)
    assert row["storage"] > 1e6


async def test_a_query_through_the_api_tells_size_and_users_without_any_address() -> None:
    found = await answer(query=True)
    told = {name: value(found, name) for name in ("storage", "connections", "users", "active_users")}
    assert told == {"storage": 431e6, "connections": 12, "users": 812, "active_users": 640}
    assert value(await answer(query=True, product="-storage"), "storage") == 2**28
