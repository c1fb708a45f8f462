"""B2's reports by UTC day, the account's own row, the walk, caps, and where a key may go."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from advisor.collectors import backblaze
from advisor.collectors.backblaze.report import parse
from advisor.core.fleet import Account, Service
from advisor.core.model import Quality, Reading
from advisor.polling.client import client
from advisor.polling.contract import CollectError, Poll, Throttled, TokenRefused, Unexpected
from advisor.testing import ask, samples
from advisor.testing.replay import NOON

ALL = samples(backblaze)
DAY = datetime(2026, 11, 20, tzinfo=UTC)


def settings(**more: Any) -> backblaze.Settings:
    return backblaze.Settings.model_validate({"key_id": "id", "application_key": "b2-secret", **more})


def of_day(readings: Any, day: datetime) -> dict[str, Reading]:
    return {one.metric: one for one in readings if one.at == day + timedelta(days=1)}


async def test_bytes_are_the_buckets_and_calls_the_accounts() -> None:
    asked = await ask(backblaze, ALL, settings())
    seen = of_day(asked.answer.readings, DAY)
    assert seen["storage"].value == 168e9 / 24 + 1.25e9
    assert seen["egress"].value == 123_456_789 + 0.5e9
    assert seen["egress"].since == DAY
    calls = [seen[name].value for name in ("class_a_operations", "class_b_operations", "operations")]
    assert calls == [14, 305, 9]
    assert of_day(asked.answer.readings, DAY - timedelta(days=1))["storage"].value == 7e9
    assert asked.answer.gaps == []


async def test_one_bucket_is_its_own_row() -> None:
    seen = of_day((await ask(backblaze, ALL, settings(bucket="logs"))).answer.readings, DAY)
    assert (seen["storage"].value, seen["class_a_operations"].value) == (1.25e9, 2)


async def test_a_walk_adds_all_versions_over_all_pages_and_is_said_again() -> None:
    asked = await ask(backblaze, ALL, settings(walk=True), since=NOON)
    now = [one for one in asked.answer.readings if one.at == NOON]
    assert [(one.metric, one.value, one.quality) for one in now] == [
        ("storage", 7_000_000_500, Quality.MEASURED)
    ]
    again = await ask(backblaze, ALL, settings(walk=True), since=NOON, previous=asked.answer.keep)
    assert not [one for one, _ in again.requests if "list" in one.url.path]
    assert [one.quality for one in again.answer.readings if one.at == NOON] == [Quality.ESTIMATED]


async def test_a_key_of_one_bucket_asks_for_that_one_and_lives_without_reports() -> None:
    body = {**ALL["authorize"].body, "allowed": {"capabilities": ["listFiles"], "buckets": [{"id": "b1"}]}}
    refused = {"status": 401, "body": {"status": 401, "code": "unauthorized", "message": ""}, "text": None}
    served = [
        ALL["authorize"].model_copy(update={"body": body}),
        ALL["report-20"].model_copy(update=refused),
        *(ALL[name] for name in ("buckets", "files-1", "files-2")),
    ]
    asked = await ask(backblaze, served, settings(walk=True))
    assert [one.value for one in asked.answer.readings] == [7_000_000_500]
    assert any("readFiles" in gap.why for gap in asked.answer.gaps)
    (listed,) = [one for one, _ in asked.requests if one.url.path.endswith("b2_list_buckets")]
    assert b'"bucketId": "b1"' in listed.content


async def test_a_capped_walk_says_at_least() -> None:
    asked = await ask(backblaze, ALL, settings(walk=True, max_pages=1), since=NOON)
    assert not [one for one in asked.answer.readings if one.at == NOON]
    assert any("at least 7000000000 bytes" in gap.why for gap in asked.answer.gaps)


async def test_without_reports_the_way_out_is_told() -> None:
    now = NOON - timedelta(days=2)
    asked = await ask(backblaze, ALL, settings(), now=now)
    assert (asked.answer.readings, len(asked.requests)) == ([], 4)
    assert "switch them on" in asked.answer.gaps[0].why


async def test_a_cap_that_is_reached_is_a_restriction_and_is_known_to_end() -> None:
    capped = [s for n, s in ALL.items() if n.startswith("report") or n in {"authorize", "error-cap"}]
    asked = await ask(backblaze, capped, settings(walk=True))
    assert asked.answer.readings[-1] == Reading("restricted", 1.0, NOON)
    assert of_day(asked.answer.readings, DAY)
    over = await ask(backblaze, ALL, settings(), previous=asked.answer.keep)
    assert over.answer.readings[-1] == Reading("restricted", 0.0, NOON)


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [("error-key", TokenRefused, "wrong or expired"), ("error-elsewhere", Unexpected, "apiUrl")],
)
async def test_a_key_goes_only_to_backblaze(name: str, error: type[CollectError], said: str) -> None:
    with pytest.raises(error, match=said) as raised:
        await ask(backblaze, [ALL[name]], settings())
    assert "b2-secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("day,bytes\n", "`bucket_id`"),
        ("date,bucket_id,bucket_name,stored_gb\n2026-11-20,b,b,much\n", "`stored_gb` in line 2"),
        ("date,bucket_id,bucket_name\n20 Nov,b,b\n", "`date` in line 2"),
    ],
)
def test_an_unexpected_report_is_named_by_column_and_line(text: str, said: str) -> None:
    with pytest.raises(Unexpected, match=said):
        parse(text, "", "B2")


async def test_over_a_connection_pages_and_throttling(httpserver: HTTPServer) -> None:
    post: Any = {"method": "POST"}
    httpserver.expect_request("/b2api/v4/b2_authorize_account").respond_with_json(ALL["authorize"].body)
    httpserver.expect_request("/b2api/v4/b2_list_buckets", **post).respond_with_json(ALL["buckets"].body)
    path = "/b2api/v4/b2_list_file_versions"
    first = {"bucketId": "b1", "maxFileCount": 10_000}
    httpserver.expect_request(path, **post, json=first).respond_with_json(ALL["files-1"].body)
    second = {**first, "startFileName": "b", "startFileId": "b-1"}
    httpserver.expect_oneshot_request(path, **post, json=second).respond_with_json(ALL["files-2"].body)
    httpserver.expect_request(path, **post, json=second).respond_with_data("{}", 429, {"Retry-After": "5"})
    for day in 18, 19, 20:
        report = ALL["report-20"].request.path.replace("2026-11-20", f"2026-11-{day}")
        httpserver.expect_request(report).respond_with_data("{}", 404)
    async with client() as http:
        poll = Poll(http, Service("s", "i", "i", "backblaze-b2", "a"), Account("a", "backblaze"), NOON)
        here = settings(walk=True, base_url=httpserver.url_for("/"))
        answered = await backblaze.collect(poll, here)
        assert [one.value for one in answered.readings] == [7_000_000_500]
        with pytest.raises(Throttled):
            await backblaze.collect(poll, here)
        assert (await backblaze.verify(poll, here)).broad == ("writeFiles",)
