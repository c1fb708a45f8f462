"""Messages are sent at least once, by one daemon at a time, in order."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from advisor.core.message import Digest, Message
from advisor.store import Delivery, Store
from advisor.store.outbox import Claim

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def message(name: str, channel: str = "slack", at: datetime = NOW, **more) -> Message:
    return Message(id=name, channel=channel, kind=more.pop("kind", "alert"), at=at, **more)


def queue(store: Store, *messages: Message, due: datetime = NOW) -> list[str]:
    with store.transaction() as tx:
        return tx.enqueue([(one, due) for one in messages])


def claim(store: Store, owner: str = "a", now: datetime = NOW, limit: int = 10, **more) -> list[Claim]:
    with store.transaction() as tx:
        return tx.claim_due_messages(now, owner, limit, 60, **more)


def test_a_message_comes_back_as_it_was(store: Store) -> None:
    one = message("m1", text="héllo")
    queue(store, one)
    (claimed,) = claim(store)
    assert claimed.message == one
    assert (claimed.attempts, claimed.until) == (1, NOW + MINUTE)


def test_a_known_id_is_left_alone_and_said(store: Store) -> None:
    assert queue(store, message("m1", text="first")) == ["m1"]
    assert queue(store, message("m1", text="second"), message("m2")) == ["m2"]
    assert [c.message.text for c in claim(store)] == ["first", ""]


def test_one_digest_a_channel_and_local_date(store: Store) -> None:
    def digest(name: str, at: datetime, channel: str = "slack", kind: str = "weekly") -> Message:
        made = Digest(cadence=kind, since=at, until=at, timezone="Europe/Lisbon")
        return message(name, channel, at, kind=kind, digest=made)

    # The clock goes back on 25 October 2026: 01:30 strikes twice.
    first, again = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert queue(store, digest("d1", first), digest("d2", again)) == ["d1"]
    assert queue(store, digest("d3", first, "mail"), digest("d4", first, kind="daily")) == ["d3", "d4"]
    late = datetime(2026, 7, 1, 23, 30, tzinfo=UTC)  # Already the next day in Lisbon.
    assert queue(store, digest("d5", late), digest("d6", late - timedelta(hours=1))) == ["d5", "d6"]


def test_only_what_is_due_is_claimed_oldest_first(store: Store) -> None:
    queue(store, message("later"), due=NOW + MINUTE)
    queue(store, message("second"))
    queue(store, message("first"), due=NOW - MINUTE)
    assert [c.message.id for c in claim(store, limit=1)] == ["first"]
    assert [c.message.id for c in claim(store)] == ["second"]
    assert claim(store) == []
    with store.reading() as tx:
        assert tx.outbox_depth() == (3, NOW - MINUTE)


def test_a_slow_channel_holds_up_no_other(store: Store) -> None:
    queue(store, message("m1", "slack"), message("m2", "mail"))
    assert [c.message.id for c in claim(store, channel="mail")] == ["m2"]


def test_two_daemons_claim_no_message_twice(opened: Callable[[], Store]) -> None:
    stores = [opened(), opened()]
    queue(stores[0], *(message(f"m{n}") for n in range(60)))
    taken: list[list[str]] = [[], []]
    start = threading.Barrier(2)

    def work(place: int) -> None:
        start.wait()
        while claims := claim(stores[place], f"daemon {place}", limit=3):
            taken[place] += [c.message.id for c in claims]

    threads = [threading.Thread(target=work, args=(place,)) for place in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken[0] + taken[1]) == sorted(f"m{n}" for n in range(60))


def test_a_claim_that_ran_out_goes_to_another_and_the_first_is_refused(store: Store) -> None:
    queue(store, message("m1"))
    (slow,) = claim(store, "a")
    assert claim(store, "b", NOW + MINUTE / 2) == []
    (second,) = claim(store, "b", NOW + MINUTE)
    assert (second.attempts, second.fence) == (2, slow.fence + 1)
    with store.transaction() as tx:
        assert not tx.mark_failed(slow, "late", NOW)
        assert not tx.park(slow, "late")
        assert not tx.mark_sent(slow, NOW)
        assert tx.mark_sent(second, NOW)
        assert not tx.mark_sent(second, NOW)
    assert claim(store, now=NOW + 9 * MINUTE) == []
    with store.reading() as tx:
        (sent,) = tx.outbox(Delivery.SENT)
    assert (sent.sent_at, sent.attempts) == (NOW, 2)


def test_a_failed_message_is_put_off_with_its_reason(store: Store) -> None:
    queue(store, message("m1"))
    (one,) = claim(store)
    with store.transaction() as tx:
        assert tx.mark_failed(one, "slack answered 429", NOW + 5 * MINUTE)
    assert claim(store, now=NOW + 4 * MINUTE) == []
    with store.reading() as tx:
        (waits,) = tx.outbox(Delivery.QUEUED)
        assert waits.last_error == "slack answered 429"
    (again,) = claim(store, now=NOW + 5 * MINUTE)
    assert (again.attempts, again.message.id) == (2, "m1")


def test_a_parked_message_waits_for_a_person(store: Store) -> None:
    queue(store, message("m1"), message("m2"))
    claims = claim(store)
    with store.transaction() as tx:
        assert all(tx.park(one, "404: no such webhook") for one in claims)
        assert tx.outbox_depth() == (0, None)
    assert claim(store, now=NOW + 9 * MINUTE) == []
    with store.transaction() as tx:
        assert [q.last_error for q in tx.outbox(Delivery.PARKED)] == ["404: no such webhook"] * 2
        assert tx.retry_parked(NOW, ["m2"]) == 1
    assert [(c.message.id, c.attempts) for c in claim(store)] == [("m2", 1)]


def test_a_claim_given_back_is_no_attempt(store: Store) -> None:
    queue(store, message("m1"))
    (one,) = claim(store)
    with store.transaction() as tx:
        assert tx.release_claim(one)
    assert [c.attempts for c in claim(store, "b")] == [1]
