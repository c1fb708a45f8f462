"""What Supabase's answers mean: units, resets, restrictions, and what is not there."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from advisor.collectors import supabase
from advisor.core.fleet import Service
from advisor.polling.contract import Answer, Poll, TokenRefused
from advisor.testing import ask, samples
from advisor.testing.replay import NOON
from tests.postgres_server import PostgresServer

SAMPLES = samples(supabase)
TOKEN, KEY = "sbp_only_in_tests", "sb_secret_only_in_tests"
REF = "abcdefghijklmnopqrst"


async def answer(*instead: str, previous: Mapping[str, Any] | None = None, **more: Any) -> Answer:
    """Poll once; the samples named `instead` stand in for those of the same path."""
    replaced = {SAMPLES[name].request.path for name in instead}
    served = [SAMPLES[name] for name in instead]
    served += [one for one in SAMPLES.values() if not one.is_error and one.request.path not in replaced]
    product = more.pop("product", "")
    settings = supabase.Settings(**({"token": TOKEN, "project": REF} | more))
    service = Service("shop", "it", "it", "supabase" + product, "acme")
    return (await ask(supabase, served, settings, previous=previous, service=service)).answer


def value(found: Answer, metric: str, part: str = "") -> float | None:
    values = [one.value for one in found.readings if (one.metric, one.part) == (metric, part)]
    return values[0] if values else None


def limits(found: Answer) -> dict[tuple[str, str], Any]:
    return {(one.metric, str(one.limit)): one.value for one in found.terms if one.what == "limit"}


async def test_a_token_tells_plan_disk_limits_and_that_nothing_is_restricted() -> None:
    found = await answer()
    assert [one.value for one in found.terms if one.what == "plan"] == ["pro"]
    assert value(found, "disk_used") == 2072956928
    assert value(found, "restricted") == 0
    assert value(found, "backup_age") == 9 * 3600  # The failed one of 09:00 restores nothing.
    assert limits(found) == {
        ("disk_used", "available"): 8242450432,
        ("connections", "quota"): 90,
        ("connections", "max"): 90,
        ("connections", "pool"): 15,
    }
    assert found.evidence["Compute"][0]["size"] == "Small"
    assert value(found, "storage") is None  # The API knows the disk and not the database's size.


async def test_requests_are_whole_hours_by_api_and_the_hour_that_the_look_back_cuts_is_left_out() -> None:
    found = await answer()
    hours = {(one.since, one.part): one.value for one in found.readings if one.metric == "requests"}
    assert hours[datetime.fromisoformat("2026-11-21T10:00:00Z"), "rest"] == 50
    assert value(await answer(), "idle_time") == 3600  # Since the end of the last hour with a request.


async def test_silence_counts_from_the_last_use_that_was_seen() -> None:
    seen = (NOON - timedelta(days=3)).timestamp()
    later = await answer("error-requests-silent", previous={"used_at": seen})
    assert value(later, "idle_time") == 3 * 86400
    first = await answer("error-requests-silent")
    assert value(first, "idle_time") == 7 * 86400  # Not one hour of the week had a request.
    assert value(first, "requests", "rest") is None  # Absent is not zero.


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


async def test_paused_read_only_and_over_quota_are_restrictions() -> None:
    paused = await answer("error-paused", secret_key=KEY)
    assert [(one.metric, one.value) for one in paused.readings] == [("restricted", 1)]
    assert value(await answer("error-read-only"), "restricted") == 1
    over = await answer("error-metrics-restricted", secret_key=KEY)
    assert value(over, "restricted") == 1
    assert value(over, "disk_used") is not None


async def test_one_missing_right_and_one_failed_count_cost_no_more_than_themselves() -> None:
    found = await answer("error-forbidden", "error-requests-failed")
    why = {one.what: one.why for one in found.gaps}
    assert "`infra_disk_config_read`" in why["disk"]
    assert "Backend timed out" in why["requests"]
    assert value(found, "restricted") == 0


async def test_another_shape_names_its_place() -> None:
    odd = SAMPLES["disk"].model_copy(update={"body": {"timestamp": "2026-11-21T11:58:00Z", "metrics": []}})
    served = [one for one in SAMPLES.values() if not one.is_error and one.name != "disk"] + [odd]
    found = (await ask(supabase, served, supabase.Settings(token=TOKEN, project=REF))).answer
    assert "`metrics` is a list, not an object" in {one.what: one.why for one in found.gaps}["disk"]


async def test_a_refused_token_ends_the_poll_and_is_not_repeated() -> None:
    with pytest.raises(TokenRefused) as refused:
        await answer("error-refused")
    assert TOKEN not in str(refused.value)


async def test_over_a_server_pages_are_read_and_what_is_throttled_waits(
    httpserver: HTTPServer, poll_at: Callable[..., Poll]
) -> None:
    def serve(name: str, **query: str) -> None:
        one = SAMPLES[name]
        httpserver.expect_request(
            one.request.path, query_string=query or None, headers={"Authorization": f"Bearer {TOKEN}"}
        ).respond_with_json(one.body, status=one.status, headers=one.headers)

    serve("organization-projects-1", offset="0", limit="100")
    serve("organization-projects-2", offset="2", limit="100")
    for name in ("project", "organization", "readonly", "disk", "error-throttled"):
        serve(name)
    settings = supabase.Settings(token=TOKEN, org="acme", base_url=httpserver.url_for(""))
    found = await supabase.collect(poll_at(NOON), settings)
    assert value(found, "disk_used") == 2072956928  # The one project that is no branch is on the second page.
    assert "12:00:42" in next(one.why for one in found.gaps if one.what == "compute")
    assert httpserver.log[-1][0].path.endswith("/billing/addons")  # After 429 nothing more was asked.
    httpserver.clear()
    serve("error-refused")
    with pytest.raises(TokenRefused):
        await supabase.collect(poll_at(NOON), settings.model_copy(update={"project": REF}))


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
