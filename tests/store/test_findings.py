"""Findings are saved whole and guarded; every change of state is a row."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from advisor.core.lifecycle import Attention, Finding, State
from advisor.store import Conflict, Flip, Store

NOW = datetime(2026, 11, 1, 12, 0, 0, 123_456, tzinfo=UTC)
FIRING = Finding(
    "app.storage",
    "shop/database",
    "",
    State.FIRING,
    NOW,
    concern="shop/database storage",
    fired_at=NOW - timedelta(hours=1),
    episode="2026-11-01T00:00:00+00:00",
    value=0.1 + 0.2,
    threshold=4e8,
    unit="bytes",
    limit=5e8,
    limit_source="override",
    stale=True,
    reason="because",
    holds=((1.5, 0.0), None),
)


def save(store: Store, *changed) -> None:
    with store.transaction() as tx:
        tx.save_findings(changed)


def found(store: Store) -> list[Finding]:
    with store.reading() as tx:
        return tx.findings()


def test_a_finding_comes_back_as_it_was(store: Store) -> None:
    plain = Finding("r", "shop", "", State.PENDING, NOW)
    save(store, (None, FIRING), (None, plain))
    assert sorted(found(store), key=lambda f: f.rule) == [FIRING, plain]


@pytest.mark.parametrize("odd", [-0.0, float("nan"), float("inf"), 1e308])
def test_an_odd_value_does_not_lock_a_finding(store: Store, odd: float) -> None:
    save(store, (None, replace(FIRING, value=odd)))
    (read,) = found(store)
    save(store, (read, replace(read, value=1.0)))
    assert found(store)[0].value == 1


def test_copies_and_subjects_are_apart(store: Store) -> None:
    others = [FIRING, replace(FIRING, copy="emails"), replace(FIRING, subject="shop/email")]
    save(store, *((None, one) for one in others))
    assert len(found(store)) == 3


def test_an_inactive_finding_is_no_row_unless_a_clock_runs(store: Store) -> None:
    quiet = replace(FIRING, state=State.INACTIVE, holds=(None,))
    running = replace(FIRING, state=State.INACTIVE, holds=((5.0, 1.0),))
    save(store, (None, quiet))
    assert found(store) == []
    save(store, (None, running))
    assert found(store) == [running]
    save(store, (running, quiet))
    assert found(store) == []
    save(store, (None, FIRING))
    assert found(store) == [FIRING]


def test_a_finding_changed_by_another_process_is_a_conflict(opened: Callable[[], Store]) -> None:
    one, two = opened(), opened()
    save(one, (None, FIRING))
    (read,) = found(two)
    save(one, (read, replace(read, state=State.RESOLVED)))
    other = (None, replace(FIRING, rule="other"))
    gone = replace(read, state=State.INACTIVE, holds=())
    for late in ((read, replace(read, value=1.0)), (read, gone), (None, read)):
        with pytest.raises(Conflict, match="changed by another process"):
            save(two, other, late)
    assert [f.state for f in found(two)] == [State.RESOLVED]


def test_a_conflict_takes_the_rest_of_the_transaction_with_it(store: Store) -> None:
    def decide() -> None:
        with store.transaction() as tx:
            tx.add_flips([Flip.between(None, FIRING, NOW)])
            tx.save_findings([(FIRING, replace(FIRING, value=1.0))])

    with pytest.raises(Conflict):
        decide()
    with store.reading() as tx:
        assert tx.flips(NOW - timedelta(days=1)) == []


def test_a_finding_keeps_its_identity(store: Store) -> None:
    with pytest.raises(ValueError, match="keeps its identity"):
        save(store, (FIRING, replace(FIRING, rule="another")))


def test_many_findings_are_saved_at_once(store: Store) -> None:
    many = [replace(FIRING, subject=f"s{n}/database") for n in range(1000)]
    save(store, *((None, one) for one in many))
    save(store, *((one, replace(one, value=2.0)) for one in many))
    assert {f.value for f in found(store)} == {2.0}


def test_changes_of_state_are_kept_in_order(store: Store) -> None:
    resolved = replace(FIRING, state=State.RESOLVED, reason="cleared")
    flips = [
        Flip.between(None, FIRING, NOW, evidence="m1"),
        Flip.between(FIRING, resolved, NOW + timedelta(hours=1)),
    ]
    with store.transaction() as tx:
        tx.add_flips(flips)
        tx.add_flips([])
    with store.reading() as tx:
        assert tx.flips(NOW) == flips
        assert tx.flips(NOW + timedelta(minutes=1)) == flips[1:]
    assert (flips[0].before, flips[0].after) == (State.INACTIVE, State.FIRING)


def test_attention_replaces_ends_and_lets_daemons_notice(store: Store) -> None:
    said = Attention("c1", "acknowledge", "ann", NOW, "on it", until_value=5e8)
    snooze = Attention("c1", "snooze", "bob", NOW, until=NOW + timedelta(days=1))
    with store.transaction() as tx:
        before = tx.revision()
        tx.set_attention(said)
        tx.set_attention(snooze)
        tx.set_attention(replace(said, by="eve"))
        assert tx.attentions() == [snooze, replace(said, by="eve")]
        assert tx.revision() == before + 3
        assert tx.end_attention("c1", "snooze", NOW)
        assert not tx.end_attention("c1", "snooze", NOW)
        assert not tx.end_attention("c2", "acknowledge", NOW)
        assert tx.revision() == before + 4
        assert tx.attentions() == [replace(said, by="eve")]
