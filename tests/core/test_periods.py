from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.core.catalogue import Reset
from advisor.core.periods import Calendar, Zone, shift_one
from advisor.core.sentence import Span

ZONES = [
    "UTC",
    "Europe/Lisbon",
    "America/New_York",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Africa/Cairo",
    "Pacific/Apia",
    "America/Havana",
]
moments = st.integers(0, 10 * 365 * 86400).map(
    lambda s: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=s)
)
calendars = st.builds(Calendar, st.sampled_from(Reset), st.sampled_from(ZONES), st.integers(1, 31))


@settings(max_examples=300, deadline=None)
@given(calendars, moments)
def test_every_moment_lies_in_one_period_and_periods_touch(calendar: Calendar, at: datetime) -> None:
    start, end = calendar.around(at)
    assert start < at <= end
    if not calendar.rolling:
        assert calendar.before(start)[1] == start
        assert calendar.around(end) == (start, end)
        assert calendar.around(end + timedelta(microseconds=1))[0] == end


@settings(max_examples=300, deadline=None)
@given(calendars, moments)
def test_a_period_starts_at_the_first_moment_of_a_local_day(calendar: Calendar, at: datetime) -> None:
    if calendar.rolling:
        return
    zone = ZoneInfo("UTC" if calendar.reset in {Reset.UTC_DAY, Reset.UTC_MONTH} else calendar.zone)
    start = calendar.around(at)[0]
    assert (start - timedelta(seconds=1)).astimezone(zone).date() < start.astimezone(zone).date()


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(ZONES),
    moments,
    st.sampled_from([Span(1, "d"), Span(-3, "d"), Span(2, "w"), Span(1, "month"), Span(-1, "month")]),
)
def test_many_moments_move_as_python_moves_one(zone: str, at: datetime, span: Span) -> None:
    at = at.replace(microsecond=0)
    local = at.astimezone(ZoneInfo(zone)).replace(fold=0)
    if span.unit == "month":
        months = local.year * 12 + local.month - 1 + int(span.count)
        year, month = months // 12, months % 12 + 1
        last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
        moved = local.replace(year=year, month=month, day=min(local.day, last))
    else:
        moved = local + timedelta(days=span.count * (7 if span.unit == "w" else 1))
    assert shift_one(at, span, zone) == moved.astimezone(UTC)


@pytest.mark.parametrize(
    ("day", "at", "start", "end"),
    [
        (31, "2026-02-15", "2026-01-31", "2026-02-28"),
        (31, "2026-03-01", "2026-02-28", "2026-03-31"),
        (30, "2028-02-29T12:00", "2028-02-29", "2028-03-30"),
        (12, "2026-01-12", "2025-12-12", "2026-01-12"),
    ],
)
def test_a_billing_day_the_month_lacks_is_its_last(day: int, at: str, start: str, end: str) -> None:
    def utc(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)

    assert Calendar(Reset.BILLING, "UTC", day).around(utc(at)) == (utc(start), utc(end))


def test_a_day_has_23_hours_where_the_clock_goes_forward() -> None:
    start, end = Calendar(Reset.DAY, "Europe/Lisbon").around(datetime(2026, 3, 29, 12, tzinfo=UTC))
    assert end - start == timedelta(hours=23)


def test_a_moment_that_is_not_known_stays_unknown() -> None:
    moved = Zone.of("Europe/Lisbon").shift(np.array([np.nan, np.inf, 0.0]), Span(1, "d"))
    assert np.isnan(moved[0])
    assert np.isinf(moved[1])
    assert moved[2] == 86400
