"""When failing sources are asked again."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.polling.retry import LONGEST, not_before

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def test_a_source_that_answers_keeps_its_interval() -> None:
    assert not_before(NOW, 15, 0) is None


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 15), (2, 30), (3, 60), (6, 480), (7, 900), (100, 900), (10_000, 900)]
)
def test_the_wait_doubles_up_to_a_quarter_of_an_hour(failures: int, seconds: float) -> None:
    assert not_before(NOW, 15, failures) == NOW + timedelta(seconds=seconds)


def test_what_trying_again_does_not_help_waits_longer_from_the_start() -> None:
    assert not_before(NOW, 60, 1, again=False) == NOW + timedelta(seconds=240)


def test_a_source_asked_hourly_is_still_asked_hourly_when_it_fails() -> None:
    assert not_before(NOW, 3600, 9) == NOW + timedelta(hours=1)


def test_what_the_provider_asked_for_is_never_undercut() -> None:
    later = NOW + timedelta(hours=2)
    assert not_before(NOW, 15, 1, retry_at=later) == later
    assert not_before(NOW, 15, 1, retry_at=NOW) == NOW + timedelta(seconds=15)


@given(
    st.floats(1, 86_400),
    st.integers(1, 1000),
    st.booleans(),
    st.floats(0, 1),
)
def test_no_wait_is_shorter_than_the_interval_or_longer_than_the_cap(
    interval: float, failures: int, again: bool, chance: float
) -> None:
    at = not_before(NOW, interval, failures, again=again, chance=chance)
    assert at is not None
    wait = at - NOW
    usual = timedelta(seconds=interval)
    assert usual <= wait <= max(LONGEST, usual) * 1.21
