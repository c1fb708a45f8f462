"""Cases found by doubting the engine: each is a claim that once did not hold."""

from datetime import UTC, datetime

import pytest

from tests.core.world import DAY, HOUR, MINUTE, NOW, World, fleet_of, stack


def test_a_window_keeps_its_readings_however_long_they_stay_fresh() -> None:
    world = World()
    for step in range(13):
        world.say("cpu", 0.9, NOW - HOUR + step * 5 * MINUTE, fresh=2 * 86400)
    assert world.verdict("avg cpu over 1h > 70%") == "true"
    assert world.term("avg cpu over 1h > 70%").value == pytest.approx(0.9)


def test_days_stay_exact_where_the_clock_is_changed_by_half_an_hour() -> None:
    world = World(fleet_of(stack("shop", "email", timezone="Australia/Lord_Howe")))
    now = datetime(2026, 4, 5, 22, tzinfo=UTC)
    world.amounts("emails", now - 30 * DAY, now, 1, 15 * MINUTE)
    # Midnight was at 13:00 UTC until the change on the fifth of April, and is at 13:30 from then on.
    assert world.term("emails per day > 1", "email", now).value == 34
    assert world.term("emails per day < 1", "email", now).value == 98
