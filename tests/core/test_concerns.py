from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from advisor.core.catalogue import Catalogue
from advisor.core.concerns import Concern, concern_key, deciding, gather
from advisor.core.fleet import Account, Fleet, Service, Stack
from advisor.core.language import parse
from advisor.core.lifecycle import Finding, State
from advisor.core.limits import Limits
from advisor.core.model import Action, Limit, Severity
from advisor.core.rule import Rule
from advisor.world import everything

NOW = datetime(2026, 11, 21, tzinfo=UTC)
DB, OTHER = "shop/database", "blog/database"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return everything().catalogue


def rule(identity: str, when: str, severity: Severity = Severity.WARNING, **more: Any) -> Rule:
    return Rule(identity, parse(when), (Action.UPGRADE,), severity, "", **more)


def finding(rule: Rule, subject: str = DB, state: State = State.FIRING, **more: Any) -> Finding:
    return Finding(rule.id, subject, more.pop("copy", ""), state, more.pop("since", NOW), **more)


def fleet() -> Fleet:
    stacks = tuple(
        Stack(
            key, packs=("app-virgin",), services=(Service(key, "database", "database", "supabase", "acme"),)
        )
        for key in ("shop", "blog")
    )
    return Fleet(stacks, (Account("acme", "supabase", "free"),))


def concerns(catalogue: Catalogue, *pairs: tuple[Rule, Finding]) -> list[Concern]:
    watched = fleet()
    limits = Limits(watched, catalogue)
    rules = {one.id: one for one, _ in pairs}
    return gather(
        [found for _, found in pairs],
        rules,
        lambda one, subject, copy: concern_key(one, subject, copy, limits, watched, NOW, rules),
    )


@pytest.mark.parametrize(
    ("when", "copy", "expected"),
    [
        ("storage > 400MB", "", ("storage", Limit.QUOTA)),
        ("connections > 80% of max", "", ("connections", Limit.MAX)),
        ("cost per month > $50 and users < 1K", "", ("cost", Limit.QUOTA)),
        ("not (cache_hit_rate over 1d > 80%)", "", ("cache_hit_rate", Limit.QUOTA)),
        ("time to limit of storage < 14 days", "", ("storage", Limit.QUOTA)),
        ("forecast of storage in 30 days > 100% of quota", "", ("storage", Limit.QUOTA)),
        ("growth of cost over 1 month > 50%", "", ("cost", Limit.QUOTA)),
        ("any metric > 80% of quota", "egress", ("egress", Limit.QUOTA)),
        ("(cpu > 80% and memory > 1GB) for 1h", "", ("cpu", Limit.QUOTA)),
        ("needs control", "", ("control", Limit.QUOTA)),
    ],
)
def test_the_first_term_names_the_metric(when: str, copy: str, expected: tuple[str, Limit]) -> None:
    assert deciding(rule("r", when), copy) == expected


def test_a_missed_targets_metric_is_that_of_the_target() -> None:
    target = rule("t.query", "p95 query_time > 100ms")
    missed = rule("r", "any target missed on 3 days in a row", targets=("t.query",))
    assert deciding(missed, "t.query", {"t.query": target}) == ("query_time", Limit.QUOTA)


def test_two_rules_on_one_quota_are_one_concern(catalogue: Catalogue) -> None:
    mild = rule("a", "storage >= 400MB", Severity.INFO)
    worse = rule("b", "storage > 80% of quota", Severity.CRITICAL)
    (found,) = concerns(
        catalogue, (mild, finding(mild, since=NOW - timedelta(days=3))), (worse, finding(worse))
    )
    assert found.key == "shop/database#storage"
    assert found.severity is Severity.CRITICAL
    assert found.speaker.rule == "b"
    assert found.since == NOW - timedelta(days=3)
    assert [one.rule for one in found.findings] == ["b", "a"]


def test_an_account_wide_quota_makes_one_concern_of_the_account(catalogue: Catalogue) -> None:
    one = rule("a", "egress per month > 80% of quota")
    (found,) = concerns(catalogue, (one, finding(one, DB)), (one, finding(one, OTHER)))
    assert found.key == "@acme#egress"
    assert set(found.services) == {DB, OTHER}


def test_a_concern_keeps_its_key_when_its_rule_is_renamed(catalogue: Catalogue) -> None:
    old, new = rule("old", "storage > 400MB"), rule("new", "storage > 400MB", formerly=("old",))
    (before,), (after,) = (concerns(catalogue, (one, finding(one))) for one in (old, new))
    assert before.key == after.key


def test_of_a_ladder_the_highest_rung_speaks(catalogue: Catalogue) -> None:
    rungs = [rule(f"cost-{usd}", f"cost per month > ${usd}", ladder="cost") for usd in (50, 500, 200)]
    (found,) = concerns(catalogue, *((one, finding(one, "shop")) for one in rungs))
    assert [one.rule for one in found.findings] == ["cost-500"]
    assert {one.rule for one in found.silent} == {"cost-50", "cost-200"}


def test_of_a_falling_ladder_the_lowest_threshold_speaks(catalogue: Catalogue) -> None:
    rungs = [rule(f"left-{d}", f"time to limit of storage < {d} days", ladder="left") for d in (30, 7, 14)]
    (found,) = concerns(catalogue, *((one, finding(one)) for one in rungs))
    assert found.speaker.rule == "left-7"


def test_a_rung_that_waits_silences_no_rung_that_fires(catalogue: Catalogue) -> None:
    low, high = (rule(f"cost-{usd}", f"cost per month > ${usd}", ladder="cost") for usd in (50, 200))
    (found,) = concerns(catalogue, (low, finding(low, "shop")), (high, finding(high, "shop", State.PENDING)))
    assert found.speaker.rule == "cost-50"
    assert found.state is State.FIRING


def test_what_waits_does_not_raise_the_severity_of_what_fires(catalogue: Catalogue) -> None:
    mild, worse = rule("a", "storage > 400MB"), rule("b", "storage > 450MB", Severity.CRITICAL)
    (found,) = concerns(catalogue, (mild, finding(mild)), (worse, finding(worse, state=State.PENDING)))
    assert found.severity is Severity.WARNING


def test_resolved_findings_and_gone_rules_make_no_concern(catalogue: Catalogue) -> None:
    one = rule("a", "storage > 400MB")
    assert concerns(catalogue, (one, finding(one, state=State.RESOLVED))) == []
    assert gather([finding(one)], {}, lambda *_: "x#y") == []


def test_firing_and_bad_concerns_come_first(catalogue: Catalogue) -> None:
    waits = rule("w", "cpu > 80% for 1h", Severity.CRITICAL)
    mild, bad = rule("m", "storage > 400MB"), rule("b", "connections > 15", Severity.CRITICAL)
    found = concerns(
        catalogue,
        (waits, finding(waits, state=State.PENDING)),
        (mild, finding(mild)),
        (bad, finding(bad)),
    )
    assert [one.metric for one in found] == ["connections", "storage", "cpu"]
