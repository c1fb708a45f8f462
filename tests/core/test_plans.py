"""A plan that was changed at the provider, and not in advisor.yaml, is a finding that says which two."""

from datetime import UTC, datetime

import pytest

from advisor.core.fleet import Account, Fleet, Service, Stack
from advisor.core.limits import Limits
from advisor.core.model import Cadence, Observed, Severity, Term
from advisor.core.plans import plan_reading, plan_words
from advisor.core.watch import Watch
from advisor.rulebook import load_pack
from advisor.world import everything

NOW = datetime(2026, 11, 1, tzinfo=UTC)
CATALOGUE = everything().catalogue


def fleet(service: str = "", account: str = "", provider: str = "supabase") -> Fleet:
    one = Service("shop", "db", "database", provider, "acme", service)
    return Fleet(
        (Stack("shop", services=(one,), packs=("everywhere",)),),
        (Account("acme", provider.partition("-")[0], account),),
    )


def reported(plan: str) -> Term:
    return Term("plan", plan, "provider API", NOW)


@pytest.mark.parametrize(
    ("service", "account", "told", "differs"),
    [
        ("free", "", "pro", 1),
        ("", "free", "pro", 1),
        ("free", "pro", "pro", 1),  # The service's own word counts.
        ("pro", "", "pro", 0),
        ("Pro", "", "pro", 0),  # By its title.
    ],
)
def test_what_is_configured_is_held_against_what_is_reported(
    service: str, account: str, told: str, differs: int
) -> None:
    term = reported(told)
    limits = Limits(fleet(service, account), CATALOGUE, [("shop/db", term)])
    reading = plan_reading(limits, "shop/db", [term], NOW)
    assert reading is not None
    assert (reading.metric, reading.value) == ("plan_differs", differs)


def test_an_alias_is_the_same_plan() -> None:
    term = reported("paid")
    limits = Limits(fleet("pro", provider="supabase-auth"), CATALOGUE, [("shop/db", term)])
    assert limits.plans_that_differ("shop/db", NOW) is None


def test_where_one_of_the_two_is_not_known_nothing_differs() -> None:
    term = reported("pro")
    assert plan_reading(Limits(fleet(), CATALOGUE, [("shop/db", term)]), "shop/db", [term], NOW) is None
    assert plan_reading(Limits(fleet("free"), CATALOGUE), "shop/db", [], NOW) is None
    assert plan_words(Limits(fleet("free"), CATALOGUE), "shop/db", NOW) == ""


def test_the_finding_is_told_weekly_and_says_which_two() -> None:
    rules = load_pack("everywhere").rules
    (rule,) = [one for one in rules if one.id == "everywhere.plan-differs"]
    assert (rule.severity, rule.told) == (Severity.INFO, Cadence.WEEKLY)
    watch = Watch(fleet("free"), rules, CATALOGUE)
    watch.learn([("shop/db", reported("pro"))])
    reading = plan_reading(watch.limits, "shop/db", [reported("pro")], NOW)
    assert reading is not None
    watch.observe([Observed(reading, "shop/db", "supabase", NOW, 3600.0)])
    watch.apply(watch.decide(NOW))
    (concern,) = watch.concerns(NOW)
    assert concern.key == "shop/db#plan_differs"
    (line,) = watch.evidence(concern)
    assert "(advisor.yaml says `free`, the provider `pro`, " in line.says


def test_a_restriction_is_critical_for_every_service_whatever_packs_a_stack_has() -> None:
    rules = load_pack("everywhere").rules
    (rule,) = [one for one in rules if one.id == "everywhere.restricted"]
    assert (rule.service, rule.severity) == ("any", Severity.CRITICAL)
