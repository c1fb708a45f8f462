import sys
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from advisor.core import forecast
from advisor.core.histories import LONG, Track, history_of
from advisor.core.units import Unit

NOW = datetime(2026, 3, 16, 10, 7, tzinfo=UTC)
DAYS = 35


def level(every: float) -> Track:
    at = np.arange(NOW.timestamp() - DAYS * 86400, NOW.timestamp(), every)
    return Track(at, at, 1e9 + 5e6 * np.arange(at.size) * every / 86400, 45.0)


def amount(every: float, late: float = 0.0) -> Track:
    at = np.arange(NOW.timestamp() - DAYS * 86400, NOW.timestamp() - late, every) + late
    return Track(at - every, at, np.full(at.size, every / 60), 45.0)


def test_a_short_history_is_kept_whole() -> None:
    track = level(every=DAYS * 86400 / LONG)
    assert len(history_of("storage", {"": track}, NOW).times) == track.at.size


def test_five_weeks_at_15_seconds_are_a_few_thousand_numbers_with_the_same_end_and_course() -> None:
    track = level(15)
    history = history_of("storage", {"": track}, NOW)
    assert len(history.times) <= DAYS * 96 + 1
    assert (history.times[-1], history.values[-1]) == (track.at[-1], track.value[-1])
    ours = forecast.of_level(history.times, history.values, 2e9, NOW, Unit.BYTES)
    whole = forecast.of_level(track.at.tolist(), track.value.tolist(), 2e9, NOW, Unit.BYTES)
    assert ours.when is not None
    assert whole.when is not None
    assert abs(ours.when - whole.when) < timedelta(hours=1)
    assert sum(map(sys.getsizeof, (history.times, history.values))) < 100_000


@pytest.mark.parametrize("late", [0.0, 7.0])
def test_an_amount_loses_nothing_and_no_day_gains_what_another_had(late: float) -> None:
    track = amount(60, late)
    history = history_of("emails", {"": track}, NOW)
    assert len(history.times) < track.at.size / (5 if late else 10)
    assert sum(history.values) == pytest.approx(track.value.sum())
    ours = forecast.daily_totals(history.since, history.times, history.values, NOW)
    whole = forecast.daily_totals(track.since.tolist(), track.at.tolist(), track.value.tolist(), NOW)
    assert ours[0] == whole[0]
    # The oldest day is cut where 30 days begin, which may be within a quarter of an hour.
    assert ours[1][1:] == pytest.approx(whole[1][1:])


def test_a_bucket_longer_than_a_quarter_of_an_hour_stays_as_it_is() -> None:
    track = amount(1200)
    assert track.at.size > LONG
    history = history_of("emails", {"": track}, NOW)
    assert list(history.times) == track.at.tolist()
    assert list(history.since) == track.since.tolist()
