from datetime import UTC, datetime, timedelta

import pytest

from advisor.core.message import Recommendation
from advisor.core.model import Action
from advisor.core.wording import ago, by_when, day, difference, moment, price, span, target

NOW = datetime(2026, 11, 9, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("usd", "written"),
    [
        (25, "$25 a month more"),
        (-10, "$10 a month less"),
        (0, "no change in price"),
        (None, ""),
    ],
)
def test_a_difference_says_more_or_less(usd: float | None, written: str):
    assert difference(usd) == written


@pytest.mark.parametrize(
    ("low", "high", "written"),
    [
        ((2026, 11, 18), (2026, 11, 27), "18 to 27 Nov 2026"),
        ((2026, 11, 18), (2026, 12, 3), "18 Nov to 3 Dec 2026"),
        ((2026, 12, 18), (2027, 1, 3), "18 Dec 2026 to 3 Jan 2027"),
        ((2026, 11, 18), (2026, 11, 18), "18 Nov 2026"),
    ],
)
def test_an_interval_does_not_repeat_what_its_dates_share(
    low: tuple[int, int, int], high: tuple[int, int, int], written: str
):
    assert span(datetime(*low, tzinfo=UTC), datetime(*high, tzinfo=UTC)) == written


def test_a_date_is_that_of_the_place():
    late = datetime(2026, 11, 9, 23, 30, tzinfo=UTC)
    assert day(late, "Asia/Tokyo") == "10 Nov 2026"
    assert moment(late, "Asia/Tokyo") == "10 Nov 2026 08:30 JST"


def test_a_plan_without_a_known_price_says_so():
    advice = Recommendation(action=Action.UPGRADE, headline="Upgrade", from_plan="free", to_plan="pro")
    assert price(advice) == "price not known"
    assert target(advice) == "upgrade free → pro"
    assert price(Recommendation(action=Action.OPTIMISE, headline="Add an index")) == ""


def test_a_date_comes_with_its_interval():
    advice = Recommendation(
        action=Action.UPGRADE,
        headline="Upgrade",
        by=NOW,
        by_low=NOW - timedelta(days=3),
        by_high=NOW + timedelta(days=9),
    )
    assert by_when(advice) == "by 9 Nov 2026 (80 % interval: 6 to 18 Nov 2026)"


@pytest.mark.parametrize(
    ("passed", "written"),
    [
        (timedelta(seconds=3), "just now"),
        (timedelta(minutes=3), "3 min ago"),
        (timedelta(hours=5), "5 h ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(days=12), "12 days ago"),
    ],
)
def test_how_long_ago_takes_the_largest_unit_that_fits(passed: timedelta, written: str):
    assert ago(NOW - passed, NOW) == written
