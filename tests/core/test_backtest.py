"""A backtest decides what a replay decides; limits, warnings, messages and flaps are counted from that."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.core.backtest import rounds
from advisor.core.catalogue import Catalogue
from advisor.core.decide import Decision
from advisor.core.fleet import Account, Fleet, Service, Stack
from advisor.core.hindsight import Report, difference, report
from advisor.core.language import parse
from advisor.core.model import Action, Cadence, Limit, Observed, Reading, Severity, Term
from advisor.core.replay import Fact, replay
from advisor.core.rule import Rule
from advisor.core.watch import Watch

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

#: One of each kind of term, hold and threshold.
SENTENCES = (
    "storage > 400MB",
    "storage > 80% of quota, clears below 60%",
    "storage < 100MB",
    "storage > 300MB for 3h",
    "avg storage over 6h > 400MB",
    "max storage over 1d > 450MB and emails per day > 40",
    "growth of storage over 1d > 50%",
    "time to limit of storage < 14 days",
    "emails > 80% of quota",
    "emails per day > 80",
    "emails in 3h > 60",
    "p95 query_time > 100ms",
    "p95 query_time > 100ms on 2 days in a row",
    "cache_hit_rate < 90%",
    "cache_hit_rate over 1d < 90% or storage > 450MB",
    "not (storage < 300MB)",
    "users > 50 and needs control",
    "needs control",
    "connections > 50% of users",
)


def rule(sentence: str, place: int = 0, **more: object) -> Rule:
    name = f"r{place:02d}"
    return Rule(name, parse(sentence), (Action.UPGRADE,), Severity.WARNING, "s", "any", **more)  # type: ignore[arg-type]  # Only a test's own words.


def fleet() -> Fleet:
    services = tuple(Service("shop", name, "database", "acme", "one", "free") for name in ("a", "b"))
    stack = Stack("shop", services=services, timezone="Europe/Lisbon", needs={"control": True})
    return Fleet((stack,), (Account("one", "acme", "free"),))


def watch(rules: Sequence[Rule]) -> Watch:
    return Watch(fleet(), rules, Catalogue({}))


def level(
    hours: float, value: float, metric: str = "storage", subject: str = "shop/a", **more: str
) -> Observed:
    at = START + hours * HOUR
    return Observed(Reading(metric, value, at, **more), subject, "test", at, 2 * 86400.0)  # type: ignore[arg-type]  # stat and part.


def amount(hours: float, value: float, metric: str = "emails", of: float | None = None) -> Observed:
    at = START + hours * HOUR
    return Observed(Reading(metric, value, at, at - HOUR, of=of), "shop/a", "test", at, 2 * 86400.0)


def limit(hours: float, value: float, metric: str = "storage", part: str = "") -> tuple[str, Term]:
    return "shop/a", Term("limit", value, "test", START + hours * HOUR, metric, Limit.QUOTA, part)


def known(facts: Sequence[Fact]) -> list[tuple[datetime, Fact]]:
    return [(f.reading.at if isinstance(f, Observed) else f[1].valid_from, f) for f in facts]


def changes(decisions: Sequence[Decision]) -> list[object]:
    return [
        (decision.at, transition.before, transition.after, transition.events)
        for decision in decisions
        for transition in sorted(decision.transitions, key=lambda t: t.after.identity)
    ]


def backtested(rules: Sequence[Rule], facts: Sequence[Fact], since: datetime | None = None) -> Report:
    arrivals = known(facts)
    times = sorted({at for at, _ in arrivals})
    found = rounds(watch(rules), arrivals, since)
    return report(watch(rules), found, since or times[0], times[-1], len(times), len(facts))


VALUES = st.floats(0, 500)
FACTS = st.one_of(
    st.tuples(st.just("storage"), VALUES),
    st.tuples(st.just("other"), VALUES),
    st.tuples(st.just("part"), VALUES),
    st.tuples(st.just("emails"), st.floats(0, 90)),
    st.tuples(st.just("query_time"), st.floats(0, 0.2)),
    st.tuples(st.just("cache_hit_rate"), st.floats(0, 100)),
    st.tuples(st.just("users"), st.floats(0, 100)),
    st.tuples(st.just("connections"), st.floats(0, 100)),
    st.tuples(st.just("limit"), st.sampled_from([200.0, 450.0, 600.0])),
)


def made(hour: float, kind: str, value: float) -> Fact:
    match kind:
        case "storage":
            return level(hour, value * 1e6)
        case "other":
            return level(hour, value * 1e6, subject="shop/b")
        case "part":
            return level(hour, value * 1e6, subject="shop/b", part="x")
        case "emails":
            return amount(hour, value)
        case "query_time":
            return level(hour, value, "query_time", stat="p95")
        case "cache_hit_rate":
            return amount(hour, value, "cache_hit_rate", 100.0)
        case "connections":
            return level(hour, value, "connections")
        case "users":
            return level(hour, value, "users", "shop")
        case _:
            return limit(hour, value * 1e6)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0.25, 1, 1, 2, 7, 30, 70]), FACTS), min_size=1, max_size=60))
def test_a_backtest_decides_what_a_replay_decides_at_each_time(
    steps: list[tuple[float, tuple[str, float]]],
) -> None:
    facts, hour = [], 0.0
    for step, (kind, value) in steps:
        hour += step
        facts.append(made(hour, kind, value))
    rules = [rule(sentence, place) for place, sentence in enumerate(SENTENCES)]
    slow, fast = watch(rules), watch(rules)
    expected = changes(list(replay(slow, facts)))
    assert changes([one.decision for one in rounds(fast, known(facts))]) == expected
    assert fast.ledger.findings == slow.ledger.findings


def test_what_cannot_be_true_is_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = [level(hour, 1e8) for hour in range(200)]
    looked = 0
    one = watch([rule("storage > 400MB")])
    judge = one.program.judge

    def counting(*words: object, **more: object) -> object:
        nonlocal looked
        looked += 1
        return judge(*words, **more)  # type: ignore[arg-type]  # Passed on as they came.

    monkeypatch.setattr(one.program, "judge", counting)
    assert not any(found.decision.transitions for found in rounds(one, known(facts)))
    assert looked == 0


def test_a_limit_that_was_hit_names_the_rule_that_fired_before_and_how_long() -> None:
    facts = [limit(0, 5e8), *(level(hour, 3e8 + hour * 1e7) for hour in range(1, 40))]
    found = backtested([rule("storage > 400MB"), rule("storage > 499MB", 1)], facts)
    (hit,) = found.hits
    assert (hit.at, hit.value, hit.most) == (START + 20 * HOUR, 5e8, 5e8)
    assert hit.warned == (("r00", START + 11 * HOUR),)
    assert hit.lead == 9 * HOUR
    assert found.unwarned == ()
    assert {record.rule: record.leads for record in found.records} == {"r00": [9 * HOUR], "r01": []}


def test_a_limit_hit_without_any_rule_is_unwarned_and_one_that_stood_from_the_start_is_not() -> None:
    rising = [limit(0, 5e8), *(level(hour, 3e8 + hour * 1e7) for hour in range(1, 40))]
    (silent,) = backtested([], rising).unwarned
    assert silent.lead is None
    found = backtested([], [limit(0, 5e8), level(0, 6e8), level(1, 6e8)])
    assert [hit.standing for hit in found.hits] == [True]
    assert found.unwarned == ()


def test_the_limit_of_the_day_counts() -> None:
    facts = [
        limit(0, 5e8),
        limit(24, 8e8),
        *(level(hour, 6e8 if hour > 30 else 1e8) for hour in range(1, 60)),
    ]
    assert backtested([], facts).hits == ()


def test_firing_again_within_a_day_of_clearing_is_a_flap() -> None:
    values = [1, 5, 1, 5, 1, 1, 1, 1, 1, 5]
    facts = [level(6 * place, value * 1e8) for place, value in enumerate(values)]
    (record,) = backtested([rule("storage > 400MB")], facts).records
    assert (len(record.firings), record.flaps) == (3, 1)
    assert record.firings[-1].until is None


def test_what_is_told_at_once_is_a_message_and_the_rest_a_line_in_a_digest() -> None:
    facts = [level(hour, 5e8 if 5 <= hour < 9 else 1e8) for hour in range(20)]
    loud = backtested([rule("storage > 400MB", cadence=Cadence.IMMEDIATE)], facts)
    assert [(m.at, m.stack) for m in loud.messages] == [
        (START + 5 * HOUR, "shop"),
        (START + 9 * HOUR, "shop"),
    ]
    assert (loud.lines, loud.records[0].messages) == (0, 2)
    quiet = backtested([rule("storage > 400MB")], facts)
    assert (quiet.messages, quiet.lines) == ((), 1)


def test_two_sets_of_rules_differ_by_messages_and_by_what_they_miss() -> None:
    facts = [limit(0, 5e8), *(level(hour, 3e8 + hour * 1e7) for hour in range(1, 40))]
    old = backtested([rule("storage > 400MB", cadence=Cadence.IMMEDIATE)], facts)
    new = backtested([rule("storage > 900MB")], facts)
    both = difference(new, old)
    assert (len(both.missed), len(both.gained)) == (1, 0)
    assert (len(new.messages), len(old.messages)) == (0, 1)
    assert len(difference(old, new).gained) == 1


def test_what_came_before_the_first_time_is_known_and_not_judged() -> None:
    facts = [level(hour, 5e8) for hour in range(48)]
    (record,) = backtested([rule("storage > 400MB for 6h")], facts, START + DAY).records
    assert record.first == START + DAY + 6 * HOUR
    assert record.firings[0].until is None
