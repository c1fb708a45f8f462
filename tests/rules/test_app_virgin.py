"""What app-virgin's rule on missed targets looks at, and what becomes of it in a fleet."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from advisor.core.catalogue import Catalogue
from advisor.core.fleet import Account, Fleet, Service, Stack
from advisor.core.model import Action, Observed, Reading
from advisor.core.rule import Rule
from advisor.core.watch import Watch
from advisor.rulebook import assemble, load_pack

MISSED = "app-virgin.performance.targets-missed-3-days"
TARGET = "app-virgin.target."
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def fleet(*roles: str) -> Fleet:
    services = tuple(Service("shop", role, role, "acme", "acme") for role in roles)
    return Fleet((Stack("shop", packs=("app-virgin",), services=services),), (Account("acme", "acme"),))


def rules(disable: Iterable[str] = ()) -> tuple[Rule, ...]:
    return assemble([load_pack("app-virgin")], disable=tuple(disable)).rules


def copies(watch: Watch) -> dict[str, list[str]]:
    """Return the subjects of every copy of the rule, by target."""
    return {
        one.copy.removeprefix(TARGET): [watch.fleet.subjects[row] for row in one.rows.rows]
        for one in watch.program.compiled
        if one.rule.id == MISSED
    }


def firing(watch: Watch) -> list[tuple[str, str]]:
    """Return subject and target of every finding of the rule that fires at noon."""
    watch.apply(watch.decide(NOON))
    return [
        (finding.subject, finding.copy.removeprefix(TARGET))
        for finding in watch.ledger.findings.values()
        if finding.rule == MISSED and finding.state == "firing"
    ]


def missed_days(metric: str, subject: str, value: float, days: int) -> list[Observed]:
    """The p95 of every hour of so many whole days before the last midnight."""
    midnight = NOON - 12 * HOUR
    return [
        Observed(
            Reading(metric, value, at, at - HOUR, stat="p95"), f"shop/{subject}", "test", at, 2 * 86400.0
        )
        for at in (midnight - hour * HOUR for hour in range(days * 24))
    ]


def test_the_rule_on_three_days_looks_at_the_response_times_alone() -> None:
    by_id = {rule.id: rule for rule in rules()}
    lines = sorted(by_id[name].source.line or 0 for name in by_id[MISSED].targets)
    assert lines == [*range(857, 861), *range(863, 868), *range(870, 874)]


def test_it_advises_in_the_documents_order() -> None:
    in_order = (Action.INVESTIGATE, Action.OPTIMISE, Action.SCALE_OUT)
    by_id = {rule.id: rule for rule in rules()}
    assert by_id[MISSED].then == in_order
    assert {by_id[name].then for name in by_id[MISSED].targets} == {in_order}


def test_each_copy_is_about_the_services_of_its_target() -> None:
    found = copies(Watch(fleet("database", "backend"), rules(), Catalogue({})))
    assert found["database-joins"] == ["shop/database"]
    assert found["backend-auth"] == ["shop/backend"]
    assert found["mobile-screen-load"] == []


def test_a_target_that_is_disabled_has_no_copy() -> None:
    found = copies(Watch(fleet("mobile"), rules(["app-virgin.target.mobile-image-load"]), Catalogue({})))
    assert "mobile-image-load" not in found
    assert found["mobile-screen-load"] == ["shop/mobile"]


@pytest.mark.parametrize(("days", "found"), [(3, [("shop/database", "database-joins")]), (2, [])])
def test_three_bad_days_are_one_finding_on_one_service(days: int, found: list[tuple[str, str]]) -> None:
    watch = Watch(fleet("database", "backend"), rules(), Catalogue({}))
    watch.observe(missed_days("join_time", "database", 0.05, days))
    watch.observe(missed_days("auth_time", "backend", 0.199, 3))
    assert firing(watch) == found


def test_a_target_with_a_figure_of_ones_own_counts_by_that_figure() -> None:
    own = {f"{TARGET}database-joins": {"when": "p95 join_time >= 80ms"}}
    book = assemble([load_pack("app-virgin")], override=own)
    watch = Watch(fleet("database"), book.rules, Catalogue({}))
    watch.observe(missed_days("join_time", "database", 0.06, 3))
    assert firing(watch) == []
