import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.core import forecast
from advisor.core.forecast import (
    DAY,
    NEVER,
    NO_DATA,
    NO_LIMIT,
    OVER,
    course,
    daily_totals,
    of_amount,
    of_level,
)
from advisor.core.units import Unit

NOW = datetime(2026, 3, 16, tzinfo=UTC)
MB = 1e6


def levels(values: list[float], every: float = 1.0) -> tuple[list[float], list[float]]:
    last = NOW.timestamp()
    return [last - every * DAY * (len(values) - 1 - n) for n in range(len(values))], values


def buckets(values: list[float]) -> tuple[list[float], list[float], list[float]]:
    ends = [NOW.timestamp() - DAY * (len(values) - 1 - n) for n in range(len(values))]
    return [end - DAY for end in ends], ends, values


def test_a_level_that_grows_steadily_meets_its_limit_on_the_day() -> None:
    found = of_level(*levels([100 * MB + 10 * MB * n for n in range(31)]), 500 * MB, NOW, Unit.BYTES)
    assert found.when is not None
    assert abs(found.when - (NOW + timedelta(days=10))) < timedelta(hours=3)
    assert found.how == "at the last 30 days' pace of 10 MB a day"
    assert found.value_in(5) == pytest.approx(450 * MB, rel=0.01)
    assert found.low is not None
    assert found.high is not None
    # The past has no scatter; that the pace stays is in doubt all the same.
    assert NOW + timedelta(days=6) < found.low < found.when < found.high < NOW + timedelta(days=16)


def test_scatter_widens_the_interval_round_the_date() -> None:
    noise = [(-1) ** n * 8 * MB for n in range(31)]
    found = of_level(
        *levels([100 * MB + 10 * MB * n + noise[n] for n in range(31)]), 500 * MB, NOW, Unit.BYTES
    )
    assert found.low is not None
    assert found.when is not None
    assert found.high is not None
    assert found.low < found.when < found.high


def test_too_short_a_history_says_that_it_learns() -> None:
    found = of_level(*levels([100.0, 110.0, 120.0, 130.0]), 500.0, NOW, Unit.COUNT)
    assert (found.state, found.when, found.value_in(5)) == ("learning: 3 of 7 days", None, None)
    assert found.learning


def test_seven_days_are_enough() -> None:
    assert not of_level(*levels([100.0 + n for n in range(8)]), 500.0, NOW, Unit.COUNT).learning


@pytest.mark.parametrize(
    "values",
    [[100.0] * 20, [100.0 - n for n in range(20)], [0.1 + 0.2] * 31],
    ids=["constant", "falling", "constant, not a round number"],
)
def test_without_growth_it_never_meets_its_limit(values: list[float]) -> None:
    found = of_level(*levels(values), 500.0, NOW, Unit.COUNT)
    assert (found.when, found.state) == (None, NEVER)
    assert not found.learning


def test_beyond_a_year_is_never() -> None:
    assert of_level(*levels([100 + 0.1 * n for n in range(31)]), 500.0, NOW, Unit.COUNT).state == NEVER


def test_over_the_limit_is_now() -> None:
    found = of_level(*levels([600.0]), 500.0, NOW, Unit.COUNT)
    assert (found.when, found.state) == (NOW, OVER)


def test_unlimited_has_a_path_and_no_date() -> None:
    found = of_level(*levels([100.0 + n for n in range(31)]), None, NOW, Unit.COUNT)
    assert (found.when, found.state) == (None, NO_LIMIT)
    assert found.value_in(10) == pytest.approx(140)


def test_a_pace_that_changed_a_month_ago_is_the_pace() -> None:
    values = [10.0 * n for n in range(60)] + [590.0 + n for n in range(29)]
    found = of_level(*levels(values), 688.0, NOW, Unit.COUNT)
    assert found.when is not None
    assert abs((found.when - NOW).days - 70) <= 2


def test_nothing_and_nan_say_no_data() -> None:
    assert of_level([], [], 5.0, NOW, Unit.COUNT).state == NO_DATA
    assert of_level(*levels([math.nan] * 10), 5.0, NOW, Unit.COUNT).state == NO_DATA
    assert of_amount([], [], [], 5.0, (NOW, NOW + timedelta(days=1)), NOW, Unit.COUNT).state == NO_DATA


def test_readings_of_the_future_are_left_out() -> None:
    times, values = levels([100.0 + n for n in range(31)])
    later = of_level([*times, times[-1] + DAY], [*values, 1e9], 500.0, NOW, Unit.COUNT)
    assert later == of_level(times, values, 500.0, NOW, Unit.COUNT)


MONTH = (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))


def test_an_amount_goes_on_at_its_pace_to_the_periods_end() -> None:
    found = of_amount(*buckets([10.0] * 15), 250.0, MONTH, NOW, Unit.COUNT)
    assert found.at_end_of_period == pytest.approx(310)
    assert found.when is not None
    assert abs(found.when - (NOW + timedelta(days=10))) < timedelta(hours=6)
    assert found.how == "at the recent pace of 10 a day; 124 % of the limit by the period's end"


def test_no_path_crosses_a_reset() -> None:
    found = of_amount(*buckets([10.0] * 15), 320.0, MONTH, NOW, Unit.COUNT)
    assert (found.when, found.state) == (None, NEVER)
    assert found.value_in(60) == pytest.approx(310)


def test_what_was_sent_before_the_reset_does_not_count() -> None:
    found = of_amount(*buckets([1000.0] * 20 + [10.0] * 15), 400.0, MONTH, NOW, Unit.COUNT)
    assert found.at_end_of_period == pytest.approx(310, rel=0.1)
    assert found.when is None


def test_a_period_that_has_just_begun_takes_the_pace_of_the_one_before() -> None:
    period = (NOW, NOW + timedelta(days=30))
    found = of_amount(*buckets([10.0] * 30), 200.0, period, NOW, Unit.COUNT)
    assert "at the recent pace of 10 a day" in found.how
    assert found.at_end_of_period == pytest.approx(300)
    assert found.when is not None
    assert abs((found.when - NOW).days - 20) <= 1


def test_an_amount_over_its_limit_is_now() -> None:
    found = of_amount(*buckets([100.0] * 15), 250.0, MONTH, NOW, Unit.COUNT)
    assert (found.state, found.when) == (OVER, NOW)


def test_an_amount_learns_too() -> None:
    assert of_amount(*buckets([1.0] * 3), 250.0, MONTH, NOW, Unit.COUNT).state == "learning: 3 of 7 days"


def test_daily_totals_add_up_the_buckets_of_a_day() -> None:
    base = datetime(2026, 3, 10, tzinfo=UTC).timestamp()
    since = [base, base + DAY / 2, base + DAY]
    ends, totals = daily_totals(since, [t + DAY / 2 for t in since], [1.0, 2.0, 5.0], NOW)
    assert totals == [3.0, 5.0]
    assert ends == [base + DAY, base + 2 * DAY]


def test_the_line_is_the_one_that_rules_draw() -> None:
    assert course(*levels([3.0 * n for n in range(31)]), NOW) == pytest.approx((90.0, 3.0))


@given(
    st.lists(st.floats(0, 1e12), min_size=0, max_size=60),
    st.one_of(st.none(), st.floats(1, 1e12)),
    st.floats(0.01, 2),
)
def test_a_forecast_is_sound_whatever_the_readings(
    values: list[float], limit: float | None, every: float
) -> None:
    for found in (
        of_level(*levels(values, every), limit, NOW, Unit.BYTES),
        of_amount(*buckets(values), limit, MONTH, NOW, Unit.BYTES),
    ):
        if found.when is not None:
            assert found.low is not None
            assert NOW <= found.low <= found.when
            assert found.high is None or found.when <= found.high
            assert found.when <= NOW + timedelta(days=forecast.HORIZON, seconds=1)
            assert found.state in {"", OVER}
        else:
            assert found.state
