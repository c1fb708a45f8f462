"""Vercel: charges by Pacific day, units as each line has them, builds by page, restrictions."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from advisor.collectors import vercel
from advisor.collectors.vercel.charges import days, lines, pacific_midnight
from advisor.core.fleet import Account, Service
from advisor.polling.body import Body
from advisor.polling.client import client
from advisor.polling.contract import Answer, Forbidden, Poll, Throttled, TokenRefused, Unexpected
from advisor.testing import ask, samples
from advisor.testing.replay import NOON

SETTINGS = vercel.Settings.model_validate(dict(vercel.ABOUT.example))
ALL = samples(vercel)
GOOD = [sample for sample in ALL.values() if not sample.is_error]
START, END = datetime(2026, 11, 20, 8, tzinfo=UTC), datetime(2026, 11, 21, 8, tzinfo=UTC)


def of(answer: Answer, metric: str) -> list[Any]:
    return [(r.value, r.since, r.at) for r in answer.readings if r.metric == metric]


async def test_lines_are_added_up_by_day_and_the_running_day_ends_now() -> None:
    asked = await ask(vercel, GOOD, SETTINGS)
    answer = asked.answer
    assert of(answer, "egress") == [(3e9, START, END)]
    assert of(answer, "gb_hours") == [(0.01, END, NOON)]
    assert of(answer, "cost") == [(20.0, START, END), (0.0, END, NOON)]
    assert [(t.what, t.value) for t in answer.terms] == [("plan", "pro")]
    assert of(answer, "restricted") == [(0.0, None, NOON)]
    assert of(answer, "builds")[-2:] == [
        (1.0, datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC)),
        (1.0, datetime(2026, 11, 21, tzinfo=UTC), NOON),
    ]
    assert not of(answer, "requests")  # No line is no reading.
    charges = [r.url.params for r, s in asked.requests if s.name.startswith("charges")]
    assert [(p["from"][:13], p["to"][:13]) for p in charges][-1] == ("2026-11-21T08", "2026-11-22T08")
    assert {p["teamId"] for p in charges} == {"team_1"}


async def test_later_polls_ask_the_last_three_days_again() -> None:
    keep = {"charged": {"of": ["team_1", ""], "at": NOON.isoformat()}}
    asked = await ask(vercel, GOOD, SETTINGS, previous=keep)
    charges = [r.url.params for r, s in asked.requests if s.name.startswith("charges")]
    assert [(p["from"], p["to"]) for p in charges] == [
        ("2026-11-18T08:00:00.000Z", "2026-11-22T08:00:00.000Z")
    ]


async def test_a_day_that_two_answers_have_counts_once() -> None:
    always = ALL["charges"].model_copy(update={"request": ALL["charges-none"].request})
    served = [*(sample for sample in GOOD if not sample.name.startswith("charges")), always]
    assert of((await ask(vercel, served, SETTINGS)).answer, "egress") == [(3e9, START, END)]


def test_a_months_fee_counts_on_its_first_day_beside_what_that_day_used() -> None:
    fee = str(ALL["charges"].text).splitlines()[-1]
    month = fee.replace("2026-11-21T08", "2026-12-20T08")
    answer = days(lines(f"{fee}\n{month}".encode(), "Vercel"), "", NOON)
    assert of(answer, "cost") == [(40.0, START, END)]


def test_a_day_begins_at_midnight_in_the_pacific_also_when_clocks_change() -> None:
    assert pacific_midnight(datetime(2026, 11, 1, 7, 30, tzinfo=UTC), 0).hour == 7
    assert pacific_midnight(datetime(2026, 11, 1, 7, 30, tzinfo=UTC), 1) == datetime(
        2026, 11, 2, 8, tzinfo=UTC
    )


def test_one_projects_lines_are_its_own_and_an_unknown_unit_is_a_gap() -> None:
    found = lines(str(ALL["charges"].text).encode(), "Vercel")
    assert of(days(found, "shop", NOON), "egress") == [(1e9, START, END)]
    assert of(days(found, "prj_2", NOON), "egress") == [(2e9, START, END)]
    odd = days([Body({**found[0].value, "ConsumedUnit": "bushels"}, "Vercel", "[0]")], "", NOON)
    assert not of(odd, "egress")
    assert "`bushels`" in odd.gaps[0].why


def test_edge_requests_are_not_their_cpu() -> None:
    base = lines(str(ALL["charges"].text).encode(), "Vercel")[0].value
    more = [("Edge Requests", "Requests"), ("Edge Requests - Additional CPU Duration", "Hours")]
    found = [Body({**base, "ServiceName": name, "ConsumedUnit": unit}, "Vercel") for name, unit in more]
    assert [r.metric for r in days(found, "", NOON).readings] == ["cost", "requests"]


def test_a_line_that_is_cut_off_or_odd_is_named() -> None:
    with pytest.raises(Unexpected, match="line 2 of the charges is no JSON"):
        lines(b'{"a": 1}\n{"b":', "Vercel")
    with pytest.raises(Unexpected, match=r"`\[0\]\.ChargePeriodStart` is missing"):
        days(lines(b'{"a": 1}', "Vercel"), "", NOON)


async def test_an_account_without_charges_still_tells_plan_and_restriction() -> None:
    served = [ALL[name] for name in ("error-hobby", "error-blocked", "deployments", "domains", "projects")]
    answer = (await ask(vercel, served, SETTINGS.model_copy(update={"team": ""}))).answer
    assert [(t.what, t.value) for t in answer.terms] == [("plan", "free")]
    assert of(answer, "restricted") == [(1.0, None, NOON)]
    assert answer.evidence["Restriction"] == [{"reason": "FAIR_USE_LIMITS_EXCEEDED", "over": "bandwidth"}]
    assert any("Hobby" in gap.why for gap in answer.gaps)


def test_a_limited_answer_has_no_plan_and_says_so() -> None:
    answer = vercel.standing(Body({"limited": True, "id": "team_1"}, "Vercel"), NOON)
    assert not answer.readings
    assert not answer.terms
    assert [gap.what for gap in answer.gaps] == ["restrictions", "plan"]


async def test_deployments_are_read_to_the_last_page_and_refusals_are_told(httpserver: HTTPServer) -> None:
    first, second = NOON - timedelta(hours=1), NOON - timedelta(hours=2)

    def page(at: datetime, following: int | None) -> dict[str, Any]:
        row = {"uid": "d", "created": int(at.timestamp() * 1000)}
        return {"deployments": [row], "pagination": {"count": 1, "next": following, "prev": None}}

    httpserver.expect_oneshot_request("/v6/deployments").respond_with_json(page(first, 1795251600001))
    httpserver.expect_oneshot_request("/v6/deployments").respond_with_json(page(second, None))
    reset = {"X-RateLimit-Reset": str(int(NOON.timestamp()) + 60)}
    httpserver.expect_oneshot_request("/v1/billing/charges").respond_with_json({}, 429, headers=reset)
    httpserver.expect_oneshot_request("/v1/billing/charges").respond_with_json({}, 403)
    httpserver.expect_request("/v2/user").respond_with_json({"error": {"code": "forbidden"}}, 401)
    settings = SETTINGS.model_copy(update={"base_url": httpserver.url_for("")})
    keep = {"built": {"of": ["team_1", ""], "at": (NOON - timedelta(hours=3)).isoformat()}}
    async with client() as http:
        poll = Poll(http, Service("shop", "w", "w", "vercel", "a"), Account("a", "vercel"), NOON, None, keep)
        assert of(await vercel._builds(poll, settings), "builds") == [(2.0, NOON - timedelta(hours=3), NOON)]
        assert httpserver.log[1][0].args["until"] == "1795251600001"
        with pytest.raises(Throttled) as caught:
            await vercel._charges(poll, settings)
        with pytest.raises(Forbidden, match="Billing"):
            await vercel._charges(poll, settings)
        with pytest.raises(TokenRefused) as refused:
            await vercel.verify(poll, settings)
    assert caught.value.retry_at == NOON + timedelta(seconds=60)
    assert "vercel_example" not in f"{caught.value}{refused.value}"
