"""DigitalOcean: percentages of a size, days, pages, scopes, and what is not measured."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from advisor.collectors import digitalocean
from advisor.collectors.digitalocean import apps, others
from advisor.core.fleet import Account, Service
from advisor.core.model import Limit
from advisor.polling.body import Body
from advisor.polling.client import client
from advisor.polling.contract import Poll, TokenRefused
from advisor.testing import ask, samples
from advisor.testing.replay import NOON

SETTINGS = digitalocean.Settings.model_validate(dict(digitalocean.ABOUT.example))
GOOD = {name: sample for name, sample in samples(digitalocean).items() if not sample.is_error}


def with_error(name: str) -> list[Any]:
    """Return the samples, those to the same path replaced by an error answer."""
    error = samples(digitalocean)[name]
    return [error, *(s for s in GOOD.values() if s.request.path != error.request.path)]


async def test_memory_and_the_root_alone_come_from_the_agent_and_limits_from_the_size() -> None:
    answer = (await ask(digitalocean, GOOD, SETTINGS)).answer
    found = {(r.metric, r.part): r.value for r in answer.readings}
    assert found["memory", "web-1"] == 750e6
    assert found["disk_used", "web-1"] == 15e9
    limits = {(t.metric, t.limit): t.value for t in answer.terms if t.metric in {"instances", "egress"}}
    assert limits["instances", Limit.QUOTA] == 25
    assert limits["egress", Limit.QUOTA] == 150 * 2**30


async def test_without_the_agent_there_is_no_memory_and_it_is_said() -> None:
    answer = (await ask(digitalocean, with_error("error-no-agent"), SETTINGS)).answer
    assert "web-1" not in {r.part for r in answer.readings if r.metric == "memory"}
    assert any("metrics agent" in gap.why for gap in answer.gaps)


async def test_an_apps_percentages_are_of_its_size_and_its_days_are_utc() -> None:
    answer = (await ask(digitalocean, GOOD, SETTINGS, previous={"app_days": NOON.timestamp()})).answer
    found = {(r.metric, r.part): r for r in answer.readings}
    assert found["cpu", "web-0"].value == 0.125
    assert found["memory", "web-0"].value == 2**29
    sent = [r for r in answer.readings if r.metric == "egress" and not r.part]
    assert [(r.since, r.value) for r in sent][-1] == (datetime(2026, 11, 20, tzinfo=UTC), 513668)
    assert len(sent) == 2  # Yesterday, and the day before once more.
    assert apps.days(NOON, None)[0] == datetime(2026, 11, 1, tzinfo=UTC)


async def test_spaces_have_no_usage_api_and_no_droplet_stands_for_them() -> None:
    bare = digitalocean.Settings.model_validate({"token": "t"})
    service = Service("shop", "files", "storage", "digitalocean-spaces", "do")
    asked = await ask(digitalocean, GOOD, bare, service=service)
    assert [r.metric for r in asked.answer.readings] == ["restricted"]
    assert asked.answer.gaps[0].metrics == ("storage", "egress")


async def test_a_database_that_is_not_mysql_has_a_size_alone_and_no_password_leaves() -> None:
    answer = (await ask(digitalocean, GOOD, SETTINGS)).answer
    assert "p4ssw0rd" not in repr(answer)
    body = Body({"engine": "pg", "storage_size_mib": 10}, "DigitalOcean")
    other = others.database(body, {}, NOON)
    assert [(r.metric, r.value) for r in other.readings] == [("disk_size", 10 * 2**20)]
    assert "`postgresql` block" in other.gaps[0].why


async def test_a_locked_account_is_restricted_and_a_missing_scope_is_named() -> None:
    answer = (await ask(digitalocean, with_error("error-locked"), SETTINGS)).answer
    assert [r.value for r in answer.readings if r.metric == "restricted"] == [1]
    answer = (await ask(digitalocean, with_error("error-scope"), SETTINGS)).answer
    assert [gap.why for gap in answer.gaps if gap.what == "app" and "`app:read`" in gap.why]


async def test_asked_too_often_nothing_more_is_asked_and_what_came_is_kept() -> None:
    asked = await ask(digitalocean, with_error("error-throttled"), SETTINGS)
    assert [r.metric for r in asked.answer.readings] == ["restricted"]
    assert len(asked.requests) < 10


async def test_pages_are_read_to_the_end_and_a_refused_token_ends_it(httpserver: HTTPServer) -> None:
    pages: list[str] = []

    def page(request: Request) -> Response:
        pages.append(request.args["page"])
        name = "droplets-2" if request.args["page"] == "2" else "droplets-1"
        return Response(json.dumps(GOOD[name].body), content_type="application/json")

    refused = httpserver.expect_request("/v2/account")
    refused.respond_with_data("{}", 401)
    httpserver.expect_request("/v2/droplets").respond_with_handler(page)
    settings = digitalocean.Settings.model_validate({"token": "s3cret", "base_url": httpserver.url_for("")})
    async with client() as http:
        service = Service("shop", "b", "b", "digitalocean", "a")
        poll = Poll(http, service, Account("a", "digitalocean"), datetime.now(UTC))
        with pytest.raises(TokenRefused) as caught:  # The metrics answer 500: nothing else is left.
            await digitalocean.collect(poll, settings)
    assert pages == ["1", "2"]
    assert "s3cret" not in str(caught.value)
