"""What Neon's answers mean: Free by counters, paid plans by hours, and nothing that wakes a compute."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from advisor.collectors import neon
from advisor.polling.contract import Answer, Poll, Throttled, TokenRefused, Unexpected
from advisor.testing import ask, samples
from advisor.testing.replay import NOON
from advisor.testing.samples import Sample

SAMPLES = samples(neon)
TOKEN, PROJECT = "napi_only_in_tests", "quiet-tree-12345678"
SETTINGS = neon.Settings(token=TOKEN, project=PROJECT)
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def served(*instead: str) -> list[Sample]:
    """Return the samples; those named stand in for those of the same path."""
    paths = {SAMPLES[name].request.path for name in instead}
    others = [one for one in SAMPLES.values() if not one.is_error and one.request.path not in paths]
    return [*(SAMPLES[name] for name in instead), *others]


async def answer(*instead: str, previous: Mapping[str, Any] | None = None) -> Answer:
    return (await ask(neon, served(*instead), SETTINGS, previous=previous)).answer


def values(found: Answer, metric: str) -> list[float]:
    return [one.value for one in found.readings if one.metric == metric]


def terms(found: Answer) -> dict[str, Any]:
    return {one.metric or one.what: one.value for one in found.terms}


async def test_free_is_the_plan_its_branches_together_and_what_was_counted_since_the_period_began() -> None:
    found = await answer()
    assert values(found, "storage") == [200_000_000]  # Two pages of branches.
    assert values(found, "branches") == [2]
    usage = {one.metric: (one.value, one.since) for one in found.readings if one.since is not None}
    assert usage == {"compute_hours": (50, NOVEMBER), "egress": (1.5e9, NOVEMBER)}
    assert values(found, "idle_time") == [3600]
    # 2 CU at most, but eight times 0.25 as well: 839 connections, 7 of them Neon's own.
    assert terms(found) == {"plan": "free", "storage": 536870912, "branches": 10, "connections": 832}


@pytest.mark.parametrize(
    ("period", "counted", "hours", "why"),
    [
        (NOVEMBER, 176400, 1, "the counter grew by an hour"),
        (NOVEMBER, 190000, 50, "it fell within its period: it was set back"),
        (datetime(2026, 10, 1, tzinfo=UTC), 190000, 50, "another period: it began again"),
    ],
)
async def test_a_counter_becomes_what_came_since_the_last_poll(
    period: datetime, counted: int, hours: float, why: str
) -> None:
    polled = NOON - HOUR
    kept = {"period": period.timestamp(), "at": polled.timestamp(), "compute_time_seconds": counted}
    found = await answer(previous={"counters": kept})
    (one,) = [one for one in found.readings if one.metric == "compute_hours"]
    assert (one.value, one.since) == (hours, polled), why


async def test_paid_hours_without_use_are_zero_and_the_newest_ones_are_not_known_yet() -> None:
    found = await answer("error-project-launch", previous={"until": NOON.timestamp()})
    used = {one.since: one.value for one in found.readings if one.metric == "compute_hours"}
    start = NOON - 6 * HOUR
    # 11:00 is too young for its silence to be a zero; the project's counters, which stay 0, are not read.
    assert used == {start + n * HOUR: 0.5 if n == 2 else 0.0 for n in range(5)}
    assert values(found, "egress")[-1] in {0.0, 3e6}
    assert sum(values(found, "egress")) == 3e6  # Private transfer is not what the allowance is about.
    assert values(found, "storage") == [2.5e9]  # Byte-hours of one hour; restore history is billed apart.
    assert values(found, "restricted") == [0]


async def test_the_compute_of_the_default_branch_tells_how_many_connections_there_are() -> None:
    small = SAMPLES["endpoints"].body["endpoints"][0]
    large = {
        **small,
        "id": "ep-b",
        "branch_id": "br-9",
        "autoscaling_limit_min_cu": 8,
        "autoscaling_limit_max_cu": 8,
    }
    both = SAMPLES["endpoints"].model_copy(update={"body": {"endpoints": [small, large]}})
    others = [one for one in served() if one.name != "endpoints"]
    found = (await ask(neon, [*others, both], SETTINGS)).answer
    assert [one.value for one in found.terms if one.metric == "connections"] == [832]


async def test_an_hour_in_two_plans_is_added_up_and_another_project_is_not_counted() -> None:
    project = dict(SAMPLES["consumption"].body["projects"][0])
    changed = [dict(project["periods"][0], period_plan=plan) for plan in ("launch_v3", "scale_v3")]
    body = {"projects": [dict(project, periods=changed), dict(project, project_id="other-87654321")]}
    both = SAMPLES["consumption"].model_copy(update={"body": body})
    others = [one for one in served("error-project-launch") if one.name != "consumption"]
    found = (await ask(neon, [*others, both], SETTINGS, previous={"until": NOON.timestamp()})).answer
    assert sum(values(found, "compute_hours")) == 1
    assert values(found, "storage") == [5e9]


async def test_the_first_poll_of_a_paid_plan_goes_back_to_the_period_by_day_then_by_hour() -> None:
    asked = await ask(neon, served("error-project-launch"), SETTINGS)
    queries = [
        dict(request.url.params) for request, _ in asked.requests if "consumption_history" in request.url.path
    ]
    spans = {(one["granularity"], one["from"], one["to"]) for one in queries}
    assert spans == {
        ("daily", "2026-11-01T00:00:00Z", "2026-11-15T00:00:00Z"),
        ("hourly", "2026-11-15T00:00:00Z", "2026-11-21T12:00:00Z"),
    }
    days = [one for one in asked.answer.readings if one.at - (one.since or one.at) == 24 * HOUR]
    assert sum(one.value for one in days if one.metric == "compute_hours") == 10
    assert len([one for one in days if one.metric == "compute_hours"]) == 14


async def test_an_older_plan_is_asked_at_the_older_endpoint() -> None:
    previous = {"until": NOON.timestamp()}
    found = await answer("error-project-launch", "error-consumption-forbidden", previous=previous)
    assert values(found, "compute_hours") == [2]
    assert values(found, "storage") == [37000959232]


async def test_a_range_that_is_refused_is_told_in_neons_words_and_costs_usage_alone() -> None:
    found = await answer("error-project-launch", "error-range")
    (gap,) = [one for one in found.gaps if one.what == "usage"]
    assert "406" in gap.why
    assert "out of the granularity limits" in gap.why
    assert values(found, "branches") == [2]


async def test_restrictions_are_known_while_a_compute_runs_and_not_while_a_free_one_sleeps() -> None:
    assert values(await answer(), "restricted") == []  # It may sleep for its quota; to ask would wake it.
    assert values(await answer("error-endpoints-active"), "restricted") == [0]
    assert values(await answer("error-endpoints-disabled"), "restricted") == [1]
    capped = await answer("error-project-capped")
    assert values(capped, "restricted") == [1]
    assert terms(capped)["compute_hours"] == 50


async def test_another_shape_names_its_place_and_a_refused_key_is_not_repeated() -> None:
    odd = SAMPLES["project"].model_copy(update={"body": {"project": {"id": PROJECT, "owner": "Acme"}}})
    with pytest.raises(Unexpected, match=r"`project\.owner` is a text, not an object"):
        await ask(neon, [odd, *(s for s in SAMPLES.values() if s.name != "project")], SETTINGS)
    with pytest.raises(TokenRefused) as refused:
        await answer("error-refused")
    assert TOKEN not in str(refused.value)


async def test_over_a_server_pages_end_with_a_repeated_cursor_and_429_waits(
    httpserver: HTTPServer, poll_at: Callable[..., Poll]
) -> None:
    def serve(*names: str) -> None:
        for name in names:
            one = SAMPLES[name]
            query = {"limit": "400", **one.request.query} if name.startswith("projects") else None
            httpserver.expect_request(
                one.request.path, query_string=query, headers={"Authorization": f"Bearer {TOKEN}"}
            ).respond_with_json(one.body, status=one.status, headers=one.headers)

    serve("projects-1", "projects-2", "project", "error-throttled")
    settings = neon.Settings(token=TOKEN, base_url=httpserver.url_for(""))
    found = await neon.collect(poll_at(NOON), settings)
    assert values(found, "egress") == [1.5e9]
    assert "12:00:30" in next(one.why for one in found.gaps if one.what == "branches")
    assert httpserver.log[-1][0].path.endswith("/branches")  # After 429 nothing more was asked.
    httpserver.clear()
    httpserver.expect_request("/api/v2/projects").respond_with_json({}, status=429)
    with pytest.raises(Throttled):
        await neon.collect(poll_at(NOON), settings)
