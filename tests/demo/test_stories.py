"""The demo's stories, as claims: what a newcomer is shown happens in them."""

from datetime import UTC, datetime, timedelta

import pytest

from advisor.demo.stories import STORIES
from advisor.demo.world import DAYS, World

START = datetime(2026, 1, 5, tzinfo=UTC)
SHOP = STORIES["app-virgin"](START)
CHAT = STORIES["amebo"](START)
HOUR = timedelta(hours=1)
every_story = pytest.mark.parametrize("world", [make(START) for make in STORIES.values()], ids=list(STORIES))


def test_the_database_ends_four_fifths_full_and_below_its_limit() -> None:
    assert 400e6 < SHOP.level("supabase", "storage", SHOP.at(DAYS)) < 500e6
    assert SHOP.level("supabase", "storage", SHOP.at(40)) < 400e6


def test_a_clean_up_makes_room() -> None:
    before, after = (SHOP.level("supabase", "storage", SHOP.at(day)) for day in (23.9, 24.1))
    assert after < before


def test_the_launch_fills_one_day_of_mail_and_the_weeks_after_do_not() -> None:
    by_day = [SHOP.count("resend", "emails", SHOP.at(day), SHOP.at(day + 1)) for day in range(DAYS)]
    assert [day for day, count in enumerate(by_day) if count >= 100] == [42]
    assert max(by_day) == 100


@pytest.mark.parametrize(("day", "share"), [(32.0, 0.002), (33.5, 0.04), (34.75, 0.002)])
def test_requests_fail_for_most_of_day_33(day: float, share: float) -> None:
    since = SHOP.at(day)
    failed, whole = (SHOP.amount("fly", name, since, since + HOUR) for name in ("failures", "requests"))
    assert failed == pytest.approx(share * whole)


def test_the_monitoring_is_down_before_the_failures_end() -> None:
    assert SHOP.status("fly", SHOP.at(33.75)) == 503
    since = SHOP.at(33.75)
    failed, whole = (SHOP.amount("fly", name, since, since + HOUR) for name in ("failures", "requests"))
    assert failed > 0.01 * whole


def test_the_chat_reaches_fifty_thousand_users_in_the_last_weeks() -> None:
    assert CHAT.level("own", "users", CHAT.at(40)) < 50_000 <= CHAT.level("own", "users", CHAT.at(54))


@every_story
def test_the_same_moment_measures_the_same(world: World) -> None:
    for provider, metric in world.levels:
        at = world.at(17.25)
        assert world.level(provider, metric, at) == world.level(provider, metric, at)


@every_story
def test_hours_add_up_to_their_day(world: World) -> None:
    for provider, metric in world.rates:
        start = world.at(30)
        parts = [world.count(provider, metric, start + n * HOUR, start + (n + 1) * HOUR) for n in range(24)]
        assert sum(parts) == world.count(provider, metric, start, world.at(31))


@every_story
def test_nothing_is_counted_backwards(world: World) -> None:
    for provider, metric in world.rates:
        counts = [world.amount(provider, metric, world.at(day), world.at(day + 1)) for day in range(-31, 60)]
        assert min(counts) >= 0


@every_story
def test_each_one_came_at_a_moment_of_its_hour(world: World) -> None:
    for provider, metric in world.rates:
        since = world.at(12)
        count = world.count(provider, metric, since, since + HOUR)
        if count < 1000:
            assert abs(len(world.moments(provider, metric, since, since + HOUR)) - count) <= 1


@every_story
def test_an_endpoint_is_gone_in_the_end(world: World) -> None:
    assert world.status("own/accounts", world.at(59)) == 404
