"""Figures by hand: their own dates, quality manual, stale by age."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from advisor.collectors import manual
from advisor.core.fleet import Account, Service
from advisor.core.model import Quality, Reading
from advisor.polling.poller import Poller, Source
from tests.running import ROOT

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def readings(written: Mapping[str, Any], timezone: str = "UTC", now: datetime = NOON) -> list[Reading]:
    return list(manual.parse(manual.Settings.model_validate(written), now, timezone).readings)


def test_a_level_is_of_its_day_and_an_amount_of_its_days_the_last_one_whole() -> None:
    emails, storage = readings(
        {
            "emails": {"value": 800, "from": "2026-11-01", "to": "2026-11-20"},
            "storage": {"value": "3GB", "at": "2026-11-20"},
        }
    )
    assert (emails.value, emails.since) == (800, datetime(2026, 11, 1, tzinfo=UTC))
    assert emails.at == datetime(2026, 11, 21, tzinfo=UTC)
    assert (storage.value, storage.at, storage.since) == (3e9, datetime(2026, 11, 20, tzinfo=UTC), None)
    assert {emails.quality, storage.quality} == {Quality.MANUAL}


def test_days_begin_where_the_account_is() -> None:
    (one,) = readings({"storage": {"value": "3GB", "at": "2026-11-20"}}, "America/New_York")
    assert one.at == datetime(2026, 11, 20, 5, tzinfo=UTC)


def test_an_amount_up_to_today_ends_now() -> None:
    (one,) = readings({"cost": {"value": "$12.50", "from": "2026-11-01", "to": "2026-11-21"}})
    assert (one.value, one.at) == (12.5, NOON)


def test_shares_quantiles_and_exact_times_are_taken() -> None:
    rate, slow = readings(
        {
            "error_rate": {"value": "2%", "from": "2026-11-20", "to": "2026-11-20T18:00:00+01:00"},
            "response_time": {"value": "240ms", "stat": "p95", "at": "2026-11-20T09:00:00Z"},
        }
    )
    assert (rate.value, rate.of, rate.at) == (0.02, 1.0, datetime(2026, 11, 20, 17, tzinfo=UTC))
    assert (slow.value, slow.stat) == (0.24, "p95")


@pytest.mark.parametrize(
    "stated",
    [
        {"users": {"value": 5, "at": "2026-11-22"}},
        {"emails": {"value": 5, "from": "2026-11-20", "to": "2026-11-18"}},
    ],
)
def test_what_has_not_come_or_ends_before_it_begins_is_a_gap(stated: Mapping[str, Any]) -> None:
    answer = manual.parse(manual.Settings.model_validate(stated), NOON)
    assert (list(answer.readings), len(answer.gaps)) == ([], 1)


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ({"emials": {"value": 5, "at": "2026-11-20"}}, "did you mean `emails`"),
        ({"storage": {"value": "3h", "at": "2026-11-20"}}, "`3h` does not fit"),
        ({"storage": {"value": "3GB"}}, "write `at`"),
        ({"storage": {"value": "3GB", "from": "2026-11-01", "to": "2026-11-02"}}, "write `at`"),
        ({"emails": {"value": 5, "at": "2026-11-20"}}, "write `from` and `to`"),
        ({"emails": {"value": 5, "from": "2026-11-01"}}, "write `from` and `to`"),
        ({"emails": {"value": -5, "from": "2026-11-01", "to": "2026-11-02"}}, "below zero"),
        ({"storage": {"value": "3GB", "at": "20 Nov"}}, "is no time; write a day"),
        ({"storage": {"value": "3GB", "at": "2026-11-20T09:00:00"}}, "has no time zone"),
        ({"response_time": {"value": "3ms", "at": "2026-11-20"}}, "say which with `stat`"),
        ({"error_rate": {"value": "120%", "from": "2026-11-01", "to": "2026-11-02"}}, "at most 100%"),
    ],
)
def test_a_figure_that_cannot_be_is_refused_when_it_is_loaded(stated: Mapping[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        manual.Settings.model_validate(stated)
    assert said in str(refused.value)


async def test_a_figure_stays_fresh_for_eight_days_after_its_date_however_often_it_is_read() -> None:
    service = Service("shop", "email", "email", "resend", "acme")
    settings = manual.Settings.model_validate({"storage": {"value": "3GB", "at": "2026-11-14"}})
    source = Source(service, Account("acme", "resend"), manual, lambda: settings, 60.0)
    (observed,) = (await Poller(None).poll(source, NOON)).observed
    assert timedelta(seconds=observed.fresh) == timedelta(days=8)
    assert (observed.source, observed.reading.at.day) == ("manual", 14)


def test_the_examples_on_its_page_work() -> None:
    page = (ROOT / "docs" / "providers" / "manual.md").read_text("utf-8")
    for service in yaml.load(page.partition("```yaml\n")[2].partition("```")[0], yaml.BaseLoader).values():
        assert readings(service["manual"])
