"""Fly.io: CPU over its baseline, volumes in blocks, buckets of counters, and what one refusal leaves."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from advisor.collectors import fly
from advisor.collectors.fly.machines import volumes
from advisor.collectors.fly.series import histogram
from advisor.core.fleet import Account, Service
from advisor.core.model import Limit, Quality
from advisor.polling.body import Body
from advisor.polling.client import client
from advisor.polling.contract import Poll, TokenRefused, Unexpected
from advisor.testing import ask, samples
from advisor.testing.replay import NOON

SETTINGS = fly.Settings.model_validate(dict(fly.ABOUT.example))
GOOD = {name: sample for name, sample in samples(fly).items() if not sample.is_error}


def with_errors(*names: str) -> list[Any]:
    """Return the samples, some of them replaced by an error answer to the same request."""
    errors = [samples(fly)[name] for name in names]
    return [s for s in GOOD.values() if s.request not in [error.request for error in errors]] + errors


async def test_cpu_is_use_over_what_the_machine_may_use_for_good() -> None:
    answer = (await ask(fly, GOOD, SETTINGS)).answer
    cpu = [r for r in answer.readings if r.metric == "cpu"]
    assert [(r.part, r.value) for r in cpu] == [("m1", pytest.approx(0.05 / 0.0625))]
    assert answer.evidence["CPU of machines"][0]["balance"] == "7 min"


async def test_memory_is_what_is_not_available_and_is_held_against_the_machine_and_its_size() -> None:
    answer = (await ask(fly, GOOD, SETTINGS)).answer
    assert [r.value for r in answer.readings if r.metric == "memory"] == [205e6]
    limits = {(t.metric, t.limit): t.value for t in answer.terms}
    assert limits["memory", Limit.QUOTA] == 256 * 2**20
    assert limits["memory", Limit.AVAILABLE] == 230686720


def test_a_volume_that_no_machine_mounted_has_a_size_and_no_use() -> None:
    body = [
        {"id": "a", "state": "created", "size_gb": 3, "blocks": 100, "block_size": 4096, "blocks_avail": 40},
        {"id": "b", "state": "created", "size_gb": 1, "blocks": 0, "block_size": 0, "blocks_avail": 0},
        {"id": "c", "state": "destroyed", "size_gb": 1, "blocks": 9, "block_size": 1, "blocks_avail": 0},
    ]
    answer = volumes(Body(body, "Fly"), NOON)
    assert {(r.metric, r.part): r.value for r in answer.readings} == {
        ("disk_size", "a"): 3 * 2**30,
        ("disk_used", "a"): 60 * 4096,
        ("disk_size", "b"): 2**30,
    }
    assert [gap.what for gap in answer.gaps] == ["use of volume b"]


def test_a_histogram_is_no_longer_cumulative_and_its_open_bucket_is_estimated() -> None:
    counts = {"0.1": 0.0, "0.5": 90.0, "1": 90.0, "+Inf": 100.0}
    found = histogram(counts, 30.0, NOON, 300.0)
    assert found is not None
    assert found.buckets == ((0.1, 0.0), (0.5, 90.0), (1.0, 10.0))
    assert (found.value, found.quality) == (pytest.approx(0.3), Quality.ESTIMATED)
    assert found.since == NOON - timedelta(minutes=5)
    assert histogram({"0.1": 0.0, "+Inf": 0.0}, 0.0, NOON, 300.0) is None


async def test_buckets_go_on_where_the_last_poll_ended_and_the_newest_are_asked_again() -> None:
    before = {"org": "acme", "covered": {"traffic": NOON.timestamp() - 2 * 3600}}
    asked = await ask(fly, GOOD, SETTINGS, previous=before)
    starts = {
        request.url.params["query"][:30]: float(request.url.params["start"])
        for request, _ in asked.requests
        if request.url.path.endswith("query_range")
    }
    assert starts["sum(increase(fly_edge_data_out"] == NOON.timestamp() - 3 * 3600
    assert asked.answer.keep["covered"]["traffic"] == NOON.timestamp() - 3600


async def test_a_partial_answer_is_kept_said_and_asked_again() -> None:
    answer = (await ask(fly, with_errors("error-partial"), SETTINGS)).answer
    assert [r.value for r in answer.readings if r.metric == "egress"] == [1.0]
    assert any("partial" in gap.why for gap in answer.gaps)
    assert "traffic" not in answer.keep["covered"]


async def test_a_suspended_organisation_is_restricted() -> None:
    answer = (await ask(fly, with_errors("error-suspended"), SETTINGS)).answer
    assert [r.value for r in answer.readings if r.metric == "restricted"] == [1.0]


async def test_what_one_endpoint_refuses_is_a_gap_and_the_rest_is_kept() -> None:
    answer = (await ask(fly, with_errors("error-token"), SETTINGS)).answer
    assert [gap.what for gap in answer.gaps if gap.what == "machines"] == ["machines"]
    assert {r.metric for r in answer.readings} >= {"memory", "cpu", "egress"}
    assert not [gap for gap in answer.gaps if "fm2_example" in gap.why]


def test_an_unexpected_shape_is_named_by_its_path() -> None:
    with pytest.raises(Unexpected, match=r"`\[0\].state` is missing"):
        fly.machines.machines(Body([{"id": "m1"}], "Fly"), NOON)


@pytest.mark.parametrize(
    ("token", "header"),
    [("FlyV1 fm2_a,b", "FlyV1 fm2_a,b"), ("fm2_a", "FlyV1 fm2_a"), ("old", "Bearer old")],
)
async def test_a_refused_token_ends_the_poll_and_stays_out_of_the_words(
    httpserver: HTTPServer, token: str, header: str
) -> None:
    sent: list[str] = []

    def refuse(request: Request) -> Response:
        sent.append(request.headers["Authorization"])
        return Response("{}", 401)

    httpserver.expect_request("/v1/apps/shop-api").respond_with_handler(refuse)
    settings = fly.Settings.model_validate(
        {"token": token, "app": "shop-api", "base_url": httpserver.url_for("")}
    )
    async with client() as http:
        poll = Poll(http, Service("shop", "b", "b", "fly", "a"), Account("a", "fly"), datetime.now(UTC))
        with pytest.raises(TokenRefused) as caught:
            await fly.collect(poll, settings)
    assert sent == [header]
    assert token not in str(caught.value)
