"""A day in one row, in the subject's zone; what it was made of may go."""

from datetime import UTC, date, datetime, timedelta

import pytest

from advisor.core.model import Observed, Reading
from advisor.store import Daily, Retention, Store

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MIDNIGHT = datetime(2026, 11, 2, tzinfo=UTC)
TODAY = MIDNIGHT.date()


def level(value: float, at: datetime, fresh: float = 86_400) -> Observed:
    return Observed(Reading("storage", value, at), "shop/database", "postgresql", at, fresh)


def amount(value: float, since: datetime, until: datetime, of: float | None = None) -> Observed:
    return Observed(Reading("emails", value, until, since=since, of=of), "shop/email", "resend", until, 900.0)


def add(store: Store, *readings: Observed, zones: dict[str, str] | None = None) -> int:
    with store.transaction() as tx:
        tx.add_readings(readings)
        return tx.roll_up(zones or {})


def days(store: Store, subject: str, metric: str) -> list[Daily]:
    with store.reading() as tx:
        return tx.daily(subject, metric, date(2026, 1, 1), date(2027, 1, 1))


def test_a_level_is_weighed_by_time_from_midnight_to_midnight(store: Store) -> None:
    add(store, level(10, MIDNIGHT - HOUR), level(20, MIDNIGHT + 6 * HOUR), level(40, MIDNIGHT + 18 * HOUR))
    before, today = days(store, "shop/database", "storage")
    assert (before.day, before.count, before.mean, before.weight) == (TODAY - DAY, 1, 10, 3600)
    assert (today.count, today.sum, today.min, today.max, today.last) == (2, 60, 20, 40, 40)
    assert today.mean == pytest.approx((6 * 10 + 12 * 20 + 6 * 40) / 24)
    assert (today.weight, today.last_at) == (86_400, MIDNIGHT + 18 * HOUR)


def test_a_gap_weighs_nothing(store: Store) -> None:
    add(store, level(1, MIDNIGHT, fresh=3600), level(3, MIDNIGHT + 12 * HOUR, fresh=3600))
    (today,) = days(store, "shop/database", "storage")
    assert (today.mean, today.weight) == (2, 7200)


def test_an_amount_belongs_to_the_day_in_which_its_bucket_ends(store: Store) -> None:
    add(store, *(amount(n, MIDNIGHT + n * HOUR, MIDNIGHT + (n + 1) * HOUR) for n in range(-1, 24)))
    before, today = days(store, "shop/email", "emails")
    assert (before.sum, before.count) == (-1, 1)
    assert (today.sum, today.count, today.weight, today.mean) == (sum(range(24)), 24, 86_400, None)


def test_a_share_keeps_part_and_whole(store: Store) -> None:
    add(
        store,
        amount(1, MIDNIGHT, MIDNIGHT + HOUR, of=10),
        amount(8, MIDNIGHT + HOUR, MIDNIGHT + 2 * HOUR, of=10),
    )
    (today,) = days(store, "shop/email", "emails")
    assert (today.sum, today.of) == (9, 20)


def test_days_are_those_of_the_subjects_zone(store: Store) -> None:
    # 25 October 2026 has 25 hours in Lisbon, from 24 October 23:00 UTC on.
    start = datetime(2026, 10, 24, 23, tzinfo=UTC)
    hours = [amount(1, start + n * HOUR, start + (n + 1) * HOUR) for n in range(25)]
    add(store, *hours, zones={"shop/email": "Europe/Lisbon"})
    (one,) = days(store, "shop/email", "emails")
    assert (one.day, one.sum, one.zone) == (date(2026, 10, 25), 25, "Europe/Lisbon")


def test_late_and_corrected_readings_make_the_day_anew(store: Store) -> None:
    add(store, amount(5, MIDNIGHT, MIDNIGHT + HOUR), level(1, MIDNIGHT))
    assert add(store) == 0
    assert add(store, amount(7, MIDNIGHT, MIDNIGHT + HOUR), level(9, MIDNIGHT + HOUR)) == 2
    assert [one.sum for one in days(store, "shop/email", "emails")] == [7]
    assert [one.max for one in days(store, "shop/database", "storage")] == [9]


def test_what_is_too_old_goes_after_it_was_rolled_up(store: Store) -> None:
    for n in range(10):
        add(store, level(n, MIDNIGHT + n * DAY), amount(n, MIDNIGHT + n * DAY, MIDNIGHT + n * DAY + HOUR))
    now = MIDNIGHT + 9 * DAY + HOUR
    with store.transaction() as tx:
        tx.add_readings([level(99, MIDNIGHT + HOUR)])  # Late, and not rolled up yet.
    assert store.prune(now, Retention(3, 8)) == 12
    with store.reading() as tx:
        left = [one.reading.value for one in tx.history("shop/database", "storage", MIDNIGHT)]
    assert left == [6, 7, 8, 9]
    assert [one.last for one in days(store, "shop/database", "storage")] == [*range(1, 10)]
    # What comes later still makes no day out of a remainder.
    add(store, level(1000, MIDNIGHT + 3 * DAY))
    assert days(store, "shop/database", "storage")[2].last == 3
    assert store.prune(now, Retention(3, 8)) == 1
    assert store.integrity_check() == []


def test_retention_that_keeps_readings_longer_than_their_days_is_refused() -> None:
    with pytest.raises(ValueError, match="raw_days"):
        Retention(90, 30)
