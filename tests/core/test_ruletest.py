from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from advisor.core.language import parse
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Action, Limit, Severity
from advisor.core.rule import Rule
from advisor.core.ruletest import START, Case, CaseError, parse_case, series

DAY = timedelta(days=1)


def rule(when: str, **said: Any) -> Rule:
    return Rule("ours.rule", parse(when), (Action.UPGRADE,), Severity.WARNING, "Do it.", **said)


def case(when: str, data: dict[str, Any], **said: Any) -> Case:
    return parse_case({"rule": "ours.rule", "expect": {"1d": "firing"}} | data, rule(when, **said))


STORAGE = {"service": "database", "provider": ("supabase",), "plan": ("free", "pro")}


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("60GB", [60e9]),
        ("60GB+2GBx3", [60e9, 62e9, 64e9, 66e9]),
        ("60GB-20GBx2", [60e9, 40e9, 20e9]),
        ("60GBx2", [60e9, 60e9, 60e9]),
        ("1GB _ 2GB", [1e9, None, 2e9]),
        ("1GB _x3 2GB", [1e9, None, None, None, 2e9]),
    ],
)
def test_a_series_is_read_from_left_to_right(text: str, values: list[float | None]) -> None:
    steps = list(series(text, VOCABULARY["storage"]))
    assert [None if step is None else step[0] for step in steps] == values


def test_a_series_does_not_drift() -> None:
    steps = list(series("0%+0.1%x1000", VOCABULARY["cpu"]))
    assert steps[-1] == (1.0, None)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("60", "60 does not fit"),
        ("60GB+2x3", "2 does not fit"),
        ("_+2GBx3", "a gap has no step"),
        ("fast", "no step of a series"),
        ("1GBx999999", "more than 100,000 values"),
    ],
)
def test_a_wrong_series_is_answered(text: str, answer: str) -> None:
    with pytest.raises(ValueError, match=answer):
        list(series(text, VOCABULARY["storage"]))


def test_a_level_is_read_at_its_step_and_a_bucket_ends_with_it() -> None:
    level = case("storage > 1GB", {"storage": "1GBx1"}, **STORAGE)
    assert [observed.reading.at for observed in level.readings] == [START, START + DAY]
    assert level.readings[0].reading.since is None
    amount = case("egress per month > 1GB", {"egress": "1GBx1"}, **STORAGE)
    assert [(o.reading.since, o.reading.at) for o in amount.readings] == [
        (START, START + DAY),
        (START + DAY, START + 2 * DAY),
    ]
    assert all(observed.seen_at == observed.reading.at for observed in amount.readings)


def test_a_gap_has_no_reading_and_the_next_keeps_its_time() -> None:
    made = case("storage > 1GB", {"storage": "1GB _x2 2GB", "every": "1h"}, **STORAGE)
    assert [o.reading.at - START for o in made.readings] == [timedelta(0), timedelta(hours=3)]


def test_a_distribution_says_which_and_a_share_has_its_whole() -> None:
    made = case("p95 query_time > 1s", {"p95 query_time": "2s", "error_rate": "9/1000 2%"}, **STORAGE)
    readings = {(o.reading.metric, o.reading.stat): o.reading for o in made.readings}
    assert readings["query_time", "p95"].value == 2
    shares = [o.reading for o in made.readings if o.reading.metric == "error_rate"]
    assert [(share.value, share.of) for share in shares] == [(9, 1000), (0.02, 1.0)]
    with pytest.raises(CaseError, match="say which"):
        case("p95 query_time > 1s", {"query_time": "2s"}, **STORAGE)
    with pytest.raises(CaseError, match="has no `p95`"):
        case("p95 query_time > 1s", {"p95 storage": "2GB"}, **STORAGE)


def test_readings_come_in_the_order_in_which_they_are_seen() -> None:
    made = case("storage > 1GB and users > 5", {"storage": "1GBx3", "users": "5x3"}, **STORAGE)
    seen = [observed.seen_at for observed in made.readings]
    assert seen == sorted(seen)
    assert {o.subject for o in made.readings} == {"test", "test/database"}


def test_the_fleet_is_what_the_rule_names_first() -> None:
    made = case("storage > 80% of quota", {"quota": {"storage": "1GB", "egress": "unlimited"}}, **STORAGE)
    service = made.fleet.services[0]
    assert (service.role, service.provider, service.plan) == ("database", "supabase", "free")
    assert service.limits == {("storage", Limit.QUOTA): 1e9, ("egress", Limit.QUOTA): None}
    assert made.fleet.account[service.account].plan == "free"
    assert made.subject == "test/database"
    other = case("storage > 80% of quota", {"plan": "pro", "provider": "neon"}, **STORAGE)
    assert (other.fleet.services[0].plan, other.fleet.services[0].provider) == ("pro", "neon")


def test_a_rule_of_the_stack_an_account_or_any_service_has_its_subject() -> None:
    assert case("users > 1K", {}).subject == "test"
    assert case("cost per month > $5", {"cost": "$1"}, provider=("railway",)).subject == "@test"
    assert case("restricted > 0", {"restricted": "1"}, service="any").subject == "test/service"


def test_the_stack_has_facts_needs_and_budget() -> None:
    made = case(
        "users > 1K and needs control",
        {"facts": {"users": "2K"}, "needs": {"control": "yes", "multi_region": "no"}, "budget": "$60"},
        pack="ours",
    )
    stack = made.fleet.stacks[0]
    assert stack.facts == {"users": 2000}
    assert stack.needs == {"control": True, "multi_region": False}
    assert stack.budget == 60
    assert stack.packs == ("ours",)


def test_a_missed_target_may_be_a_services_own() -> None:
    said = {"targets": ("ours.target.recovery",), "pack": "ours"}
    own = case("any target missed", {"service": "database", "recovery_time": "20m"}, **said)
    assert own.subject == own.fleet.stacks[0].services[0].subject.key
    stack = case("any target missed", {"satisfaction": "80%"}, **said)
    assert stack.subject == stack.fleet.stacks[0].subject.key


def test_expectations_are_in_the_order_of_time() -> None:
    made = case(
        "users > 1K", {"start": "2026-03-01T06:00:00+01:00", "expect": {"9d": "firing", "0s": "unknown"}}
    )
    begin = datetime(2026, 3, 1, 5, tzinfo=UTC)
    assert made.expect == [(begin, "unknown"), (begin + 9 * DAY, "firing")]


@pytest.mark.parametrize(
    ("data", "answer", "path"),
    [
        ({"storag": "1GB"}, "did you mean `storage`", ("storag",)),
        ({"storage": ["1GB"]}, "a series is text", ("storage",)),
        ({"quota": {"users": "5"}}, "`users` has no quota", ("quota", "users")),
        ({"quota": "5"}, "names and values", ("quota",)),
        ({"quota": {"storage": "5s"}}, "5s does not fit", ("quota", "storage")),
        ({"facts": {"userz": "5"}}, "did you mean `users`", ("facts", "userz")),
        ({"needs": {"control": "perhaps"}}, "yes or no", ("needs", "control")),
        ({"every": "0s"}, "longer than nothing", ("every",)),
        ({"start": "soon"}, "`soon` is no time", ("start",)),
        ({"expect": {"1d": "burning"}}, "no state", ("expect", "1d")),
        ({"expect": {}}, "expects something", ("expect",)),
        ({"name": 5}, "put it in quotes", ("name",)),
    ],
)
def test_a_wrong_test_leads_to_its_key(data: dict[str, Any], answer: str, path: tuple[str, ...]) -> None:
    with pytest.raises(CaseError, match=answer) as caught:
        case("storage > 1GB", data, **STORAGE)
    assert caught.value.path == path
