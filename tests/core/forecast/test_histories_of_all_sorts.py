"""Cold starts, gaps, outliers, clean-ups, imports, launches, saturation: one test a sort of history."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from advisor.core.forecast import LOST, NEVER, UNLIKELY, Forecast, of_amount, of_average, of_level
from advisor.core.forecast.normal import below, spread
from advisor.core.units import Unit

NOW = datetime(2026, 3, 16, tzinfo=UTC)
DAY = 86400.0
MONTH = (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))


def level(values: list[float], limit: float, keep: list[int] | None = None) -> Forecast:
    times = [NOW.timestamp() - DAY * (len(values) - 1 - n) for n in range(len(values))]
    kept = keep if keep is not None else list(range(len(values)))
    return of_level([times[n] for n in kept], [values[n] for n in kept], limit, NOW, Unit.COUNT)


def amount(values: list[float], limit: float, period: tuple[datetime, datetime] = MONTH) -> Forecast:
    ends = [NOW.timestamp() - DAY * (len(values) - 1 - n) for n in range(len(values))]
    return of_amount([end - DAY for end in ends], ends, values, limit, period, NOW, Unit.COUNT)


def days(found: Forecast) -> float:
    assert found.when is not None
    return (found.when - NOW) / timedelta(days=1)


GROWING = [100.0 + 10 * n for n in range(61)]


def test_a_cold_start_says_so_and_gives_a_wide_range_without_a_date() -> None:
    found = level(GROWING[:4], 230.0)
    assert (found.state, found.when) == ("learning: 3 of 7 days", None)
    assert found.low is not None
    assert found.high is None or found.high - found.low > timedelta(days=20)


def test_an_amount_that_learns_falls_back_on_the_run_rate() -> None:
    found = amount([10.0] * 3, 500.0)
    assert found.state == "learning: 3 of 7 days"
    assert found.at_end_of_period == pytest.approx(30 + 160, rel=0.01)
    assert found.how.startswith("at this period's run rate so far of 10 a day; 38 % of the limit")


def test_two_readings_a_week_apart_are_still_no_forecast() -> None:
    found = level([100.0] + [110.0] * 8, 200.0, keep=[0, 8])
    assert found.learning
    assert found.low is not None


@pytest.mark.parametrize(
    "values", [[100.0] * 40, [400.0 - 5 * n for n in range(40)]], ids=["constant", "falling"]
)
def test_what_does_not_grow_never_meets_its_limit(values: list[float]) -> None:
    found = level(values, 500.0)
    assert (found.state, found.when, found.high) == (NEVER, None, None)
    assert dict(found.within)[30] == 0


def test_gaps_change_little() -> None:
    whole = days(level(GROWING, 900.0))
    keep = [n for n in range(60) if n % 5 and not 40 <= n < 50]
    holed = days(level(GROWING, 900.0, keep=[*keep, 60]))
    assert holed == pytest.approx(whole, rel=0.1)


def test_an_outlier_moves_no_date_far() -> None:
    spiked = list(GROWING)
    spiked[40] += 5000
    assert days(level(spiked, 900.0)) == pytest.approx(days(level(GROWING, 900.0)), rel=0.5)


def test_after_a_clean_up_the_growth_goes_on_from_the_new_value() -> None:
    cleaned = [value - (300 if n > 50 else 0) for n, value in enumerate(GROWING)]
    assert days(level(cleaned, 600.0)) == pytest.approx(20, rel=0.5)


def test_a_bulk_import_is_not_the_pace() -> None:
    imported = [value + (2000 if n > 50 else 0) for n, value in enumerate(GROWING)]
    assert days(level(imported, imported[-1] + 200)) == pytest.approx(20, rel=0.4)


def test_a_launch_is_the_new_pace() -> None:
    launched = [100.0 + n for n in range(60)] + [160.0 + 30 * n for n in range(1, 22)]
    found = level(launched, launched[-1] + 600)
    assert days(found) == pytest.approx(20, rel=0.1)


def test_a_launch_is_the_new_pace_of_an_amount() -> None:
    found = amount([10.0] * 60 + [100.0] * 16, 2900.0)
    assert found.at_end_of_period == pytest.approx(3100, rel=0.1)


def test_saturation_is_seen_by_the_short_windows() -> None:
    full = [1000 * (1 - np.exp(-n / 15)) for n in range(90)]
    found = level(full, 1100.0)
    assert found.when is None or days(found) > 100


def test_one_import_does_not_raise_the_total_as_if_it_came_daily() -> None:
    found = amount([10.0] * 40 + [1000.0] + [10.0] * 14, 5000.0)
    assert found.at_end_of_period is not None
    assert found.at_end_of_period < 1150 + 160 * 4


def test_a_day_that_is_nearly_used_up_has_only_its_own_hours_left() -> None:
    period = (datetime(2026, 3, 16, tzinfo=UTC), datetime(2026, 3, 17, tzinfo=UTC))
    now = NOW + timedelta(hours=18)
    ends = [now.timestamp() - 3600.0 * back for back in range(24 * 20, -1, -1)]
    found = of_amount([end - 3600 for end in ends], ends, [1.0] * len(ends), 20.0, period, now, Unit.COUNT)
    assert found.at_end_of_period == pytest.approx(24, rel=0.1)
    assert found.when is not None
    assert timedelta(hours=1) < found.when - now < timedelta(hours=4)


def test_an_average_says_what_is_still_possible() -> None:
    times = [MONTH[0].timestamp() + DAY * n for n in range(16)]
    open_ = of_average(times, [50.0] * 16, 60.0, MONTH, NOW, Unit.COUNT)
    assert (open_.state, open_.at_end_of_period) == (UNLIKELY, pytest.approx(50))
    assert "up to 69.4 from now on keeps" in open_.how
    lost = of_average(times, [150.0] * 16, 60.0, MONTH, NOW, Unit.COUNT)
    assert (lost.state, lost.before_end) == (LOST, 1.0)


def test_eighty_per_cent_come_before_the_limit() -> None:
    found = level(GROWING, 1000.0)
    assert found.near is not None
    assert found.when is not None
    assert NOW < found.near < found.when
    assert (found.near - NOW) / timedelta(days=1) == pytest.approx(10, rel=0.1)


def test_the_normal_distribution_is_the_known_one() -> None:
    assert below(np.array([-1.96, 0.0, 1.2816])) == pytest.approx([0.025, 0.5, 0.9], abs=1e-4)
    z = spread(9)
    assert z == pytest.approx(-z[::-1])
    assert below(z) == pytest.approx((np.arange(9) + 0.5) / 9, abs=1e-6)
