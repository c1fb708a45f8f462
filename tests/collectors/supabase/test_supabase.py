"""What Supabase's answers mean: units, resets, restrictions, and what is not there."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from pytest_httpserver import HTTPServer

from advisor.collectors import supabase
from advisor.core.fleet import Account, Service
from advisor.polling.contract import Poll, TokenRefused
from advisor.testing import ask
from advisor.testing.replay import NOON, client
from tests.collectors.supabase.asked import KEY, REF, SAMPLES, TOKEN, answer, limits, value


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


async def test_verify_says_which_projects_a_token_sees_besides() -> None:
    async def of(project: str) -> tuple[str, tuple[str, ...]]:
        async with client([one for one in SAMPLES.values() if not one.is_error]) as http:
            poll = Poll(
                http, Service("shop", "it", "it", "supabase", "acme"), Account("acme", "supabase"), NOON
            )
            found = await supabase.verify(poll, supabase.Settings(token=TOKEN, project=project))
        return found.whose, found.broad

    assert await of(REF) == ("acme", ())
    assert await of("bbbbbbbbbbbbbbbbbbbb") == ("acme", ("1 other project",))
