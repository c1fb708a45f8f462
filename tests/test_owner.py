"""Who was killed on this machine is known to be gone; of whoever else nothing is assumed."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from advisor import owner
from advisor.channels import StoredOutbox
from advisor.core.message import Message
from advisor.daemon import LEASE, lead
from advisor.errors import OutOfReach
from advisor.store import AsyncStore, open_store

NOW = datetime(2026, 11, 4, 12, tzinfo=UTC)


def _ended() -> str:
    """Return the name of a process that has ended."""
    code = "from advisor import owner; print(owner.me())"
    root = str(Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": root}
    )
    return done.stdout.strip()


def test_a_process_that_ended_is_gone_and_this_one_is_not() -> None:
    assert owner.gone(_ended())
    assert not owner.gone(owner.me())


def test_an_id_that_was_given_out_again_is_somebody_else() -> None:
    host, namespace, pid, began = owner.me().split(" ")
    assert pid == str(os.getpid())
    assert owner.gone(f"{host} {namespace} {pid} {int(began) - 1}")


def test_of_another_machine_or_container_nothing_is_assumed() -> None:
    host, namespace, _, began = owner.me().split(" ")
    for name in (f"other {namespace} 1 {began}", f"{host} pid:[1] 1 {began}", "advisor", ""):
        assert not owner.gone(name)


def test_the_lease_and_the_claims_of_a_killed_advisor_are_free_at_once(tmp_path: Path) -> None:
    store, dead = open_store("sqlite:///advisor.db", tmp_path), _ended()
    with store.transaction() as tx:
        before = tx.acquire_lease("daemon", dead, NOW, LEASE)
        assert before is not None
        tx.enqueue([(Message(id="m", channel="slack", kind="alert", at=NOW), NOW)])
        assert len(tx.claim_due_messages(NOW, dead, 10, 90)) == 1
    soon = NOW + timedelta(seconds=1)
    with store.transaction() as tx:
        lease = lead(tx, soon)
        assert lease is not None
        assert lease.fence == before.fence + 1
        assert [claim.attempts for claim in tx.claim_due_messages(soon, "me", 10, 90)] == [2]
    store.close()


def test_the_lease_of_a_living_advisor_elsewhere_is_respected_until_it_ends(tmp_path: Path) -> None:
    store = open_store("sqlite:///advisor.db", tmp_path)
    with store.transaction() as tx:
        assert tx.acquire_lease("daemon", "elsewhere pid:[1] 1 1", NOW, LEASE) is not None
        assert lead(tx, NOW + timedelta(seconds=LEASE - 1)) is None
        assert lead(tx, NOW + timedelta(seconds=LEASE + 1)) is not None
    store.close()


async def test_what_was_sent_is_noted_once_the_store_can_be_written_again(tmp_path: Path) -> None:
    class Locked(AsyncStore):
        tries = 0

        async def write(self, work):  # type: ignore[no-untyped-def]  # As the store's own.
            self.tries += 1
            if self.tries in {2, 3}:
                raise OutOfReach("another process keeps it locked")
            return await super().write(work)

    store = Locked(open_store("sqlite:///advisor.db", tmp_path))
    outbox = StoredOutbox(store, waits=(0, 0, 0))
    with store.store.transaction() as tx:
        tx.enqueue([(Message(id="m", channel="slack", kind="alert", at=NOW), NOW)])
    (claim,) = await outbox.claim_due_messages(NOW, "me", 10, 90)
    assert await outbox.mark_sent(claim, NOW)
    assert await store.read(lambda tx: tx.outbox_depth()) == (0, None)
    await store.close()
