"""One holder at a time; who lost a lease writes nothing more."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from advisor.core.lifecycle import Finding, State
from advisor.store import Lease, StaleFence, Store

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def acquire(store: Store, owner: str, now: datetime = NOW) -> Lease | None:
    with store.transaction() as tx:
        return tx.acquire_lease("daemon", owner, now, 30)


def test_a_lease_has_one_holder_until_it_expires(opened: Callable[[], Store]) -> None:
    one, two = opened(), opened()
    first = acquire(one, "a")
    assert first is not None
    assert acquire(two, "b", after(29)) is None
    second = acquire(two, "b", after(30))
    assert second is not None
    assert second.fence > first.fence


def test_the_holder_keeps_its_number_while_it_renews(store: Store) -> None:
    first = acquire(store, "a")
    assert first is not None
    with store.transaction() as tx:
        renewed = tx.renew_lease(first, after(20), 30)
    assert (renewed.fence, renewed.expires_at) == (first.fence, after(50))
    assert acquire(store, "a", after(49)) == Lease("daemon", "a", first.fence, after(79))
    again = acquire(store, "a", after(200))
    assert again is not None
    assert again.fence == first.fence + 1


def test_a_write_under_a_lost_lease_is_refused(store: Store) -> None:
    old = acquire(store, "a")
    new = acquire(store, "b", after(31))
    assert old is not None
    assert new is not None

    def save(lease: Lease, now: datetime) -> None:
        with store.transaction() as tx:
            tx.save_findings([(None, Finding("r", lease.owner, "", State.FIRING, now))])
            tx.require_lease(lease, now)

    with pytest.raises(StaleFence, match="has passed to another advisor"):
        save(old, after(32))
    with pytest.raises(StaleFence, match="has expired"):
        save(new, after(99))
    save(new, after(32))
    with store.reading() as tx:
        assert [f.subject for f in tx.findings()] == ["b"]
    with pytest.raises(StaleFence), store.transaction() as tx:
        tx.renew_lease(old, after(32), 30)


def test_a_released_lease_is_free_at_once(store: Store) -> None:
    first = acquire(store, "a")
    assert first is not None
    with store.transaction() as tx:
        assert tx.release_lease(first, after(1))
        assert not tx.release_lease(Lease("daemon", "b", 7, NOW), NOW)
    second = acquire(store, "b", after(1))
    assert second is not None
    assert second.fence == first.fence + 1
