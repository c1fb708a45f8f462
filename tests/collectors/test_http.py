"""Any JSON endpoint: what is there, what is not, and what is something else."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from pytest_httpserver import HTTPServer

from advisor.collectors.http import Settings, collect, parse
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Limit, Reading
from advisor.polling.contract import Poll, TokenRefused, Unexpected
from advisor.polling.validity import sifted

PollAt = Callable[..., Poll]
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def settings(url: str = "http://localhost/usage", /, **metrics: Any) -> Settings:
    return Settings.model_validate({"url": url, "metrics": metrics})


def test_a_value_is_converted_to_the_base_unit() -> None:
    wanted = settings(
        storage={"path": "usage.db", "unit": "MB"},
        cpu={"path": "cpu", "unit": "%"},
        response_time={"path": "p95", "unit": "ms", "stat": "p95"},
    )
    answer = parse({"usage": {"db": 401}, "cpu": 7, "p95": "240.5"}, wanted, NOW)
    assert answer.readings == [
        Reading("storage", 401e6, NOW),
        Reading("cpu", 0.07, NOW),
        Reading("response_time", 0.2405, NOW, stat="p95"),
    ]
    assert answer.gaps == []


@pytest.mark.parametrize("body", [{}, {"a": None}, {"b": 1}, None])
def test_nothing_at_the_path_is_a_gap_and_never_zero(body: Any) -> None:
    answer = parse(body, settings(storage={"path": "a"}), NOW, where="the endpoint at x")
    assert answer.readings == []
    assert [gap.why for gap in answer.gaps] == [
        "the endpoint at x: `a` is null or missing, which is not zero"
    ]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("many s3cr3t", "`a` is a text of 11 characters, not a number"),
        ("1,000", "a text of 5 characters"),
        ("NaN", "a text of 3 characters"),
        ("", "a text of 0 characters"),
        (True, "true or false"),
        ({"value": 1, "unit": "MB"}, "an object with value, unit"),
        ({}, "an empty object"),
        ([1, 2], "a list of 2: name its `part`, or make one number: sum(...)"),
        (10**400, "a number too large"),
        (1e999, "a number too large"),
    ],
)
def test_what_is_no_number_is_named_by_path_and_not_repeated(value: Any, says: str) -> None:
    with pytest.raises(Unexpected) as caught:
        parse({"a": value}, settings(storage={"path": "a"}), NOW, where="the endpoint at x")
    assert says in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


def test_one_wrong_shape_leaves_the_others_alone() -> None:
    answer = parse({"a": "x", "b": 1}, settings(storage={"path": "a"}, memory={"path": "b"}), NOW)
    assert [r.metric for r in answer.readings] == ["memory"]
    assert [gap.metrics for gap in answer.gaps] == [("storage",)]


@pytest.mark.parametrize("text", ["401", " 401 ", "4.01e2", "401.0", "+401"])
def test_a_clean_number_may_be_a_text(text: str) -> None:
    assert parse({"a": text}, settings(storage={"path": "a"}), NOW).readings == [Reading("storage", 401, NOW)]


def test_a_path_that_does_not_fit_says_so_without_the_value() -> None:
    with pytest.raises(
        Unexpected, match=r"`sum\(a\)` does not fit the answer: sum\(\) was given a string"
    ) as caught:
        parse({"a": "s3cr3t"}, settings(storage={"path": "sum(a)"}), NOW)
    assert "s3cr3t" not in str(caught.value)


def test_lists_are_parts() -> None:
    wanted = settings(storage={"path": "buckets[*].bytes", "part": "buckets[*].name"})
    answer = parse({"buckets": [{"name": "a", "bytes": 1}, {"name": "b", "bytes": 2}]}, wanted, NOW)
    assert [(r.part, r.value) for r in answer.readings] == [("a", 1), ("b", 2)]


@pytest.mark.parametrize(
    ("buckets", "says"),
    [
        ([{"name": "a", "bytes": 1}, {"bytes": 2}], "a list of 1, not a name for each of 2 values"),
        ([{"name": "a", "bytes": 1}, {"name": "a", "bytes": 2}], "names two parts alike"),
        ([{"name": {}, "bytes": 1}], "not a name"),
    ],
)
def test_parts_without_a_name_each_are_wrong(buckets: Any, says: str) -> None:
    wanted = settings(storage={"path": "buckets[*].bytes", "part": "buckets[*].name"})
    with pytest.raises(Unexpected) as caught:
        parse({"buckets": buckets}, wanted, NOW)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("since", "to"),
    [
        ("2026-11-01T00:00:00Z", "2026-11-01T11:00:00+00:00"),
        ("2026-11-01T01:00:00+01:00", 1793530800),
        (1793491200, "1793530800"),
        (1793491200000, 1793530800000),
    ],
)
def test_an_amount_covers_what_the_endpoint_says(since: Any, to: Any) -> None:
    wanted = settings(emails={"path": "sent", "since": "from", "at": "to"})
    answer = parse({"sent": 81, "from": since, "to": to}, wanted, NOW)
    start, end = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 1, 11, tzinfo=UTC)
    assert answer.readings == [Reading("emails", 81, end, start)]


@pytest.mark.parametrize(
    ("since", "says"),
    [
        ("yesterday", "not a time"),
        ("2026-11-01T00:00:00", "without a zone"),
        ({}, "not a"),
        (1e300, "not a time"),
    ],
)
def test_what_is_no_time_is_named(since: Any, says: str) -> None:
    with pytest.raises(Unexpected, match=says):
        parse({"sent": 81, "from": since}, settings(emails={"path": "sent", "since": "from"}), NOW)


def test_a_counter_becomes_amounts_resets_included() -> None:
    wanted = settings(emails={"path": "total", "counter": True})
    found, keep, since = [], {}, None
    for step, total in enumerate([100, 130, 130, 5, 6]):
        now = NOW + step * MINUTE
        answer = parse({"total": total}, wanted, now, since, keep)
        found.append([(r.value, r.since, r.at) for r in answer.readings])
        keep, since = dict(answer.keep), now
    assert found[0] == []  # Nothing to compare with.
    assert [amount for ((amount, _, _),) in found[1:]] == [30, 0, 5, 1]
    assert found[4] == [(1, NOW + 3 * MINUTE, NOW + 4 * MINUTE)]


def test_a_counter_that_was_not_there_once_covers_the_gap_afterwards() -> None:
    wanted = settings(emails={"path": "total", "counter": True})
    first = parse({"total": 100}, wanted, NOW)
    second = parse({}, wanted, NOW + MINUTE, NOW, first.keep)
    assert second.keep == first.keep
    third = parse({"total": 140}, wanted, NOW + 2 * MINUTE, NOW + MINUTE, second.keep)
    assert third.readings == [Reading("emails", 40, NOW + 2 * MINUTE, NOW)]


def test_a_share_keeps_part_and_whole() -> None:
    wanted = settings(error_rate={"path": "failed", "of": "all", "since": "from"})
    answer = parse({"failed": 12, "all": 1000, "from": "2026-11-01T11:00:00Z"}, wanted, NOW)
    assert answer.readings == [Reading("error_rate", 12, NOW, NOW - 60 * MINUTE, of=1000)]


def test_a_share_without_a_start_covers_what_the_last_poll_did_not() -> None:
    wanted = settings(cache_hit_rate={"path": "ratio", "unit": "%"})
    for polled, start in (
        (None, NOW - MINUTE),
        (NOW - 5 * MINUTE,) * 2,
        (NOW - 600 * MINUTE, NOW - 60 * MINUTE),
    ):
        assert parse({"ratio": 98}, wanted, NOW, polled).readings == [
            Reading("cache_hit_rate", 0.98, NOW, start, of=1.0)
        ]


def test_a_whole_of_zero_has_no_share() -> None:
    answer = parse({"failed": 0, "all": 0}, settings(error_rate={"path": "failed", "of": "all"}), NOW)
    assert answer.readings == []
    assert "`all` is 0" in answer.gaps[0].why


def test_a_reported_limit_is_a_term() -> None:
    wanted = settings(
        storage={"path": "used", "limit": "max", "unit": "GB"},
        connections={"path": "open", "limit": "max", "limit_kind": "max"},
    )
    answer = parse({"used": 1, "max": 8, "open": 3}, wanted, NOW, where="the endpoint at x")
    assert [(t.what, t.metric, t.limit, t.value, t.source, t.valid_from) for t in answer.terms] == [
        ("limit", "storage", Limit.QUOTA, 8e9, "the endpoint at x", NOW),
        ("limit", "connections", Limit.MAX, 8, "the endpoint at x", NOW),
    ]


@pytest.mark.parametrize("limit", [None, "unlimited"])
def test_a_limit_that_is_no_number_is_not_known_and_not_unlimited(limit: Any) -> None:
    answer = parse({"used": 1, "max": limit}, settings(storage={"path": "used", "limit": "max"}), NOW)
    assert answer.terms == []
    assert "the limit is not known" in answer.gaps[0].why
    assert len(answer.readings) == 1


@pytest.mark.parametrize(
    ("metric", "measure", "says"),
    [
        ("bandwidth", {"path": "a"}, "no metric `bandwidth`"),
        ("storage", {}, "Field required"),
        ("storage", {"path": " "}, "`path` is empty"),
        ("storage", {"path": "a[", "unit": "MB"}, "`a[` is no JMESPath"),
        ("storage", {"path": "a", "of": "$.b"}, "is no JMESPath"),
        ("storage", {"path": "a", "unit": "ms"}, "unit `ms` does not fit: `storage` is in bytes"),
        ("storage", {"path": "a", "kind": "amount"}, "of kind level, not amount"),
        ("storage", {"path": "a", "since": "b"}, "leave `since` out"),
        ("storage", {"path": "a", "of": "b"}, "`of` is for a share"),
        ("storage", {"path": "a", "counter": True}, "`counter` is for an amount"),
        ("storage", {"path": "a", "limit": "b", "limit_kind": "max"}, "`storage` has no max; it has: quota"),
        ("cpu", {"path": "a", "limit": "b"}, "`cpu` has no limit"),
        ("emails", {"path": "a"}, "an amount: of which time?"),
        ("response_time", {"path": "a"}, "say which with `stat`"),
        ("response_time", {"path": "a", "stat": "p80"}, "p50 p75 p90 p95 p99 p99.9"),
        ("storage", {"path": "a", "jmespath": "b"}, "Extra inputs"),
    ],
)
def test_each_foreseen_mistake_has_its_answer(metric: str, measure: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        settings(**{metric: measure})
    assert says in str(caught.value)


def test_a_body_needs_a_post() -> None:
    with pytest.raises(ValidationError, match="method: POST"):
        Settings.model_validate({"url": "http://x/", "body": "s3cr3t", "metrics": {"storage": {"path": "a"}}})


def test_settings_print_no_secret() -> None:
    made = Settings.model_validate(
        {
            "url": "http://x/?key=s3cr3t",
            "method": "POST",
            "body": {"key": "s3cr3t"},
            "headers": {"X-Key": "s3cr3t"},
            "metrics": {"storage": {"path": "a"}},
        }
    )
    assert "s3cr3t" not in repr(made) + str(made) + made.model_dump_json()


async def test_an_endpoint_is_asked_with_its_headers(httpserver: HTTPServer, poll_at: PollAt) -> None:
    httpserver.expect_request("/usage", query_string="a=b", headers={"X-Key": "k"}).respond_with_json(
        {"a": 1}
    )
    given = {
        "url": httpserver.url_for("/usage?a=b"),
        "headers": {"X-Key": "k"},
        "metrics": {"storage": {"path": "a"}},
    }
    answer = await collect(poll_at(NOW), Settings.model_validate(given))
    assert answer.readings == [Reading("storage", 1, NOW)]
    assert sifted(answer.readings, VOCABULARY, NOW) == (answer.readings, [])


async def test_a_body_is_posted_as_json(httpserver: HTTPServer, poll_at: PollAt) -> None:
    expected = httpserver.expect_request(
        "/graphql", method="POST", json={"query": "{ usage }"}, headers={"Content-Type": "application/json"}
    )
    expected.respond_with_json({"data": {"usage": "7"}})
    given = {
        "url": httpserver.url_for("/graphql"),
        "method": "POST",
        "body": {"query": "{ usage }"},
        "metrics": {"storage": {"path": "data.usage"}},
    }
    assert (await collect(poll_at(NOW), Settings.model_validate(given))).readings[0].value == 7


async def test_trouble_is_one_of_our_errors(httpserver: HTTPServer, poll_at: PollAt) -> None:
    httpserver.expect_request("/usage").respond_with_data("", status=401)
    with pytest.raises(TokenRefused, match=f"the endpoint at localhost:{httpserver.port} answered 401"):
        await collect(poll_at(NOW), settings(httpserver.url_for("/usage"), storage={"path": "a"}))
