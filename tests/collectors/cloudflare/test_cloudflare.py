"""Cloudflare's units, pages, sampling, rights, and what no row means."""

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from advisor.collectors import cloudflare
from advisor.core.fleet import Account, Service
from advisor.core.model import Quality, Reading
from advisor.errors import InputError
from advisor.polling.contract import Forbidden, Poll, Throttled, TokenRefused, Unexpected
from advisor.testing import Asked, ask, samples
from advisor.testing import client as replayed
from advisor.testing.replay import NOON
from advisor.testing.samples import Sample
from advisor.testing.specs import against_spec

ALL = samples(cloudflare)
IDS = {"r2": cloudflare.ABOUT.example["account_id"], "workers": "b" * 32, "pages": "c" * 32, "cdn": "d" * 32}


def settings(product: str, **more: Any) -> cloudflare.Settings:
    place = "zone_id" if product == "cdn" else "account_id"
    return cloudflare.Settings.model_validate(
        {"token": "cf-very-secret", place: IDS.get(product, "e" * 32), **more}
    )


async def asked(product: str, *names: str, **more: Any) -> Asked:
    service = Service("shop", "it", "it", f"cloudflare-{product}", "acme")
    chosen = [ALL[name] for name in names] or [s for n, s in ALL.items() if n.startswith(product)]
    return await ask(cloudflare, chosen, settings(product), service=service, **more)


def of(got: Asked, metric: str, stat: str = "") -> list[Reading]:
    return [one for one in got.answer.readings if (one.metric, one.stat) == (metric, stat)]


async def test_r2_operations_are_classed_as_the_price_list_does_and_estimated() -> None:
    got = await asked("r2")
    sums = {name: sum(one.value for one in of(got, name)) for name in cloudflare.VOCABULARY}
    assert (sums["class_a_operations"], sums["class_b_operations"], sums["requests"]) == (45, 900, 952)
    (put,) = [one for one in of(got, "class_a_operations") if one.value == 40]
    assert (put.since, put.at, put.quality) == (
        NOON.replace(hour=9),
        NOON.replace(hour=10),
        Quality.ESTIMATED,
    )
    assert any("FancyNewVerb" in gap.why for gap in got.answer.gaps)


async def test_storage_adds_buckets_and_carries_one_that_is_late_today() -> None:
    yesterday, today = of(await asked("r2"), "storage")
    assert (yesterday.value, yesterday.quality) == (8_001_000_000, Quality.MEASURED)
    assert yesterday.at == NOON.replace(hour=0)
    assert (today.value, today.quality, today.at) == (8_101_000_000, Quality.ESTIMATED, NOON)


async def test_workers_times_are_microseconds_and_sampled_hours_are_estimates() -> None:
    got = await asked("workers")
    first, second = of(got, "cpu_time", "p99")
    assert (first.value, second.value) == (0.06, 0.0095)
    assert (first.quality, second.quality) == (Quality.MEASURED, Quality.ESTIMATED)
    assert [one.value for one in of(got, "compute_hours") if one.value] == pytest.approx([0.002, 0.05])
    assert [(one.value, one.of) for one in of(got, "error_rate")] == [(10, 2000), (0, 90000)]
    assert [(term.what, term.value) for term in got.answer.terms] == [("plan", "paid")]


async def test_hours_without_a_row_are_zero_only_once_a_dataset_has_shown_rows() -> None:
    got = await asked("workers", since=NOON - timedelta(hours=5))
    assert [one.value for one in of(got, "requests")] == [0, 0, 0, 0, 2000, 90000, 0][:6]
    empty = ALL["workers-2-invocations"].model_copy(
        update={"body": {"data": {"viewer": {"accounts": [{"workersInvocationsAdaptive": []}]}}}}
    )
    rest = [ALL["workers-1-limits"], empty, ALL["workers-3-subscriptions"]]
    service = Service("shop", "it", "it", "cloudflare-workers", "acme")
    for seen, expected in ([], []), (["workersInvocationsAdaptive"], [0, 0]):
        more: Any = {"service": service, "since": NOON, "previous": {"seen": seen}}
        again = await ask(cloudflare, rest, settings("workers"), **more)
        assert [one.value for one in of(again, "requests")] == expected[:1]
        assert bool(expected) != any("not counted as zero" in gap.why for gap in again.answer.gaps)


async def test_pages_builds_are_deployments_that_ran_a_build_over_all_pages() -> None:
    got = await asked("pages")
    days = {one.since.day: one.value for one in of(got, "builds") if one.since is not None}
    assert (days[21], days[20], days[1], len(days)) == (1, 1, 0, 21)
    assert of(got, "projects")[0].value == 1


def _like(name: str, path: str, query: dict[str, str], **body: Any) -> Sample:
    """Return a sample as another one, at another place."""
    one = ALL[name]
    request = one.request.model_copy(update={"path": path, "query": query})
    return one.model_copy(update={"name": path + str(query), "request": request, "body": one.body | body})


@pytest.mark.parametrize(("second", "builds"), [("blog", 21), ("site", 0)])
async def test_projects_are_read_to_their_last_page(second: str, builds: int) -> None:
    path = ALL["pages-3-projects"].request.path
    served = [s for n, s in ALL.items() if n.startswith("pages") and n != "pages-3-projects"]
    for name, query in (("site", {}), (second, {"page": "2"})):
        info = {"total_count": 2}
        served.append(_like("pages-3-projects", path, query, result=[{"name": name}], result_info=info))
    served.append(_like("pages-5-deployments", f"{path}/blog/deployments", {}))
    service = Service("shop", "it", "it", "cloudflare-pages", "acme")
    got = await ask(cloudflare, served, settings("pages"), service=service)
    # A second page that is the first again ends it, and what lacks is said.
    assert (len(of(got, "builds")), of(got, "projects")[0].value) == (builds, 2)


async def test_a_zone_is_read_by_day_with_its_plan_and_state() -> None:
    got = await asked("cdn")
    day = [one for one in got.answer.readings if one.since == NOON.replace(day=20, hour=0)]
    values = {one.metric: (one.value, one.of) for one in day}
    assert values["bandwidth_saved"] == (45e6, 50e6)
    assert values["cache_hit_rate"] == (800, 1000)
    assert values["error_rate"] == (5, 1000)
    assert of(got, "restricted")[0].value == 0
    assert got.answer.terms[0].value == "free"


async def test_a_right_that_is_missing_is_named_and_the_token_never() -> None:
    with pytest.raises(Forbidden, match="Account Analytics: Read") as refused:
        await asked("r2", "error-forbidden")
    assert "cf-very-secret" not in str(refused.value)
    got = await asked("workers", "workers-1-limits", "workers-2-invocations", "error-billing")
    assert any("Billing: Read" in gap.why for gap in got.answer.gaps)
    assert of(got, "requests")


async def test_a_spent_budget_waits_five_minutes() -> None:
    with pytest.raises(Throttled) as throttled:
        await asked("r2", "error-budget")
    assert throttled.value.retry_at == NOON + timedelta(minutes=5)


async def test_an_unexpected_shape_is_named_by_its_path() -> None:
    odd = ALL["r2-2-operations"].model_copy(update={"body": {"data": {"viewer": {"accounts": {"a": 1}}}}})
    with pytest.raises(Unexpected, match=r"`data\.viewer\.accounts` is an object"):
        await ask(cloudflare, [odd], settings("r2"))
    with pytest.raises(InputError, match="images"):
        await asked("images")


async def test_a_token_is_verified() -> None:
    for name, expected in (
        ("verify", datetime.fromisoformat("2027-01-01T00:00:00Z")),
        ("error-malformed", None),
    ):
        async with replayed([ALL[name]]) as http:
            poll = Poll(http, Service("s", "i", "i", "cloudflare-r2", "a"), Account("a", "cloudflare"), NOON)
            if expected is None:
                with pytest.raises(TokenRefused, match="malformed"):
                    await cloudflare.verify(poll, settings("r2"))
            else:
                assert (await cloudflare.verify(poll, settings("r2"))).expires == expected


@pytest.mark.skipif("ADVISOR_SPECS" not in os.environ, reason="no folder with the official descriptions")
@pytest.mark.parametrize("product", ["workers", "pages", "cdn"])
async def test_every_products_requests_are_what_the_schema_says(product: str) -> None:
    got = await asked(product)
    folder = Path(os.environ["ADVISOR_SPECS"])
    assert [fault for one in got.requests for fault in against_spec(folder, *one)] == []
