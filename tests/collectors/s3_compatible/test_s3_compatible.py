"""A bucket's walk: pages, versions, cap, cost, going on, and what a refusal means."""

from datetime import timedelta
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from advisor.collectors import s3_compatible
from advisor.core.fleet import Account, Service
from advisor.core.model import Quality
from advisor.polling.client import client
from advisor.polling.contract import CollectError, Forbidden, Poll, Throttled, TokenRefused, Unexpected
from advisor.testing import ask, samples
from advisor.testing.replay import NOON

ALL = samples(s3_compatible)


def settings(**more: Any) -> s3_compatible.Settings:
    return s3_compatible.Settings.model_validate({**s3_compatible.ABOUT.example, **more})


async def test_all_pages_are_added_without_a_namespace_as_well() -> None:
    asked = await ask(s3_compatible, ALL, settings())
    (reading,) = asked.answer.readings
    assert (reading.value, reading.quality, reading.at) == (3_000_000_507, Quality.MEASURED, NOON)
    assert asked.answer.evidence["Last walk"][0]["objects"] == "3"
    assert len(asked.requests) == 2


async def test_earlier_versions_count_where_they_are_asked_for() -> None:
    (reading,) = (await ask(s3_compatible, ALL, settings(versions=True))).answer.readings
    assert reading.value == 35


async def test_without_consent_nothing_is_asked() -> None:
    asked = await ask(s3_compatible, ALL, settings(walk=False))
    assert (asked.requests, asked.answer.readings) == ([], ())
    assert "a billed request for each thousand" in asked.answer.gaps[0].why


async def test_a_capped_walk_says_at_least_and_measures_nothing() -> None:
    asked = await ask(s3_compatible, ALL, settings(max_pages=1))
    assert asked.answer.readings == []
    assert "at least 3000000500 bytes in 2 objects" in asked.answer.gaps[0].why


async def test_between_two_walks_the_last_total_is_an_estimate_and_costs_nothing() -> None:
    first = await ask(s3_compatible, ALL, settings())
    again = await ask(
        s3_compatible, ALL, settings(), now=NOON + timedelta(hours=1), previous=first.answer.keep
    )
    assert (again.requests, again.answer.readings[0].quality) == ([], Quality.ESTIMATED)
    due = await ask(s3_compatible, ALL, settings(), now=NOON + timedelta(days=1), previous=again.answer.keep)
    assert (len(due.requests), due.answer.readings[0].quality) == (2, Quality.MEASURED)


async def test_a_long_walk_goes_on_with_the_next_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_compatible, "_PER_POLL", 1)
    first = await ask(s3_compatible, ALL, settings())
    assert first.answer.readings == []
    again = await ask(s3_compatible, ALL, settings(), previous=first.answer.keep)
    assert (again.answer.readings[0].value, again.answer.readings[0].quality) == (
        3_000_000_507,
        Quality.ESTIMATED,
    )


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("denied", Forbidden, "s3:ListBucket"),
        ("key", TokenRefused, "InvalidAccessKeyId"),
        ("clock", Unexpected, "clock"),
        ("slow", Throttled, "SlowDown"),
        ("region", Unexpected, "region"),
    ],
)
async def test_a_refusal_is_told_by_its_code(name: str, error: type[CollectError], said: str) -> None:
    with pytest.raises(error, match=said) as raised:
        await ask(s3_compatible, [ALL[f"error-{name}"]], settings())
    assert type(raised.value) is error
    assert "s3_example_secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>", r"Contents\[0\]\.Size"),
        ("<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>", "NextContinuationToken"),
        ("<html></html>", "not a listing"),
        ("<!DOCTYPE a><ListBucketResult/>", "document type"),
        ("{}", "not XML"),
    ],
)
async def test_an_unexpected_page_is_named(text: str, said: str) -> None:
    odd = ALL["page-2"].model_copy(update={"text": text, "request": ALL["error-slow"].request})
    with pytest.raises(Unexpected, match=said):
        await ask(s3_compatible, [odd], settings())


async def test_over_a_connection_the_token_arrives_as_it_was_signed(httpserver: HTTPServer) -> None:
    queries: list[dict[str, str]] = []

    def answer(request: Request) -> Response:
        queries.append(request.args.to_dict())
        assert request.headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=EXAMPLE_KEY/")
        if len(queries) == 3:
            return Response("", status=429, headers={"Retry-After": "30"})
        return Response(ALL[f"page-{len(queries)}"].text, content_type="application/xml")

    httpserver.expect_request("/photos").respond_with_handler(answer)
    async with client() as http:
        poll = Poll(http, Service("s", "i", "i", "s3-compatible", "a"), Account("a", "s3-compatible"), NOON)
        here = settings(base_url=httpserver.url_for("").rstrip("/"))
        answered = await s3_compatible.collect(poll, here)
        assert answered.readings[0].value == 3_000_000_507
        assert queries[1] == {"continuation-token": "1/x+y==", "list-type": "2", "max-keys": "1000"}
        with pytest.raises(Throttled) as throttled:
            await s3_compatible.verify(poll, here)
    assert throttled.value.retry_at == NOON + timedelta(seconds=30)
