"""A Prometheus-compatible server: the answers by themselves, then a real one, then those that misbehave."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from advisor.collectors.prometheus import Settings, collect
from advisor.collectors.prometheus.answers import Data, data_of, error_in, points
from advisor.core.metrics import VOCABULARY
from advisor.polling.contract import Poll, Throttled, TokenRefused, Unexpected, Unreachable
from advisor.polling.validity import sifted
from tests.prometheus_server import PAST, PrometheusServer

PollAt = Callable[..., Poll]
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
P95 = "histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))"
PARTS = 'sum(increase(http_requests_total{code="500"}[$window]))'
WHOLES = "sum(increase(http_requests_total[$window]))"
SHARE = {"query": PARTS, "of": WHOLES}


def settings(url: str, **metrics: Any) -> Settings:
    return Settings.model_validate({"url": url, "metrics": metrics})


def vector(*values: str, label: str = "") -> dict[str, Any]:
    result = [
        {"metric": {label: str(n)} if label else {}, "value": [NOW.timestamp(), value]}
        for n, value in enumerate(values)
    ]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


# Answers, by themselves


def test_a_value_is_a_text_and_read_as_a_number() -> None:
    found = points(data_of(vector("0.25"), "q", "w"), "q", "", "w")
    assert [point.value for point in found.points] == [0.25]


def test_no_series_is_said_and_is_not_zero() -> None:
    found = points(data_of(vector(), "q", "w"), "q", "", "w")
    assert found.points == ()
    assert "finds no series, which is not zero" in found.problems[0]


@pytest.mark.parametrize(
    ("text", "says"), [("NaN", "is NaN"), ("+Inf", "infinite"), ("-Inf", "infinite"), ("x", "no number")]
)
def test_what_is_no_number_is_a_problem_and_no_value(text: str, says: str) -> None:
    found = points(data_of(vector(text), "q", "w"), "q", "", "w")
    assert list(found.points) == []
    assert says in found.problems[0]


def test_several_series_need_a_label_that_tells_them_apart() -> None:
    data = data_of(vector("1", "2", label="machine"), "q", "w")
    with pytest.raises(Unexpected, match=r"gives 2 series; make one of them with sum\(...\)"):
        points(data, "q", "", "w")
    with pytest.raises(Unexpected, match="`pod` does not tell them apart"):
        points(data, "q", "pod", "w")
    assert [(point.part, point.value) for point in points(data, "q", "machine", "w").points] == [
        ("0", 1),
        ("1", 2),
    ]


def test_a_scalar_is_one_value() -> None:
    answer = {"status": "success", "data": {"resultType": "scalar", "result": [1.0, "3"]}}
    assert data_of(answer, "q", "w") == Data([({}, [(1.0, "3")])])


@pytest.mark.parametrize("more", [{"warnings": ["store-1 did not answer"]}, {"isPartial": True}])
def test_a_warning_beside_a_success_makes_it_partial(more: dict[str, Any]) -> None:
    assert "did not answer" in data_of(vector("1") | more, "q", "w").partial[0]


@pytest.mark.parametrize(
    ("answer", "place"),
    [
        ([], "`status`"),
        ({"status": 7}, "`status`"),
        ({"status": "success"}, "`data`"),
        ({"status": "success", "data": {"resultType": "vector"}}, "`data.result`"),
        ({"status": "success", "data": {"resultType": "streams", "result": []}}, "`data.resultType`"),
        ({"status": "success", "data": {"resultType": "vector", "result": [1]}}, "`data.result[0].metric`"),
        (
            {
                "status": "success",
                "data": {"resultType": "vector", "result": [{"metric": {}, "value": [1, 2]}]},
            },
            "`data.result[0].value`",
        ),
        (
            {
                "status": "success",
                "data": {"resultType": "matrix", "result": [{"metric": {}, "values": [[]]}]},
            },
            "`data.result[0].values[0]`",
        ),
    ],
)
def test_an_answer_of_another_shape_is_named_by_its_place(answer: Any, place: str) -> None:
    with pytest.raises(Unexpected) as caught:
        data_of(answer, "q", "w")
    assert place in str(caught.value)


def test_native_histograms_are_told_apart() -> None:
    result = [{"metric": {}, "histogram": [1, {"count": "1"}]}]
    with pytest.raises(Unexpected, match=r"histogram_quantile\(\)"):
        data_of({"status": "success", "data": {"resultType": "vector", "result": result}}, "q", "w")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"status": "error", "errorType": "bad_data", "error": "parse error"}, "parse error (bad_data)"),
        ({"status": "error", "errorType": "422", "error": "too many series"}, "too many series"),
        ({"status": "error", "errorType": "timeout"}, "timeout"),
        (
            {
                "status": "error",
                "errorType": "bad_data",
                "error": "exceeded maximum resolution of 11,000 points per",
            },
            "too many points for one range; widen `window`",
        ),
        ({"status": "success"}, ""),
        (["x"], ""),
    ],
)
def test_what_the_server_says_is_wrong_is_passed_on(body: Any, says: str) -> None:
    assert error_in(json.dumps(body).encode()) == says


def test_a_proxys_page_is_no_error_of_this_api() -> None:
    assert error_in(b"<html>502 Bad Gateway</html>") == ""


# Settings


@pytest.mark.parametrize(
    ("metrics", "says"),
    [
        ({"bandwidth": "x"}, "no metric `bandwidth`"),
        ({"memry": "x"}, "did you mean `memory`?"),
        ({"memory": {"query": "x", "unit": "ms"}}, "unit `ms` does not fit: `memory` is in bytes"),
        ({"memory": {"query": "x", "unit": "mb"}}, "did you mean `MB`?"),
        ({"memory": {"query": "x", "stat": "p95"}}, "leave `stat` out"),
        ({"memory": {"query": "x", "kind": "amount"}}, "of kind level, not amount"),
        ({"memory": {"query": "x", "of": "y"}}, "only a share has `of`"),
        ({"memory": {"counter": "x"}}, "only an amount has `counter`"),
        ({"memory": {}}, "one of `query` and `counter`"),
        ({"requests": "sum(rate(http_requests_total[5m]))"}, "name its counter"),
        ({"requests": {"counter": "rate(http_requests_total[5m])"}}, "without functions"),
        ({"requests": {"counter": "x", "query": "y"}}, "and not both"),
        ({"requests": {"counter": "x", "window": "7m"}}, "`window` divides an hour"),
        ({"requests": {"counter": "x", "window": "5"}}, "is no window"),
        ({"requests": {"counter": "x", "window": "1 parsec"}}, "parsec"),
        ({"response_time": "x"}, "many values: say which with `stat`"),
        ({"response_time": [{"query": "x", "stat": "p95"}] * 2}, "two queries for the same number"),
        ({"error_rate": {"query": "x[$window]", "of": "y[5m]"}}, "`$window` in both, or in none"),
        ({"error_rate": {"query": "x", "of": "y", "unit": "%"}}, "leave `unit` out"),
        ({"memory": {"query": "x", "quary": "y"}}, "Extra inputs"),
        ({}, "at least 1"),
    ],
)
def test_each_foreseen_mistake_has_its_answer(metrics: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        settings("http://localhost:9090", **metrics)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"url": "localhost:9090"}, "http:// or https://"),
        ({"token": "s3cr3t", "basic": "me:s3cr3t"}, "exclude each other"),
        ({"basic": "s3cr3t"}, "user:password"),
    ],
)
def test_a_mistake_in_address_or_credential_is_said_without_it(more: dict[str, str], says: str) -> None:
    given = {"url": "http://localhost:9090", "metrics": {"memory": "x"}} | more
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate(given)
    assert says in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


def test_settings_print_no_secret() -> None:
    made = Settings.model_validate(
        {
            "url": "https://me:s3cr3t@localhost/",
            "token": "s3cr3t",
            "headers": {"X-Scope-OrgID": "s3cr3t"},
            "metrics": {"memory": "x"},
        }
    )
    assert "s3cr3t" not in repr(made) + str(made) + made.model_dump_json()


# A real Prometheus


async def test_levels_and_quantiles_are_what_they_are_now(
    prometheus_server: PrometheusServer, poll_at: PollAt
) -> None:
    wanted = settings(
        prometheus_server.url,
        cpu="avg(machine_cpu_busy)",
        response_time=[
            {"query": P95, "stat": "p95"},
            {
                "query": "1000 * rate(http_request_duration_seconds_sum[5m])"
                " / rate(http_request_duration_seconds_count[5m])",
                "stat": "avg",
                "unit": "ms",
            },
        ],
    )
    answer = await collect(poll_at(PAST), wanted)
    assert answer.gaps == []
    assert [(r.metric, r.stat, r.at, r.since) for r in answer.readings] == [
        ("cpu", "", PAST, None),
        ("response_time", "p95", PAST, None),
        ("response_time", "avg", PAST, None),
    ]
    assert [r.value for r in answer.readings] == pytest.approx([0.3, 0.2425, 0.2])


async def test_a_label_names_the_parts(prometheus_server: PrometheusServer, poll_at: PollAt) -> None:
    wanted = settings(
        prometheus_server.url, cpu={"query": "machine_cpu_busy * 100", "unit": "%", "part_label": "machine"}
    )
    answer = await collect(poll_at(PAST), wanted)
    assert {r.part: r.value for r in answer.readings} == pytest.approx({"1": 0.2, "2": 0.4})


async def test_a_counter_becomes_amounts_by_aligned_buckets_resets_included(
    prometheus_server: PrometheusServer, poll_at: PollAt
) -> None:
    answer = await collect(
        poll_at(PAST), settings(prometheus_server.url, requests={"counter": "http_requests_total"})
    )
    amounts = [r for r in answer.readings if r.since and r.since > PAST - 2.9 * HOUR]
    assert amounts[-1].at == PAST - timedelta(minutes=5)  # The newest bucket has not settled.
    assert all(r.since == r.at - timedelta(minutes=5) for r in amounts)
    assert [r.since for r in amounts[1:]] == [r.at for r in amounts[:-1]]
    # Ten a second; the bucket in which the counter began anew knows a little less.
    assert [r.value for r in amounts if r.value != 3000] == pytest.approx([3000], rel=0.1)
    assert sifted(answer.readings, VOCABULARY, PAST) == (answer.readings, [])


async def test_each_bucket_is_asked_for_once(prometheus_server: PrometheusServer, poll_at: PollAt) -> None:
    wanted = settings(prometheus_server.url, requests={"counter": "http_requests_total"}, error_rate=SHARE)
    first = await collect(poll_at(PAST - HOUR), wanted)
    again = await collect(poll_at(PAST - HOUR + timedelta(seconds=15), previous=first.keep), wanted)
    assert again.readings == []
    assert again.keep == first.keep
    later = await collect(poll_at(PAST, previous=json.loads(json.dumps(again.keep))), wanted)
    for metric in ("requests", "error_rate"):
        before = [r for r in first.readings if r.metric == metric]
        after = [r for r in later.readings if r.metric == metric]
        assert after[0].since == before[-1].at
        assert len(after) == 12


async def test_a_share_keeps_part_and_whole(prometheus_server: PrometheusServer, poll_at: PollAt) -> None:
    answer = await collect(poll_at(PAST), settings(prometheus_server.url, error_rate=SHARE))
    newest = answer.readings[-1]
    assert (newest.value, newest.of) == pytest.approx((300, 3000))
    assert newest.since == newest.at - timedelta(minutes=5)


async def test_a_share_over_a_fixed_range_covers_what_the_last_poll_did_not(
    prometheus_server: PrometheusServer, poll_at: PollAt
) -> None:
    fixed = {"query": PARTS.replace("$window", "1h"), "of": WHOLES.replace("$window", "1h"), "window": "1h"}
    wanted = settings(prometheus_server.url, error_rate=fixed)
    for since, start in (
        (None, PAST - HOUR),
        (PAST - timedelta(seconds=15),) * 2,
        (PAST - 9 * HOUR, PAST - HOUR),
    ):
        answer = await collect(poll_at(PAST, since=since), wanted)
        (reading,) = answer.readings
        assert (reading.since, reading.at) == (start, PAST)
        assert reading.of is not None
        assert reading.value / reading.of == pytest.approx(0.1)


async def test_a_ratio_by_itself_is_a_share_of_one(
    prometheus_server: PrometheusServer, poll_at: PollAt
) -> None:
    ratio = f"{PARTS} / {WHOLES}".replace("$window", "5m")
    answer = await collect(poll_at(PAST), settings(prometheus_server.url, error_rate=ratio))
    assert [(r.value, r.of) for r in answer.readings] == [(pytest.approx(0.1), 1.0)]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("no_such_metric", "finds no series, which is not zero"),
        ("nothing_over_nothing", "is NaN"),
        ("unbounded", "is infinite"),
        ("sum(", "parse error"),
        ("machine_cpu_busy", "gives 2 series"),
        ('http_requests_total{code="200"}[5m]', "gives a stretch of time"),
        ("machine_cpu_busy * on() machine_cpu_busy", "(execution)"),
    ],
)
async def test_a_query_without_a_value_is_a_gap_and_leaves_the_others_alone(
    prometheus_server: PrometheusServer, poll_at: PollAt, query: str, says: str
) -> None:
    answer = await collect(
        poll_at(PAST), settings(prometheus_server.url, memory=query, cpu="avg(machine_cpu_busy)")
    )
    assert [r.metric for r in answer.readings] == ["cpu"]
    assert [gap.metrics for gap in answer.gaps] == [("memory",)]
    assert says in answer.gaps[0].why


async def test_where_no_query_is_right_the_poll_has_failed(
    prometheus_server: PrometheusServer, poll_at: PollAt
) -> None:
    with pytest.raises(Unexpected, match="unclosed left parenthesis"):
        await collect(poll_at(PAST), settings(prometheus_server.url, memory="sum("))


async def test_a_long_query_is_posted(prometheus_server: PrometheusServer, poll_at: PollAt) -> None:
    long = " + ".join(["avg(machine_cpu_busy)"] * 200)
    answer = await collect(poll_at(PAST), settings(prometheus_server.url, cpu=long))
    assert [r.value for r in answer.readings] == [pytest.approx(60)]


async def test_what_an_exporter_shows_now_is_read(
    prometheus_server: PrometheusServer, poll_at: PollAt
) -> None:
    prometheus_server.exporter.values["demo_storage_bytes"] = 4.3e8
    prometheus_server.scrape()
    now = datetime.now(UTC)
    answer = await collect(poll_at(now), settings(prometheus_server.url, storage="demo_storage_bytes"))
    assert [(r.value, r.at) for r in answer.readings] == [(4.3e8, now)]


# Servers that misbehave


async def asked(server: HTTPServer, poll_at: PollAt, **response: Any) -> Any:
    server.expect_request("/api/v1/query").respond_with_data(**response)
    return await collect(poll_at(NOW), settings(server.url_for("/"), memory="x", cpu="y"))


@pytest.mark.parametrize(
    ("status", "error", "says"),
    [
        (401, TokenRefused, "401 Unauthorized"),
        (403, TokenRefused, "the right `to query`"),
        (429, Throttled, "asked too often"),
        (502, Unreachable, "502 Bad Gateway"),
        (404, Unexpected, "404 Not Found"),
    ],
)
async def test_a_proxy_before_it_fails_the_whole_poll(
    httpserver: HTTPServer, poll_at: PollAt, status: int, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        await asked(httpserver, poll_at, response_data="<html>", status=status, headers={"Retry-After": "9"})


async def test_a_refused_token_is_tried_once_and_not_once_a_query(
    httpserver: HTTPServer, poll_at: PollAt
) -> None:
    httpserver.expect_request("/api/v1/query").respond_with_data("", status=401)
    many = {name: "x" for name in list(VOCABULARY) if VOCABULARY[name].kind == "level"}
    with pytest.raises(TokenRefused):
        await collect(poll_at(NOW), settings(httpserver.url_for("/"), **many))
    assert len(httpserver.log) <= 4


async def test_a_query_that_takes_too_long_there_leaves_the_others_alone(
    httpserver: HTTPServer, poll_at: PollAt
) -> None:
    slow = {"status": "error", "errorType": "timeout", "error": "query timed out in expression evaluation"}
    httpserver.expect_request(
        "/api/v1/query", query_string={"query": "slow", "time": f"{NOW.timestamp():.3f}"}
    ).respond_with_json(slow, status=503)
    httpserver.expect_request("/api/v1/query").respond_with_json(vector("1"))
    answer = await collect(poll_at(NOW), settings(httpserver.url_for("/"), memory="slow", cpu="y"))
    assert [r.metric for r in answer.readings] == ["cpu"]
    assert "timed out in expression evaluation (timeout); it is asked again" in answer.gaps[0].why


async def test_a_partial_answer_is_used_and_said(httpserver: HTTPServer, poll_at: PollAt) -> None:
    httpserver.expect_request("/api/v1/query").respond_with_json(
        vector("1") | {"warnings": ["one store is down"]}
    )
    answer = await collect(poll_at(NOW), settings(httpserver.url_for("/"), memory="x"))
    assert [r.value for r in answer.readings] == [1]
    assert [gap.why.partition(": ")[2] for gap in answer.gaps] == [
        "the answer may be partial: one store is down"
    ]


async def test_no_range_holds_more_points_than_the_server_allows(
    httpserver: HTTPServer, poll_at: PollAt
) -> None:
    seen: list[dict[str, str]] = []

    def answer(request: Request) -> Response:
        seen.append(request.args.to_dict())
        empty = {"status": "success", "data": {"resultType": "matrix", "result": []}}
        return Response(json.dumps(empty), content_type="application/json")

    httpserver.expect_request("/api/v1/query_range").respond_with_handler(answer)
    wanted = settings(httpserver.url_for("/api/v1"), requests={"counter": "x", "window": "1m"})
    first = await collect(poll_at(NOW - timedelta(days=30)), wanted)
    later = await collect(poll_at(NOW, previous=first.keep), wanted)
    span = float(seen[1]["end"]) - float(seen[1]["start"])
    assert span / float(seen[1]["step"]) == 10_999
    assert "from 2026-10-02 11:59 UTC until then is lost" in later.gaps[0].why
    assert seen[1]["query"] == "sum(increase(x[60s]))"


async def test_a_failed_query_keeps_its_place_in_time(httpserver: HTTPServer, poll_at: PollAt) -> None:
    httpserver.expect_request("/api/v1/query").respond_with_json(vector("1"))
    wrong = {"status": "error", "errorType": "execution", "error": "too many samples"}
    httpserver.expect_request("/api/v1/query_range").respond_with_json(wrong, status=422)
    wanted = settings(httpserver.url_for("/"), requests={"counter": "x"}, cpu="y")
    first = await collect(poll_at(NOW), wanted)
    assert first.keep == {"covered": {}}
    assert "too many samples (execution)" in first.gaps[0].why
    httpserver.clear()
    empty = vector() | {"data": {"resultType": "matrix", "result": []}}
    httpserver.expect_request("/api/v1/query").respond_with_json(vector("1"))
    httpserver.expect_request("/api/v1/query_range").respond_with_json(empty)
    second = await collect(poll_at(NOW + HOUR), wanted)
    httpserver.clear()
    httpserver.expect_request("/api/v1/query").respond_with_json(vector("1"))
    httpserver.expect_request("/api/v1/query_range").respond_with_json(wrong, status=422)
    third = await collect(poll_at(NOW + 2 * HOUR, previous=second.keep), wanted)
    assert list(second.keep["covered"].values()) == [(NOW + HOUR - timedelta(minutes=5)).timestamp()]
    assert third.keep == second.keep


@pytest.mark.parametrize(
    ("credential", "sent"),
    [
        ({"token": "abc"}, {"Authorization": "Bearer abc"}),
        ({"basic": "12:abc"}, {"Authorization": "Basic MTI6YWJj"}),
        ({"headers": {"X-Scope-OrgID": "acme"}}, {"X-Scope-OrgID": "acme"}),
    ],
)
async def test_credentials_go_along(
    httpserver: HTTPServer, poll_at: PollAt, credential: dict[str, Any], sent: dict[str, str]
) -> None:
    httpserver.expect_request("/prom/api/v1/query", headers=sent).respond_with_json(vector("1"))
    given = {"url": httpserver.url_for("/prom/"), "metrics": {"memory": "x"}} | credential
    assert len((await collect(poll_at(NOW), Settings.model_validate(given))).readings) == 1


async def test_a_whole_of_zero_has_no_share(httpserver: HTTPServer, poll_at: PollAt) -> None:
    httpserver.expect_request("/api/v1/query").respond_with_json(vector("0"))
    answer = await collect(
        poll_at(NOW), settings(httpserver.url_for("/"), error_rate={"query": "x", "of": "y"})
    )
    assert answer.readings == []
    assert "the whole of `error_rate` is 0: no share" in answer.gaps[0].why
