"""What holds of every forecast, whatever the readings."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.core.forecast import Forecast, days, levels, months, of_amount, of_level, of_rate, peaks
from advisor.core.forecast.days import sane
from advisor.core.forecast.meters import Counter, Daily, Level, Meeting, Rate
from advisor.core.forecast.pace import pace
from advisor.core.units import Unit

NOW = datetime(2026, 3, 16, tzinfo=UTC)
DAY = 86400.0
MONTH = (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))

Series = tuple[list[float], float]


@st.composite
def series(draw: st.DrawFn) -> Series:
    """Values of 2 to 60 days, and a limit above them all."""
    steps = draw(st.lists(st.floats(-5, 20), min_size=2, max_size=60))
    values = [float(value) for value in np.maximum(np.cumsum([100.0, *steps]), 0.0)]
    return values, max(values) + draw(st.floats(1, 500))


@st.composite
def amounts(draw: st.DrawFn) -> Series:
    """Daily amounts, and a limit above what March has had."""
    values = draw(st.lists(st.floats(0, 50), min_size=2, max_size=60))
    return values, sum(values[-15:]) + draw(st.floats(1, 800))


def level(found: Series, shift: float = 0.0, scale: float = 1.0, room: float = 0.0) -> Forecast:
    values, limit = found
    times = [NOW.timestamp() + shift - DAY * (len(values) - 1 - n) for n in range(len(values))]
    now = NOW + timedelta(seconds=shift)
    return of_level(times, [value * scale for value in values], (limit + room) * scale, now, Unit.COUNT)


def amount(found: Series, shift: float = 0.0, scale: float = 1.0, room: float = 0.0) -> Forecast:
    values, limit = found
    ends = [NOW.timestamp() + shift - DAY * (len(values) - 1 - n) for n in range(len(values))]
    moved = timedelta(seconds=shift)
    period = (MONTH[0] + moved, MONTH[1] + moved)
    since = [end - DAY for end in ends]
    scaled = [value * scale for value in values]
    return of_amount(since, ends, scaled, (limit + room) * scale, period, NOW + moved, Unit.COUNT)


def meets(kind: str, found: Series, limit: float) -> Meeting:
    values, _ = sane(np.asarray(found[0]))
    times = NOW.timestamp() - DAY * np.arange(values.size - 1, -1, -1.0)
    since = times - DAY
    match kind:
        case "level":
            return Level(times, values).meets(limit)
        case "rate":
            return Rate(times, values).meets(limit, 120)
        case "daily":
            return Daily(since, times, values, times[-1], 0.0, times[-1]).meets(limit, 120)
    ends = [MONTH[1].timestamp() + 30 * DAY * later for later in range(5)]
    return Counter(since, times, values, times[-1], float(values[-15:].sum()), ends).meets(limit, 120)


KINDS = pytest.mark.parametrize("kind", ["level", "rate", "daily", "month"])
PUBLIC = pytest.mark.parametrize(
    ("made", "of"), [(series(), level), (amounts(), amount)], ids=["level", "amount"]
)


def dates(found: Forecast) -> list[datetime | None]:
    return [found.low, found.when, found.high]


def same(one: datetime | None, other: datetime | None, moved: timedelta = timedelta()) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one + moved - other) < timedelta(seconds=30)


@PUBLIC
@settings(max_examples=40)
@given(data=st.data())
def test_shifting_time_shifts_the_answer(
    data: st.DataObject, made: st.SearchStrategy[Series], of: Callable[..., Forecast]
) -> None:
    found, weeks = data.draw(made), data.draw(st.integers(-200, 200))
    here, there = of(found), of(found, shift=weeks * 7 * DAY)
    assert all(
        same(one, other, timedelta(weeks=weeks)) for one, other in zip(dates(here), dates(there), strict=True)
    )
    assert (here.state, here.how) == (there.state, there.how)


@PUBLIC
@settings(max_examples=40)
@given(data=st.data())
def test_scaling_units_scales_nothing_else(
    data: st.DataObject, made: st.SearchStrategy[Series], of: Callable[..., Forecast]
) -> None:
    found, power = data.draw(made), data.draw(st.integers(-20, 40))
    here, there = of(found), of(found, scale=2.0**power)
    assert all(same(one, other) for one, other in zip(dates(here), dates(there), strict=True))
    assert dict(here.within) == pytest.approx(dict(there.within))


@KINDS
@settings(max_examples=40)
@given(found=amounts(), room=st.floats(0, 500))
def test_more_headroom_never_brings_the_date_nearer(kind: str, found: Series, room: float) -> None:
    limit = max(found[1], max(found[0]) + 1)
    near, far = meets(kind, found, limit), meets(kind, found, limit + room)
    assert near.middle <= far.middle + 1e-6
    assert near.early <= far.early + 1e-6
    assert near.late <= far.late + 1e-6
    assert near.within(14) >= far.within(14) - 1e-6


@KINDS
@settings(max_examples=40)
@given(found=amounts())
def test_intervals_are_ordered_and_chances_rise(kind: str, found: Series) -> None:
    met = meets(kind, found, max(found[1], max(found[0]) + 1))
    assert 0 <= met.early <= met.middle <= met.late
    chances = [met.within(day) for day in (1, 7, 14, 30, 60)]
    assert chances == sorted(chances)
    assert all(0 <= one <= 1 for one in chances)


@settings(max_examples=40)
@given(found=amounts())
def test_no_date_and_no_path_cross_a_reset(found: Series) -> None:
    said = amount(found)
    end = MONTH[1] + timedelta(seconds=1)
    assert all(one is None or one <= end for one in dates(said))
    if said.path is not None:
        assert said.value_in(17) == said.value_in(400) == pytest.approx(said.at_end_of_period)


@settings(max_examples=30)
@given(found=series(), ahead=st.floats(0, 300))
def test_the_band_holds_its_middle(found: Series, ahead: float) -> None:
    band = level(found).band_in(ahead)
    assert band is None or band[0] <= band[1] <= band[2]


def test_the_same_history_always_has_the_same_answer() -> None:
    found = ([float(n * n % 37 + 3 * n) for n in range(50)], 400.0)
    once = level(found)
    np.random.default_rng().random(10)
    assert level(found) == once


def test_a_rate_has_chances_and_no_date() -> None:
    times = [NOW.timestamp() - 3600.0 * back for back in range(24 * 30, -1, -1)]
    values = [40 + 20 * np.sin(at / DAY * 2 * np.pi) for at in times]
    calm, near = (of_rate(times, values, limit, NOW) for limit in (300.0, 60.5))
    assert (calm.when, calm.state) == (None, "unlikely")
    assert (near.when, near.state) == (None, "likely")
    assert dict(calm.within)[14] < 0.2 < dict(near.within)[14]
    assert "on none of the last 28 days" in calm.how


def test_many_series_at_a_time_have_the_answers_of_each_alone() -> None:
    random = np.random.default_rng(3)
    grown = random.normal(1.0, 3.0, (70, 60))
    together = levels.passage(grown, 1.0, np.full(70, 40.0))
    alone = np.concatenate([levels.passage(row[None], 1.0, np.array([40.0])) for row in grown])
    assert together == pytest.approx(alone)
    values = days.Days(
        random.gamma(2.0, 50.0, (70, 60)), np.ones((70, 60), dtype=np.bool_), np.arange(-60, 0) % 7
    )
    slots = days.ahead(0.0, 0.0, 90, [DAY * 12, DAY * 42, DAY * 72])
    limit = np.full(70, 1500.0)
    for reached in (
        lambda some: months.reached(
            pace(some, months.FORGET), np.zeros(len(some.values)), limit[: len(some.values)], slots
        ),
        lambda some: peaks.reached(pace(some, peaks.FORGET), limit[: len(some.values)] / 4, slots),
    ):
        each = [
            reached(days.Days(values.values[n : n + 1], values.known[n : n + 1], values.weekday))
            for n in range(70)
        ]
        assert reached(values) == pytest.approx(np.concatenate(each))
