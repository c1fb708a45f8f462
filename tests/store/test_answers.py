"""Answers, stages and done items are kept on both engines, and guarded."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from advisor.core.answered import Answered, Outcome, Said, Seen
from advisor.core.checklists import Done
from advisor.core.model import Action, Severity
from advisor.core.stages import Stage
from advisor.store import Conflict, Store

NOW = datetime(2026, 11, 1, 12, 0, 0, 123_456, tzinfo=UTC)
HOUR = timedelta(hours=1)
SEEN = Seen("shop/database", "storage", "quota", "free", "advisor.yaml", 5e8, True, "line 294")
ANSWER = Answered(
    "shop/database#storage",
    Said.REJECTED,
    "ann",
    NOW,
    "too dear",
    Severity.CRITICAL,
    NOW + HOUR,
    0.9,
    4.5e8,
    2,
    NOW + 2 * HOUR,
    1,
    SEEN,
)


def live(store: Store) -> list[Answered]:
    with store.reading() as tx:
        return tx.answers()


def test_an_answer_comes_back_as_it_was(store: Store) -> None:
    other = Answered("shop#cost", Said.DONE, "bob", NOW, seen=replace(SEEN, limit=None))
    with store.transaction() as tx:
        before = tx.revision()
        tx.answer(ANSWER)
        tx.answer(other)
        assert tx.revision() == before + 2
    assert [replace(one, id=0) for one in live(store)] == [ANSWER, other]


def test_a_new_answer_takes_the_place_of_the_old_which_stays_in_the_history(store: Store) -> None:
    with store.transaction() as tx:
        tx.answer(ANSWER)
        tx.answer(replace(ANSWER, said=Said.DONE, at=NOW + HOUR))
        tx.take_back_answer(ANSWER.concern, NOW + 2 * HOUR)
        assert not tx.take_back_answer(ANSWER.concern, NOW + 2 * HOUR)
    assert live(store) == []
    with store.reading() as tx:
        assert [(one.outcome, one.at) for one in tx.answers_ended(NOW)] == [
            (Outcome.REPLACED, NOW + HOUR),
            (Outcome.TAKEN_BACK, NOW + 2 * HOUR),
        ]


def test_an_answer_ends_once(opened: Callable[[], Store]) -> None:
    one, two = opened(), opened()
    with one.transaction() as tx:
        tx.answer(ANSWER)
    (read,) = live(two)
    with one.transaction() as tx:
        tx.count_polls(read, 2)
    with pytest.raises(Conflict), two.transaction() as tx:
        tx.count_polls(read, 2)
    with one.transaction() as tx:
        tx.end_answer(read, Outcome.VERIFIED, "it moved", NOW)
    with pytest.raises(Conflict), two.transaction() as tx:
        tx.end_answer(read, Outcome.NOT_MOVED, "", NOW)
    with two.reading() as tx:
        (ended,) = tx.answers_ended(NOW)
    assert (ended.outcome, ended.words, ended.answered.polls) == (Outcome.VERIFIED, "it moved", 2)


def test_a_stage_goes_on_from_what_was_read(opened: Callable[[], Store]) -> None:
    store, other = opened(), opened()
    second = Stage("c", 2, NOW, ((Action.INVESTIGATE, NOW - HOUR),))
    third = Stage("c", 3, NOW, (*second.passed, (Action.SCALE_OUT, NOW)))
    with store.transaction() as tx:
        tx.set_stage(None, second)
    with pytest.raises(Conflict), other.transaction() as tx:
        tx.set_stage(None, second)
    with store.transaction() as tx:
        tx.set_stage(second, third)
        assert tx.stages() == [third]
    with pytest.raises(Conflict), other.transaction() as tx:
        tx.set_stage(second, third)
    with store.transaction() as tx:
        tx.end_stages(["c", "d"])
        assert tx.stages() == []


def test_an_item_is_done_again_and_again_and_undone_one_by_one(store: Store) -> None:
    first, again = Done("shop", "doc.w.a", "ann", NOW), Done("shop", "doc.w.a", "bob", NOW + HOUR)
    with store.transaction() as tx:
        before = tx.revision()
        tx.mark_done(first)
        tx.mark_done(again)
        assert tx.items_done() == [first, again]
        assert tx.undo_item("shop", "doc.w.a", NOW)
        assert tx.items_done() == [first]
        assert not tx.undo_item("blog", "doc.w.a", NOW)
        assert tx.undo_item("shop", "doc.w.a", NOW)
        assert tx.items_done() == []
        assert tx.revision() == before + 4
