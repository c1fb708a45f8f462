"""Fargate, S3, SES and costs: units, pages, what is asked again and what is not."""

from datetime import UTC, datetime, timedelta

from advisor.collectors.aws.cost import days
from advisor.core.model import Limit, Quality
from advisor.polling.body import Body
from advisor.testing.replay import NOON
from tests.collectors.aws.given import SAMPLES, asked, limits, values


async def test_fargate_counts_a_tasks_minutes_and_measures_over_the_reservation() -> None:
    found = await asked("ecs-fargate")
    assert values(found, "instances") == [("api", 2)]
    assert values(found, "cpu") == [("api", 0.725)]
    assert values(found, "memory") == [("", 512 * 2**20)]
    assert values(found, "compute_hours") == [("api", 1.0)]  # 120 minutes of half a vCPU.
    assert values(found, "gb_hours") == [("api", 2.0)]
    assert limits(found)["instances", Limit.QUOTA, ""] == 10
    assert [gap.what for gap in found.answer.gaps] == ["worker"]


async def test_s3_adds_classes_up_and_says_its_last_day_again_as_an_estimate() -> None:
    found = await asked("s3")
    stored = [one for one in found.answer.readings if one.metric == "storage"]
    assert [(one.at, one.value, one.quality) for one in stored] == [
        (datetime(2026, 11, 19, tzinfo=UTC), 5000, Quality.MEASURED),
        (datetime(2026, 11, 20, tzinfo=UTC), 7000, Quality.MEASURED),
        (NOON, 7000, Quality.ESTIMATED),
    ]
    assert values(found, "class_a_operations") == [("shop-files", 25)]
    assert values(found, "egress") == [("shop-files", 123456)]
    assert [(one.value, one.of) for one in found.answer.readings if one.metric == "error_rate"] == [(4, 100)]
    assert values(found, "response_time") == [("shop-files", 0.085)]


async def test_s3_lists_its_metrics_once_a_day() -> None:
    first = await asked("s3")
    again = await asked("s3", previous=first.answer.keep, now=NOON + timedelta(minutes=15), since=NOON)
    assert [one.name for _, one in again.requests] == ["s3-sizes", "s3-requests"]


async def test_ses_counts_by_hour_an_hour_without_mail_as_none_and_shows_the_rolling_quota() -> None:
    found = await asked("ses", since=NOON - timedelta(minutes=15))
    assert [value for _, value in values(found, "emails")][-2:] == [0, 50]
    assert limits(found) == {("emails", Limit.QUOTA, "rolling day"): 50_000}
    assert values(found, "restricted") == [("", 0)]
    bounced = [(one.value, one.of) for one in found.answer.readings if one.metric == "error_rate"]
    assert bounced == [(2, 50)]


async def test_ses_that_may_not_send_is_restricted_and_the_sandbox_is_a_plan() -> None:
    quota = {"Max24HourSend": 200, "SentLast24Hours": 200, "MaxSendRate": 1}
    body = {"SendQuota": quota, "ProductionAccessEnabled": False, "SendingEnabled": False}
    closed = SAMPLES["ses-account"].model_copy(update={"body": body})
    found = await asked("ses", [closed, SAMPLES["ses-statistics"]])
    assert values(found, "restricted") == [("", 2)]  # Switched off, and nothing left.
    assert [t.value for t in found.answer.terms if t.what == "plan"] == ["sandbox"]


async def test_cost_follows_pages_and_marks_what_is_not_final() -> None:
    found = await asked("cost")
    cost = [(one.at.day, one.value, one.quality) for one in found.answer.readings if "Relational" in one.part]
    assert cost == [
        (20, 0.384, Quality.MEASURED),
        (21, 0.384, Quality.ESTIMATED),
        (21, 0.1, Quality.ESTIMATED),  # Today until now.
    ]
    assert len(found.requests) == 2


async def test_cost_is_asked_twice_a_day_and_repeated_in_between() -> None:
    first = await asked("cost")
    soon = await asked("cost", previous=first.answer.keep, now=NOON + timedelta(hours=11))
    later = await asked("cost", previous=first.answer.keep, now=NOON + timedelta(hours=12))
    assert (len(soon.requests), len(later.requests)) == (0, 2)
    assert len(soon.answer.readings) == len(first.answer.readings)


def test_a_day_without_use_has_its_total_alone() -> None:
    total = {"UnblendedCost": {"Amount": "0.5", "Unit": "USD"}}
    day = {"TimePeriod": {"Start": "2026-11-20", "End": "2026-11-21"}, "Total": total, "Groups": []}
    assert days(Body({"ResultsByTime": [day]}, "AWS")) == ([["2026-11-20", "", 0.5, False]], [])
