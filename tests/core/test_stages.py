"""The stages of a recommendation, as claims."""

from datetime import UTC, datetime, timedelta

import pytest

from advisor.core.concerns import Concern
from advisor.core.language import parse
from advisor.core.lifecycle import Finding, State
from advisor.core.message import Recommendation
from advisor.core.model import Action, Severity
from advisor.core.rule import Rule
from advisor.core.stages import described, due, following, narrowed, place_of, staged_rule, with_stage

NOW = datetime(2026, 11, 4, 12, tzinfo=UTC)
THEN = (Action.INVESTIGATE, Action.OPTIMISE, Action.SCALE_OUT)
KEY = "shop/api#response_time"


def rule(when: str = "any target missed on 3 days in a row", *, stages: bool = True) -> Rule:
    return Rule("r", parse(when), THEN, Severity.INFO, "", targets=("t",), stages=stages)


def concern(of: Rule) -> Concern:
    found = Finding("r", "shop/api", "t", State.FIRING, NOW, KEY)
    return Concern(KEY, "shop/api", "response_time", Severity.INFO, State.FIRING, NOW, (found,), (of,))


def test_stages_go_on_one_by_one_and_end_at_the_last() -> None:
    one = following(None, KEY, rule(), NOW, NOW + timedelta(days=4))
    two = following(one, KEY, rule(), NOW + timedelta(days=5), NOW + timedelta(days=9))
    assert described(rule(), None) == "stage 1 of 3: investigate"
    assert described(rule(), one) == "stage 2 of 3: optimise (investigated on 4 Nov 2026)"
    assert described(rule(), two) == (
        "stage 3 of 3: scale out (investigated on 4 Nov 2026, optimised on 9 Nov 2026)"
    )
    assert place_of(following(two, KEY, rule(), NOW, NOW), rule()) == 3


def test_advice_sees_only_the_stage_that_is_reached() -> None:
    second = following(None, KEY, rule(), NOW, NOW)
    assert narrowed(concern(rule()), None).rule.then == (Action.INVESTIGATE,)
    assert narrowed(concern(rule()), second).rule.then == (Action.OPTIMISE,)


def test_alternatives_are_no_stages() -> None:
    plain = concern(rule(stages=False))
    assert staged_rule(plain) is None
    assert narrowed(plain, None) is plain
    advice = Recommendation(action=Action.OPTIMISE, headline="Optimise.")
    assert with_stage(advice, plain, None) is advice


@pytest.mark.parametrize(
    ("when", "zone", "midnight"),
    [
        ("any target missed on 3 days in a row", "UTC", "2026-11-08T00:00:00+00:00"),
        ("any target missed on 5 days in a row", "UTC", "2026-11-10T00:00:00+00:00"),
        ("cpu > 70% for 1h", "UTC", "2026-11-08T00:00:00+00:00"),
        ("any target missed on 3 days in a row", "Pacific/Auckland", "2026-11-09T00:00:00+13:00"),
    ],
)
def test_a_stage_is_given_as_many_complete_days_as_its_rule_looks_at(
    when: str, zone: str, midnight: str
) -> None:
    assert due(rule(when), NOW, zone).isoformat() == midnight
