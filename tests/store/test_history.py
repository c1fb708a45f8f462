"""Readings come back as they were added, in time order, from wherever they lie."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from advisor.core.model import Kind, Observed, Quality, Reading
from advisor.errors import InputError
from advisor.store import Store
from advisor.store.schema import chunks, recent, series

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def level(value: float, at: datetime = NOON, subject: str = "shop/database", **more) -> Observed:
    return Observed(Reading("storage", value, at, **more), subject, "postgresql", at, 45.0)


def amount(value: float, since: datetime, until: datetime, seen: datetime | None = None, **more) -> Observed:
    reading = Reading("emails", value, until, since=since, **more)
    return Observed(reading, "shop/email", "resend", seen or until, 900.0)


def add(store: Store, *readings: Observed) -> None:
    with store.transaction() as tx:
        tx.add_readings(readings)


def history(store: Store, subject: str, metric: str, since=NOON - 99 * DAY, until=None) -> list[Observed]:
    with store.reading() as tx:
        return tx.history(subject, metric, since, until)


def count(store: Store, table) -> int:
    with store.reading() as tx:
        return tx.connection.execute(select(func.count()).select_from(table)).scalar_one()


EVERY_FORM = [
    level(401e6),
    level(1 / 3, part="vm-1", quality=Quality.ESTIMATED, low=0.1, high=0.9),
    Observed(
        Reading("query_time", 0.2, NOON, stat="p95", low=0.1, high=0.3),
        "shop/database",
        "postgresql",
        NOON + timedelta(microseconds=7),
        45.0,
    ),
    amount(81, NOON - DAY, NOON, quality=Quality.MANUAL),
    Observed(
        Reading("error_rate", 12, NOON, since=NOON - HOUR, of=1000), "shop/backend", "prometheus", NOON, 45
    ),
    Observed(
        Reading(
            "latency", 0.2, NOON, since=NOON - HOUR, buckets=((0.1, 90.0), (1.0, 9.0), (float("inf"), 1.0))
        ),
        "shop/backend",
        "prometheus",
        NOON,
        45.0,
    ),
    Observed(
        Reading("latency", 0.3, NOON, buckets=((0.5, 7.0),), part="eu"), "shop/backend", "http", NOON, 45.0
    ),
    Observed(Reading("users", 800, NOON), "shop", "fact", NOON, 172_800.0),
    Observed(Reading("cost", 12.5, NOON), "@acme", "supabase", NOON, 172_800.0),
    Observed(Reading("storage", -0.25, NOON.astimezone()), "ünï/cödé\0", "x\ud800y", NOON, 1.0),
]


@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize("one", EVERY_FORM, ids=lambda one: f"{one.subject} {one.reading.metric}")
def test_every_form_of_reading_comes_back_as_it_was(store: Store, one: Observed, folded: bool) -> None:
    add(store, one)
    if folded:
        with store.transaction() as tx:
            tx.fold()
    (back,) = history(store, one.subject, one.reading.metric)
    if one.subject.isascii():
        assert back == one
    else:  # What no engine can store is left out of a name, the same on both.
        assert (back.subject, back.source, back.reading) == ("ünï/cödé", "x?y", one.reading)
    with store.reading() as tx:
        assert tx.newest() == [back]


def test_levels_lie_in_chunks_by_day_and_come_back_in_time_order(store: Store) -> None:
    times = [NOON + n * timedelta(minutes=37) for n in range(200)]
    shuffled = random.Random(3).sample(times, len(times))
    for start in range(0, 200, 20):
        add(store, *(level(at.timestamp(), at) for at in shuffled[start : start + 20]))
    assert count(store, recent) < 10
    with store.transaction() as tx:
        tx.fold()
    assert count(store, recent) == 0
    assert count(store, chunks) == len({at.date() for at in times})
    assert [one.reading.at for one in history(store, "shop/database", "storage")] == times
    some = history(store, "shop/database", "storage", times[10], times[150])
    assert [one.reading.at for one in some] == times[10:151]
    assert all(one.reading.value == one.reading.at.timestamp() for one in some)


def test_what_waits_is_folded_once_an_hour(store: Store) -> None:
    for minutes in range(0, 55, 5):
        add(store, level(minutes, NOON + timedelta(minutes=minutes)))
    assert (count(store, recent), count(store, chunks)) == (11, 0)
    add(store, level(60, NOON + HOUR))
    assert (count(store, recent), count(store, chunks)) == (0, 1)
    add(store, level(65, NOON + HOUR + timedelta(minutes=5)))
    assert count(store, recent) == 1
    assert [one.reading.value for one in history(store, "shop/database", "storage")] == [
        *range(0, 55, 5),
        60,
        65,
    ]


def test_a_later_process_folds_what_an_earlier_one_left(opened: Callable[[], Store]) -> None:
    add(opened(), level(1))
    second = opened()
    add(second, level(2, NOON + HOUR))
    assert count(second, recent) == 0


def test_a_level_seen_again_replaces(store: Store) -> None:
    add(store, level(1), level(9, subject="shop/other"))
    add(store, level(2))
    assert [one.reading.value for one in history(store, "shop/database", "storage")] == [2]
    with store.transaction() as tx:
        tx.fold()
    add(store, level(3))
    assert [one.reading.value for one in history(store, "shop/database", "storage")] == [3]
    with store.transaction() as tx:
        tx.fold()
        assert [one.reading.value for one in tx.newest()] == [3, 9]


def test_a_corrected_amount_replaces_and_what_was_known_is_kept(store: Store) -> None:
    add(store, amount(80, NOON - DAY, NOON))
    add(store, amount(80, NOON - DAY, NOON, NOON + HOUR))  # Repeated: nothing new.
    add(store, amount(95, NOON - DAY, NOON, NOON + 2 * HOUR))
    (now,) = history(store, "shop/email", "emails")
    assert (now.reading.value, now.seen_at) == (95, NOON + 2 * HOUR)
    with store.reading() as tx:
        assert tx.revisions("shop/email", "emails", NOON - DAY) == [amount(80, NOON - DAY, NOON)]


def test_an_amount_has_one_resolution_per_time(store: Store) -> None:
    start = NOON.replace(hour=0)
    hours = [amount(1, start + n * HOUR, start + (n + 1) * HOUR) for n in range(24)]
    add(store, amount(24, start, start + DAY))
    add(store, *hours)
    add(store, amount(24, start, start + DAY, start + 2 * DAY))
    assert history(store, "shop/email", "emails") == hours
    with store.reading() as tx:
        (before,) = tx.revisions("shop/email", "emails", start)
    assert before.reading.value == 24


def test_a_month_that_grows_is_one_bucket(store: Store) -> None:
    month = NOON.replace(hour=0)
    for day in range(1, 5):
        add(store, amount(day * 10, month, month + day * DAY))
    assert history(store, "shop/email", "emails") == [amount(40, month, month + 4 * DAY)]


def test_a_value_that_is_no_number_is_refused_and_nothing_written(store: Store) -> None:
    for bad in (
        level(float("nan")),
        level(float("inf")),
        replace(level(1), reading=Reading("x", 1, NOON, of=float("nan"))),
    ):
        with pytest.raises(InputError, match="no finite number"), store.transaction() as tx:
            tx.add_readings([level(5), bad])
    with pytest.raises(InputError, match="ends before it begins"):
        add(store, level(5), amount(1, NOON, NOON - HOUR))
    assert count(store, recent) == count(store, series) == 0


def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    def fail() -> None:
        with store.transaction() as tx:
            tx.add_readings([level(1), amount(1, NOON - DAY, NOON)])
            raise RuntimeError

    for _ in range(2):
        with pytest.raises(RuntimeError):
            fail()
    assert count(store, series) == 0
    add(store, level(2))
    assert [one.reading.value for one in history(store, "shop/database", "storage")] == [2]


def test_two_processes_share_a_series(opened: Callable[[], Store]) -> None:
    one, two = opened(), opened()
    add(one, level(1))
    add(two, level(2, NOON + HOUR / 60))
    add(one, level(3, NOON + 2 * HOUR / 60))
    assert count(one, series) == 1
    assert [o.reading.value for o in history(two, "shop/database", "storage")] == [1, 2, 3]


def test_how_long_a_reading_stays_fresh_follows_the_newest_poll(store: Store) -> None:
    add(store, level(1))
    add(store, replace(level(2, NOON + HOUR / 60), fresh=180.0))
    with store.reading() as tx:
        (newest,) = tx.newest()
        assert newest.fresh == 180
        ((found, columns),) = tx.samples(NOON)
    assert (found.kind, found.fresh, columns.value.tolist()) == (Kind.LEVEL, 180.0, [1, 2])


def test_a_fleet_comes_back_by_columns(store: Store) -> None:
    add(store, *(level(n, subject=f"s{n}/database") for n in range(900)))
    with store.transaction() as tx:
        tx.fold()
    add(store, *(level(n, NOON + HOUR / 2, subject=f"s{n}/database") for n in range(450, 1000)))
    with store.reading() as tx:
        found = {one.subject: columns.value.tolist() for one, columns in tx.samples(NOON)}
        assert len(tx.newest()) == 1000
    assert len(found) == 1000
    assert found["s1/database"] == [1]
    assert found["s500/database"] == [500, 500]


def test_an_empty_answer_is_no_write(store: Store) -> None:
    add(store)
    assert count(store, recent) == 0
    with store.reading() as tx:
        assert tx.newest() == []
        assert tx.history("nobody", "storage", NOON) == []
