"""A watch over a small fleet: what comes in, what follows, what is shown."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from advisor import catalogue_files
from advisor.core.fleet import Account, Fleet, Service, Stack
from advisor.core.histories import histories
from advisor.core.judgement import NOT_APPLICABLE, UNKNOWN
from advisor.core.language import parse
from advisor.core.lifecycle import State
from advisor.core.model import Action, Limit, Observed, Quality, Reading, Severity, Term
from advisor.core.replay import replay
from advisor.core.rule import Rule
from advisor.core.watch import Watch
from advisor.world import everything

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
DATABASE = Service("shop", "database", "database", "supabase", "acme", "free")
FLEET = Fleet(
    (Stack("shop", packs=("app-virgin",), facts={"team_size": 3}, services=(DATABASE,)),),
    (Account("acme", "supabase", "free"),),
)


def rule(name: str, when: str, **more: object) -> Rule:
    values = {"then": (Action.UPGRADE,), "severity": Severity.WARNING, "says": "Says.", "service": "database"}
    return Rule(name, parse(when), **{**values, **more})  # type: ignore[arg-type] # a test's shorthand


def reading(value: float, at: datetime = NOW, metric: str = "storage", **more: object) -> Observed:
    known = Reading(metric, value, at, **more)  # type: ignore[arg-type] # a test's shorthand
    return Observed(known, "shop/database", "test", at, 2 * 86400.0)


def watch(rules: Iterable[Rule]) -> Watch:
    return Watch(FLEET, rules, everything().catalogue, catalogue_files.playbooks())


def judged(rules: Iterable[Rule], readings: Iterable[Observed], now: datetime = NOW) -> Watch:
    made = watch(rules)
    for _ in replay(made, list(readings), now):
        pass
    return made


def test_all_findings_on_one_metric_are_one_concern() -> None:
    rules = [rule("a", "storage > 400MB"), rule("b", "storage > 80% of quota", severity=Severity.CRITICAL)]
    made = judged(rules, [reading(450e6)])
    (concern,) = made.concerns(NOW)
    assert concern.key == "shop/database#storage"
    assert (concern.severity, {finding.rule for finding in concern.findings}) == (
        Severity.CRITICAL,
        {"a", "b"},
    )


def test_a_title_never_shows_a_forecast_as_if_it_were_the_value() -> None:
    ahead = rule("a", "forecast of storage in 30 days > 100% of quota", severity=Severity.CRITICAL)
    rises = [reading(200e6 + day * 10e6, NOW - timedelta(days=14 - day)) for day in range(15)]
    made = judged([ahead], rises)
    (concern,) = made.concerns(NOW)
    assert made.title(concern) == "storage by forecast, in 30 days: 640 MB of 500 MB"
    both = judged([ahead, rule("b", "storage > 300MB")], rises)
    (concern,) = both.concerns(NOW)
    assert both.title(concern) == "storage 340 MB of 500 MB"


def test_a_time_to_the_limit_is_said_as_such() -> None:
    rises = [reading(200e6 + day * 10e6, NOW - timedelta(days=14 - day)) for day in range(15)]
    made = judged([rule("a", "time to limit of storage < 20 days")], rises)
    (concern,) = made.concerns(NOW)
    assert made.title(concern) == "storage at its limit in 16 days"


def test_a_title_shows_the_value_of_now_not_that_of_the_beginning() -> None:
    later = NOW + timedelta(hours=1)
    made = judged([rule("a", "storage > 80% of quota")], [reading(410e6), reading(450e6, later)], later)
    (concern,) = made.concerns(later)
    assert made.title(concern) == "storage 450 MB of 500 MB"


def test_advice_names_plan_price_and_what_the_document_says() -> None:
    made = judged([rule("a", "storage > 400MB")], [reading(410e6)])
    (concern,) = made.concerns(NOW)
    advice = made.advise(concern, histories([reading(410e6)], NOW), NOW)
    assert (advice.action, advice.to_plan, advice.difference) == (Action.UPGRADE, "Pro", 25.0)
    assert any("learning" in state for state in advice.states)


def test_a_metric_stands_beside_its_limit_with_the_source() -> None:
    made = judged([], [reading(250e6)])
    (row,) = [one for one in made.metrics(NOW) if one.metric == "storage"]
    assert (row.value, row.limit, row.used) == (250e6, 500e6, 0.5)
    assert "app-virgin" in row.limit_source


def test_a_reported_maximum_is_used_and_named() -> None:
    made = watch([rule("a", "connections > 80% of max")])
    made.learn([("shop/database", Term("limit", 60.0, "postgresql", NOW, "connections", Limit.MAX))])
    made.observe([reading(50, metric="connections")])
    made.apply(made.decide(NOW))
    (finding,) = made.ledger.findings.values()
    assert (finding.state, finding.limit, finding.limit_source) == (State.FIRING, 60.0, "postgresql")


def test_a_value_that_grew_old_is_shown_as_stale_never_as_zero() -> None:
    late = NOW + timedelta(days=3)
    made = judged([rule("a", "storage > 400MB")], [reading(450e6)], late)
    (row,) = [one for one in made.metrics(late) if one.metric == "storage"]
    assert (row.value, row.fresh) == (450e6, False)
    (finding,) = made.ledger.findings.values()
    assert (finding.state, finding.stale) == (State.FIRING, True)


@pytest.mark.parametrize("quality", [Quality.ESTIMATED, Quality.MANUAL])
def test_how_a_value_came_to_be_travels_to_the_evidence(quality: Quality) -> None:
    made = judged([rule("a", "storage > 400MB")], [reading(450e6, quality=quality)])
    (concern,) = made.concerns(NOW)
    assert made.evidence(concern)[0].quality is quality


def test_every_pair_is_judged_unknown_not_applicable_or_a_question() -> None:
    rules = [
        rule("judged", "storage > 400MB"),
        rule("unknown", "cpu > 80%"),
        rule("question", "storage > 100MB and needs control"),
    ]
    made = judged(rules, [reading(450e6)])
    assert made.judgements() == {"judged": 1, "unknown": 1, "not applicable": 0, "question": 1}
    assert {name for name, *_ in made.not_judged(UNKNOWN)} == {"unknown", "question"}
    assert made.not_judged(NOT_APPLICABLE) == []
    assert [question["rule"] for question in made.questions()] == ["question"]


def test_a_decision_that_is_not_applied_changes_nothing() -> None:
    made = watch([rule("a", "storage > 400MB")])
    made.observe([reading(450e6)])
    first, second = made.decide(NOW), made.decide(NOW)
    assert [t.after for t in first.transitions] == [t.after for t in second.transitions]
    assert not made.ledger.findings


def test_what_is_remembered_goes_on_in_another_process() -> None:
    rules = [rule("a", "storage > 400MB for 3 days")]
    days = [NOW + timedelta(days=n) for n in range(5)]
    first = judged(rules, [reading(450e6, at) for at in days[:2]], days[1])
    stored = list(first.ledger.findings.values())
    assert [finding.state for finding in stored] == [State.PENDING]
    second = Watch(FLEET, rules, everything().catalogue, findings=stored)
    second.observe([reading(450e6, at) for at in days[:2]])
    for _ in replay(second, [reading(450e6, at) for at in days[2:]], days[4]):
        pass
    (finding,) = second.ledger.findings.values()
    assert (finding.state, finding.fired_at) == (State.FIRING, days[3])


def test_readings_are_replayed_in_time_order_whatever_order_they_come_in() -> None:
    rules = [rule("a", "storage > 400MB")]
    up, down = reading(450e6), reading(300e6, NOW + timedelta(hours=1))
    for order in ([up, down], [down, up]):
        made = judged(rules, order, NOW + timedelta(hours=1))
        assert [f.state for f in made.ledger.findings.values()] == [State.RESOLVED]


def test_a_finding_that_goes_stale_keeps_its_last_figures() -> None:
    made = judged([rule("a", "storage > 400MB")], [reading(401e6)])
    later = NOW + timedelta(days=3)
    made.apply(made.decide(later))
    (concern,) = made.concerns(later)
    assert concern.speaker.stale
    assert made.title(concern) == "storage 401 MB of 500 MB"
