"""The demo's world, as claims: what a newcomer is shown happens in it."""

from datetime import UTC, datetime, timedelta

import pytest

from advisor.demo.simulation import DAYS, Simulation

START = datetime(2026, 1, 5, tzinfo=UTC)
WORLD = Simulation(START)


def at(day: float) -> datetime:
    return START + timedelta(days=day)


def test_the_database_ends_four_fifths_full_and_below_its_limit() -> None:
    assert 400e6 < WORLD.storage(at(DAYS)) < 500e6
    assert WORLD.storage(at(40)) < 400e6


def test_a_clean_up_makes_room() -> None:
    assert WORLD.storage(at(24.1)) < WORLD.storage(at(23.9))


def test_the_launch_exceeds_the_mails_of_a_day_and_the_weeks_after_do_not() -> None:
    assert WORLD.emails(at(42), at(43)) > 100
    assert all(WORLD.emails(at(day), at(day + 1)) < 100 for day in range(49, DAYS))


@pytest.mark.parametrize(("day", "share"), [(32.0, 0.002), (33.5, 0.04), (34.75, 0.002)])
def test_requests_fail_for_most_of_day_33(day: float, share: float) -> None:
    moment = at(day)
    assert WORLD.failures_per_second(moment) == pytest.approx(share * WORLD.requests_per_second(moment))


def test_the_monitoring_is_down_before_the_failures_end() -> None:
    assert WORLD.monitoring_down(at(33.75))
    assert WORLD.failures_per_second(at(33.75)) > 0.01 * WORLD.requests_per_second(at(33.75))


def test_the_same_moment_reports_the_same() -> None:
    assert Simulation(START).storage(at(17.25)) == WORLD.storage(at(17.25))
