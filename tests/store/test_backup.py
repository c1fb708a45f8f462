"""A backup is a whole store of one moment."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select, update

from advisor.core.lifecycle import Finding, State
from advisor.core.message import Message
from advisor.core.model import Observed, Reading
from advisor.errors import InputError
from advisor.store import Store, open_store
from advisor.store.schema import chunks

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def fill(store: Store) -> None:
    with store.transaction() as tx:
        tx.add_readings([Observed(Reading("storage", 5, NOW), "shop/database", "postgresql", NOW, 45.0)])
        tx.fold()
        tx.add_readings([Observed(Reading("storage", 6, NOW), "shop/other", "postgresql", NOW, 45.0)])
        tx.record_poll("shop/database", "postgresql", NOW, 0.1, keep={"a": 1})
        tx.save_findings([(None, Finding("r", "shop", "", State.FIRING, NOW))])
        tx.enqueue([(Message(id="m", channel="slack", kind="alert", at=NOW), NOW)])


def test_a_backup_is_a_store_of_its_own(store: Store, tmp_path: Path) -> None:
    fill(store)
    target = tmp_path / "copy.db"
    store.backup(target)
    copy = open_store(f"sqlite:///{target}", tmp_path)
    with store.reading() as old, copy.reading() as new:
        for question in ("newest", "findings", "sources", "outbox", "instance", "revision"):
            assert getattr(new, question)() == getattr(old, question)()
    with copy.transaction() as tx:  # Its numbers go on where those of the original ended.
        tx.add_readings([Observed(Reading("storage", 7, NOW), "shop/third", "postgresql", NOW, 45.0)])
        tx.fold()
    assert copy.integrity_check() == []
    copy.close()
    assert sorted(p.name for p in tmp_path.glob("copy*")) in (
        ["copy.db"],
        ["copy.db", "copy.db-shm", "copy.db-wal"],
    )


def test_a_backup_overwrites_nothing(store: Store, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("precious")
    with pytest.raises(InputError, match="exists already"):
        store.backup(tmp_path / "there")
    with pytest.raises(InputError, match="does not exist"):
        store.backup(tmp_path / "no" / "copy.db")
    assert (tmp_path / "there").read_text() == "precious"


def test_a_damaged_chunk_is_found(store: Store) -> None:
    fill(store)
    assert store.integrity_check() == []
    assert store.size() > 10_000
    with store.transaction() as tx:
        data = tx.connection.execute(select(chunks.c.data)).scalar_one()
        tx.connection.execute(update(chunks).values(data=data[:-2]))
    (fault,) = store.integrity_check()
    assert "series" in fault
    assert "damaged" in fault
