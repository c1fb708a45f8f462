"""How a source answered is kept, and a failed poll takes nothing away."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from advisor.core.model import Gap
from advisor.errors import InputError
from advisor.store import Source, Store
from advisor.store.schema import kept

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
GAP = Gap("statements", "pg_stat_statements is missing: create it", ("query_time",))
TABLES = {"largest tables": [{"table": "orders", "size": "1.2 GB"}]}


def poll(store: Store, at: datetime = NOW, error: str | None = None, **more) -> None:
    with store.transaction() as tx:
        tx.record_poll("shop/database", "postgresql", at, 0.25, error, **more)


def sources(store: Store) -> list[Source]:
    with store.reading() as tx:
        return tx.sources()


def test_a_poll_is_remembered_with_what_the_collector_keeps(store: Store) -> None:
    poll(store, keep={"calls": {"1": 2.5}}, evidence=TABLES, gaps=[GAP])
    expected = Source(
        "shop/database", "postgresql", NOW, NOW, 0.25, "", (GAP,), {"calls": {"1": 2.5}}, TABLES
    )
    assert sources(store) == [expected]


def test_a_failed_poll_is_a_fact_and_takes_nothing_away(store: Store) -> None:
    poll(store, keep={"a": 1}, evidence=TABLES, gaps=[GAP])
    poll(store, LATER, "refused\0")
    (one,) = sources(store)
    assert (one.last_poll, one.last_success, one.error) == (LATER, NOW, "refused")
    assert (one.keep, one.evidence, one.gaps) == ({"a": 1}, TABLES, (GAP,))
    poll(store, LATER + timedelta(minutes=1))
    (one,) = sources(store)
    assert (one.error, one.gaps, one.keep, one.evidence) == ("", (), {}, {})


def test_a_source_that_never_answered_has_no_success(store: Store) -> None:
    poll(store, error="refused")
    assert sources(store)[0].last_success is None


def test_too_much_to_keep_is_refused_and_nothing_written(store: Store) -> None:
    with pytest.raises(InputError, match="at most 1048576 are kept"):
        poll(store, keep={"all": "x" * 1_048_576})
    assert sources(store) == []


def test_what_did_not_change_is_not_written_again(store: Store) -> None:
    poll(store, keep={"a": 1})
    with store.transaction() as tx:
        tx.connection.execute(kept.update().values(data=b"seen"))
    poll(store, LATER, keep={"a": 1})
    with store.reading() as tx:
        assert tx.connection.execute(select(kept.c.data)).scalars().all() == [b"seen"]
