"""GitHub: minutes of private repositories by day, budgets that stop, the older bill, pages by Link."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from pytest_httpserver import HTTPServer

from advisor.collectors import github
from advisor.collectors.github.report import budgets_in_force, items, stored
from advisor.core.fleet import Account, Service
from advisor.core.model import Quality
from advisor.polling.body import Body
from advisor.polling.client import client
from advisor.polling.contract import Answer, Forbidden, Poll, Throttled, Unexpected
from advisor.testing import ask, samples
from advisor.testing.replay import NOON

SETTINGS = github.Settings.model_validate(dict(github.ABOUT.example))
ALL = samples(github)
GOOD = [sample for sample in ALL.values() if not sample.is_error]
TODAY = datetime(2026, 11, 21, tzinfo=UTC)
OLDER = [ALL[name] for name in ("error-not-found", "error-older-minutes", "error-older-storage", "org")]


def of(answer: Answer, metric: str) -> list[Any]:
    return [(r.value, r.since, r.at) for r in answer.readings if r.metric == metric]


async def test_minutes_are_those_of_standard_runners_in_private_repositories_by_day() -> None:
    answer = (await ask(github, GOOD, SETTINGS)).answer
    minutes = of(answer, "build_minutes")
    yesterday = TODAY - timedelta(days=1)
    assert minutes[-2:] == [(100.0, yesterday, TODAY), (7.0, TODAY, NOON)]
    assert minutes[0] == (0.0, datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC))
    assert of(answer, "cost")[-1] == (0.12, TODAY, NOON)  # Copilot is another product.
    assert of(answer, "storage") == [(0.5e9, None, NOON)]
    assert of(answer, "restricted") == [(0.0, None, NOON)]
    assert of(answer, "seats") == [(3.0, None, NOON)]
    assert [(t.what, t.value) for t in answer.terms] == [("plan", "team")]


async def test_in_a_months_first_days_the_last_month_is_corrected_too() -> None:
    now = datetime(2026, 11, 1, 6, tzinfo=UTC)
    before = ALL["usage"].model_copy(
        update={"request": ALL["usage"].request.model_copy(update={"query": {}})}
    )
    asked = await ask(github, [before, *GOOD], SETTINGS, now=now)
    months = [r.url.params["month"] for r, _ in asked.requests if r.url.path.endswith("/usage")]
    assert months == ["10", "11"]
    assert of(asked.answer, "build_minutes")[0][1] == datetime(2026, 10, 1, tzinfo=UTC)


async def test_public_repositories_are_not_asked_for_again_within_hours() -> None:
    first = (await ask(github, GOOD, SETTINGS)).answer
    asked = await ask(github, GOOD, SETTINGS, now=NOON + timedelta(hours=1), previous=first.keep)
    assert "repos" not in [sample.name for _, sample in asked.requests]
    assert of(asked.answer, "build_minutes")[-2][0] == 100.0


async def test_minutes_are_an_estimate_where_public_repositories_are_not_known() -> None:
    hidden = ALL["repos"].model_copy(update={"status": 403, "body": {"message": "no"}})
    answer = (await ask(github, [*(s for s in GOOD if s.name != "repos"), hidden], SETTINGS)).answer
    assert of(answer, "build_minutes")[-2][0] == 1000.0
    assert {r.quality for r in answer.readings if r.metric == "build_minutes"} == {Quality.ESTIMATED}
    assert any("public" in gap.why for gap in answer.gaps)


@pytest.mark.parametrize(
    ("budgets", "spent", "want"),
    [
        ([(5, True)], 5.0, 1),
        ([(5, False)], 9.0, 0),
        ([(0, True)], 0.0, None),
        ([(0, True), (3, True)], 4.0, 1),
    ],
)
def test_a_budget_that_stops_is_a_restriction_and_one_of_nothing_tells_nothing(
    budgets: list[tuple[int, bool]], spent: float, want: int | None
) -> None:
    base = ALL["budgets"].body["budgets"][0]
    bodies = [{**base, "budget_amount": amount, "prevent_further_usage": stops} for amount, stops in budgets]
    assert budgets_in_force(list(Body(bodies, "GitHub").each()), spent) == want


async def test_budgets_of_another_shape_take_no_minutes_away_and_may_list_their_products() -> None:
    budget = dict(ALL["budgets"].body["budgets"][0])
    budget["budget_product_skus"] = [budget.pop("budget_product_sku")]
    assert budgets_in_force(list(Body([budget], "GitHub").each()), 6) == 1
    odd = ALL["budgets"].model_copy(update={"body": {"budgets": [{"prevent_further_usage": True}]}})
    served = [odd, *(one for one in GOOD if one.name != "budgets")]
    answer = (await ask(github, served, SETTINGS)).answer
    assert of(answer, "build_minutes")
    assert [gap.what for gap in answer.gaps] == ["budgets"]


def test_storage_is_of_whole_days_and_rows_are_named_by_their_path() -> None:
    rows = items(Body(ALL["usage"].body, "GitHub"))
    assert stored(rows, {"shop"}, TODAY) == 0.0
    assert stored(rows, set(), TODAY + timedelta(days=9)) is None
    with pytest.raises(Unexpected, match=r"`usageItems\[0\]\.quantity` is a text, not a number"):
        items(Body({"usageItems": [{"quantity": "many"}]}, "GitHub"))


async def test_an_older_server_tells_a_counter_and_what_is_included() -> None:
    answer = (await ask(github, OLDER, SETTINGS)).answer
    assert of(answer, "build_minutes") == [(305.0, datetime(2026, 11, 1, tzinfo=UTC), NOON)]
    assert of(answer, "storage") == [(2e9, None, NOON)]
    assert ("build_minutes", 3000.0) in [(t.metric, t.value) for t in answer.terms]
    keep = {"legacy": {"used": 300.0, "at": TODAY.isoformat()}}
    later = (await ask(github, OLDER, SETTINGS, previous=keep)).answer
    assert of(later, "build_minutes") == [(5.0, TODAY, NOON)]


async def test_a_retired_address_is_no_lacking_right() -> None:
    served = [ALL["error-not-found"], ALL["error-moved"], ALL["org"]]
    answer = (await ask(github, served, SETTINGS)).answer
    assert [gap.what for gap in answer.gaps] == ["usage"]
    assert "retired" in answer.gaps[0].why


def test_settings_name_one_account() -> None:
    with pytest.raises(ValidationError, match="either the organisation"):
        github.Settings.model_validate({"token": "t"})


async def test_repositories_are_read_by_link_and_a_used_up_limit_is_no_refusal(
    httpserver: HTTPServer,
) -> None:
    link = {
        "Link": f'<{httpserver.url_for("/x")}?type=public&per_page=100&page=2>; rel="next", <x>; rel="last"'
    }
    second = {"type": "public", "per_page": "100", "page": "2"}
    httpserver.expect_request("/orgs/acme/repos", query_string=second).respond_with_json([{"name": "b"}])
    httpserver.expect_request("/orgs/acme/repos").respond_with_json([{"name": "A"}], headers=link)
    reset = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOON.timestamp()) + 60)}
    httpserver.expect_request("/orgs/acme").respond_with_json({"message": "limit"}, 403, headers=reset)
    usage = "/organizations/acme/settings/billing/usage"
    httpserver.expect_oneshot_request(usage).respond_with_json({"message": "limit"}, 403, headers=reset)
    httpserver.expect_request(usage).respond_with_json({"message": "Resource not accessible"}, 403)
    settings = SETTINGS.model_copy(update={"base_url": httpserver.url_for("")})
    async with client() as http:
        poll = Poll(http, Service("shop", "c", "c", "github-actions", "a"), Account("a", "github"), NOON)
        public, _ = await github._public(poll, settings)
        assert public is not None
        assert public["names"] == ["a", "b"]
        with pytest.raises(Throttled) as caught:
            await github.collect(poll, settings)
        with pytest.raises(Forbidden, match="Administration: read") as refused:
            await github._usage(poll, settings)
    assert caught.value.retry_at == NOON + timedelta(seconds=60)
    assert "github_pat" not in f"{caught.value}{refused.value}"
