"""The life of a finding, as claims."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.core.judgement import (
    FALSE,
    NOT_APPLICABLE,
    STATES,
    TRUE,
    UNKNOWN,
    Holds,
    Judged,
    RuleState,
)
from advisor.core.language import parse
from advisor.core.lifecycle import Event, Finding, State, Verdict, step, unsettled
from advisor.core.model import Action, Severity
from advisor.core.rule import Rule

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
RULE = Rule("r", parse("storage > 400MB for 1h"), (Action.UPGRADE,), Severity.WARNING, "")


def finding(state: State = State.INACTIVE, **more: object) -> Finding:
    return replace(Finding("r", "shop/database", "", state, NOW), **more)


def verdict(held: int, bare: int | None = None, **more: object) -> Verdict:
    return replace(Verdict(held, held if bare is None else bare), **more)


def test_a_condition_that_holds_fires_and_says_so_once() -> None:
    fired, events = step(finding(), verdict(TRUE), LATER)
    assert (fired.state, fired.fired_at, events) == (State.FIRING, LATER, (Event.FIRED,))
    assert step(fired, verdict(TRUE), LATER) == (fired, ())


def test_a_condition_within_its_hold_is_pending_and_says_nothing() -> None:
    pending, events = step(finding(), verdict(FALSE, TRUE), LATER)
    assert (pending.state, events) == (State.PENDING, ())
    assert step(pending, verdict(FALSE, FALSE), LATER)[0].state is State.INACTIVE


def test_false_resolves_what_fired() -> None:
    after, events = step(finding(State.FIRING), verdict(FALSE), LATER)
    assert (after.state, after.reason, events) == (State.RESOLVED, "cleared", (Event.RESOLVED,))


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("bare", [UNKNOWN])
def test_unknown_never_changes_a_finding(state: State, bare: int) -> None:
    assert step(finding(state), verdict(UNKNOWN, bare), LATER) == (finding(state), ())


def test_firing_on_data_that_went_stale_says_so_once_and_stays_firing() -> None:
    stale, events = step(finding(State.FIRING), verdict(UNKNOWN, stale=True), LATER)
    assert (stale.state, stale.stale, events) == (State.FIRING, True, (Event.STALE,))
    assert step(stale, verdict(UNKNOWN, stale=True), LATER)[1] == ()
    assert step(stale, verdict(TRUE), LATER)[0].stale is False


def test_a_new_period_ends_the_episode_and_is_no_recovery() -> None:
    march = finding(State.FIRING, episode="2026-03-01")
    after, events = step(march, verdict(FALSE, episode="2026-04-01"), LATER)
    assert (after.state, after.reason, events) == (State.RESOLVED, "new period", (Event.NEW_PERIOD,))


def test_what_still_holds_in_a_new_period_fires_anew() -> None:
    march = finding(State.FIRING, episode="2026-03-01")
    after, events = step(march, verdict(TRUE, episode="2026-04-01"), LATER)
    assert (after.state, after.fired_at, after.episode) == (State.FIRING, LATER, "2026-04-01")
    assert events == (Event.NEW_PERIOD, Event.FIRED)


def test_a_rule_that_no_longer_applies_resolves_with_that_reason() -> None:
    after, events = step(finding(State.FIRING), verdict(NOT_APPLICABLE), LATER)
    assert (after.reason, events) == ("no longer applies", (Event.RESOLVED,))


CODES = st.sampled_from(
    [
        (FALSE, FALSE),
        (FALSE, TRUE),
        (TRUE, TRUE),
        (UNKNOWN, UNKNOWN),
        (UNKNOWN, TRUE),
        (UNKNOWN, FALSE),
        (NOT_APPLICABLE, NOT_APPLICABLE),
    ]
)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(list(State)),
            CODES,
            st.booleans(),
            st.booleans(),
            st.sampled_from([np.nan, 1.0, 2.0]),
            st.sampled_from([np.nan, 1.0, 2.0]),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_arrays_point_at_exactly_the_findings_that_step_would_change(
    cases: list[tuple[State, tuple[int, int], bool, bool, float, float]],
) -> None:
    size = len(cases)
    before = RuleState.empty(size, 0)
    before.state[:] = [STATES.index(case[0]) for case in cases]
    before.stale[:] = [case[2] and case[0] is State.FIRING for case in cases]
    before.period[:] = [case[4] for case in cases]
    nothing = np.full(size, np.nan)
    judged = Judged(
        RULE,
        "",
        np.arange(size),
        np.array([case[1][0] for case in cases], np.int8),
        np.array([case[1][1] for case in cases], np.int8),
        nothing,
        nothing,
        nothing,
        nothing,
        np.array([case[3] for case in cases]),
        np.array([case[5] for case in cases]),
        Holds(np.empty((0, size)), np.empty((0, size)), np.empty((0, size))),
        lambda _: [],
    )
    changed = set(unsettled(judged, before).tolist())

    def name(period: float) -> str:
        return "" if np.isnan(period) else str(period)

    for place, (state, (held, bare), _, stale, old, new) in enumerate(cases):
        start = finding(state, stale=bool(before.stale[place]), episode=name(old))
        after, events = step(start, Verdict(held, bare, stale, name(new)), LATER)
        assert (after != start or bool(events)) == (place in changed)
