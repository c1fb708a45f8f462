"""A rule for a plan is about the plan in force, by whichever name it goes."""

from datetime import UTC, datetime, timedelta

import pytest

from advisor.core.fleet import Account, Fleet, Service, Stack
from advisor.core.lifecycle import State
from advisor.core.model import Observed, Reading, Term
from advisor.core.watch import Watch
from advisor.rulebook import load_rules
from advisor.world import everything

NOW = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def watch(plan: str, of_rule: str) -> Watch:
    service = Service("shop", "db", "database", "supabase", "acme", plan)
    fleet = Fleet((Stack("shop", services=(service,)),), (Account("acme", "supabase"),))
    text = f"- {{id: r, service: database, plan: [{of_rule}], when: storage > 400MB}}"
    return Watch(fleet, load_rules(text, "x.yaml"), everything().catalogue)


def states(one: Watch, at: datetime) -> list[State]:
    one.observe([Observed(Reading("storage", 450e6, at), "shop/db", "supabase", at, 3600.0)])
    one.apply(one.decide(at))
    return [finding.state for finding in one.ledger.findings.values()]


@pytest.mark.parametrize(("plan", "of_rule"), [("free", "free"), ("Free", "free"), ("free", "hobby, free")])
def test_a_plan_goes_by_id_title_and_alias(plan: str, of_rule: str) -> None:
    assert states(watch(plan, of_rule), NOW) == [State.FIRING]


def test_another_plan_is_not_meant() -> None:
    assert states(watch("pro", "free"), NOW) == []


def test_a_plan_changed_in_the_dashboard_ends_what_was_about_the_old_one() -> None:
    one = watch("free", "free")
    assert states(one, NOW) == [State.FIRING]
    one.learn([("@acme", Term("plan", "pro", "provider API", NOW + DAY))])
    assert states(one, NOW + DAY / 2) == [State.FIRING], "it is not in force yet"
    assert State.FIRING not in states(one, NOW + DAY)
    assert one.concerns(NOW + DAY) == []


def test_a_plan_that_only_the_provider_tells_counts() -> None:
    one = watch("", "pro")
    one.learn([("shop/db", Term("plan", "Pro", "provider API", NOW))])
    assert states(one, NOW) == [State.FIRING]
