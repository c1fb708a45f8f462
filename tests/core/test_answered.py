"""The life of an answer, as claims."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.core.answered import (
    COMES_BACK,
    PATIENCE,
    REPORTS,
    SETTLES,
    Answered,
    Outcome,
    Present,
    Said,
    Seen,
    described,
    moved,
    quiet,
    settle,
)
from advisor.core.message import Event
from advisor.core.model import Severity

NOW = datetime(2026, 11, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEY = "shop/database#storage"
FREE = Seen("shop/database", "storage", "quota", "free", "advisor.yaml", 500e6, True, "override")
PRO = replace(FREE, plan="pro", limit=8e9, plan_source="provider API", source="provider API")
FIRING = Present(firing=True, open=True, severity=Severity.WARNING, seen=FREE, figure="450 MB", share=0.85)


def said(what: Said, **more: object) -> Answered:
    return replace(Answered(KEY, what, "ann", NOW, seen=FREE), **more)


def outcome(answered: Answered, present: Present, at: datetime = NOW + HOUR) -> Outcome | None:
    end = settle(answered, present, at)
    return end.outcome if end is not None else None


def test_what_moved_is_named_with_both_figures_and_who_said_so() -> None:
    assert moved(FREE, PRO, NOW, "Europe/Lisbon") == (
        "storage limit 500 MB → 8 GB, plan free → pro, as the provider API said on 4 Nov 2026"
    )
    unlimited = replace(FREE, limit=None, source="override")
    assert moved(FREE, unlimited, NOW) == "storage limit 500 MB → unlimited, as override said on 4 Nov 2026"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (FREE, FREE),
        (FREE, replace(FREE, source="catalogue: supabase free as of 2026-01-01")),  # Who says it is no move.
        (replace(FREE, plan=""), FREE),  # It was learnt.
        (replace(FREE, known=False, limit=None), FREE),
        (FREE, replace(FREE, known=False, limit=None, plan="")),  # It was forgotten.
        (None, FREE),
    ],
)
def test_what_is_learnt_or_forgotten_has_not_moved(before: Seen | None, after: Seen) -> None:
    assert moved(before, after, NOW) == ""


def test_a_new_period_proves_nothing() -> None:
    over = Present(ended="new period", seen=FREE)
    assert outcome(said(Said.DONE), over) is None
    assert outcome(said(Said.DONE), over, NOW + PATIENCE) is None
    assert outcome(said(Said.DONE, polls=REPORTS), Present(seen=FREE), NOW + PATIENCE) is None
    assert outcome(said(Said.DONE), FIRING, NOW + PATIENCE * 20) is Outcome.NOT_MOVED
    assert outcome(said(Said.DONE), Present(seen=FREE), NOW + COMES_BACK) is Outcome.OVER
    assert outcome(said(Said.REJECTED), over) is None
    assert outcome(said(Said.ACCEPTED), over) is None


@pytest.mark.parametrize("why", ["cleared", "no longer applies"])
def test_what_cleared_is_verified(why: str) -> None:
    end = settle(said(Said.DONE), Present(ended=why, seen=FREE), NOW + HOUR)
    assert end is not None
    assert (end.outcome, end.event) == (Outcome.VERIFIED, Event.VERIFIED)


@pytest.mark.parametrize("why", ["the rule is no longer in force", "no longer watched"])
def test_what_ended_with_its_rule_is_not_verified(why: str) -> None:
    assert outcome(said(Said.DONE), Present(ended=why, seen=FREE)) is Outcome.OVER


def test_reports_shorten_the_wait_but_not_below_what_the_provider_needs() -> None:
    many = said(Said.DONE, polls=REPORTS)
    assert outcome(many, FIRING, NOW + SETTLES - timedelta(seconds=1)) is None
    assert outcome(many, FIRING, NOW + SETTLES) is Outcome.NOT_MOVED
    assert outcome(said(Said.DONE, polls=REPORTS - 1), FIRING, NOW + SETTLES) is None


def test_a_rule_that_looks_at_days_is_given_days_whatever_is_reported() -> None:
    slow = said(Said.DONE, polls=99, due=NOW + timedelta(days=4))
    assert outcome(slow, FIRING, NOW + timedelta(days=3)) is None
    assert outcome(slow, FIRING, NOW + timedelta(days=4)) is Outcome.NOT_MOVED


def test_a_moved_limit_says_nothing_of_a_stage() -> None:
    staged = said(Said.DONE, stage=1, due=NOW + timedelta(days=4))
    missed = replace(FIRING, seen=PRO, stages=3, missed=True)
    assert outcome(staged, missed) is None
    assert outcome(staged, missed, NOW + timedelta(days=4)) is Outcome.NEXT_STAGE
    assert outcome(staged, replace(missed, missed=False), NOW + timedelta(days=9)) is None
    last = replace(staged, stage=3)
    end = settle(last, missed, NOW + timedelta(days=4))
    assert end is not None
    assert end.outcome is Outcome.NOT_MOVED
    assert end.words.endswith("; it is still 450 MB")


def test_a_rejection_without_a_bound_lasts_until_the_concern_is_over() -> None:
    plain, bounded = said(Said.REJECTED), said(Said.REJECTED, share=0.9)
    cleared = Present(ended="cleared", seen=FREE)
    assert outcome(plain, cleared) is Outcome.OVER
    assert outcome(bounded, cleared) is None
    assert outcome(plain, FIRING, NOW + timedelta(days=999)) is None


def test_a_value_that_falls_is_waited_for_from_above() -> None:
    falling = said(Said.REJECTED, value=0.6)
    assert outcome(falling, replace(FIRING, value=0.65, falling=True)) is None
    assert outcome(falling, replace(FIRING, value=0.6, falling=True)) is Outcome.AGAIN
    assert outcome(falling, replace(FIRING, value=0.6)) is Outcome.AGAIN


def test_what_is_rejected_while_critical_does_not_speak_because_it_is_critical() -> None:
    critical = replace(FIRING, severity=Severity.CRITICAL)
    assert outcome(said(Said.REJECTED, severity=Severity.CRITICAL), critical) is None
    assert outcome(said(Said.REJECTED), critical) is Outcome.AGAIN
    assert outcome(said(Said.REJECTED, severity=Severity.CRITICAL), replace(critical, restricted=True)) is (
        Outcome.AGAIN
    )


def test_an_answer_is_told_in_one_line() -> None:
    assert described(said(Said.REJECTED, share=0.9, reason="too dear")) == (
        "rejected by ann on 4 Nov 2026 until 90 % is used: too dear"
    )
    assert described(said(Said.REJECTED, value=450e6)) == "rejected by ann on 4 Nov 2026 until 450 MB"
    assert described(said(Said.DONE)) == "done, ann said on 4 Nov 2026; not verified yet"
    assert described(said(Said.ACCEPTED)) == "accepted by ann on 4 Nov 2026"


SEEN = st.builds(
    replace,
    st.just(FREE),
    plan=st.sampled_from(["", "free", "pro"]),
    limit=st.sampled_from([None, 500e6, 8e9]),
    known=st.booleans(),
)
PRESENTS = st.builds(
    Present,
    firing=st.booleans(),
    open=st.booleans(),
    severity=st.sampled_from([None, *Severity]),
    ended=st.sampled_from(["", "cleared", "new period", "no longer watched"]),
    restricted=st.booleans(),
    share=st.sampled_from([None, 0.5, 0.9, 1.1]),
    value=st.sampled_from([None, 1.0, 5e8]),
    falling=st.booleans(),
    seen=SEEN,
    stages=st.sampled_from([0, 3]),
    missed=st.booleans(),
    watched=st.booleans(),
)
ANSWERS = st.builds(
    Answered,
    st.just(KEY),
    st.sampled_from(Said),
    st.just("ann"),
    st.just(NOW),
    severity=st.sampled_from(Severity),
    until=st.sampled_from([None, NOW + HOUR, NOW + timedelta(days=30)]),
    share=st.sampled_from([None, 0.9]),
    value=st.sampled_from([None, 4e8]),
    stage=st.sampled_from([0, 1, 3]),
    due=st.sampled_from([None, NOW + timedelta(days=4)]),
    polls=st.integers(0, 4),
    seen=SEEN,
)


@given(ANSWERS, st.lists(st.tuples(PRESENTS, st.integers(1, 200)), max_size=8))
def test_an_answer_ends_once_and_is_told_at_most_once_and_only_for_a_reason(
    answered: Answered, rounds: list[tuple[Present, int]]
) -> None:
    at = NOW
    for present, hours in rounds:
        at += hours * HOUR
        end = settle(answered, present, at)
        if end is None:
            if answered.said is Said.REJECTED and answered.until is not None:
                assert at < answered.until
            if answered.said is Said.REJECTED:
                assert quiet(answered, present)
            if answered.said is Said.ACCEPTED:
                assert not quiet(answered, present)
            continue
        assert end.words or end.outcome is Outcome.NEXT_STAGE
        assert (end.event is None) == (
            end.outcome is Outcome.OVER or (end.outcome is Outcome.AGAIN and not present.firing)
        )
        if end.outcome is Outcome.VERIFIED:
            assert present.ended or moved(answered.seen, present.seen, at)
        if end.outcome in {Outcome.NOT_MOVED, Outcome.NEXT_STAGE}:
            assert at >= NOW + SETTLES
            assert present.open
        if answered.said is Said.ACCEPTED:
            assert end.outcome is Outcome.OVER
        return
