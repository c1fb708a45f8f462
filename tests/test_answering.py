"""What becomes of people's answers in the engine's rounds, over restarts; time is an argument."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from advisor.core.answered import PATIENCE, Answered, Outcome, Said, Seen
from advisor.core.lifecycle import Attention
from advisor.core.message import Event, Notice
from advisor.core.model import Limit, Observed, Reading, Severity, Term
from advisor.daemon import set_up
from advisor.engine import Engine, Round
from advisor.polling.poller import Polled
from advisor.store import AsyncStore, Conflict, open_store

NOW = datetime(2026, 11, 4, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
KEY = "shop/storage#storage"
CONFIG = """
rules: {files: [rules.yaml]}
notify: {stdout: true}
stacks:
  shop:
    services:
      storage: {provider: acme, role: storage, plan: free}
      api: {provider: acme, role: backend}
"""
RULES = """
- {id: own.full, service: storage, when: storage > 80% of quota, then: upgrade, notify: immediate,
   says: Full.}
- {id: own.fuller, service: storage, when: storage > 99% of quota, severity: critical, says: Now.}
- {id: own.banned, service: storage, when: restricted > 0, severity: critical, says: Banned.}
- {id: own.slow, service: backend, when: avg response_time > 500ms for 10000d, severity: info, says: Slow.}
- {id: own.missed, service: backend, when: any target missed on 3 days in a row, targets: [own.slow],
   then: investigate then optimise then scale out, notify: immediate, says: Missed.}
"""
BEFORE = Seen("shop/storage", "storage", "quota", "free", "advisor.yaml", 500e6, True, "provider API (acme)")


class Shop:
    """An engine that is started anew before every round."""

    def __init__(self, folder: Path, store: AsyncStore) -> None:
        self.store = store
        (folder / "advisor.yaml").write_text(CONFIG)
        (folder / "rules.yaml").write_text(RULES)
        self.world = set_up(folder / "advisor.yaml", {}).world

    async def round(self, at: datetime, *polls: Polled) -> list[Notice]:
        self.engine = Engine(self.world, self.store, ["stdout"])
        done: Round = await self.engine.absorb(polls, at, at + DAY)
        return list(done.notices)

    async def storage(
        self, megabytes: float, at: datetime, limit: float = 500, plan: str = "", metric: str = "storage"
    ) -> list[Notice]:
        terms = [Term("limit", limit * 1e6, "acme", at, "storage", Limit.QUOTA)]
        terms += [Term("plan", plan, "acme", at)] if plan else []
        scale = 1e6 if metric == "storage" else 1
        reading = Observed(Reading(metric, megabytes * scale, at), "shop/storage", "acme", at, 2 * 86400.0)
        return await self.round(at, Polled("shop/storage", "acme", at, 0.1, (reading,), tuple(terms)))

    async def say(self, said: Said, at: datetime, **more: object) -> None:
        one = replace(Answered(KEY, said, "ann", at, seen=BEFORE), **more)
        await self.store.write(lambda tx: tx.answer(one))

    async def ended(self) -> list[tuple[Outcome, str]]:
        found = await self.store.read(lambda tx: tx.answers_ended(NOW - DAY))
        return [(one.outcome, one.words) for one in found]


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    store = AsyncStore(open_store("sqlite:///advisor.db", tmp_path))
    yield Shop(tmp_path, store)
    await store.close()


def events(notices: list[Notice]) -> list[Event]:
    return [notice.event for notice in notices]


async def test_a_limit_that_moved_closes_the_recommendation_with_what_was_seen(shop: Shop) -> None:
    assert events(await shop.storage(450, NOW)) == [Event.FIRED]
    await shop.say(Said.DONE, NOW + MINUTE)
    (notice,) = await shop.storage(450, NOW + 2 * MINUTE, 8000, "pro")
    assert (notice.event, notice.concern) == (Event.VERIFIED, KEY)
    assert notice.note == (
        "ann said done on 4 Nov 2026 12:01 UTC; storage limit 500 MB → 8 GB, plan free → pro, "
        "as the provider API (acme) said on 4 Nov 2026; it has cleared"
    )
    assert await shop.ended() == [(Outcome.VERIFIED, notice.note)]
    assert await shop.storage(450, NOW + 3 * MINUTE, 8000, "pro") == []
    digest = shop.engine.digest("weekly", NOW + HOUR, "UTC")
    assert digest.verified == (f"shop/storage storage: {notice.note}",)
    assert digest.counts["verified"] == 1


async def test_a_moved_limit_that_is_not_enough_closes_the_recommendation_and_says_so(shop: Shop) -> None:
    await shop.storage(450, NOW)
    await shop.say(Said.DONE, NOW + MINUTE)
    (notice,) = await shop.storage(450, NOW + 2 * MINUTE, 550)
    assert notice.event is Event.VERIFIED
    assert "storage limit 500 MB → 550 MB" in notice.note
    assert notice.note.endswith("the concern still fires")


@pytest.mark.parametrize(("reports", "after"), [(3, 61 * MINUTE), (0, PATIENCE)])
async def test_where_nothing_moved_one_message_says_so_and_the_concern_speaks_on(
    shop: Shop, reports: int, after: timedelta
) -> None:
    await shop.storage(450, NOW)
    await shop.say(Said.DONE, NOW)
    for poll in range(reports):
        assert await shop.storage(450, NOW + (poll + 1) * 10 * MINUTE) == []
    (notice,) = await shop.round(NOW + after)
    assert notice.event is Event.NOT_MOVED
    assert notice.note == (
        "ann said done on 4 Nov 2026 12:00 UTC; the limit is still 500 MB (provider API (acme))"
    )
    assert notice.recommendation is not None
    assert await shop.round(NOW + after + MINUTE) == []
    assert events(await shop.storage(499, NOW + after + HOUR)) == [Event.ESCALATED]


async def test_done_waits_in_silence_unless_it_grows_worse(shop: Shop) -> None:
    await shop.storage(450, NOW)
    await shop.say(Said.DONE, NOW)
    assert await shop.storage(460, NOW + HOUR) == []
    assert events(await shop.storage(499, NOW + 2 * HOUR)) == [Event.ESCALATED]


async def test_a_rejection_waits_for_its_share_and_then_speaks_once(shop: Shop) -> None:
    await shop.storage(410, NOW)
    await shop.say(Said.REJECTED, NOW, share=0.9, reason="too dear")
    assert await shop.storage(300, NOW + 1 * HOUR) == []
    assert await shop.storage(420, NOW + 2 * HOUR) == []
    (line,) = shop.engine.snapshot(NOW + 2 * HOUR).concerns
    assert line.answer == "rejected by ann on 4 Nov 2026 until 90 % is used: too dear"
    assert (line.answered, line.waits) == ("rejected", True)
    assert shop.engine.digest("weekly", NOW + 2 * HOUR, "UTC").counts["rejected"] == 1
    (notice,) = await shop.storage(455, NOW + 3 * HOUR)
    assert notice.event is Event.FIRED
    assert (
        notice.note == "ann rejected this on 4 Nov 2026; 91 % of the limit is used now, 90 % was waited for"
    )
    assert await shop.storage(456, NOW + 4 * HOUR) == []


@pytest.mark.parametrize(
    ("metric", "value", "told"),
    [("storage", 499, ["shop/storage#storage"]), ("restricted", 1, ["shop/storage#restricted", KEY])],
)
async def test_a_rejection_ends_when_it_grows_critical_or_the_provider_restricts(
    shop: Shop, metric: str, value: float, told: list[str]
) -> None:
    await shop.storage(410, NOW)
    await shop.say(Said.REJECTED, NOW, until=NOW + 30 * DAY)
    notices = await shop.storage(value, NOW + HOUR, metric=metric)
    assert sorted(notice.concern for notice in notices) == sorted(told)


async def test_a_rejection_for_a_time_speaks_again_when_that_is_over(shop: Shop) -> None:
    await shop.storage(410, NOW)
    await shop.say(Said.REJECTED, NOW, until=NOW + DAY)
    assert await shop.storage(410, NOW + 23 * HOUR) == []
    (notice,) = await shop.storage(410, NOW + DAY)
    assert (notice.event, notice.note) == (
        Event.FIRED,
        "ann rejected this on 4 Nov 2026; that ended on 5 Nov 2026",
    )


async def test_an_accepted_recommendation_is_shown_until_the_concern_is_over(shop: Shop) -> None:
    await shop.storage(410, NOW)
    await shop.say(Said.ACCEPTED, NOW)
    assert await shop.storage(420, NOW + HOUR) == []
    (line,) = shop.engine.snapshot(NOW + HOUR).concerns
    assert (line.answered, line.waits) == ("accepted", False)
    assert events(await shop.storage(100, NOW + 2 * HOUR)) == [Event.RESOLVED]
    assert await shop.ended() == [(Outcome.OVER, "cleared")]


async def test_an_answer_that_was_replaced_meanwhile_is_not_ended(shop: Shop) -> None:
    await shop.say(Said.DONE, NOW)
    (old,) = await shop.store.read(lambda tx: tx.answers())
    await shop.say(Said.REJECTED, NOW)
    for late in (
        lambda tx: tx.end_answer(old, Outcome.VERIFIED, "", NOW),
        lambda tx: tx.count_polls(old, 1),
    ):
        with pytest.raises(Conflict, match="by another process"):
            await shop.store.write(late)


@pytest.mark.parametrize(("plan", "event"), [("small", Event.VERIFIED), ("free", Event.NOT_MOVED)])
async def test_a_smaller_plan_is_verified_though_it_has_no_finding(
    shop: Shop, plan: str, event: Event
) -> None:
    seen = Seen("shop/storage", "", "quota", "free", "advisor.yaml")
    one = Answered("shop/storage#down", Said.DONE, "ann", NOW, severity=Severity.INFO, seen=seen)
    await shop.store.write(lambda tx: tx.answer(one))
    assert await shop.storage(10, NOW + HOUR) == []
    (notice,) = await shop.storage(10, NOW + PATIENCE, plan=plan)
    assert (notice.event, notice.title, notice.service) == (event, "a smaller plan", "storage")


@pytest.mark.parametrize(
    ("kind", "more"), [("acknowledge", {"until_value": 450e6}), ("snooze", {"until": NOW + 2 * HOUR})]
)
async def test_an_acknowledgement_or_a_snooze_that_is_over_is_told_anew(
    shop: Shop, kind: str, more: dict[str, float | datetime]
) -> None:
    assert events(await shop.storage(410, NOW)) == [Event.FIRED]
    said = replace(Attention(KEY, kind, "ann", NOW), **more)
    await shop.store.write(lambda tx: tx.set_attention(said))
    assert await shop.storage(440, NOW + HOUR) == []
    assert events(await shop.storage(455, NOW + 2 * HOUR)) == [Event.FIRED]
    assert await shop.storage(456, NOW + 3 * HOUR) == []
    assert await shop.store.read(lambda tx: tx.attentions()) == []


SLOW = "shop/api#response_time"


async def day(shop: Shop, number: int, milliseconds: float) -> list[Notice]:
    """Say what a day's response time was, at its end."""
    end = datetime(2026, 11, 1, tzinfo=UTC) + number * DAY
    told = []
    for hour in range(1, 25):
        at = end - DAY + hour * HOUR
        reading = Reading("response_time", milliseconds / 1e3, at, stat="avg")
        observed = Observed(reading, "shop/api", "acme", at, 7200.0)
        if hour < 24:
            await shop.store.write(lambda tx, one=observed: tx.add_readings([one]))
        else:
            told = await shop.round(at + MINUTE, Polled("shop/api", "acme", at, 0.1, (observed,)))
    return told


async def test_a_stage_that_did_not_help_leads_to_the_next_and_never_back(shop: Shop) -> None:
    for number in (1, 2):
        assert await day(shop, number, 900) == []
    (first,) = await day(shop, 3, 900)
    assert (first.event, first.concern) == (Event.FIRED, SLOW)
    assert first.recommendation is not None
    assert first.recommendation.stage == "stage 1 of 3: investigate"

    def answer(at: datetime, stage: int) -> Answered:
        due = at.replace(hour=0, minute=0) + 4 * DAY
        seen = Seen("shop/api", "response_time", "quota")
        return Answered(SLOW, Said.DONE, "ann", at, stage=stage, due=due, seen=seen)

    done = datetime(2026, 11, 4, 9, tzinfo=UTC)
    await shop.store.write(lambda tx: tx.answer(answer(done, 1)))
    for number in (4, 5, 6):
        assert await day(shop, number, 900) == []
    (second,) = await day(shop, 7, 900)
    assert second.event is Event.NEXT_STAGE
    assert second.note.startswith("stage 2 of 3: optimise (investigated on 4 Nov 2026); ")
    assert second.recommendation is not None
    assert second.recommendation.action == "optimise"
    assert second.recommendation.headline.startswith("Stage 2 of 3: optimise (investigated on 4 Nov 2026). ")
    assert await day(shop, 8, 900) == []
    later = datetime(2026, 11, 9, 9, tzinfo=UTC)
    await shop.store.write(lambda tx: tx.answer(answer(later, 2)))
    assert await day(shop, 9, 100) == []  # Its first average reaches back into the day before.
    (over,) = await day(shop, 10, 100)
    assert over.event is Event.VERIFIED
    assert "it has cleared" in over.note
    assert await shop.store.read(lambda tx: tx.stages()) == []
    assert shop.engine.watch.stages == {}


async def test_what_is_not_known_moves_no_stage_on(shop: Shop) -> None:
    for number in (1, 2, 3):
        await day(shop, number, 900)
    done = datetime(2026, 11, 4, 9, tzinfo=UTC)
    one = Answered(
        SLOW, Said.DONE, "ann", done, stage=1, due=done + DAY, seen=Seen("shop/api", "response_time", "quota")
    )
    await shop.store.write(lambda tx: tx.answer(one))
    assert [n.event for n in await shop.round(NOW + 10 * DAY)] in ([], [Event.STALE])
    assert await shop.store.read(lambda tx: tx.stages()) == []
